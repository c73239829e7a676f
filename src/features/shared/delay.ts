import { type AnyStanza, is, type Message } from '../../stanza.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import { dateTime } from './date-time.ts';

const NS = 'urn:xmpp:delay';

/**
 * The message with a note in the name of `domain` of when we received it, in milliseconds since the epoch. A note in our name
 * that came with it is forged. XEP-0203 §5.
 */
export function delayed(message: Message, domain: string, at: number): Message {
  const isForged = (element: Element): boolean => isNote(element, domain);
  const note = el('delay', { xmlns: NS, from: domain, stamp: dateTime(at) });
  return message.copy({ payload: message.payload.without(isForged).with(note) });
}

/** When a message came that we have marked as delayed, in milliseconds since the epoch; undefined when we have not. */
export function delayedSince(message: AnyStanza, domain: string): number | undefined {
  const note = message.payload.elements.find((element) => isNote(element, domain));
  const at = Date.parse((note && attr(note, 'stamp')) ?? '');
  return Number.isNaN(at) ? undefined : at;
}

function isNote(element: Element, domain: string): boolean {
  return is(element, 'delay', NS) && attr(element, 'from') === domain;
}
