import type { Batch, EntryId, Key, Table } from '../../store/store.ts';
import type { Stretch } from './records.ts';

/** So many messages at most are in one stretch: reading it is one read, and it is rewritten when it grows. */
const STRETCH_LENGTH = 128;
const STRETCHES_PER_PAGE = 4;
/** Under this the last stretch of a conversation is kept until it is full, so that it is found without a search. */
const OPEN = '~';

/** Bounds within an archive; both are exclusive, and need not be identifiers that exist. */
export interface Range {
  readonly after: EntryId | undefined;
  readonly before: EntryId | undefined;
}

/** A message of a conversation: which one, and its place in the conversation, from 0. */
export interface Place {
  readonly id: EntryId;
  readonly position: number;
}

/** Part of a conversation. */
export interface Places {
  /** In the order read. */
  readonly places: readonly Place[];
  /** Whether there is nothing more in the range, in the direction read. */
  readonly complete: boolean;
}

/** A message that the index may not know yet. */
export interface Unindexed {
  readonly id: EntryId;
  readonly peer: string;
}

/**
 * The index of one archive by conversation. It is written some time after the messages, many at once, so that a message costs
 * one write and not two; what it does not know yet is given to each call.
 */
export class Conversations {
  readonly #table: Table<Stretch>;
  readonly #archive: Key;

  constructor(table: Table<Stretch>, archive: Key) {
    this.#table = table;
    this.#archive = archive;
  }

  /** Reads messages exchanged with an address, in either direction. */
  async read(
    peer: string,
    { after = '', before }: Range,
    page: { readonly limit: number; readonly reverse: boolean },
    unindexed: readonly Unindexed[],
  ): Promise<Places> {
    const isWithin = ({ id }: Place): boolean => id > after && (before === undefined || id < before);
    const places: Place[] = [];
    const chunks = page.reverse ? this.#backwards(peer, before, unindexed) : this.#forwards(peer, after, unindexed);
    for await (const chunk of chunks) {
      for (const place of chunk) {
        if (!isWithin(place)) {
          // Beyond the range, and not short of it.
          if (page.reverse ? place.id <= after : before !== undefined && place.id >= before) {
            return { places, complete: true };
          }
        } else if (places.length === page.limit) return { places, complete: false };
        else places.push(place);
      }
    }
    return { places, complete: true };
  }

  /** The writes that take messages into the index; call it for one archive at a time. */
  async additions(messages: readonly Unindexed[]): Promise<(batch: Batch) => void> {
    const writes: ((batch: Batch) => void)[] = [];
    for (const peer of new Set(messages.map((message) => message.peer))) {
      const open = await this.#open(peer);
      const fresh = newIds(peer, messages, open);
      if (fresh.length > 0) writes.push(this.#addition(peer, open, fresh));
    }
    return (batch) => {
      for (const write of writes) write(batch);
    };
  }

  /** Removes the stretches that end before this identifier, of these conversations; resolves when durable. */
  async prune(peers: Iterable<string>, before: EntryId): Promise<void> {
    for (const peer of peers) {
      for await (const [key, { ids }] of this.#table.list([...this.#archive, peer])) {
        if ((ids.at(-1) ?? '') >= before) break;
        await this.#table.delete(key);
      }
    }
  }

  /** Removes the whole index; resolves when durable. */
  async clear(): Promise<void> {
    for await (const [key] of this.#table.list(this.#archive)) await this.#table.delete(key);
  }

  #addition(peer: string, open: Stretch | undefined, fresh: readonly EntryId[]): (batch: Batch) => void {
    let { position, ids } =
      open === undefined ? { position: 0, ids: fresh } : { ...open, ids: [...open.ids, ...fresh] };
    const prefix = [...this.#archive, peer];
    return (batch) => {
      for (; ids.length > STRETCH_LENGTH; position += STRETCH_LENGTH) {
        batch.put(this.#table, [...prefix, ids[0] ?? ''], { position, ids: ids.slice(0, STRETCH_LENGTH) });
        ids = ids.slice(STRETCH_LENGTH);
      }
      batch.put(this.#table, [...prefix, OPEN], { position, ids });
    };
  }

  async *#forwards(peer: string, after: EntryId, unindexed: readonly Unindexed[]): AsyncIterable<readonly Place[]> {
    // Read first: what it is when it is full is behind everything that is read until then.
    const open = await this.#open(peer);
    const isInOpen = after !== '' && after >= (open?.ids[0] ?? OPEN);
    if (!isInOpen) {
      // The stretch that begins before the range may reach into it.
      const before = after === '' ? undefined : await this.#lastBefore(peer, after);
      if (before !== undefined) yield placesOf(before);
      for await (const stretch of this.#stretches(peer, { after: before?.ids[0], before: open?.ids[0] })) {
        yield placesOf(stretch);
      }
    }
    if (open !== undefined) yield placesOf(open);
    yield recentPlaces(peer, unindexed, open);
  }

  async *#backwards(
    peer: string,
    before: EntryId | undefined,
    unindexed: readonly Unindexed[],
  ): AsyncIterable<readonly Place[]> {
    const open = await this.#open(peer);
    yield recentPlaces(peer, unindexed, open).toReversed();
    if (open !== undefined) yield placesOf(open).toReversed();
    const first = open?.ids[0];
    const end = first === undefined || (before !== undefined && before < first) ? before : first;
    for await (const stretch of this.#stretches(peer, { before: end, reverse: true })) {
      yield placesOf(stretch).toReversed();
    }
  }

  // A few at a time: most readers need one or two.
  async *#stretches(
    peer: string,
    bounds: { readonly after?: EntryId | undefined; readonly before?: EntryId | undefined; readonly reverse?: boolean },
  ): AsyncIterable<Stretch> {
    const prefix = [...this.#archive, peer];
    const { reverse = false } = bounds;
    let { after, before } = bounds;
    for (;;) {
      const page = {
        limit: STRETCHES_PER_PAGE,
        reverse,
        ...(after === undefined ? {} : { after: [...prefix, after] }),
        before: [...prefix, before ?? OPEN],
      };
      let count = 0;
      for await (const [, stretch] of this.#table.list(prefix, page)) {
        const first = stretch.ids[0] ?? '';
        if (reverse) before = first;
        else after = first;
        count++;
        yield stretch;
      }
      if (count < STRETCHES_PER_PAGE) return;
    }
  }

  async #lastBefore(peer: string, before: EntryId): Promise<Stretch | undefined> {
    for await (const stretch of this.#stretches(peer, { before, reverse: true })) return stretch;
    return undefined;
  }

  #open(peer: string): Promise<Stretch | undefined> {
    return this.#table.get(...this.#archive, peer, OPEN);
  }
}

function placesOf({ position, ids }: Stretch): Place[] {
  return ids.map((id, i) => ({ id, position: position + i }));
}

// The places of what is not in the index: behind its last stretch.
function recentPlaces(peer: string, unindexed: readonly Unindexed[], last: Stretch | undefined): Place[] {
  const position = last === undefined ? 0 : last.position + last.ids.length;
  return newIds(peer, unindexed, last).map((id, i) => ({ id, position: position + i }));
}

function newIds(peer: string, messages: readonly Unindexed[], last: Stretch | undefined): EntryId[] {
  const reached = last?.ids.at(-1) ?? '';
  return messages.filter((message) => message.peer === peer && message.id > reached).map(({ id }) => id);
}
