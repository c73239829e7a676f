import type { Metrics } from '../metrics/metrics.ts';

/**
 * One part of a key: any string, or a safe integer. Keys are tuples, ordered part by part: numbers before strings,
 * numbers by value, strings by UTF-8 bytes.
 */
export type KeyPart = string | number;
export type Key = readonly KeyPart[];

/** What a table holds: JSON values under tuple keys. */
export interface TableSpec<V> {
  /** Unique in the store, lower case: `roster`, `offline.count`. Tables and journals share one set of names. */
  readonly name: string;
  /** Checks a value as it is read back; throws on damage. Values that this process wrote pass unchanged. */
  readonly parse: (json: unknown) => V;
}

/** What a journal holds: values appended to streams, read in order. */
export interface JournalSpec<V> {
  readonly name: string;
  readonly parse: (json: unknown) => V;
  /** How a value is written where that is not JSON: `parse` is then given this very text. */
  readonly format?: (value: V) => string;
}

/** Bounds of a listing; `after` and `before` are exclusive, whole keys as the listing yields them. */
export interface Page {
  readonly after?: Key;
  readonly before?: Key;
  readonly limit?: number;
  /** From the end to the beginning. */
  readonly reverse?: boolean;
}

export interface Table<V> {
  /** Reads one value. A point read is answered from memory or the page cache in microseconds; it never waits for a commit. */
  get(...key: Key): Promise<V | undefined>;
  /**
   * Lists, in order, every key that begins with the parts of `prefix`. Reads in pages: what is written meanwhile may or
   * may not be seen, and no key is seen twice.
   */
  list(prefix: Key, page?: Page): AsyncIterable<readonly [key: Key, value: V]>;
  /** Resolves when durable. */
  put(key: Key, value: V): Promise<void>;
  /** Resolves when durable; deleting what is not there is no error. */
  delete(key: Key): Promise<void>;
  /**
   * Reads, changes and writes one value with no other write of that key in between; `change` returns the new value or
   * undefined to delete. It runs once, soon but not within the call, and must not wait. Resolves when durable, with what
   * was written. A throw in `change` writes nothing and rejects with what was thrown.
   */
  update(key: Key, change: (old: V | undefined) => V | undefined): Promise<V | undefined>;
}

/** Identifies an entry in its stream; later entries have greater identifiers, compared as strings. */
export type EntryId = string;

export interface JournalEntry<V> {
  readonly id: EntryId;
  readonly value: V;
}

/** Bounds of a reading; `after` and `before` are exclusive entry ids. */
export interface JournalPage {
  readonly after?: EntryId;
  readonly before?: EntryId;
  readonly limit: number;
  readonly reverse?: boolean;
}

export interface JournalSlice<V> {
  /** In the order read. */
  readonly entries: readonly JournalEntry<V>[];
  /** Whether the stream ends with this slice, in the direction read. */
  readonly complete: boolean;
}

/** One stream of a journal, for whoever appends to it often: its key need not be written each time. */
export interface JournalStream<V> {
  /** Appends: the identifier at once, durability later. */
  append(value: V): { readonly id: EntryId; readonly stored: Promise<void> };
}

export interface Journal<V> {
  /** Appends: the identifier at once, durability later. */
  append(stream: Key, value: V): { readonly id: EntryId; readonly stored: Promise<void> };
  stream(stream: Key): JournalStream<V>;
  /** Reads one entry; undefined if the stream has none of that identifier. */
  get(stream: Key, id: EntryId): Promise<V | undefined>;
  read(stream: Key, page: JournalPage): Promise<JournalSlice<V>>;
  /**
   * Puts a value under a given identifier: in the place of an entry, or as one that comes from elsewhere, where its place in
   * time is. Resolves when durable.
   */
  put(stream: Key, id: EntryId, value: V): Promise<void>;
  /** Removes entries; resolves when durable. */
  remove(stream: Key, ids: readonly EntryId[]): Promise<void>;
  /** Removes what was appended to a stream before the call, in batches; resolves when durable. */
  clear(stream: Key): Promise<void>;
  /** About how many bytes all streams take whose keys begin with these parts; what was appended lately may not count yet. */
  sizeOf(streams: Key): Promise<number>;
}

/** Writes that become durable together or not at all. */
export interface Batch {
  put<V>(table: Table<V>, key: Key, value: V): void;
  delete<V>(table: Table<V>, key: Key): void;
  /** As {@link Table.update}: `change` sees the earlier writes of this batch, and a throw in it withdraws the whole batch. */
  update<V>(table: Table<V>, key: Key, change: (old: V | undefined) => V | undefined): void;
  append<V>(journal: Journal<V>, stream: Key, value: V): EntryId;
  insert<V>(journal: Journal<V>, stream: Key, id: EntryId, value: V): void;
  remove<V>(journal: Journal<V>, stream: Key, id: EntryId): void;
}

/** Where everything that must outlive the process is kept. One owner per data directory. */
export interface Store {
  /** Opens a table; the same name twice is an error of the program (TypeError). */
  table<V>(spec: TableSpec<V>): Table<V>;
  journal<V>(spec: JournalSpec<V>): Journal<V>;
  /** Atomic across tables and journals; resolves when durable. `write` is synchronous; a throw in it writes nothing. */
  commit(write: (batch: Batch) => void): Promise<void>;
  /** Bytes handed in and not yet durable, for backpressure. */
  readonly waitingBytes: number;
  /** Exports how long reads and writes take, and what waits. Returns what ends that. */
  export(metrics: Metrics): () => void;
  /** Waits for what is pending and closes; afterwards every use is refused with StoreError 'closed'. Idempotent. */
  close(): Promise<void>;
}

/** The store cannot be opened or used; `message` says in one line what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly reason: 'locked' | 'damaged' | 'newer' | 'unwritable' | 'closed' | 'failed';

  constructor(reason: StoreError['reason'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
