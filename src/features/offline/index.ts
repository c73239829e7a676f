import type { Account } from '../../core/account.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { accountDelivers, accountRemoved, CONSUMED, presenceChanged } from '../../core/points.ts';
import type { Session } from '../../core/session.ts';
import { is, type Message, parseStanza } from '../../stanza.ts';
import type { JournalEntry } from '../../store/store.ts';
import { sleep } from '../../util/clock.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import { dateTime } from '../shared/date-time.ts';
import { hasContent, isStorable } from '../shared/storable.ts';
import { EXTENTS, Mailboxes, MESSAGES } from './mailboxes.ts';

const NS_DELAY = 'urn:xmpp:delay';

/** How many messages are handed over between two writes. */
const PAGE = 20;
/** How long one client may take to read its messages, while everything else for the account waits behind them. */
const DELIVERY_MS = 30_000;
const POLL_MS = 100;

/**
 * Keeps messages for accounts without an available resource of non-negative priority, and hands them over in order to the
 * first one that comes. XEP-0160, XEP-0203, XEP-0334.
 *
 * A message is removed after it was handed to the session: if the process dies or the session ends in between, the next one
 * receives up to a page of messages again. What a broken connection swallows is not for this feature to notice.
 */
export const offline: Feature = {
  name: 'offline',
  specs: [
    { xep: 160, version: '1.0.1' },
    { xep: 203, version: '2.0' },
    { xep: 334, version: '1.0.0', note: 'no-store, no-permanent-store and store' },
  ],
  setup(host) {
    const messages = host.journal(MESSAGES);
    const mailboxes = new Mailboxes({ store: host.store, messages, extents: host.table(EXTENTS) });
    // Known without asking the store whenever somebody's presence changes.
    const isEmpty = host.accountSlot(({ jid }) => mailboxes.isEmpty(jid));
    host.advertise({ feature: 'msgoffline' });

    host.filter(accountDelivers, (passage) => {
      const { account, recipients } = passage;
      if (recipients.length > 0) return;
      const message = passage.ownView();
      if (message.kind !== 'message') return;
      // A chat state that comes too late is nobody's loss; an error would tell strangers who is away.
      if (!isStorable(message, 'until-delivered')) return hasContent(message) ? undefined : CONSUMED;
      const { account: limits } = host.settings.current.limits;
      const stored = mailboxes.add(account.jid, delayed(message, host).toString(), limits);
      isEmpty.set(account, false);
      passage.waitUntil(stored);
      return CONSUMED;
    });

    host.observe(presenceChanged, ({ account, session, presence }) => {
      if (presence === undefined || session.priority < 0 || isEmpty.of(account)) return;
      return account.exclusively(() => deliver(account, session));
    });

    host.observe(accountRemoved, ({ jid }) => mailboxes.clear(jid));

    async function deliver(account: Account, session: Session): Promise<void> {
      const until = host.clock.monotonic() + DELIVERY_MS;
      while (session.isAvailable && session.priority >= 0 && !isEmpty.of(account)) {
        const { entries, complete } = await mailboxes.read(account.jid, PAGE);
        const sent = await handOver(host, session, entries, until);
        // A session that has ended meanwhile may not have read what it was handed.
        if (session.link === undefined) return;
        const isLast = complete && sent === entries.length;
        await mailboxes.remove(account.jid, entries.slice(0, sent), isLast);
        if (isLast) isEmpty.set(account, true);
        else if (sent < entries.length) return;
      }
    }
  },
};

/** The message with a note of when we received it. A note in our name that came with it is forged: XEP-0203 §5. */
function delayed(message: Message, { domain, clock }: FeatureHost): Message {
  const isForged = (element: Element): boolean => is(element, 'delay', NS_DELAY) && attr(element, 'from') === domain;
  const note = el('delay', { xmlns: NS_DELAY, from: domain, stamp: dateTime(clock.now()) });
  return message.copy({ payload: message.payload.without(isForged).with(note) });
}

/** Sends messages to a session, as fast as its client reads; returns how many were sent when the time is up. */
async function handOver(
  host: FeatureHost,
  session: Session,
  entries: readonly JournalEntry<string>[],
  until: number,
): Promise<number> {
  // Half of the outbox is left to everything else that is sent to the client.
  const isBehind = (): boolean =>
    (session.link?.bufferedBytes ?? 0) > host.settings.current.limits.queue.outboxBytes / 2;
  for (const [sent, { value }] of entries.entries()) {
    while (isBehind()) {
      if (host.clock.monotonic() >= until) return sent;
      await sleep(host.clock, POLL_MS);
    }
    host.deliver(session, parseStanza(parseElement(value), undefined));
  }
  return entries.length;
}
