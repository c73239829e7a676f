import type { JID } from '../../jid.ts';
import { type Message, message, Payload } from '../../stanza.ts';
import { timeOfEntry } from '../../store/entry-ids.ts';
import { type Element, el, escapeAttribute } from '../../xml/element.ts';
import { dateTime } from '../shared/date-time.ts';
import { pageSet } from '../shared/rsm.ts';
import type { ArchivedMessage } from './archive.ts';
import { NS_MAM, type Query } from './query.ts';
import type { Found } from './search.ts';
import { standalone } from './stored-stanza.ts';

const NS_FORWARD = 'urn:xmpp:forward:0';
const NS_DELAY = 'urn:xmpp:delay';

/** A result of a query on its way to the session that asked: written, not built, for there are many. XEP-0313 §4.2. */
export function resultMessage(archive: JID, to: JID, { queryId }: Query, { id, xml }: ArchivedMessage): Message {
  const query = queryId === undefined ? '' : ` queryid="${escapeAttribute(queryId)}"`;
  const content =
    `<result xmlns="${NS_MAM}"${query} id="${id}"><forwarded xmlns="${NS_FORWARD}">` +
    `<delay xmlns="${NS_DELAY}" stamp="${dateTime(timeOfEntry(id))}"/>${standalone(xml)}</forwarded></result>`;
  return message({ type: 'normal', from: archive, to, payload: Payload.fromText(content) });
}

/** What ends the results of a query. XEP-0313 §4.3. */
export function fin({ messages, complete, count, index }: Found): Element {
  const set = pageSet({ first: messages[0]?.id, last: messages.at(-1)?.id, index, count });
  return el('fin', { xmlns: NS_MAM, complete: complete ? 'true' : undefined }, set);
}

/** Between which messages an archive extends. XEP-0313 §5. */
export function metadata(first: ArchivedMessage | undefined, last: ArchivedMessage | undefined): Element {
  const end = (name: string, { id }: ArchivedMessage): Element =>
    el(name, { id, timestamp: dateTime(timeOfEntry(id)) });
  return el('metadata', { xmlns: NS_MAM }, first && end('start', first), last && end('end', last));
}
