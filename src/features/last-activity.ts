import type { Feature } from '../core/feature.ts';
import { accountReceives, accountRemoved, accountSends, sessionEnded } from '../core/points.ts';
import { StanzaError } from '../errors.ts';
import { is } from '../stanza.ts';
import type { TableSpec } from '../store/store.ts';
import { isPromise } from '../util/awaitable.ts';
import { type Element, el, text } from '../xml/element.ts';
import { storedNumber, storedObject, storedText } from './shared/stored.ts';

const NS = 'jabber:iq:last';
/** In UTF-16 units; what goes beyond it is cut off. */
const MAX_STATUS = 1024;
/** How long a farewell may stay in memory only; a crash loses as much. */
const WRITE_MS = 5000;

/** When somebody was last here, and what they said on leaving. */
interface Farewell {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly status: string;
}

const FAREWELLS: TableSpec<Farewell> = {
  name: 'last-activity',
  parse(json) {
    const { at, status } = storedObject(json);
    return { at: storedNumber(at), status: storedText(status) };
  },
};

/**
 * Tells how long the server has been running, and those who may see a user's presence, for how long the user has been
 * away. XEP-0012.
 */
export const lastActivity: Feature = {
  name: 'last-activity',
  specs: [{ xep: 12, version: '2.0' }],
  setup(host) {
    const startedAt = host.clock.monotonic();
    const farewells = host.table(FAREWELLS);
    const lastWords = host.sessionSlot(() => '', {
      name: 'last-activity',
      save: (words) => words || undefined,
      restore: storedText,
    });
    // Told to nobody as done, so it need not be durable at once: together, a thousand logouts cost one write.
    const unwritten = new Map<string, Farewell>();
    const write = (): Promise<void> => {
      const due = [...unwritten];
      return host.store.commit((batch) => {
        for (const [local, farewell] of due) batch.put(farewells, [host.domain, local], farewell);
        unwritten.clear();
      });
    };
    host.every('last-activity', WRITE_MS, () => (unwritten.size === 0 ? undefined : write()));
    host.defer(() => (unwritten.size === 0 ? undefined : write()));

    host.handle({ type: 'get', ns: NS, name: 'query', to: 'host' }, () => answer(host.clock.monotonic() - startedAt));

    host.handle({ type: 'get', ns: NS, name: 'query', to: 'account' }, async ({ account: { jid, sessions } }) => {
      if (sessions.size > 0) return answer(0);
      const farewell = unwritten.get(jid.local) ?? (await farewells.get(jid.domain, jid.local));
      if (farewell === undefined) throw new StanzaError('item-not-found');
      return answer(host.clock.now() - farewell.at, farewell.status);
    });

    // Neither the account nor a client of it answers strangers: §3, §4.
    host.filter(accountReceives, ({ stanza, account }) => {
      if (stanza.kind !== 'iq' || stanza.type !== 'get' || stanza.from === undefined) return;
      if (!stanza.payload.elements.some((element) => is(element, 'query', NS))) return;
      const verdict = (mayAsk: boolean) => (mayAsk ? undefined : new StanzaError('forbidden'));
      const mayAsk = host.mayAsk(account, stanza.from);
      return isPromise(mayAsk) ? mayAsk.then(verdict) : verdict(mayAsk);
    });

    host.filter(accountSends, ({ stanza, session }) => {
      if (stanza.kind !== 'presence' || stanza.to !== undefined) return;
      const isFarewell = stanza.type === 'unavailable';
      lastWords.set(session, isFarewell ? text(stanza.payload.child('status')).slice(0, MAX_STATUS) : '');
    });

    host.observe(sessionEnded, ({ account: { jid, sessions, isAnonymous }, session }) => {
      if (sessions.size > 0 || isAnonymous) return;
      unwritten.set(jid.local, { at: host.clock.now(), status: lastWords.of(session) });
    });

    host.observe(accountRemoved, ({ jid }) => {
      unwritten.delete(jid.local);
      return farewells.delete([jid.domain, jid.local]);
    });
  },
};

function answer(ms: number, status?: string): Element {
  return el(
    'query',
    { xmlns: NS, seconds: String(Math.max(0, Math.floor(ms / 1000))) },
    status === '' ? undefined : status,
  );
}
