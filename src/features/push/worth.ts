import type { JID } from '../../jid.ts';
import { is, type Message } from '../../stanza.ts';
import { attr, child, type Element } from '../../xml/element.ts';
import { isStorable } from '../shared/storable.ts';

const NS_CALL = 'urn:xmpp:jingle-message:0';
const NS_CARBONS = 'urn:xmpp:carbons:2';
const NS_HINTS = 'urn:xmpp:hints';
const NS_PUBSUB = 'http://jabber.org/protocol/pubsub';

/** What tells a client something that it need not wake up for: who has received and read what, what has changed. */
const NS_QUIET: ReadonlySet<string | undefined> = new Set([
  'http://jabber.org/protocol/chatstates',
  'http://jabber.org/protocol/pubsub#event',
  NS_HINTS,
  'urn:xmpp:chat-markers:0',
  'urn:xmpp:receipts',
  'urn:xmpp:sid:0',
]);

/**
 * Whether a message that arrives for an account is worth waking its clients for: it is one to keep, there is something in it
 * for a person, and the account has not sent it itself. In a room that is what somebody has said.
 */
export function isWorthWaking(message: Message, account: JID): boolean {
  const { from, type, payload } = message;
  if (from?.bare().equals(account) === true) return false;
  if (type === 'groupchat') return payload.child('body') !== undefined && !hasHint(message, 'no-store');
  if (type === 'headline') return false;
  return isStorable(message, 'until-delivered') && payload.elements.some(isForPeople);
}

/** Whether somebody calls: clients ring. XEP-0353 §3.1. */
export function isCall({ payload }: Message): boolean {
  return payload.child('propose', NS_CALL) !== undefined;
}

/**
 * Whether a message is the business of the addressed resource only: what is said in a room that this resource is in, and
 * what is not to be copied to others. XEP-0280 §9, XEP-0334 §4.
 */
export function isForOneResource(message: Message): boolean {
  const { to, type, payload } = message;
  if (to === undefined || to.isBare) return false;
  return type === 'groupchat' || hasHint(message, 'no-copy') || payload.child('private', NS_CARBONS) !== undefined;
}

/** The node for which an app server tells an account that it takes nothing any more; else undefined. XEP-0357 §8. */
export function refusedNode({ payload }: Message, account: JID): string | undefined {
  const pubsub = payload.child('pubsub', NS_PUBSUB);
  const affiliation = pubsub && child(pubsub, 'affiliation');
  if (pubsub === undefined || affiliation === undefined) return undefined;
  const isOurs = attr(affiliation, 'jid') === account.toString() && attr(affiliation, 'affiliation') === 'none';
  return isOurs ? (attr(pubsub, 'node') ?? '') : undefined;
}

function isForPeople(element: Element): boolean {
  const ns = attr(element, 'xmlns');
  if (ns === undefined) return element.name !== 'thread';
  return ns === NS_CALL ? is(element, 'propose', NS_CALL) : !NS_QUIET.has(ns);
}

function hasHint({ payload }: Message, name: string): boolean {
  return payload.child(name, NS_HINTS) !== undefined;
}
