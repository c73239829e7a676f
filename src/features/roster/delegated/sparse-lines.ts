import { TokenBucket } from '../../../net/rate.ts';
import type { Clock } from '../../../util/clock.ts';

/** A few lines at once, then one a minute. */
const LINES = { perSecond: 1 / 60, burst: 5 };

/** Bounds the lines of a kind: what others cause as often as they like, or all users at the same time, must not fill the log. */
export class SparseLines {
  readonly #clock: Clock;
  readonly #lines: TokenBucket;
  #untold = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lines = new TokenBucket(LINES, clock.monotonic());
  }

  /** Has a line written, with how many were left out since the one before, or counts it as left out. */
  add(write: (untold: number) => void): void {
    if (!this.#lines.take(1, this.#clock.monotonic())) {
      this.#untold++;
      return;
    }
    write(this.#untold);
    this.#untold = 0;
  }
}
