import type { Feature } from '../core/feature.ts';
import { accountReceives, accountRemoved, accountSends, sessionEnded } from '../core/points.ts';
import { StanzaError } from '../errors.ts';
import { is } from '../stanza.ts';
import type { TableSpec } from '../store/store.ts';
import { isPromise } from '../util/awaitable.ts';
import { type Element, el, text } from '../xml/element.ts';
import { lastlog } from './lastlog/api.ts';
import { LazyTable } from './shared/lazy-table.ts';
import { storedText } from './shared/stored.ts';

const NS = 'jabber:iq:last';
/** XEP-0227 has no place for what users said; others ignore it. */
const NS_PORTABLE = 'urn:parley:farewell:0';
/** In UTF-16 units; what goes beyond it is cut off. */
const MAX_STATUS = 1024;

/** What users said on leaving the last time; when that was is in the lastlog. */
const FAREWELLS: TableSpec<string> = { name: 'last-activity.farewells', parse: storedText };

/**
 * Tells how long the server has been running, and those who may see a user's presence, for how long the user has been
 * away. XEP-0012.
 */
export const lastActivity: Feature = {
  name: 'last-activity',
  specs: [{ xep: 12, version: '2.0' }],
  needs: [lastlog],
  setup(host) {
    const startedAt = host.clock.monotonic();
    const log = host.use(lastlog);
    const farewells = new LazyTable(host, FAREWELLS);
    const lastWords = host.sessionSlot(() => '', {
      name: 'last-activity',
      save: (words) => words || undefined,
      restore: storedText,
    });

    host.handle({ type: 'get', ns: NS, name: 'query', to: 'host' }, () => answer(host.clock.monotonic() - startedAt));

    host.handle({ type: 'get', ns: NS, name: 'query', to: 'account' }, async ({ account: { jid, sessions } }) => {
      if (sessions.size > 0) return answer(0);
      const { local, domain } = jid;
      const at = await log.getLastActive(local);
      if (at === undefined) throw new StanzaError('item-not-found');
      // Who was lost with the server said nothing.
      const hasLeft = (await log.of(local))?.logout?.at === at;
      return answer(host.clock.now() - at, hasLeft ? await farewells.get(domain, local) : undefined);
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
      farewells.put([jid.domain, jid.local], lastWords.of(session));
    });

    host.portable({
      name: 'words on leaving',
      async *export({ domain, local }) {
        const words = await farewells.get(domain, local);
        if (words !== undefined && words !== '') yield el('farewell', { xmlns: NS_PORTABLE }, words);
      },
      async import({ domain, local }, element, tally) {
        if (!is(element, 'farewell', NS_PORTABLE)) return false;
        if ((await farewells.get(domain, local)) !== undefined) tally.had();
        else {
          await farewells.putNow([domain, local], text(element).slice(0, MAX_STATUS));
          tally.took();
        }
        return true;
      },
    });
    host.observe(accountRemoved, ({ jid }) => farewells.delete([jid.domain, jid.local]));
  },
};

function answer(ms: number, status?: string): Element {
  return el(
    'query',
    { xmlns: NS, seconds: String(Math.max(0, Math.floor(ms / 1000))) },
    status === '' ? undefined : status,
  );
}
