import type { Logger } from '../../../log/log.ts';
import { TokenBucket } from '../../../net/rate.ts';
import type { Clock } from '../../../util/clock.ts';
import type { RefusalReason } from './caller-check.ts';

/** A few lines at once, then one a minute: whoever is refused can try as often as it likes. */
const LINES = { perSecond: 1 / 60, burst: 5 };

/** Tells the log of callers that were turned away, so that it cannot be filled with them. */
export class RefusalLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #lines: TokenBucket;
  #untold = 0;

  constructor(log: Logger, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
    this.#lines = new TokenBucket(LINES, clock.monotonic());
  }

  /** Writes a line, or counts it for the next. */
  add(address: string, reason: RefusalReason): void {
    if (!this.#lines.take(1, this.#clock.monotonic())) {
      this.#untold++;
      return;
    }
    this.#log.warn('roster.refresh-refused', { address, reason, untold: this.#untold });
    this.#untold = 0;
  }
}
