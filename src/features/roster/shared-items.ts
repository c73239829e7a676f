import { createHash } from 'node:crypto';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type { SharedContacts } from '../groups/api.ts';
import type { Relation, RosterItem } from './api.ts';
import { LiveRoster } from './roster.ts';

/** What a roster with shared contacts was made of. */
interface Parts {
  readonly own: LiveRoster;
  readonly shared: ReadonlyMap<string, RosterItem>;
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
    return this.#merge(own, this.#contacts.of(local));
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
    return this.#parts.get(roster)?.shared.get(contact.toString());
  }

  #merge(own: LiveRoster, shared: ReadonlyMap<string, RosterItem>): LiveRoster {
    if (shared.size === 0) return own;
    const items = new Map(own.items);
    const requests = new Map(own.requests);
    for (const [key, item] of shared) {
      const ownItem = own.items.get(key);
      items.set(key, ownItem === undefined ? item : joined(item, ownItem));
      // Whoever is a contact already need not be answered.
      requests.delete(key);
    }
    const roster = new LiveRoster(versionOf(own, shared), items, requests);
    this.#parts.set(roster, { own, shared });
    return roster;
  }
}

function joined(shared: RosterItem, { name, groups }: RosterItem): RosterItem {
  const further = groups.filter((group) => !shared.groups.includes(group));
  return { ...shared, name, groups: further.length === 0 ? shared.groups : [...shared.groups, ...further] };
}

// The same for the same content, also after a restart, so that a client that has it need not be sent it. RFC 6121 §2.6.
function versionOf({ version }: LiveRoster, shared: ReadonlyMap<string, RosterItem>): string {
  const hash = createHash('sha256').update(version);
  for (const key of [...shared.keys()].sort()) hash.update(`\n${key}\n${JSON.stringify(shared.get(key)?.groups)}`);
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
