import { addressGroup } from '../../../net/address.ts';
import { TokenBucket } from '../../../net/rate.ts';
import { LruCache } from '../../../util/lru.ts';

/** Wrong secrets from one address: a few at once, for mistakes, then ten a minute. */
const GUESSES = { perSecond: 10 / 60, burst: 20 };
/** Addresses that are remembered; beyond it, those that have been quiet for longest begin anew. */
const MAX_ADDRESSES = 4096;

/** Slows the guessing of secrets down, by address. Times are in milliseconds of a monotonic clock. */
export class GuessLimit {
  readonly #addresses = new LruCache<string, TokenBucket>(MAX_ADDRESSES);

  /** For how long nothing that an address shows is looked at, in milliseconds. */
  waitMs(address: string, now: number): number {
    const bucket = this.#addresses.get(addressGroup(address));
    if (bucket === undefined) return 0;
    const waitMs = bucket.spend(1, now);
    bucket.spend(-1, now);
    return waitMs;
  }

  /** Counts a wrong secret. */
  add(address: string, now: number): void {
    const group = addressGroup(address);
    const known = this.#addresses.get(group);
    const bucket = known ?? new TokenBucket(GUESSES, now);
    if (known === undefined) this.#addresses.set(group, bucket);
    bucket.take(1, now);
  }
}
