import fc from 'fast-check';
import type { ContactsJson } from './roster-backend.ts';

/** A contact as clients have to see it. */
export interface SeenContact {
  readonly name: string;
  /** Sorted. */
  readonly groups: readonly string[];
}

/** A contact list as its owner tells it, and what clients have to see then, by bare JID. */
export interface ContactList {
  readonly json: ContactsJson;
  readonly seen: ReadonlyMap<string, SeenContact>;
}

const CONTACTS = ['alice', 'bob', 'çelik', 'dan', 'erin', 'o-neil'];
const GROUPS = ['Family', 'Chess & Go', 'Verona <1597>', '❤'];

const contact = fc.record({
  name: fc.option(fc.constantFrom('Alice', 'Bob "the" Builder', "O'Neil <&>", 'Zoë 🌹'), { nil: undefined }),
  groups: fc.subarray(GROUPS),
  asArray: fc.boolean(),
  isShouted: fc.boolean(),
});

/** Contact lists of a user of `domain`, each a random edit away from the one before, in all the forms that may be told. */
export function contactLists(domain: string, own: string): fc.Arbitrary<ContactList> {
  const known = fc.dictionary(fc.constantFrom(...CONTACTS), contact, {
    maxKeys: CONTACTS.length,
    noNullPrototype: true,
  });
  const noise = fc.subarray([`${own}@${domain}`, `bob@${domain}/phone`, 'no address @', '@', domain]);
  return fc.tuple(known, noise).map(([contacts, ignored]) => {
    const json: Record<string, unknown> = Object.fromEntries(ignored.map((jid) => [jid, { name: 'Nobody' }]));
    const seen = new Map<string, SeenContact>();
    for (const [local, { name, groups, asArray, isShouted }] of Object.entries(contacts)) {
      const jid = `${local}@${domain}`;
      json[isShouted ? jid.toUpperCase() : jid] = {
        ...(name === undefined ? {} : { name }),
        ...(groups.length === 0 ? {} : { groups: asArray ? groups : Object.fromEntries(groups.map((g) => [g, true])) }),
        subscription: 'none',
      };
      seen.set(jid, { name: name ?? '', groups: [...groups].sort() });
    }
    return { json, seen };
  });
}
