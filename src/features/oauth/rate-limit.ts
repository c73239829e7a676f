import { TokenBucket } from '../../net/rate.ts';
import { OAuthError } from '../../oauth/errors.ts';
import type { Clock } from '../../util/clock.ts';
import { LruCache } from '../../util/lru.ts';

const MAX_ENTRIES = 10_000;
const MINUTE_SECONDS = 60;

/** How often something may be done in a minute, by whoever does it; those who have not for longest are forgotten. */
export class RateLimit {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #perMinute: number;
  readonly #buckets = new LruCache<string, TokenBucket>(MAX_ENTRIES);

  constructor(clock: Pick<Clock, 'monotonic'>, perMinute: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
  }

  /** Counts one. Throws OAuthError with the status 429 when it was too many. RFC 6585 §4. */
  take(who: string): void {
    if (!this.#bucketOf(who).take(1, this.#clock.monotonic())) throw this.#tooMany();
  }

  /** Throws as {@link take} does where that would, but counts nothing. */
  check(who: string): void {
    const bucket = this.#buckets.get(who);
    if (bucket !== undefined && !bucket.has(1, this.#clock.monotonic())) throw this.#tooMany();
  }

  #bucketOf(who: string): TokenBucket {
    const known = this.#buckets.get(who);
    if (known !== undefined) return known;
    const rate = { perSecond: this.#perMinute / MINUTE_SECONDS, burst: this.#perMinute };
    const bucket = new TokenBucket(rate, this.#clock.monotonic());
    this.#buckets.set(who, bucket);
    return bucket;
  }

  #tooMany(): OAuthError {
    return tooManyRequests(Math.ceil(MINUTE_SECONDS / this.#perMinute));
  }
}

/** The error for whoever asks too often, and after how many seconds it may ask again. RFC 6585 §4. */
export function tooManyRequests(retryAfterSeconds: number): OAuthError {
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return new OAuthError('temporarily_unavailable', 'Too many requests.', { status: 429, headers });
}
