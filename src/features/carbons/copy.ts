import type { JID } from '../../jid.ts';
import { is, type Message, message as makeMessage, Payload, parseStanza } from '../../stanza.ts';
import { child, type Element, makeElement } from '../../xml/element.ts';
import { NS_CLIENT } from '../../xml/ns.ts';

/** XEP-0280. */
export const NS_CARBONS = 'urn:xmpp:carbons:2';
const NS_FORWARD = 'urn:xmpp:forward:0';

/** Whether the account that a message is copied for has sent or received it. */
export type Direction = 'sent' | 'received';

/**
 * A copy of a message in the name of an account, to be addressed to one of its sessions. What is inside is the text of the
 * message, which is there already. XEP-0280 §7, §8, XEP-0297 §3.
 */
export function carbonCopy(direction: Direction, message: Message, account: JID): Message {
  const forwarded = `<message xmlns="${NS_CLIENT}"${message.toString().slice('<message'.length)}`;
  const payload = Payload.fromText(
    `<${direction} xmlns="${NS_CARBONS}"><forwarded xmlns="${NS_FORWARD}">${forwarded}</forwarded></${direction}>`,
  );
  return makeMessage({ type: message.type, from: account, payload });
}

/** The message that this one is a copy of, if we have made it. */
export function originalOf({ from, to, payload }: Message): Message | undefined {
  const wrapper = payload.elements.find(isWrapper);
  if (wrapper === undefined || from?.isBare !== true || to?.bare().equals(from) !== true) return undefined;
  const forwarded = child(wrapper, 'forwarded', NS_FORWARD);
  const element = forwarded && child(forwarded, 'message', NS_CLIENT);
  if (element === undefined) return undefined;
  const { xmlns: _, ...attributes } = element.attrs;
  const original = parseStanza(makeElement(element.name, attributes, element.children), undefined);
  return original.kind === 'message' ? original : undefined;
}

/** Whether an element says of a message that it is a copy. */
export function isWrapper(element: Element): boolean {
  return is(element, 'received', NS_CARBONS) || is(element, 'sent', NS_CARBONS);
}
