import { flat } from '../util/own-copy.ts';
import type { Access } from './access.ts';
import type { Step } from './commit.ts';
import { encodeKey, justAfter, type KeyRange, rangeOf } from './keys.ts';
import type {
  EntryId,
  Journal,
  JournalEntry,
  JournalPage,
  JournalSlice,
  JournalSpec,
  JournalStream,
  Key,
} from './store.ts';
import { decodeValue, encodeValue } from './values.ts';

/** Where the time of the latest entry of any journal is kept, so that identifiers grow across restarts. */
export const REACHED_KEY = '!journal.time';

/** Between a stream's key and an entry's identifier; less than every tag of a key part, so that a longer stream key is no entry. */
const BEFORE_ID = '!';
const AFTER_IDS = '"';
const CLEAR_ENTRIES = 500;

/** A journal over any engine. */
export class EngineJournal<V> implements Journal<V> {
  readonly access: Access;
  readonly #prefix: string;
  readonly #spec: JournalSpec<V>;

  constructor(access: Access, prefix: string, spec: JournalSpec<V>) {
    this.access = access;
    this.#prefix = prefix;
    this.#spec = spec;
  }

  append(stream: Key, value: V): { readonly id: EntryId; readonly stored: Promise<void> } {
    return this.#append(encodeKey(this.#prefix, stream), value);
  }

  stream(stream: Key): JournalStream<V> {
    const encoded = flat(encodeKey(this.#prefix, stream));
    return { append: (value) => this.#append(encoded, value) };
  }

  async get(stream: Key, id: EntryId): Promise<V | undefined> {
    this.access.assertOpen();
    const text = this.access.engine.get(this.#keyOf(stream, id));
    return text === undefined ? undefined : this.#decode(text, stream, id);
  }

  async read(stream: Key, page: JournalPage): Promise<JournalSlice<V>> {
    const { limit, reverse = false } = page;
    const idAt = this.#keyOf(stream, '').length;
    const entries: JournalEntry<V>[] = [];
    let range = this.#bounds(stream, page);
    for (;;) {
      this.access.assertOpen();
      // One more than asked for tells whether the stream goes on.
      const { entries: found, complete } = await this.access.engine.read(range, limit + 1 - entries.length, reverse);
      for (const [encoded, text] of found) {
        if (entries.length === limit) return { entries, complete: false };
        const id = encoded.slice(idAt);
        entries.push({ id, value: this.#decode(text, stream, id) });
      }
      const last = found.at(-1)?.[0];
      if (complete || last === undefined) return { entries, complete: true };
      range = reverse ? { from: range.from, to: last } : { from: justAfter(last), to: range.to };
    }
  }

  put(stream: Key, id: EntryId, value: V): Promise<void> {
    return this.access.write([this.putStep(stream, id, value)]);
  }

  remove(stream: Key, ids: readonly EntryId[]): Promise<void> {
    return this.access.write(ids.map((id) => this.removeStep(stream, id)));
  }

  async clear(stream: Key): Promise<void> {
    const range = this.#bounds(stream, { before: this.access.ids.next(encodeKey(this.#prefix, stream)) });
    await this.access.settled();
    for (;;) {
      this.access.assertOpen();
      const { entries, complete } = await this.access.engine.read(range, CLEAR_ENTRIES, false);
      await this.access.write(entries.map(([key]) => ({ key, text: undefined })));
      if (complete) return;
    }
  }

  sizeOf(streams: Key): Promise<number> {
    this.access.assertOpen();
    return this.access.engine.sizeOf(rangeOf(encodeKey(this.#prefix, streams)));
  }

  /** Draws an identifier and returns the writes that add the entry. */
  appendSteps(stream: Key, value: V): { readonly id: EntryId; readonly steps: readonly Step[] } {
    return this.#stepsOf(encodeKey(this.#prefix, stream), value);
  }

  #append(encoded: string, value: V): { readonly id: EntryId; readonly stored: Promise<void> } {
    const { id, steps } = this.#stepsOf(encoded, value);
    return { id, stored: this.access.write(steps) };
  }

  #stepsOf(encoded: string, value: V): { readonly id: EntryId; readonly steps: readonly Step[] } {
    const text = this.#encode(value);
    const id = this.access.ids.next(encoded);
    return { id, steps: [{ key: encoded + BEFORE_ID + id, text, isNew: true }] };
  }

  putStep(stream: Key, id: EntryId, value: V): Step {
    return { key: this.#keyOf(stream, id), text: this.#encode(value) };
  }

  removeStep(stream: Key, id: EntryId): Step {
    return { key: this.#keyOf(stream, id), text: undefined };
  }

  #keyOf(stream: Key, id: EntryId): string {
    return encodeKey(this.#prefix, stream) + BEFORE_ID + id;
  }

  #bounds(stream: Key, { after, before }: Pick<JournalPage, 'after' | 'before'>): KeyRange {
    const encoded = encodeKey(this.#prefix, stream);
    return {
      from: after === undefined ? encoded + BEFORE_ID : justAfter(this.#keyOf(stream, after)),
      to: before === undefined ? encoded + AFTER_IDS : this.#keyOf(stream, before),
    };
  }

  #encode(value: V): string {
    return this.#spec.format === undefined ? encodeValue(value) : this.#spec.format(value);
  }

  #decode(text: string, stream: Key, id: EntryId): V {
    const { format, parse, name } = this.#spec;
    return decodeValue(text, parse, name, [...stream, id], format !== undefined);
  }
}
