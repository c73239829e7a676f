import { flag } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import {
  accountRemoved,
  clientLoggedIn,
  formLoggedIn,
  sessionBound,
  sessionEnded,
  sessionResumed,
} from '../../core/points.ts';
import type { Session } from '../../core/session.ts';
import type { TableSpec } from '../../store/store.ts';
import { LazyTable } from '../shared/lazy-table.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';
import { type Lastlog, type Occasion, lastlog as service } from './api.ts';
import { type Entry, portableLog } from './portable.ts';

const config = section('When accounts were last used.', {
  addresses: option(flag(), {
    default: false,
    doc: 'Whether the address of the client is kept with its last login and logout. What was kept before is removed from an account at its next login or logout.',
    reload: 'restart',
  }),
});

const ENTRIES: TableSpec<Entry> = {
  name: 'lastlog',
  parse(json) {
    const { login, logout } = storedObject(json);
    return { login: occasion(login), logout: occasion(logout) };
  },
};

/** Puts down when each account was last used. */
export const lastlog: Feature<ConfigOf<typeof config>> = {
  name: 'lastlog',
  specs: [],
  config,
  setup(host, settings) {
    const keep = ({ at, address }: Occasion): Occasion => (settings.addresses ? { at, address } : { at });
    const entries = new LazyTable(host, ENTRIES, (old, news): Entry => {
      const { login, logout } = { ...old, ...news };
      return { ...(login && { login: keep(login) }), ...(logout && { logout: keep(logout) }) };
    });
    // At its end a session has no address any more.
    const addresses = host.sessionSlot<string | undefined>(() => undefined);
    const remember = ({ session }: { readonly session: Session }): void =>
      addresses.set(session, session.link?.remoteAddress);
    const loggedIn = (local: string, address: string): void =>
      entries.put([host.domain, local], { login: { at: host.clock.now(), address } });

    host.observe(clientLoggedIn, ({ jid, login, address }) => {
      if (login.role !== 'guest') loggedIn(jid.local, address);
    });
    host.observe(formLoggedIn, ({ jid, address }) => loggedIn(jid.local, address));
    host.observe(sessionBound, remember);
    host.observe(sessionResumed, remember);
    host.observe(sessionEnded, ({ account: { jid, isAnonymous }, session }) => {
      if (isAnonymous) return;
      entries.put([host.domain, jid.local], { logout: { at: host.clock.now(), address: addresses.of(session) } });
    });
    host.portable(portableLog(entries, keep));
    host.observe(accountRemoved, ({ jid }) => entries.delete([host.domain, jid.local]));

    const provided: Lastlog = {
      loggedIn,
      async of(local) {
        const user = await host.users.get(local);
        const entry = await entries.get(host.domain, local);
        return user && { login: entry?.login, logout: entry?.logout, registered: { at: user.createdAt } };
      },
      async getLastActive(local) {
        if ((host.account(local)?.sessions.size ?? 0) > 0) return host.clock.now();
        return lastOf(await entries.get(host.domain, local));
      },
      async *all() {
        // What was never written is not listed.
        await entries.flush();
        for await (const [key, entry] of entries.entries([host.domain])) {
          const at = lastOf(entry);
          if (at !== undefined) yield [String(key.at(-1)), at];
        }
      },
    };
    host.provide(service, provided);
  },
};

/** The later of login and logout. */
function lastOf({ login, logout }: Entry = {}): number | undefined {
  return login === undefined ? logout?.at : Math.max(login.at, logout?.at ?? 0);
}

function occasion(json: unknown): Occasion | undefined {
  if (json === undefined) return undefined;
  const { at, address } = storedObject(json);
  return address === undefined ? { at: storedNumber(at) } : { at: storedNumber(at), address: storedText(address) };
}
