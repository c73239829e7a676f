import type { Clock } from '../../../util/clock.ts';
import type { DelegationStatus } from '../api.ts';

/** So many failures in a row suspend. */
const FAILURES = 10;

/** How long nothing is tried then. */
export const SUSPENDED_MS = 30_000;

/** The leave to try; what became of it is told to `settle`. */
export type Permit = 'normal' | 'probe';

/** What a try says about the other side: it is there, it is not, or nothing. */
export type Verdict = 'alive' | 'failed' | 'unknown';

/**
 * Leaves a backend alone that fails: after ten failures in a row nothing is tried for half a minute, then one try decides whether
 * that goes on.
 */
export class Breaker {
  readonly #clock: Clock;
  readonly #changed: (state: DelegationStatus['state'], before: DelegationStatus['state']) => void;
  #state: DelegationStatus['state'] = 'working';
  #failures = 0;
  #suspendedUntil = 0;

  /** `changed` is told of each state that is another one. */
  constructor(clock: Clock, changed: (state: DelegationStatus['state'], before: DelegationStatus['state']) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  get state(): DelegationStatus['state'] {
    return this.#state;
  }

  /** Whether it is no use to ask for a permit. */
  get isShut(): boolean {
    if (this.#state === 'suspended') return this.#clock.monotonic() < this.#suspendedUntil;
    return this.#state === 'probing';
  }

  /** Gives leave to try, which must be settled; undefined while nothing is to be tried. */
  admit(): Permit | undefined {
    if (this.#state === 'working') return 'normal';
    if (this.isShut) return undefined;
    this.#become('probing');
    return 'probe';
  }

  /** Learns what a try said. One that began before the others failed decides nothing, unless it succeeded after all. */
  settle(permit: Permit, verdict: Verdict): void {
    if (verdict === 'alive') {
      this.#failures = 0;
      this.#become('working');
    } else if (permit === 'probe' && this.#state === 'probing') {
      this.#suspend(verdict === 'failed' ? SUSPENDED_MS : 0);
    } else if (verdict === 'failed' && this.#state === 'working') {
      this.#failures++;
      if (this.#failures >= FAILURES) this.#suspend(SUSPENDED_MS);
    }
  }

  #suspend(ms: number): void {
    this.#suspendedUntil = this.#clock.monotonic() + ms;
    this.#become('suspended');
  }

  #become(state: DelegationStatus['state']): void {
    const before = this.#state;
    if (state === before) return;
    this.#state = state;
    this.#changed(state, before);
  }
}
