import { Topic } from '../../core/points.ts';
import { Service } from '../../core/service.ts';
import type { RosterItem } from '../roster/api.ts';

/** The contacts that accounts have because they are in the same groups. */
export interface SharedContacts {
  /** Everybody who is in a group with this user, by bare JID: `both`, and in the roster groups of those names. */
  of(local: string): ReadonlyMap<string, RosterItem>;
}

/** Provided where there are groups. */
export const sharedContacts = new Service<SharedContacts>('sharedContacts');

/** The shared contacts of these users have changed, durably. */
export const sharedContactsChanged = new Topic<{ readonly locals: ReadonlySet<string> }>('sharedContactsChanged');
