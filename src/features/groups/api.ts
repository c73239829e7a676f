import { Topic } from '../../core/points.ts';
import { Service } from '../../core/service.ts';
import type { RosterItem } from '../roster/api.ts';

/** The contacts that accounts have because they are in the same groups. */
export interface SharedContacts {
  /**
   * Everybody who is in a group with this user, by bare JID: `both`, and in the roster groups of those names. Never changed:
   * another map is returned after a change.
   */
  of(local: string): ReadonlyMap<string, RosterItem>;
}

/** Provided where there are groups. */
export const sharedContacts = new Service<SharedContacts>('sharedContacts');

/** The shared contacts of these users have changed, durably. */
export const sharedContactsChanged = new Topic<{ readonly locals: ReadonlySet<string> }>('sharedContactsChanged');

/** A group of users of a host, each of whom is a contact of all others. */
export interface SharedGroup {
  readonly name: string;
  /** The configuration says who is in the groups that it has; the others are kept in the store. */
  readonly origin: 'configuration' | 'store';
  /** Whether all users of the host are members, those to come too. */
  readonly isForEveryone: boolean;
  /** The localparts of those that there are. */
  readonly members: ReadonlySet<string>;
  /** How many more there would be if the group were not full. */
  readonly omitted: number;
}

/**
 * The groups of a host, for operators. Changes resolve when they are durable and throw CommandError for what cannot be, such
 * as a change of a group of the configuration. Names are prepared here.
 */
export interface SharedGroups {
  /** All of them by name, in alphabetical order. */
  list(): readonly SharedGroup[];
  get(name: string): SharedGroup;
  add(name: string, isForEveryone: boolean): Promise<SharedGroup>;
  remove(name: string): Promise<SharedGroup>;
  rename(name: string, to: string): Promise<SharedGroup>;
  join(name: string, local: string): Promise<SharedGroup>;
  leave(name: string, local: string): Promise<SharedGroup>;
}

/** Provided where there are groups. */
export const sharedGroups = new Service<SharedGroups>('sharedGroups');
