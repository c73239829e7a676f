import type { JID } from '../../jid.ts';
import { type Message, Payload, parseStanza } from '../../stanza.ts';
import { attr, el, escapeAttribute } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import { dateTime } from '../shared/date-time.ts';
import type { Archive, ArchivedMessage } from './archive.ts';
import { headOf } from './stored-stanza.ts';

/** The namespace of retractions. XEP-0424. */
export const NS_RETRACT = 'urn:xmpp:message-retract:1';
const PAGE = 100;
/** How far back in a conversation a message is looked for, in messages. */
const MAX_LOOKED_AT = 10_000;

/** Which message a message retracts, by the identifier that its sender gave it; undefined when none. */
export function retractedBy(message: Message): string | undefined {
  const retract = message.payload.child('retract', NS_RETRACT);
  return retract && attr(retract, 'id');
}

/**
 * Replaces the last message of that identifier in a conversation by a tombstone, if it is from the same bare JID as the
 * retraction; resolves when durable. XEP-0424 §4, §5.
 */
export async function bury(archive: Archive, peer: JID, id: string, retraction: Message, at: number): Promise<void> {
  const author = retraction.from?.bare();
  if (author === undefined) return;
  const isIt = ({ xml }: ArchivedMessage): boolean => {
    const head = headOf(xml);
    return head.id === escapeAttribute(id) && isOf(head.from, author);
  };
  let before: string | undefined;
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += PAGE) {
    const range = { after: undefined, before };
    const { messages, complete } = await archive.readConversation(peer.toString(), range, {
      limit: PAGE,
      reverse: true,
    });
    const found = messages.find(isIt);
    if (found !== undefined) return archive.replace(found, tombstone(found.xml, retraction, at));
    before = messages.at(-1)?.id;
    if (complete) return;
  }
}

function isOf(from: string | undefined, { markup }: JID): boolean {
  return from === markup || from?.startsWith(`${markup}/`) === true;
}

function tombstone(xml: string, retraction: Message, at: number): string {
  const retracted = el('retracted', { xmlns: NS_RETRACT, id: retraction.id, stamp: dateTime(at) });
  return parseStanza(parseElement(xml), undefined)
    .copy({ payload: new Payload([retracted]) })
    .toString();
}
