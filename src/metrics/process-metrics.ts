import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '../util/clock.ts';
import { SOFTWARE_VERSION } from '../util/software.ts';
import { heapInUse } from './memory.ts';
import type { Metrics } from './metrics.ts';

/** How often the event loop is looked at once somebody has asked, in milliseconds. */
const RESOLUTION_MS = 50;
/** For how long after the last request. */
const WATCH_MS = 600_000;
/** What is seen is that of a time of at least this, whoever else asks meanwhile, in milliseconds. */
const MIN_WINDOW_MS = 5000;
const PERCENTILES = [50, 99, 100] as const;

/** Exports what the process takes of the machine. Returns what ends that. */
export function exportProcess(metrics: Metrics, clock: Clock, startedAt: number): () => void {
  const loop = new EventLoopDelay(clock);
  const undo = [
    metrics.measured({ name: 'build_info', help: 'What runs', labels: ['version', 'node'] }, (put) =>
      put({ version: SOFTWARE_VERSION, node: process.versions.node }, 1),
    ),
    metrics.measured({ name: 'start_time_seconds', help: 'When the server started, as Unix time' }, (put) =>
      put({}, startedAt / 1000),
    ),
    metrics.counted({ name: 'cpu_seconds_total', help: 'Processor time of all threads', labels: ['mode'] }, (put) => {
      const { user, system } = process.cpuUsage();
      put({ mode: 'user' }, user / 1_000_000);
      put({ mode: 'system' }, system / 1_000_000);
    }),
    ...exportMemory(metrics),
    metrics.onCollect(() => loop.look()),
    metrics.measured(
      {
        name: 'event_loop_delay_seconds',
        help: 'How late the event loop was since a request before this one, by percentile',
        labels: ['percentile'],
      },
      (put) => {
        for (const [percentile, seconds] of loop.seen) put({ percentile: String(percentile) }, seconds);
      },
    ),
  ];
  return () => {
    for (const remove of undo) remove();
    loop.stop();
  };
}

function exportMemory(metrics: Metrics): (() => void)[] {
  const figure = (name: 'allocated' | 'used' | 'unused' | 'returnable', help: string): (() => void) =>
    metrics.measured({ name: `memory_${name}_bytes`, help }, (put) => {
      const bytes = metrics.memory.figures()?.[name];
      if (bytes !== undefined) put({}, bytes);
    });
  return [
    figure('allocated', 'Memory that the operating system has given; read now and then'),
    figure('used', 'Memory in use, on the heap and outside of it; read now and then'),
    figure('unused', 'What the heap holds and does not use; read now and then'),
    figure('returnable', 'What the heap could give back; read now and then'),
    metrics.measured({ name: 'memory_js_bytes', help: 'The heap in use now' }, (put) => put({}, heapInUse())),
  ];
}

/** How late timers are. Watched from the first request on, until nobody has asked for ten minutes. */
class EventLoopDelay {
  /** In seconds, by percentile; empty at the first request. */
  seen: readonly (readonly [percentile: number, seconds: number])[] = [];
  readonly #clock: Clock;
  #histogram: IntervalHistogram | undefined;
  #since = 0;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  look(): void {
    const histogram = this.#histogram;
    const now = this.#clock.monotonic();
    if (histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      this.#since = now;
    } else if (now - this.#since >= MIN_WINDOW_MS) {
      this.seen = PERCENTILES.map((percentile) => [percentile, delayOf(histogram.percentile(percentile))]);
      histogram.reset();
      this.#since = now;
    }
    this.#cancel?.();
    const timer = this.#clock.after(WATCH_MS, () => this.stop());
    this.#cancel = () => timer.cancel();
  }

  stop(): void {
    this.#cancel?.();
    this.#histogram?.disable();
    this.#histogram = undefined;
    this.seen = [];
  }
}

// What is measured is the time between two looks; what is beyond the time that was to pass is the delay.
function delayOf(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
}
