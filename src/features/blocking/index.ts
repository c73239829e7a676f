import { integer } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Account } from '../../core/account.ts';
import { refused, UNDELIVERABLE } from '../../core/delivery.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { accountReceives, accountRemoved, accountSends, CONSUMED, type Verdict } from '../../core/points.ts';
import { StanzaError } from '../../errors.ts';
import { type AnyStanza, errorFor, mayBounce } from '../../stanza.ts';
import { blocking as blockingService, reports as reportsService } from './api.ts';
import { BlockLists, type Commit } from './lists.ts';
import { portableLists } from './portable.ts';
import { ReportBook } from './report-book.ts';
import { type BlockItem, itemsElement, NS_BLOCKING, NS_REPORTING, parseItems } from './wire.ts';

/** XEP-0191 §3.3. */
const BLOCKED = new StanzaError('not-acceptable', {
  type: 'cancel',
  app: { name: 'blocked', ns: 'urn:xmpp:blocking:errors' },
});
/** To the letter what is said of an account that does not exist. */
const UNAVAILABLE = new StanzaError(UNDELIVERABLE);

const config = section(
  'Blocked addresses (XEP-0191), and what users report of them to the administrators (XEP-0377).',
  {
    reports: option(integer(0, 100_000), {
      default: 1000,
      doc: 'How many reports are kept for each host; beyond it the oldest give way. 0 keeps none, and clients offer no reporting.',
      reload: 'restart',
    }),
    reportsPerAccount: option(integer(1), {
      default: 50,
      doc: 'How many reports of one account are kept; beyond it the oldest of that account give way.',
      reload: 'restart',
    }),
  },
);

/** Lets users keep others away, without these noticing, and say why. XEP-0191, XEP-0377. */
export const blocking: Feature<ConfigOf<typeof config>> = {
  name: 'blocking',
  specs: [
    { xep: 191, version: '1.3' },
    { xep: 377, version: '0.4.1' },
  ],
  config,
  setup(host, settings) {
    const lists = new BlockLists(host);
    host.provide(blockingService, lists);
    host.portable(portableLists(lists));
    host.observe(accountRemoved, ({ jid }) => lists.remove(jid));
    const book = new ReportBook(host, settings);
    host.provide(reportsService, book);
    host.observe(accountRemoved, ({ jid }) => book.forget(jid.local));
    keepAway(host, lists);
    serve(host, lists, settings.reports === 0 ? undefined : takeReports(host, book));
  },
};

/** Stops what goes between an account and whom it has blocked. XEP-0191 §3.3. */
function keepAway(host: FeatureHost, lists: BlockLists): void {
  host.filter(accountReceives, ({ account, stanza }) => {
    const list = lists.of(account);
    if (list === undefined || stanza.from === undefined || !list.has(stanza.from)) return;
    return answerTo(stanza);
  });
  host.filter(accountSends, (sending) => {
    const { account, session, stanza } = sending;
    const list = lists.of(account);
    if (list === undefined || stanza.to === undefined || !list.has(stanza.to)) return;
    // Straight to the session: as what it is, a stanza from the blocked address, it would not get through.
    if (mayBounce(stanza)) sending.deliver(session, errorFor(stanza, BLOCKED));
    return CONSUMED;
  });
}

/** What a blocked address is told: what somebody is told who writes to nobody; of presence, nothing. */
function answerTo(stanza: AnyStanza): Verdict {
  if (stanza.kind === 'presence') return CONSUMED;
  return stanza.kind === 'iq' || refused(stanza).otherwise === 'error' ? UNAVAILABLE : CONSUMED;
}

type WithReports = (account: Account, items: readonly BlockItem[]) => Commit | undefined;

/** Lets clients report, and returns what stores the reports of a command along with the list. XEP-0377 §3, §6. */
function takeReports(host: FeatureHost, book: ReportBook): WithReports {
  host.advertise({ feature: NS_REPORTING });
  return (account, items) => {
    // Guests come and go: nobody could be asked, and nothing would bound what one person reports.
    if (account.isAnonymous) return undefined;
    const facts = { at: host.clock.now(), reporter: account.jid.local };
    const news = items.flatMap(({ jid, complaint }) =>
      complaint === undefined ? [] : { ...facts, ...complaint, jid: jid.toString() },
    );
    return news.length === 0 ? undefined : (write) => book.add(news, write);
  };
}

function serve(host: FeatureHost, lists: BlockLists, withReports: WithReports | undefined): void {
  // Clients ask the server, and not the account, whether it can block. XEP-0191 §3.1.
  host.advertise({ feature: NS_BLOCKING });
  host.handle({ type: 'get', ns: NS_BLOCKING, name: 'blocklist', to: 'self', hidden: true }, ({ account, session }) => {
    lists.interest(session);
    return itemsElement('blocklist', lists.of(account)?.items ?? []);
  });
  host.handle({ type: 'set', ns: NS_BLOCKING, name: 'block', to: 'self', hidden: true }, ({ account, payload }) => {
    const items = parseItems(payload);
    if (items.length === 0) throw new StanzaError('bad-request', { text: 'a block has at least one item' });
    const addresses = items.map(({ jid }) => jid);
    if (addresses.some((jid) => jid.bare().equals(account.jid))) {
      throw new StanzaError('not-allowed', { text: 'an account cannot block itself' });
    }
    return lists.block(account.jid, addresses, withReports?.(account, items));
  });
  host.handle({ type: 'set', ns: NS_BLOCKING, name: 'unblock', to: 'self', hidden: true }, ({ account, payload }) =>
    lists.unblock(
      account.jid,
      parseItems(payload).map(({ jid }) => jid),
    ),
  );
}
