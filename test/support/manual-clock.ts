import type { Clock, Timer } from '../../src/util/clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until the test advances it. */
export class ManualClock implements Clock {
  #now: number;
  #offset = 0;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#offset;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    const entry: Pending = { at: this.#now + ms, order: this.#order++, run };
    this.#pending.add(entry);
    return { cancel: () => void this.#pending.delete(entry) };
  }

  /** Sets what `now` says on by `ms`, or back, as an operator or NTP does; no time passes. */
  set(ms: number): void {
    this.#offset += ms;
  }

  /** Moves time on by `ms`, running what falls due in order, and lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const due = [...this.#pending].filter((e) => e.at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (due === undefined) break;
      this.#pending.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
      await settle();
    }
    this.#now = until;
    await settle();
  }

  /**
   * Moves time on by `ms` at once, as when the machine was asleep: what has fallen due meanwhile runs once, however often it
   * would have run. For days, in which what repeats every few seconds would run a hundred thousand times.
   */
  async leap(ms: number): Promise<void> {
    this.#now += ms;
    const due = [...this.#pending].filter(({ at }) => at <= this.#now).sort((a, b) => a.at - b.at || a.order - b.order);
    for (const entry of due) {
      // One that ran before it may have called it off.
      if (!this.#pending.delete(entry)) continue;
      entry.run();
      await settle();
    }
    await settle();
  }
}

/** Lets everything that is already due in this turn of the event loop happen. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
