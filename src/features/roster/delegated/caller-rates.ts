import { type Rate, TokenBucket } from '../../../net/rate.ts';
import { LruCache } from '../../../util/lru.ts';
import { CallerRefused } from './caller-check.ts';

/** Callers have proved who they are; those beyond the bound that have been quiet for longest begin anew. */
const MAX_CALLERS = 1024;

/** How many names each caller may send. */
export class CallerRates {
  readonly #buckets = new LruCache<string, TokenBucket>(MAX_CALLERS);
  #rate: Rate;

  constructor(namesPerMinute: number) {
    this.#rate = rateOf(namesPerMinute);
  }

  /** Changes the rate, for all callers. */
  change(namesPerMinute: number): void {
    this.#rate = rateOf(namesPerMinute);
  }

  /**
   * Counts names of a caller; `now` is in milliseconds. More than a minute's worth at once is let through when the minute's
   * worth is there, and paid off before the next. Throws CallerRefused, with the time to wait, when there is too little.
   */
  charge(caller: string, names: number, now: number): void {
    const bucket = this.#bucketOf(caller, now);
    const needed = Math.min(names, this.#rate.burst);
    const waitMs = bucket.spend(needed, now);
    if (waitMs > 0) {
      bucket.spend(-needed, now);
      const seconds = String(Math.ceil(waitMs / 1000));
      throw new CallerRefused(429, 'rate', `Too many names; go on in ${seconds} s.`, { 'retry-after': seconds });
    }
    bucket.spend(names - needed, now);
  }

  #bucketOf(caller: string, now: number): TokenBucket {
    const known = this.#buckets.get(caller);
    if (known !== undefined) {
      known.change(this.#rate, now);
      return known;
    }
    const bucket = new TokenBucket(this.#rate, now);
    this.#buckets.set(caller, bucket);
    return bucket;
  }
}

function rateOf(namesPerMinute: number): Rate {
  return { perSecond: namesPerMinute / 60, burst: namesPerMinute };
}
