import { addressGroup } from '../../../net/address.ts';
import type { Clock } from '../../../util/clock.ts';
import { LruCache } from '../../../util/lru.ts';
import { tooManyRequests } from '../rate-limit.ts';

const WINDOW_MS = 600_000;
const PER_ACCOUNT = 5;
const PER_ADDRESS = 20;
const MAX_ENTRIES = 20_000;

interface Failures {
  readonly since: number;
  count: number;
}

/**
 * How often logins on the pages may fail in ten minutes, whatever the throttle of all logins says. A try counts as a failure
 * from its beginning, so that many at once are no way around it.
 */
export class LoginLimits {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #failures = new LruCache<string, Failures>(MAX_ENTRIES);

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock;
  }

  /**
   * Counts a try, until it is found to be none; `account` is a localpart, undefined for what is none. Throws OAuthError with the
   * status 429 when it is one too many.
   */
  begin(account: string | undefined, address: string): { succeeded(): void } {
    const counted = [{ key: `address ${addressGroup(address)}`, most: PER_ADDRESS }];
    if (account !== undefined) counted.push({ key: `account ${account}`, most: PER_ACCOUNT });
    const waitMs = Math.max(...counted.map(({ key, most }) => this.#waitMs(key, most)));
    // Of what is refused nothing is remembered: made-up names would push out what is known of others.
    if (waitMs > 0) throw tooManyRequests(Math.ceil(waitMs / 1000));
    const entries = counted.map(({ key }) => this.#entry(key));
    for (const entry of entries) entry.count += 1;
    return {
      succeeded: () => {
        for (const entry of entries) entry.count -= 1;
      },
    };
  }

  #waitMs(key: string, most: number): number {
    const known = this.#failures.get(key);
    return known === undefined || known.count < most ? 0 : Math.max(0, this.#leftMs(known));
  }

  #entry(key: string): Failures {
    const known = this.#failures.get(key);
    if (known !== undefined && this.#leftMs(known) > 0) return known;
    const fresh = { since: this.#clock.monotonic(), count: 0 };
    this.#failures.set(key, fresh);
    return fresh;
  }

  #leftMs({ since }: Failures): number {
    return since + WINDOW_MS - this.#clock.monotonic();
  }
}
