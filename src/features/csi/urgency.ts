import { type AnyStanza, is, type Presence } from '../../stanza.ts';
import { attr, child, children, type Element, elements } from '../../xml/element.ts';
import { NS_CLIENT } from '../../xml/ns.ts';

const NS_CARBONS = 'urn:xmpp:carbons:2';
const NS_FORWARD = 'urn:xmpp:forward:0';
const NS_RECEIPTS = 'urn:xmpp:receipts';
const NS_CHAT_MARKERS = 'urn:xmpp:chat-markers:0';
const NS_MUC_USER = 'http://jabber.org/protocol/muc#user';

/** What says something about a conversation or a contact and calls for nobody's attention. */
const NS_MINOR: ReadonlySet<string> = new Set([
  'http://jabber.org/protocol/chatstates',
  'http://jabber.org/protocol/pubsub#event',
  'http://jabber.org/protocol/shim',
  'urn:xmpp:delay',
  'urn:xmpp:hints',
  'urn:xmpp:occupant-id:0',
  'urn:xmpp:sid:0',
]);

/**
 * Whether a stanza can wait until somebody looks at the client again. What is not known to be of that kind cannot: a message
 * with a body, encrypted, a call, whatever is an answer. XEP-0352 §3.2.
 */
export function canWait(stanza: AnyStanza, holdGroupchat: boolean): boolean {
  switch (stanza.kind) {
    case 'iq':
      return false;
    case 'presence':
      return (stanza.type === 'available' || stanza.type === 'unavailable') && !isOwnOccupant(stanza);
    case 'message':
      if (stanza.type === 'groupchat' && holdGroupchat) return true;
      return stanza.type !== 'error' && stanza.payload.elements.every(isMinorOrCopy);
  }
}

/** Of the presence of one resource, only the last is of use. */
export function subjectOf(stanza: AnyStanza): string | undefined {
  return stanza.kind === 'presence' ? stanza.from?.toString() : undefined;
}

// Tells the client that it has entered a room, or was made to leave it. XEP-0045 §7.2.2.
function isOwnOccupant({ payload }: Presence): boolean {
  const user = payload.child('x', NS_MUC_USER);
  return user !== undefined && children(user, 'status').some((status) => attr(status, 'code') === '110');
}

function isMinorOrCopy(element: Element): boolean {
  const copied = copiedMessage(element);
  if (copied === undefined) return isMinor(element);
  return attr(copied, 'type') !== 'error' && elements(copied).every(isMinor);
}

function isMinor(element: Element): boolean {
  const ns = attr(element, 'xmlns');
  if (ns === undefined) return element.name === 'thread';
  // What asks for an answer is part of a message, and the answers can wait.
  if (ns === NS_RECEIPTS) return element.name === 'received';
  if (ns === NS_CHAT_MARKERS) return element.name !== 'markable';
  return NS_MINOR.has(ns);
}

/** The message in a carbon copy. XEP-0280 §7, §8. */
function copiedMessage(element: Element): Element | undefined {
  if (!is(element, 'received', NS_CARBONS) && !is(element, 'sent', NS_CARBONS)) return undefined;
  const forwarded = child(element, 'forwarded', NS_FORWARD);
  return forwarded && child(forwarded, 'message', NS_CLIENT);
}
