import type { Batch, EntryId, Journal, JournalStream, Key, Store, Table } from '../../store/store.ts';
import { Conversations, type Range, type Unindexed } from './conversations.ts';
import type { ArchiveRecord, Preferences, StoredMessage, Stretch } from './records.ts';

/** After so many messages the index of conversations is brought up to date. */
const INDEX_AFTER = 128;
const LOAD_PAGE = 100;
const REMOVE_PAGE = 100;

/** Where all archives of a host are kept. */
export interface ArchiveTables {
  readonly store: Store;
  readonly messages: Journal<StoredMessage>;
  readonly archives: Table<ArchiveRecord>;
  readonly conversations: Table<Stretch>;
}

/** A message of an archive. */
export interface ArchivedMessage {
  readonly id: EntryId;
  /** Its place in the archive: they are numbered without gaps, and never anew. */
  readonly position: number;
  /** The bare JID of the other side; the account itself for what it sent to itself. */
  readonly peer: string;
  /** The stanza, as XML. */
  readonly xml: string;
}

/** Part of an archive. */
export interface Slice {
  /** In the order read. */
  readonly messages: readonly ArchivedMessage[];
  /** Whether there is nothing more in the range, in the direction read. */
  readonly complete: boolean;
}

const NO_RECORD: ArchiveRecord = {
  indexed: '',
  indexedPosition: -1,
  preferences: undefined,
  keepDays: undefined,
  isUnnumbered: undefined,
};

/**
 * The archive of one account: messages in the order in which they were sent and received, numbered from 0 without gaps. Old
 * ones are only ever removed from its beginning, so that how many there are in a range is the difference of two positions.
 * There must be one of these for each archive, because it draws the positions.
 */
export class Archive {
  readonly #tables: ArchiveTables;
  readonly #key: Key;
  readonly #stream: JournalStream<StoredMessage>;
  readonly #conversations: Conversations;
  #record: ArchiveRecord = NO_RECORD;
  #isLoaded = false;
  #loading: Promise<void> | undefined;
  /** The position of the next message. */
  #next = 0;
  /** What the index of conversations does not know yet. */
  #unindexed: Unindexed[] = [];
  #isIndexing = false;
  /** The last write of messages: once it is durable, all before it are. */
  #lastStored: Promise<void> = Promise.resolve();
  /** Settles when what was written before it was left to rest is stored; undefined when it is. */
  #resting: Promise<void> | undefined;
  /** The first message that is left; undefined when that is not known. */
  #first: ArchivedMessage | undefined;
  /** The last message; undefined when that is not known. */
  #last: ArchivedMessage | undefined;
  /** How often what was known of them was given up. */
  #changes = 0;
  /** What must not overlap: writing the index, and removing. */
  #work: Promise<void> = Promise.resolve();
  #working = 0;

