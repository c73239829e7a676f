import { NS_CLIENT } from '../../xml/ns.ts';

// How Stanza.toString begins a message: attribute values hold no quotation marks.
const HEAD = /^<message(?: from="([^"]*)")?(?: to="([^"]*)")?(?: id="([^"]*)")?/;

/** What a stored message says about itself, as markup. */
export interface StoredHead {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly id: string | undefined;
}

/** Reads the head of a stored message without parsing all of it. */
export function headOf(xml: string): StoredHead {
  const [, from, to, id] = HEAD.exec(xml) ?? [];
  return { from, to, id };
}

/** The same message where the namespace is not that of a client's stream: inside `<forwarded/>`. XEP-0297 §3. */
export function standalone(xml: string): string {
  return xml.replace(/^<message/, `<message xmlns="${NS_CLIENT}"`);
}
