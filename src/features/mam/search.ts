import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type { EntryId } from '../../store/store.ts';
import type { Archive, ArchivedMessage, Slice } from './archive.ts';
import type { Range } from './conversations.ts';
import type { Query } from './query.ts';
import { headOf } from './stored-stanza.ts';

/** So many messages at most are read at once: each may be as large as a stanza may. */
const READ_AT_ONCE = 64;
/** Among so many messages of a conversation, one of a resource is looked for. */
const MAX_LOOKED_AT = 10_000;

/** Bounds of one page, whatever the client asks for. */
export interface PageLimits {
  /** How many messages, when the client does not say. */
  readonly usual: number;
  readonly max: number;
  /** So many UTF-16 units of stanzas; one message is sent in any case. */
  readonly maxSize: number;
}

/** One page of what a query found. */
export interface Found {
  /** In chronological order. */
  readonly messages: readonly ArchivedMessage[];
  /** Whether no page follows in the direction asked for. */
  readonly complete: boolean;
  /** How many there are in all, and the place of the first of the page among them; undefined where that is not told. */
  readonly count: number | undefined;
  readonly index: number | undefined;
}

type Read = (range: Range, page: { readonly limit: number; readonly reverse: boolean }) => Promise<Slice>;

/**
 * Finds the page of an archive that a query asks for. XEP-0313 §4, XEP-0059.
 * @throws StanzaError `item-not-found` when a message that it names is not there, `policy-violation` when a resource would have
 * to be looked for too long.
 */
export async function search(archive: Archive, query: Query, limits: PageLimits): Promise<Found> {
  const { page, afterId, beforeId } = query;
  await requireAll(archive, [afterId, beforeId, page.after, page.before === '' ? undefined : page.before]);
  if (query.ids !== undefined) return findByIds(archive, query, query.ids, limits);
  const range = { after: latest(query.start, afterId), before: earliest(query.end, beforeId) };
  const peer = query.with;
  const read: Read =
    peer === undefined
      ? (within, wanted) => archive.read(within, wanted)
      : (within, wanted) => archive.readConversation(peer.bare().toString(), within, wanted);
  const isPrecise = peer !== undefined && !peer.isBare;
  const readFitting = isPrecise ? onlyWith(read, peer, limits) : fitting(read, limits);
  const found = await readPage(readFitting, range, query, limits);
  // Which resource a message went to is not in the index.
  if (isPrecise) return { ...found, count: undefined, index: undefined };
  return { ...found, ...(await extent(archive, read, range, query, found)) };
}

async function readPage(
  read: Read,
  range: Range,
  { page }: Query,
  limits: PageLimits,
): Promise<Omit<Found, 'count' | 'index'>> {
  const limit = Math.min(page.max ?? limits.usual, limits.max);
  const reverse = page.before !== undefined;
  const within = {
    after: latest(range.after, page.after),
    before: earliest(range.before, page.before === '' ? undefined : page.before),
  };
  const slice = await read(within, { limit, reverse });
  const fitting = withinSize(slice.messages, limits.maxSize);
  return {
    messages: reverse ? fitting.toReversed() : fitting,
    complete: slice.complete && fitting.length === slice.messages.length,
  };
}

// Messages are numbered without gaps: the first and the last of a range tell how many there are.
async function extent(
  archive: Archive,
  read: Read,
  range: Range,
  { page, with: peer }: Query,
  found: Pick<Found, 'messages' | 'complete'>,
): Promise<Pick<Found, 'count' | 'index'>> {
  const isUnbounded = range.after === undefined && range.before === undefined && peer === undefined;
  const isReverse = page.before !== undefined;
  const edge = async (reverse: boolean): Promise<ArchivedMessage | undefined> =>
    (await read(range, { limit: 1, reverse })).messages[0];
  const reachesStart = isReverse ? found.complete : page.after === undefined;
  const reachesEnd = isReverse ? page.before === '' : found.complete;
  const [pageFirst, pageLast] = [found.messages[0], found.messages.at(-1)];
  const first = (reachesStart ? pageFirst : undefined) ?? (isUnbounded ? await archive.first() : await edge(false));
  const last = (reachesEnd ? pageLast : undefined) ?? (await edge(true));
  if (first === undefined || last === undefined) return { count: 0, index: undefined };
  return {
    count: last.position - first.position + 1,
    // Going backwards nobody needs it, and slixmpp takes the page that the set ends with for the last one then.
    index: isReverse || pageFirst === undefined ? undefined : pageFirst.position - first.position,
  };
}

