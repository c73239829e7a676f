import type { Message } from '../../stanza.ts';
import { attr, type Element } from '../../xml/element.ts';

const NS_HINTS = 'urn:xmpp:hints';

/** What says something about a message or a conversation and is no message by itself: chat states, hints, identifiers. */
const NS_WITHOUT_CONTENT: ReadonlySet<string | undefined> = new Set([
  'http://jabber.org/protocol/chatstates',
  NS_HINTS,
  'urn:xmpp:sid:0',
]);

/** For how long a message would be kept: until the recipient has it, or for good. */
export type Keeping = 'until-delivered' | 'for-good';

/**
 * Whether a message is one to keep: what its sender hints (XEP-0334 §4), otherwise what its type and content suggest
 * (XEP-0160 §3).
 */
export function isStorable(message: Message, keeping: Keeping): boolean {
  const { type, payload } = message;
  // An error may carry the hints of the message that it answers: they are ignored. XEP-0334 §5.
  if (type === 'error') return false;
  if (payload.child('no-store', NS_HINTS) !== undefined) return false;
  if (keeping === 'for-good' && payload.child('no-permanent-store', NS_HINTS) !== undefined) return false;
  if (payload.child('store', NS_HINTS) !== undefined) return true;
  return (type === 'normal' || type === 'chat') && hasContent(message);
}

/** Whether there is more in a message than a chat state and the like. XEP-0085 §5.6. */
export function hasContent(message: Message): boolean {
  return message.payload.elements.some((element) => !isWithoutContent(element));
}

function isWithoutContent(element: Element): boolean {
  const ns = attr(element, 'xmlns');
  return ns === undefined ? element.name === 'thread' : NS_WITHOUT_CONTENT.has(ns);
}
