import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { PortablePart, Tally } from '../../core/portable.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { is, type Message, parseStanza } from '../../stanza.ts';
import type { EntryId } from '../../store/store.ts';
import type { Element } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import type { Mailboxes } from './mailboxes.ts';

const PAGE = 50;

/** The messages that wait for an account, the oldest first. XEP-0227 §4.5. */
export function portableMailbox(
  host: FeatureHost,
  mailboxes: Mailboxes,
  filled: (account: Account) => void,
): PortablePart {
  // What waits already, of the accounts that are being taken up: a second time, it is the same messages that come.
  const waiting = new WeakMap<Tally, Promise<Set<string>>>();

  return {
    name: 'messages that wait',
    container: { name: 'offline-messages', ns: 'urn:xmpp:pie:0' },
    async *export(account) {
      for await (const message of messagesOf(mailboxes, account)) yield parseElement(message);
    },
    async import(jid, element, tally) {
      if (!is(element, 'message')) return false;
      const known = waiting.get(tally) ?? textsOf(mailboxes, jid);
      waiting.set(tally, known);
      const text = messageOf(jid, element).toString();
      const present = await known;
      if (present.has(text)) tally.had();
      else {
        present.add(text);
        await take(jid, text, tally);
      }
      return true;
    },
  };

  async function take(jid: JID, text: string, tally: Tally): Promise<void> {
    const { account: limits } = host.settings.current.limits;
    const add = () => mailboxes.add(jid, text, limits);
    const account = host.account(jid.local);
    try {
      await (account === undefined ? add() : account.exclusively(() => add().then(() => filled(account))));
      tally.took();
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      tally.skipped('a message', `no more than ${limits.offlineMessages} wait, of ${limits.offlineBytes} bytes`);
    }
  }
}

async function* messagesOf(mailboxes: Mailboxes, account: JID): AsyncIterable<string> {
  for (let after: EntryId | undefined; ; ) {
    const { entries, complete } = await mailboxes.read(account, PAGE, after);
    for (const { value } of entries) yield value;
    after = entries.at(-1)?.id;
    if (complete) return;
  }
}

async function textsOf(mailboxes: Mailboxes, account: JID): Promise<Set<string>> {
  const texts = new Set<string>();
  for await (const text of messagesOf(mailboxes, account)) texts.add(text);
  return texts;
}

// It is to this account, whatever the old one was called.
function messageOf(jid: JID, element: Element): Message {
  const message = parseStanza(element, undefined);
  if (message.kind !== 'message') throw new StanzaError('bad-request');
  return message.to?.bare().equals(jid) === true ? message : message.copy({ to: jid });
}
