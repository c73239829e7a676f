import { is, type Message } from '../../stanza.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import { dateTime } from './date-time.ts';

const NS = 'urn:xmpp:delay';

/**
 * The message with a note in the name of `domain` of when we received it, in milliseconds since the epoch. A note in our name
 * that came with it is forged. XEP-0203 §5.
 */
export function delayed(message: Message, domain: string, at: number): Message {
  const isForged = (element: Element): boolean => is(element, 'delay', NS) && attr(element, 'from') === domain;
  const note = el('delay', { xmlns: NS, from: domain, stamp: dateTime(at) });
  return message.copy({ payload: message.payload.without(isForged).with(note) });
}
