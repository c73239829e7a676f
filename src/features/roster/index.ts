import type { Account } from '../../core/account.ts';
import type { Feature } from '../../core/feature.ts';
import { accountRemoved, accountSends, sessionRestored } from '../../core/points.ts';
import { StanzaError } from '../../errors.ts';
import type { Presence } from '../../stanza.ts';
import type { Element } from '../../xml/element.ts';
import { sharedContacts } from '../groups/api.ts';
import { type Relation, type RosterItem, rosters } from './api.ts';
import { COPIES } from './delegated/copy-record.ts';
import { NS_ROSTER, parseRosterSet, type RosterSet } from './items.ts';
import { portableRoster } from './portable.ts';
import { notYours } from './shared-items.ts';
import { StoredRosters } from './stored-rosters.ts';
import { offerVersioning, resultOf } from './versioning.ts';

/** The contacts of an account: get, set, push and versioning. RFC 6121 §2. */
export const roster: Feature = {
  name: 'roster',
  specs: [{ rfc: 6121, sections: '2' }],
  setup(host) {
    const stored = new StoredRosters(host);
    host.provide(rosters, stored);
    offerVersioning(host);

    host.handle({ type: 'get', ns: NS_ROSTER, name: 'query', to: 'self' }, ({ account, session, payload }) => {
      stored.interest(account, session);
      return resultOf(payload, stored.of(account));
    });
    host.handle({ type: 'set', ns: NS_ROSTER, name: 'query', to: 'self', hidden: true }, ({ account, payload }) =>
      set(stored, account, payload),
    );
    host.handle({ type: 'set', ns: NS_ROSTER, name: 'query', to: 'account', audience: 'anyone', hidden: true }, () => {
      throw new StanzaError('forbidden', { text: 'a roster is changed by its own account only' });
    });
    if (host.find(sharedContacts) !== undefined) {
      host.filter(accountSends, ({ account, stanza }) =>
        stanza.kind === 'presence' ? endsShared(stored, account, stanza) : undefined,
      );
    }
    host.observe(sessionRestored, (event) => stored.restored(event));
    host.portable(portableRoster(host, stored));
    host.observe(accountRemoved, ({ jid }) => stored.remove(jid));
    // Also what was kept while the contacts were another's.
    const copies = host.table(COPIES);
    host.observe(accountRemoved, ({ jid }) => copies.delete([jid.domain, jid.local]));
  },
};

async function set(stored: StoredRosters, account: Account, query: Element): Promise<void> {
  const wanted = parseRosterSet(query);
  if (wanted.jid.equals(account.jid)) {
    throw new StanzaError('not-allowed', { text: 'an account is no contact of its own' });
  }
  await stored.change(account, wanted.jid, (before) => afterSet(before, wanted));
}

// A request that the account has not answered survives the item: it was never a part of it.
function afterSet({ item, request }: Relation, wanted: RosterSet): Relation {
  if (wanted.action === 'update') return { item: updated(item, wanted), request };
  if (item === undefined) throw new StanzaError('item-not-found');
  return { item: undefined, request };
}

function updated(item: RosterItem | undefined, { jid, name, groups }: RosterSet & { action: 'update' }): RosterItem {
  if (item !== undefined) return { ...item, name, groups };
  return { jid, name, groups, subscription: 'none', ask: false, approved: false };
}

// What the administrators of the server have made, its users do not end.
function endsShared(stored: StoredRosters, account: Account, { type, to }: Presence): StanzaError | undefined {
  if (to === undefined || (type !== 'unsubscribe' && type !== 'unsubscribed')) return undefined;
  const shared = stored.shared(account, to.bare());
  return shared && notYours(shared);
}
