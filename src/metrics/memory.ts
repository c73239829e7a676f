import { getHeapStatistics } from 'node:v8';
import type { Clock } from '../util/clock.ts';

/** What the process takes of the machine's memory at one moment, in bytes. */
export interface MemoryFigures {
  /** What the operating system has given: the resident set. */
  readonly allocated: number;
  /** What is in use, on the heap and outside of it. */
  readonly used: number;
  /** What the heap holds and does not use. */
  readonly unused: number;
  /** What the heap could give back. */
  readonly returnable: number;
}

export const DEFAULT_INTERVAL_MS = 60_000;

/**
 * The memory figures of the process, read seldom because that is costly: when somebody asks, and when more than the interval
 * has passed since the last time. Whoever asks in between gets the same four figures. Nobody asks: nothing is read.
 */
export class Memory {
  /** For how long figures are good, in milliseconds; 0: only for that very moment. */
  intervalMs: number;
  readonly #clock: Clock;
  readonly #read: () => MemoryFigures;
  #figures: MemoryFigures | undefined;
  #readAt = 0;

  /** `read` is how the figures are come by; by default from the process. */
  constructor(clock: Clock, intervalMs: number = DEFAULT_INTERVAL_MS, read: () => MemoryFigures = readFigures) {
    this.#clock = clock;
    this.intervalMs = intervalMs;
    this.#read = read;
  }

  /** The four figures, all of one moment; undefined until they could be read. A failed read leaves those that were there. */
  figures(): MemoryFigures | undefined {
    // A clock that never jumps: whoever sets the machine's time neither freezes the figures nor has them read all the time.
    const now = this.#clock.monotonic();
    if (this.#figures !== undefined && now - this.#readAt <= this.intervalMs) return this.#figures;
    try {
      this.#figures = this.#read();
      this.#readAt = now;
    } catch {
      // What was read before is better than nothing, and whoever asks next tries again.
    }
    return this.#figures;
  }
}

/** The bytes of the JavaScript heap that are in use; cheap enough to be asked for at any time. */
export function heapInUse(): number {
  return getHeapStatistics().used_heap_size;
}

function readFigures(): MemoryFigures {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const { total_physical_size, used_heap_size } = getHeapStatistics();
  return {
    allocated: Math.ceil(rss),
    used: Math.ceil(heapUsed + external),
    unused: Math.ceil(heapTotal - heapUsed),
    returnable: Math.max(0, Math.ceil(total_physical_size - used_heap_size)),
  };
}
