import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Clock } from '../util/clock.ts';
import { Durations } from './durations.ts';

/** One in so many is timed: enough to tell, and next to nothing for the others. */
const ONE_IN = 32;

/** Times some of very many short tasks. */
export class Sampler {
  readonly durations = new Durations();
  readonly #clock: Clock;
  #begun = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A task begins: the time, if it is one that is timed. */
  begin(): number | undefined {
    this.#begun = (this.#begun + 1) % ONE_IN;
    return this.#begun === 0 ? this.#clock.monotonic() : undefined;
  }

  /** A task has ended, or ends when its promise does; `since` is what `begin` has returned. Returns `done`. */
  end(since: number | undefined, done: Awaitable<void>): Awaitable<void> {
    if (since === undefined) return done;
    const observe = (): void => this.durations.observe(this.#clock.monotonic() - since);
    if (isPromise(done)) done.then(observe, observe);
    else observe();
    return done;
  }
}