  constructor(tables: ArchiveTables, key: Key) {
    this.#tables = tables;
    this.#key = key;
    this.#stream = tables.messages.stream(key);
    this.#conversations = new Conversations(tables.conversations, key);
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Whether it is at work, or knew more than the store when it was left to {@link rest}: it must not be forgotten now. */
  get isBusy(): boolean {
    return this.#loading !== undefined || this.#working > 0 || this.#resting !== undefined;
  }

  /** It has not been used for a while. */
  rest(): void {
    const resting = this.#lastStored
      .catch(() => {})
      .then(() => {
        if (this.#resting === resting) this.#resting = undefined;
      });
    this.#resting = resting;
  }

  /** Whose messages are to be archived; undefined when the account has not said. */
  get preferences(): Preferences | undefined {
    return this.#record.preferences;
  }

  /** For how many days messages are kept; null for ever, undefined when that is the host's affair. */
  get keepDays(): number | null | undefined {
    return this.#record.keepDays;
  }

  /** Reads what must be known before anything can be appended. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Appends a message of the conversation with a bare JID: its identifier at once, durability later. Only once loaded. */
  append(peer: string, xml: string): { readonly id: EntryId; readonly stored: Promise<void> } {
    const position = this.#next++;
    // It fails with the message, whose sender is told.
    if (position === 0) this.#keepRecord({}).catch(() => {});
    const { id, stored } = this.#stream.append([position, peer, xml]);
    this.#lastStored = stored;
    this.#last = undefined;
    this.#unindexed.push({ id, peer });
    if (this.#unindexed.length >= INDEX_AFTER && !this.#isIndexing) this.#indexSoon();
    return { id, stored };
  }

  /**
   * Puts in a message from elsewhere, where its identifier belongs; resolves when durable, with whether it was not there. The
   * archive numbers its messages anew when it is loaded next.
   */
  async insert(id: EntryId, peer: string, xml: string): Promise<boolean> {
    if ((await this.get(id)) !== undefined) return false;
    this.#isLoaded = false;
    const { store, messages, archives } = this.#tables;
    this.#lastStored = store.commit((batch) => {
      batch.insert(messages, this.#key, id, [0, peer, xml]);
      batch.update(archives, this.#key, (old = NO_RECORD) => ({ ...old, isUnnumbered: true }));
    });
    await this.#lastStored;
    return true;
  }

  /** Reads messages in order, from the end with `reverse`. */
  async read({ after, before }: Range, page: { readonly limit: number; readonly reverse: boolean }): Promise<Slice> {
    const { entries, complete } = await this.#tables.messages.read(this.#key, {
      ...page,
      ...(after === undefined ? {} : { after }),
      ...(before === undefined ? {} : { before }),
    });
    return { messages: entries.map(({ id, value }) => archived(id, value)), complete };
  }

  /** The same of the conversation with a bare JID; positions are those in the conversation. */
  async readConversation(
    peer: string,
    { after, before }: Range,
    page: { readonly limit: number; readonly reverse: boolean },
  ): Promise<Slice> {
    // What is not durable could not be read below.
    await this.#lastStored.catch(() => {});
    const start = await this.#startOf(after);
    const { places, complete } = await this.#conversations.read(
      peer,
      { after: start, before },
      page,
      // A copy: the index may be written meanwhile.
      [...this.#unindexed],
    );
    const messages: ArchivedMessage[] = [];
    for (const { id, position } of places) {
      const message = await this.get(id);
      if (message !== undefined) messages.push({ ...message, position });
    }
    return { messages, complete };
  }

  async get(id: EntryId): Promise<ArchivedMessage | undefined> {
    const value = await this.#tables.messages.get(this.#key, id);
    return value && archived(id, value);
  }

  /** The first message that is left; undefined when there is none. */
  async first(): Promise<ArchivedMessage | undefined> {
    if (this.#first !== undefined || this.#isEmpty) return this.#first;
    const changes = this.#changes;
    const first = await this.#end(false);
    // What was removed meanwhile is not to be remembered.
    if (changes === this.#changes) this.#first = first;
    return first;
  }

  /** The last message. */
  async last(): Promise<ArchivedMessage | undefined> {
    if (this.#isEmpty) return undefined;
    const stored = this.#lastStored;
    await stored.catch(() => {});
    if (this.#last !== undefined) return this.#last;
    const changes = this.#changes;
    const last = await this.#end(true);
    if (stored === this.#lastStored && changes === this.#changes) this.#last = last;
    return last;
  }

  // Known without looking: many accounts never had a message, and every login asks.
  get #isEmpty(): boolean {
    return this.#isLoaded && this.#next === 0;
  }

  /** Puts another stanza in the place of a message; resolves when durable. */
  replace({ id, peer }: ArchivedMessage, xml: string): Promise<void> {
    // Not while messages are removed or numbered: neither is to bring back what the other has taken away.
    return this.#inTurn(async () => {
      // The message may come from a conversation, whose positions are others.
      const value = await this.#tables.messages.get(this.#key, id);
      if (value === undefined) return;
      await this.#tables.messages.put(this.#key, id, [value[0], peer, xml]);
      this.#forgetEnds();
    });
  }

  /** Changes what the account wants; resolves when durable. */
  async setPreferences(preferences: Preferences): Promise<void> {
    await this.#keepRecord({ preferences });
  }

  /** Sets for how many days messages are kept: null for ever, undefined as the host says; resolves when durable. */
  async setKeepDays(keepDays: number | null | undefined): Promise<void> {
    await this.#keepRecord({ keepDays });
  }

  /** Removes all messages before this bound; resolves with how many, when durable. */
  async prune(before: EntryId): Promise<number> {
    let removed = 0;
    await this.#inTurn(async () => {
      await this.#lastStored;
      const peers = new Set<string>();
      for (let complete = false; !complete; ) {
        const slice = await this.read({ after: undefined, before }, { limit: REMOVE_PAGE, reverse: false });
        complete = slice.complete;
        for (const { peer } of slice.messages) peers.add(peer);
        const ids = slice.messages.map(({ id }) => id);
        await this.#tables.messages.remove(this.#key, ids);
        this.#forgetEnds();
        removed += ids.length;
      }
      this.#unindexed = this.#unindexed.filter(({ id }) => id >= before);
      await this.#conversations.prune(peers, before);
    });
    return removed;
  }

  /** Removes everything; resolves when durable. */
  async clear(): Promise<void> {
    // Who waits for that appends before anything is removed.
    await this.#loading?.catch(() => {});
    await this.#inTurn(async () => {
      await this.#tables.messages.clear(this.#key);
      await this.#conversations.clear();
      await this.#tables.archives.delete(this.#key);
      this.#record = NO_RECORD;
      this.#next = 0;
      this.#unindexed = [];
      this.#forgetEnds();
    });
  }

  async #load(): Promise<void> {
    while (!this.#isLoaded) {
      // What is on its way to the store cannot be read, and must be known; so must what follows it meanwhile.
      const stored = this.#lastStored;
      await stored.catch(() => {});
      const record = await this.#tables.archives.get(...this.#key);
      if (record?.isUnnumbered === true) await this.#inTurn(() => this.#number(stored));
      else await this.#read(record ?? NO_RECORD);
      this.#isLoaded = this.#lastStored === stored && record?.isUnnumbered !== true;
    }
  }

  async #read(record: ArchiveRecord): Promise<void> {
    const unindexed: Unindexed[] = [];
    let next = record.indexedPosition + 1;
    for (let after = record.indexed, complete = record === NO_RECORD; !complete; ) {
      const slice = await this.read({ after, before: undefined }, { limit: LOAD_PAGE, reverse: false });
      complete = slice.complete;
      for (const { id, peer, position } of slice.messages) {
        unindexed.push({ id, peer });
        next = position + 1;
        after = id;
      }
    }
    this.#record = record;
    this.#next = next;
    this.#unindexed = unindexed;
    this.#forgetEnds();
  }

  // Numbers all messages up to that write anew, in their order, and writes the index of conversations anew.
  async #number(stored: Promise<void>): Promise<void> {
    await this.#conversations.clear();
    let next = 0;
    let reached = '';
    for (let complete = false; !complete; ) {
      const range = { after: reached === '' ? undefined : reached, before: undefined };
      const slice = await this.read(range, { limit: LOAD_PAGE, reverse: false });
      complete = slice.complete;
      const write = await this.#conversations.additions(slice.messages);
      await this.#tables.store.commit((batch) => {
        for (const { id, peer, xml } of slice.messages) {
          batch.insert(this.#tables.messages, this.#key, id, [next++, peer, xml]);
        }
        write(batch);
      });
      reached = slice.messages.at(-1)?.id ?? reached;
    }
    await this.#tables.archives.update(this.#key, (old = NO_RECORD) => ({
      ...old,
      indexed: reached,
      indexedPosition: next - 1,
      // What came meanwhile may have been passed over.
      isUnnumbered: this.#lastStored === stored ? undefined : true,
    }));
  }

  #forgetEnds(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.#changes++;
  }

  async #end(reverse: boolean): Promise<ArchivedMessage | undefined> {
    const { messages } = await this.read({ after: undefined, before: undefined }, { limit: 1, reverse });
    return messages[0];
  }

  // What was removed may still be in the first stretch of a conversation: the range begins with the first message there is.
  async #startOf(after: EntryId | undefined): Promise<EntryId | undefined> {
    const first = (await this.first())?.id;
    if (first === undefined) return after;
    // Less than the identifier that it is the beginning of, and greater than all before that.
    const bound = first.slice(0, -1);
    return after === undefined || after < bound ? bound : after;
  }

  // Changes the record in the store, and here when that is durable.
  async #keepRecord(changes: Partial<ArchiveRecord>): Promise<void> {
    await this.#tables.archives.update(this.#key, (old = NO_RECORD) => ({ ...old, ...changes }));
    this.#record = { ...this.#record, ...changes };
  }

  #indexSoon(): void {
    this.#isIndexing = true;
    this.#inTurn(() => this.#index())
      // What the store did not take is not in the archive: the next message begins with what is.
      .catch(() => {
        this.#isLoaded = false;
      })
      .finally(() => {
        this.#isIndexing = false;
        if (this.#isLoaded && this.#unindexed.length >= INDEX_AFTER) this.#indexSoon();
      });
  }

  async #index(): Promise<void> {
    // What comes while this waits is for the next time: some archives never rest.
    const [messages, position, stored] = [[...this.#unindexed], this.#next - 1, this.#lastStored];
    const last = messages.at(-1);
    if (last === undefined) return;
    await stored;
    const write = await this.#conversations.additions(messages);
    const reached = { indexed: last.id, indexedPosition: position };
    await this.#tables.store.commit((batch: Batch) => {
      write(batch);
      batch.update(this.#tables.archives, this.#key, (old = NO_RECORD) => ({ ...old, ...reached }));
    });
    this.#record = { ...this.#record, ...reached };
    this.#unindexed = this.#unindexed.filter(({ id }) => id > last.id);
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    this.#working++;
    const done = this.#work.then(run).finally(() => {
      this.#working--;
    });
    this.#work = done.catch(() => {});
    return done;
  }
}

function archived(id: EntryId, [position, peer, xml]: StoredMessage): ArchivedMessage {
  return { id, position, peer, xml };
}
