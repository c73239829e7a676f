import type { Clock } from '../../util/clock.ts';

/** For so long the clock must not have jumped before what is old is removed by it. */
const STEADY_MS = 3_600_000;
/** Less is no jump: clocks are corrected by seconds all the time. */
const TOLERANCE_MS = 60_000;

/**
 * Knows whether the date can be relied on. A machine may start with a wrong date, and somebody may set one: nothing that is kept
 * for years should be removed for that.
 */
export class Steadiness {
  readonly #clock: Clock;
  #offset: number;
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
    this.#since = clock.monotonic();
  }

  /** Whether the clock has not jumped for an hour, as far as can be told by those who ask now and then. */
  get isSteady(): boolean {
    const monotonic = this.#clock.monotonic();
    const offset = this.#clock.now() - monotonic;
    if (Math.abs(offset - this.#offset) > TOLERANCE_MS) this.#since = monotonic;
    this.#offset = offset;
    return monotonic - this.#since >= STEADY_MS;
  }
}
