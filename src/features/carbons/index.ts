import type { Account } from '../../core/account.ts';
import { copies } from '../../core/copies.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { accountDelivers, accountReceives, accountSends, CONSUMED } from '../../core/points.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { child } from '../../xml/element.ts';
import { Conversations } from './conversations.ts';
import { carbonCopy, isWrapper, NS_CARBONS, originalOf } from './copy.ts';

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
    const conversations = new Conversations(host);
    takeRequests(host, isEnabled);
    host.provide(copies, { originalOf });

    host.filter(accountSends, (sending) => {
      const { stanza, account, session } = sending;
      if (stanza.kind !== 'message' || !isAnyEnabled(account, isEnabled)) return;
      // What the account sends to itself is copied when it receives it.
      if (stanza.to === undefined || isOf(account, stanza.to)) return;
      if (!conversations.include(account, stanza, stanza.to, false)) return;
      const others = othersOf(account, isEnabled, session, NONE);
      const seen = sending.ownView();
      if (others.length === 0 || seen.kind !== 'message') return;
      const copy = carbonCopy('sent', seen, account.jid);
      for (const other of others) sending.deliver(other, copy.addressed(other.jid));
    });

    // A copy does not come this way: whoever sends one wants to put words into others' mouths. §11.
    host.filter(accountReceives, ({ stanza }) => {
      if (stanza.kind !== 'message' || !stanza.payload.mayMention(NS_CARBONS)) return;
      if (!stanza.payload.elements.some(isWrapper)) return;
      if (stanza.type === 'error') return CONSUMED;
      return new StanzaError('not-acceptable', { text: 'only the own server may send carbon copies' });
    });

    host.filter(accountDelivers, (delivering) => {
      const { stanza, account, recipients, since } = delivering;
      // When it comes once more, those that were to have a copy have had it.
      if (stanza.kind !== 'message' || since !== undefined || !isAnyEnabled(account, isEnabled)) return;
      const { from } = stanza;
      if (from === undefined || !conversations.include(account, stanza, from, true)) return;
      const sender = isOf(account, from) ? account.sessions.get(from.resource) : undefined;
      const others = othersOf(account, isEnabled, sender, recipients);
      const seen = delivering.ownView();
      if (others.length === 0 || seen.kind !== 'message') return;
      const copy = carbonCopy('received', seen, account.jid);
      for (const other of others) delivering.copy(other, copy.addressed(other.jid));
    });
  },
};

/** Lets clients enable and disable carbons, the former also along with the login. §4, §5, XEP-0386 §4. */
function takeRequests(host: FeatureHost, isEnabled: Slot<Session, boolean>): void {
  for (const on of ['host', 'account'] as const) {
    for (const feature of [NS_CARBONS, NS_RULES]) host.advertise({ feature }, on);
  }
  for (const [name, enabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    const route = { type: 'set', ns: NS_CARBONS, name, hidden: true } as const;
    host.handle({ ...route, to: 'self', permission: 'communicate' }, ({ session }) => isEnabled.set(session, enabled));
    // Strangers are answered as if there were no account.
    host.handle({ ...route, to: 'account' }, () => {
      throw new StanzaError('not-allowed', { text: 'this is for the clients of the account' });
    });
  }
  host.inline({
    name: NS_CARBONS,
    permission: 'communicate',
    bound({ session, request }) {
      if (child(request, 'enable', NS_CARBONS) !== undefined) isEnabled.set(session, true);
      return undefined;
    },
  });
}

/** Whether there may be anything to copy. Most accounts have one session, and this is asked for every message. */
function isAnyEnabled({ sessions }: Account, isEnabled: Slot<Session, boolean>): boolean {
  if (sessions.size < 2) return false;
  for (const session of sessions.values()) if (isEnabled.of(session)) return true;
  return false;
}

/** The sessions that want copies and have not sent or received the message itself. */
function othersOf(
  { sessions }: Account,
  isEnabled: Slot<Session, boolean>,
  sender: Session | undefined,
  recipients: readonly Session[],
): readonly Session[] {
  let others: Session[] | undefined;
  for (const session of sessions.values()) {
    if (!isEnabled.of(session) || session === sender || recipients.includes(session)) continue;
    others ??= [];
    others.push(session);
  }
  return others ?? NONE;
}

const NONE: readonly Session[] = [];

function isOf({ jid }: Account, { local, domain }: JID): boolean {
  return jid.local === local && jid.domain === domain;
}
