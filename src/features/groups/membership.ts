import { JID } from '../../jid.ts';
import type { RosterItem } from '../roster/api.ts';
import type { SharedGroup } from './api.ts';

const NOBODY: ReadonlyMap<string, RosterItem> = new Map();

/** Who is in a group with whom, at one moment. */
export class Membership {
  readonly groups: ReadonlyMap<string, SharedGroup>;
  readonly #domain: string;
  /** The names of the groups that a user is in, in alphabetical order. */
  readonly #groupsOf = new Map<string, string[]>();
  // All who have a contact by the same groups have the same item: in a group of n, n items for n² contacts.
  readonly #items = new Map<string, Map<string, RosterItem>>();

  constructor(domain: string, groups: Iterable<SharedGroup>) {
    this.#domain = domain;
    const sorted = [...groups].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.groups = new Map(sorted.map((group) => [group.name, group]));
    for (const { name, members } of sorted) for (const local of members) append(this.#groupsOf, local, name);
  }

  /** How many groups a user is in. */
  countOf(local: string): number {
    return this.#groupsOf.get(local)?.length ?? 0;
  }

  /** Everybody who is in a group with a user, by bare JID. */
  contactsOf(local: string): ReadonlyMap<string, RosterItem> {
    const names = this.#groupsOf.get(local);
    if (names === undefined) return NOBODY;
    const common = new Map<string, string[]>();
    for (const name of names) {
      for (const other of this.groups.get(name)?.members ?? []) if (other !== local) append(common, other, name);
    }
    const contacts = new Map<string, RosterItem>();
    for (const [other, groups] of common) {
      const item = this.#item(other, groups);
      contacts.set(item.jid.toString(), item);
    }
    return contacts;
  }

  /** The users who have, or had, other contacts than before. */
  differencesFrom(before: Membership): Set<string> {
    const locals = new Set<string>();
    for (const name of new Set([...before.groups.keys(), ...this.groups.keys()])) {
      const was = before.groups.get(name)?.members ?? NO_MEMBERS;
      const is = this.groups.get(name)?.members ?? NO_MEMBERS;
      if (was.size === is.size && [...was].every((local) => is.has(local))) continue;
      for (const local of was) locals.add(local);
      for (const local of is) locals.add(local);
    }
    return locals;
  }

  #item(local: string, groups: readonly string[]): RosterItem {
    // No name contains a line break.
    const key = groups.join('\n');
    const items = this.#items.get(key) ?? new Map<string, RosterItem>();
    this.#items.set(key, items);
    const known = items.get(local);
    if (known !== undefined) return known;
    const jid = JID.of(local, this.#domain);
    const item: RosterItem = { jid, name: undefined, groups, subscription: 'both', ask: false, approved: false };
    items.set(local, item);
    return item;
  }
}

const NO_MEMBERS: ReadonlySet<string> = new Set();

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
