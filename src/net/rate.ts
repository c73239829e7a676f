/** A sustained rate and how much may come at once. */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/**
 * A token bucket: full at first, it is refilled at a steady rate up to its burst. Times are milliseconds of one
 * monotonic clock, passed in because the caller has just read it.
 */
export class TokenBucket {
  #perMs: number;
  #burst: number;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#perMs = rate.perSecond / 1000;
    this.#burst = rate.burst;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Takes `amount` tokens if there are as many; says whether it did. For what can be refused. */
  take(amount: number, now: number): boolean {
    if (!this.has(amount, now)) return false;
    this.#tokens -= amount;
    return true;
  }

  /** Whether there are `amount` tokens. */
  has(amount: number, now: number): boolean {
    this.#refill(now);
    return this.#tokens >= amount;
  }

  /**
   * Takes `amount` tokens, on credit if need be, and returns how many milliseconds it takes to pay the debt: 0 if there is
   * none. For what has already arrived, where the answer is to read on later.
   */
  spend(amount: number, now: number): number {
    this.#refill(now);
    this.#tokens -= amount;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens / this.#perMs);
  }

  /** Changes the rate; what is in the bucket stays, up to the new burst. */
  change(rate: Rate, now: number): void {
    this.#refill(now);
    this.#perMs = rate.perSecond / 1000;
    this.#burst = rate.burst;
    this.#tokens = Math.min(this.#tokens, rate.burst);
  }

  #refill(now: number): void {
    if (now <= this.#at) return;
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#perMs);
    this.#at = now;
  }
}
