import type { JID } from '../../jid.ts';
import { type Message, Payload, parseStanza } from '../../stanza.ts';
import { timeOfEntry } from '../../store/entry-ids.ts';
import type { EntryId } from '../../store/store.ts';
import { attr, el, escapeAttribute } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import { dateTime } from '../shared/date-time.ts';
import type { Archive, ArchivedMessage, Slice } from './archive.ts';
import { headOf } from './stored-stanza.ts';

/** The namespace of retractions. XEP-0424. */
export const NS_RETRACT = 'urn:xmpp:message-retract:1';
const PAGE = 100;
/** How far back in a conversation a message is looked for, in messages. */
const MAX_LOOKED_AT = 10_000;
/** So many messages of one archive are looked at in a minute; who retracts more is looked after in the last page only. */
const LOOKED_AT_A_MINUTE = 30_000;
const MINUTE_MS = 60_000;

/** Which message a message retracts, by the identifier that its sender gave it; undefined when none. */
export function retractedBy(message: Message): string | undefined {
  const retract = message.payload.child('retract', NS_RETRACT);
  return retract && attr(retract, 'id');
}

/** Puts tombstones in the place of retracted messages. XEP-0424 §4, §5. */
export class Tombstones {
  readonly #looked = new WeakMap<Archive, { readonly minute: number; messages: number }>();

  /**
   * Replaces the message that a retraction means, which is archived as `retractionId`: the last one of that identifier before it in
   * the conversation, if it is from the same bare JID; resolves when durable.
   */
  async bury(archive: Archive, peer: JID, retraction: Message, retractionId: EntryId): Promise<void> {
    const id = retractedBy(retraction);
    const author = retraction.from?.bare();
    // A tombstone has to tell which message the retraction is.
    if (id === undefined || author === undefined || retraction.id === undefined) return;
    const at = timeOfEntry(retractionId);
    const isIt = ({ xml }: ArchivedMessage): boolean => {
      const head = headOf(xml);
      return head.id === escapeAttribute(id) && isOf(head.from, author);
    };
    let before: EntryId | undefined = retractionId;
    for (let looked = 0; looked < MAX_LOOKED_AT; looked += PAGE) {
      if (looked > 0 && !this.#mayLook(archive, at)) return;
      const range = { after: undefined, before };
      const page = { limit: PAGE, reverse: true };
      const { messages, complete }: Slice = await archive.readConversation(peer.toString(), range, page);
      const found = messages.find(isIt);
      if (found !== undefined) return archive.replace(found, tombstone(found.xml, retraction, at));
      before = messages.at(-1)?.id;
      if (complete) return;
    }
  }

  #mayLook(archive: Archive, at: number): boolean {
    const minute = Math.floor(at / MINUTE_MS);
    let looked = this.#looked.get(archive);
    if (looked?.minute !== minute) {
      looked = { minute, messages: 0 };
      this.#looked.set(archive, looked);
    }
    looked.messages += PAGE;
    return looked.messages <= LOOKED_AT_A_MINUTE;
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