async function findByIds(archive: Archive, query: Query, ids: readonly EntryId[], limits: PageLimits): Promise<Found> {
  const wanted = [...new Set(ids)].sort();
  await requireAll(archive, wanted);
  const all: ArchivedMessage[] = [];
  for (const id of wanted) {
    const message = await archive.get(id);
    if (message !== undefined && isWanted(message, query)) all.push(message);
  }
  const read: Read = async ({ after = '', before }, { limit, reverse }) => {
    const inside = all.filter(({ id }) => id > after && (before === undefined || id < before));
    if (reverse) inside.reverse();
    return { messages: inside.slice(0, limit), complete: inside.length <= limit };
  };
  const range = { after: latest(query.start, query.afterId), before: earliest(query.end, query.beforeId) };
  const found = await readPage(read, range, query, limits);
  const inside = (await read(range, { limit: all.length, reverse: false })).messages;
  const [first] = found.messages;
  const index = query.page.before === undefined && first !== undefined ? inside.indexOf(first) : undefined;
  return { ...found, count: inside.length, index };
}

function isWanted({ peer, xml }: ArchivedMessage, { with: wanted }: Query): boolean {
  if (wanted === undefined) return true;
  return wanted.isBare ? peer === wanted.toString() : names(xml, wanted);
}

// Goes on reading until a page is full, or as large as it may be.
function fitting(read: Read, { maxSize }: PageLimits): Read {
  return async (range, { limit, reverse }) => {
    const messages: ArchivedMessage[] = [];
    let size = 0;
    let within = range;
    for (;;) {
      const slice = await read(within, { limit: Math.min(limit - messages.length, READ_AT_ONCE), reverse });
      messages.push(...slice.messages);
      for (const { xml } of slice.messages) size += xml.length;
      const last = slice.messages.at(-1)?.id;
      if (slice.complete || last === undefined || messages.length === limit || size > maxSize) {
        return { messages, complete: slice.complete };
      }
      within = reverse ? { ...within, before: last } : { ...within, after: last };
    }
  };
}

// Goes on reading until a page is full of what was exchanged with one resource, or enough was looked at.
function onlyWith(read: Read, address: JID, { maxSize }: PageLimits): Read {
  return async (range, { limit, reverse }) => {
    const messages: ArchivedMessage[] = [];
    let size = 0;
    let within = range;
    for (let looked = 0; looked < MAX_LOOKED_AT && size <= maxSize; ) {
      const slice = await read(within, { limit: READ_AT_ONCE, reverse });
      looked += slice.messages.length;
      for (const message of slice.messages) {
        if (!names(message.xml, address)) continue;
        if (messages.length === limit) return { messages, complete: false };
        messages.push(message);
        size += message.xml.length;
      }
      const last = slice.messages.at(-1)?.id;
      if (slice.complete || last === undefined) return { messages, complete: true };
      within = reverse ? { ...within, before: last } : { ...within, after: last };
    }
    if (messages.length > 0) return { messages, complete: false };
    // An empty page would not say where to go on.
    throw new StanzaError('policy-violation', {
      text: `none of ${MAX_LOOKED_AT} messages is of that resource: ask for those of a shorter time`,
    });
  };
}

function names(xml: string, { markup }: JID): boolean {
  const { from, to } = headOf(xml);
  return from === markup || to === markup;
}

function withinSize(messages: readonly ArchivedMessage[], maxSize: number): readonly ArchivedMessage[] {
  let size = 0;
  for (const [i, { xml }] of messages.entries()) {
    size += xml.length;
    if (i > 0 && size > maxSize) return messages.slice(0, i);
  }
  return messages;
}

async function requireAll(archive: Archive, ids: readonly (EntryId | undefined)[]): Promise<void> {
  for (const id of ids) {
    if (id !== undefined && (await archive.get(id)) === undefined) throw new StanzaError('item-not-found');
  }
}

function latest(a: EntryId | undefined, b: EntryId | undefined): EntryId | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}

function earliest(a: EntryId | undefined, b: EntryId | undefined): EntryId | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}
