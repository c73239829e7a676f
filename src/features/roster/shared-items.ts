import { createHash } from 'node:crypto';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type { SharedContacts } from '../groups/api.ts';
import type { Relation, RosterItem } from './api.ts';
import { LiveRoster } from './roster.ts';

/** What a roster with shared contacts was made of. */
interface Parts {
  readonly own: LiveRoster;
  readonly shared: Shared;
}

/** Shared contacts, by bare JID, and a version of them that is the same for the same ones, also after a restart. */
interface Shared {
  readonly items: ReadonlyMap<string, RosterItem>;
  readonly version: string;
}

/** In bytes; two contents with one version would be an accident of one in 2^128. */
const VERSION_BYTES = 16;

/**
 * Puts what is shared with an account, as the groups that it is in, together with its own roster. The one is the operator's
 * and the other the account's: a shared contact may have a name and further groups of the account's own, and cannot be
 * removed. Rosters of accounts without shared contacts are their own, as if this were not there.
 */
export class SharedItems {
  readonly #contacts: SharedContacts;
  readonly #parts = new WeakMap<LiveRoster, Parts>();

  constructor(contacts: SharedContacts) {
    this.#contacts = contacts;
  }

  /** The roster of an account that has this one of its own, as the groups are now. */
  with(own: LiveRoster, local: string): LiveRoster {
    const items = this.#contacts.of(local);
    return items.size === 0 ? own : this.#merge(own, { items, version: versionOf(items) });
  }

  /** The roster with the same shared contacts and another one of the account's own. */
  withOwn(roster: LiveRoster, own: LiveRoster): LiveRoster {
    const shared = this.#parts.get(roster)?.shared;
    return shared === undefined ? own : this.#merge(own, shared);
  }

  /** The account's own part of a roster. */
  own(roster: LiveRoster): LiveRoster {
    return this.#parts.get(roster)?.own ?? roster;
  }

  /** The contact as the groups have it; undefined for one that is not shared. */
  shared(roster: LiveRoster, contact: JID): RosterItem | undefined {
    return this.#parts.get(roster)?.shared.items.get(contact.toString());
  }

  /** The version of what is shared in a roster; undefined where nothing is. */
  version(roster: LiveRoster): string | undefined {
    return this.#parts.get(roster)?.shared.version;
  }

  #merge(own: LiveRoster, shared: Shared): LiveRoster {
    const items = new Map(own.items);
    const requests = new Map(own.requests);
    for (const [key, item] of shared.items) {
      const ownItem = own.items.get(key);
      items.set(key, ownItem === undefined ? item : joined(item, ownItem));
      // Whoever is a contact already need not be answered.
      requests.delete(key);
    }
    const roster = new LiveRoster(`${own.version}.${shared.version}`, items, requests);
    this.#parts.set(roster, { own, shared });
    return roster;
  }
}

function joined(shared: RosterItem, { name, groups }: RosterItem): RosterItem {
  const further = groups.filter((group) => !shared.groups.includes(group));
  return { ...shared, name, groups: further.length === 0 ? shared.groups : [...shared.groups, ...further] };
}

function versionOf(items: ReadonlyMap<string, RosterItem>): string {
  const hash = createHash('sha256');
  for (const key of [...items.keys()].sort()) hash.update(`${key}\n${JSON.stringify(items.get(key)?.groups)}\n`);
  return hash.digest().subarray(0, VERSION_BYTES).toString('base64url');
}

/**
 * What becomes of the account's own relation to a shared contact; `wanted` is the whole of it as somebody would have it,
 * and `own` the same for the own part alone. The groups stay where they are, and an item that says nothing is not kept.
 * @throws StanzaError `not-allowed` when the contact is to be removed.
 */
export function ownRelation(shared: RosterItem, wanted: Relation, own: () => Relation): Relation {
  if (wanted.item === undefined) throw notYours(shared);
  const { item, request } = own();
  if (item === undefined) return { item, request };
  const groups = item.groups.filter((group) => !shared.groups.includes(group));
  const { name, subscription, ask, approved } = item;
  const saysNothing = name === undefined && groups.length === 0 && subscription === 'none' && !ask && !approved;
  return { item: saysNothing ? undefined : { ...item, groups }, request };
}

/** Tells the person who would end what only the operator can. */
export function notYours({ jid, groups }: RosterItem): StanzaError {
  const names = groups.map((group) => `"${group}"`).join(', ');
  const text = `${jid} is your contact because you are both in ${names}: only the administrators of the server can change that`;
  return new StanzaError('not-allowed', { text });
}
