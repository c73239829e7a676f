import type { Account } from '../../core/account.ts';
import { Service } from '../../core/service.ts';

/** What live statistics look at of one host. */
export interface Watched {
  /** Its live accounts. */
  accounts(): Iterable<Account>;
}

/** Provided by each host whose sessions are shown. */
export const watched = new Service<Watched>('live-statistics');
