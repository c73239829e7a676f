import { JID, JidError } from '../../jid.ts';
import { type AnyStanza, is, type Message } from '../../stanza.ts';
import { attr, type Element } from '../../xml/element.ts';

/** The namespace of identifiers that are given on the way. XEP-0359. */
export const NS_SID = 'urn:xmpp:sid:0';

/** The same message without what pretends to be an identifier given by this address; this very message when there is none. §3. */
export function withoutStanzaId(message: Message, by: JID): Message {
  const { payload } = message;
  const cleaned = payload.without((element) => isStanzaId(element, by));
  return cleaned === payload ? message : message.copy({ payload: cleaned });
}

/** The identifier that this address gave a stanza, where {@link withoutStanzaId} has seen to it that no other is taken for it. */
export function stanzaIdOf({ payload }: AnyStanza, by: JID): string | undefined {
  const mark = payload.elements.find((element) => isStanzaId(element, by));
  return mark && attr(mark, 'id');
}

/** Whether an element is an identifier that this address gave, or pretends to be. */
export function isStanzaId(element: Element, by: JID): boolean {
  if (!is(element, 'stanza-id', NS_SID)) return false;
  const assigner = attr(element, 'by') ?? '';
  return assigner === by.toString() || isWrittenAs(assigner, by);
}

// Whoever reads it may normalise the address. XEP-0359 §3.
function isWrittenAs(text: string, address: JID): boolean {
  try {
    return JID.parse(text).equals(address);
  } catch (error) {
    if (error instanceof JidError) return false;
    throw error;
  }
}
