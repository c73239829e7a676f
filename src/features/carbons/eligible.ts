import { is, type Message } from '../../stanza.ts';
import { attr, child, type Element } from '../../xml/element.ts';
import { NS_CARBONS } from './copy.ts';

const NS_HINTS = 'urn:xmpp:hints';
const NS_RECEIPTS = 'urn:xmpp:receipts';
const NS_CHAT_STATES = 'http://jabber.org/protocol/chatstates';
const NS_CHAT_MARKERS = 'urn:xmpp:chat-markers:0';
const NS_CONFERENCE = 'jabber:x:conference';
const NS_MUC_USER = 'http://jabber.org/protocol/muc#user';

/**
 * Whether a message belongs to a conversation that all devices of an account are to see, as one that the account receives or
 * as one that it sends. Errors are eligible when what they answer was, which cannot be seen from them. XEP-0280 §6.1.
 */
export function isEligible({ type, from, payload }: Message, isReceived: boolean): boolean {
  if (type === 'groupchat' || type === 'error') return false;
  let isConversation = type === 'chat';
  for (const element of payload.elements) {
    if (forbidsCopies(element)) return false;
    // A room sends what its occupants write to each other to all clients that are in it.
    if (is(element, 'x', NS_MUC_USER) && !isInvitation(element) && isReceived && from?.isBare === false) return false;
    isConversation ||= suggestsConversation(element, type);
  }
  return isConversation;
}

/** Whether an element keeps a message from being copied: its sender says so, or it is a copy itself. §9, XEP-0334 §4.3. */
export function forbidsCopies(element: Element): boolean {
  const ns = attr(element, 'xmlns');
  return ns === NS_CARBONS || (ns === NS_HINTS && element.name === 'no-copy');
}

function suggestsConversation(element: Element, type: Message['type']): boolean {
  switch (attr(element, 'xmlns')) {
    case undefined:
      return element.name === 'body' && type === 'normal';
    case NS_RECEIPTS:
    case NS_CHAT_STATES:
    case NS_CHAT_MARKERS:
      return true;
    case NS_CONFERENCE:
    case NS_MUC_USER:
      return isInvitation(element);
    default:
      return false;
  }
}

/** An invitation into a room, by a user (XEP-0249) or by way of the room (XEP-0045 §7.8.2). */
function isInvitation(element: Element): boolean {
  return is(element, 'x', NS_CONFERENCE) || (is(element, 'x', NS_MUC_USER) && child(element, 'invite') !== undefined);
}
