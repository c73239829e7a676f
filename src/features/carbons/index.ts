import type { Account } from '../../core/account.ts';
import type { Feature } from '../../core/feature.ts';
import { accountDelivers, accountReceives, accountSends, CONSUMED, type Passage } from '../../core/points.ts';
import type { Session } from '../../core/session.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type { Message } from '../../stanza.ts';
import { child } from '../../xml/element.ts';
import { carbonCopy, type Direction, isWrapper, NS_CARBONS } from './copy.ts';
import { forbidsCopies, isEligible } from './eligible.ts';
import { RecentMessages } from './recent.ts';

/** Says that exactly the rules of §6.1 are followed. */
const NS_RULES = 'urn:xmpp:carbons:rules:0';

/** Shows all devices of an account both sides of its conversations. XEP-0280. */
export const carbons: Feature = {
  name: 'carbons',
  specs: [
    { xep: 280, version: '1.0.1' },
    { xep: 297, version: '1.0', note: 'in carbons' },
  ],
  setup(host) {
    const isEnabled = host.sessionSlot(() => false, {
      name: 'carbons',
      save: (enabled) => enabled || undefined,
      restore: (json) => json === true,
    });
    // Made when the first message of a conversation is copied.
    const recent = host.accountSlot<RecentMessages | undefined>(() => undefined);

    for (const on of ['host', 'account'] as const) {
      for (const feature of [NS_CARBONS, NS_RULES]) host.advertise({ feature }, on);
    }
    for (const [name, enabled] of [
      ['enable', true],
      ['disable', false],
    ] as const) {
      const route = { type: 'set', ns: NS_CARBONS, name, hidden: true } as const;
      host.handle({ ...route, to: 'self' }, ({ session }) => isEnabled.set(session, enabled));
      // Strangers are answered as if there were no account.
      host.handle({ ...route, to: 'account' }, () => {
        throw new StanzaError('not-allowed', { text: 'this is for the clients of the account' });
      });
    }
    host.inline({
      name: NS_CARBONS,
      bound({ session, request }) {
        if (child(request, 'enable', NS_CARBONS) !== undefined) isEnabled.set(session, true);
        return undefined;
      },
    });

    host.filter(accountSends, (sending) => {
      const { stanza, account, session } = sending;
      if (stanza.kind !== 'message' || !isCopied(account)) return;
      // What the account sends to itself is copied when it receives it.
      if (stanza.to === undefined || isOf(account, stanza.to)) return;
      if (!isConversation(account, stanza, stanza.to, false)) return;
      copy(sending, 'sent', session, NONE);
    });

    // A copy does not come this way: whoever sends one wants to put words into others' mouths. §11.
    host.filter(accountReceives, ({ stanza }) => {
      if (stanza.kind !== 'message' || !stanza.payload.elements.some(isWrapper)) return;
      if (stanza.type === 'error') return CONSUMED;
      return new StanzaError('not-acceptable', { text: 'only the own server may send carbon copies' });
    });

    host.filter(accountDelivers, (delivering) => {
      const { stanza, account, recipients, since } = delivering;
      // When it comes once more, whoever was to have a copy has it.
      if (stanza.kind !== 'message' || since !== undefined || !isCopied(account)) return;
      const { from } = stanza;
      if (from === undefined || !isConversation(account, stanza, from, true)) return;
      copy(delivering, 'received', isOf(account, from) ? account.sessions.get(from.resource) : undefined, recipients);
    });

    function isCopied({ sessions }: Account): boolean {
      if (sessions.size < 2) return false;
      for (const session of sessions.values()) if (isEnabled.of(session)) return true;
      return false;
    }

    function isConversation(account: Account, message: Message, peer: JID, isReceived: boolean): boolean {
      const { type, id, payload } = message;
      if (type === 'error') {
        return id !== undefined && recent.of(account)?.has(id, peer) === true && !payload.elements.some(forbidsCopies);
      }
      if (!isEligible(message, isReceived)) return false;
      if (id !== undefined) remember(account, id, peer);
      return true;
    }

    function remember(account: Account, id: string, peer: JID): void {
      const messages = recent.of(account) ?? new RecentMessages();
      recent.set(account, messages);
      messages.add(id, peer);
    }

    /** Sends copies to the sessions that want them and have not sent or received the message itself. */
    function copy(
      passage: Passage,
      direction: Direction,
      sender: Session | undefined,
      recipients: readonly Session[],
    ): void {
      const { account } = passage;
      let made: Message | undefined;
      for (const session of account.sessions.values()) {
        if (!isEnabled.of(session) || session === sender || recipients.includes(session)) continue;
        const seen = passage.ownView();
        if (seen.kind !== 'message') return;
        made ??= carbonCopy(direction, seen, account.jid);
        passage.deliver(session, made.addressed(session.jid));
      }
    }
  },
};

const NONE: readonly Session[] = [];

function isOf({ jid }: Account, { local, domain }: JID): boolean {
  return jid.local === local && jid.domain === domain;
}
