import type { Account } from '../../core/account.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { Fork } from '../../core/fork.ts';
import { accountDelivers, accountRemoved, CONSUMED, presenceChanged, sessionResumed } from '../../core/points.ts';
import type { Session } from '../../core/session.ts';
import { StanzaError } from '../../errors.ts';
import { type Message, parseStanza } from '../../stanza.ts';
import type { JournalEntry } from '../../store/store.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import { sleep } from '../../util/clock.ts';
import { parseElement } from '../../xml/parser.ts';
import { messageArchives } from '../mam/api.ts';
import { delayed, delayedSince } from '../shared/delay.ts';
import { hasContent, isStorable } from '../shared/storable.ts';
import { EXTENTS, Mailboxes, MESSAGES } from './mailboxes.ts';
import { portableMailbox } from './portable.ts';

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
      const { account, recipients, isKept } = passage;
      if (recipients.length > 0) return;
      const message = passage.ownView();
      if (message.kind !== 'message') return;
      // A chat state that comes too late is nobody's loss; an error would tell strangers who is away.
      if (!isStorable(message, 'until-delivered')) return hasContent(message) ? undefined : CONSUMED;
      const { account: limits } = host.settings.current.limits;
      const stored = mailboxes.add(
        account.jid,
        delayed(message, host.domain, passage.since ?? host.clock.now()).toString(),
        limits,
      );
      isEmpty.set(account, false);
      passage.waitUntil(isKept ? stored.catch(ignoreFull) : stored);
      return CONSUMED;
    });

    host.observe(presenceChanged, ({ account, session }) => handOut(account, session));
    host.observe(sessionResumed, ({ account, session }) => handOut(account, session));

    function handOut(account: Account, session: Session): Awaitable<void> {
      if (!isReady(session) || isEmpty.of(account)) return;
      return account.exclusively(() => deliver(account, session));
    }

    const filled = (account: Account): void => isEmpty.set(account, false);
    host.portable(portableMailbox(host, mailboxes, filled));
    host.observe(accountRemoved, ({ jid }) => mailboxes.clear(jid));

    async function deliver(account: Account, session: Session): Promise<void> {
      const archives = host.find(messageArchives);
      // Who reads the archive has found there what is in it, or will: nobody is to see a message twice. XEP-0313 §6.1.1.
      const isReader = (await archives?.isReader(session)) === true;
      const isKnown = async (message: Message): Promise<boolean> =>
        isReader && (await archives?.holds(account.jid, message)) === true;
      const until = host.clock.monotonic() + DELIVERY_MS;
      while (isReady(session) && !isEmpty.of(account)) {
        const { entries, complete } = await mailboxes.read(account.jid, PAGE);
        const sent = await handOver(host, session, entries, isKnown, until);
        // A session that is gone may not have read what it was handed, unless it keeps what is not acknowledged.
        if (session.link === undefined && session.management === undefined) return;
        const isLast = complete && sent === entries.length;
        await mailboxes.remove(account.jid, entries.slice(0, sent), isLast);
        if (isLast) isEmpty.set(account, true);
        else if (sent < entries.length) return;
      }
    }
  },
};

// The account finds in its archive what its mailbox has no room for. XEP-0313 §6.
function ignoreFull(error: unknown): void {
  if (!(error instanceof StanzaError)) throw error;
}

function isReady(session: Session): boolean {
  return session.isAvailable && session.priority >= 0 && session.link !== undefined;
}

/**
 * Sends messages to a session, as fast as its client reads, without those that it knows; returns with how many of them all this
 * is done when the time is up.
 */
async function handOver(
  host: FeatureHost,
  session: Session,
  entries: readonly JournalEntry<string>[],
  isKnown: (message: Message) => Promise<boolean>,
  until: number,
): Promise<number> {
  // Half of the outbox is left to everything else that is sent to the client.
  const isBehind = (): boolean => {
    const { outboxBytes, outboxStanzas } = host.settings.current.limits.queue;
    const bytes = (session.link?.bufferedBytes ?? 0) + (session.outbox?.bytes ?? 0);
    return bytes > outboxBytes / 2 || (session.outbox?.length ?? 0) >= outboxStanzas / 2;
  };
  for (const [sent, { value }] of entries.entries()) {
    while (isBehind()) {
      if (session.link === undefined || host.clock.monotonic() >= until) return sent;
      await sleep(host.clock, POLL_MS);
    }
    const message = parseStanza(parseElement(value), undefined);
    if (message.kind !== 'message' || (await isKnown(message))) continue;
    // What is handed to a session after its end is lost.
    if (session.hasEnded) return sent;
    // Of a session that acknowledges nothing, what it may not have had stays in the mailbox.
    const fork = session.management && new Fork(1, delayedSince(message, host.domain));
    host.deliver(session, message, fork);
  }
  return entries.length;
}
