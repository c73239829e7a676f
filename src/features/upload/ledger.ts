import type { FeatureHost } from '../../core/feature.ts';
import type { Batch, Key, Store, Table } from '../../store/store.ts';
import { DUE, FILES, type FileRecord, OWNED, USAGE, type Usage } from './record.ts';

/** What one account may have; null: no limit. */
export interface Quotas {
  readonly dailyBytes: number | null;
  readonly bytes: number | null;
  readonly profileBytes: number;
  readonly files: number;
  readonly slots: number;
}

export type Quota = keyof Quotas;

/** A slot would exceed a quota of the account. */
export class QuotaError extends Error {
  override readonly name = 'QuotaError';
  readonly quota: Quota;

  constructor(quota: Quota) {
    super(`the quota of ${quota} is exceeded`);
    this.quota = quota;
  }
}

/** What was to be changed is not there any more, or has been changed already. */
class OvertakenError extends Error {}

/** A slot or file and its identifier, which is a secret: it is what the links are made of. */
export type Listed = readonly [id: string, record: FileRecord];

export const DAY_MS = 86_400_000;
const NOTHING = { bytes: 0, profileBytes: 0, files: 0, slots: 0, dayBytes: 0 };

/** The books of one host: slots, files, and what they add up to for each account, always changed together. */
export class Ledger {
  readonly #domain: string;
  readonly #store: Store;
  readonly #files: Table<FileRecord>;
  readonly #owned: Table<number>;
  readonly #due: Table<number>;
  readonly #usage: Table<Usage>;

  constructor(host: FeatureHost) {
    this.#domain = host.domain;
    this.#store = host.store;
    this.#files = host.table(FILES);
    this.#owned = host.table(OWNED);
    this.#due = host.table(DUE);
    this.#usage = host.table(USAGE);
  }

  get(id: string): Promise<FileRecord | undefined> {
    return this.#files.get(this.#domain, id);
  }

  /** What all accounts have together, slots included. Reads an entry of each account. */
  async total(): Promise<Pick<Usage, 'bytes' | 'files'>> {
    let [bytes, files] = [0, 0];
    for await (const [, usage] of this.#usage.list([this.#domain])) {
      bytes += usage.bytes;
      files += usage.files;
    }
    return { bytes, files };
  }

  /** What an account uses, on a day of its time. */
  async usage(owner: string, now: number): Promise<Usage> {
    return onDay(now, await this.#usage.get(this.#domain, owner));
  }

  /** Enters a slot. Rejects with a QuotaError, and enters nothing, when it is one too many or too large. */
  reserve(id: string, record: FileRecord, quotas: Quotas): Promise<void> {
    return this.#store.commit((batch) => {
      batch.update(this.#usage, [this.#domain, record.owner], (old) => charged(onDay(record.at, old), record, quotas));
      batch.put(this.#files, [this.#domain, id], record);
      batch.put(this.#owned, this.#ownedKey(id, record), record.size);
      this.#schedule(batch, id, record);
    });
  }

  /** Makes a slot a file of this media type; returns its record, or undefined if there is no such slot any more. */
  async complete(id: string, slot: FileRecord, type: string): Promise<FileRecord | undefined> {
    const file: FileRecord = { ...slot, type, slotUntil: null };
    const isDone = await this.#commitUnlessOvertaken((batch) => {
      batch.update(this.#files, [this.#domain, id], (old) => {
        if (old === undefined || old.slotUntil === null) throw new OvertakenError();
        return file;
      });
      this.#unschedule(batch, id, slot);
      this.#schedule(batch, id, file);
      batch.update(this.#usage, [this.#domain, slot.owner], (old) => old && { ...old, slots: old.slots - 1 });
    });
    return isDone ? file : undefined;
  }

  /** Strikes a slot or file out, once. What an unused slot promised for its day is given back. */
  async remove(id: string, record: FileRecord, now: number): Promise<void> {
    await this.#commitUnlessOvertaken((batch) => {
      batch.update(this.#files, [this.#domain, id], (old) => {
        if (old === undefined || old.slotUntil !== record.slotUntil) throw new OvertakenError();
        return undefined;
      });
      batch.delete(this.#owned, this.#ownedKey(id, record));
      this.#unschedule(batch, id, record);
      batch.update(this.#usage, [this.#domain, record.owner], (old) => credited(onDay(now, old), record));
    });
  }

  /** Forgets what an account used, when all of its slots and files are struck out. */
  forget(owner: string): Promise<void> {
    return this.#usage.delete([this.#domain, owner]);
  }

  /** Lists the slots and files of an account, the newest first, or the oldest. */
  async *owned(owner: string, order: 'newest' | 'oldest' = 'newest'): AsyncIterable<Listed> {
    const page = { reverse: order === 'newest' };
    for await (const [key] of this.#owned.list([this.#domain, owner], page)) yield* this.#withRecord(String(key[3]));
  }

  /** Lists the identifiers of what is to be gone by now, the oldest first. */
  async *due(now: number): AsyncIterable<string> {
    const page = { before: [this.#domain, now + 1, ''] };
    for await (const [key] of this.#due.list([this.#domain], page)) yield String(key[2]);
  }

  /** Lists what has an identifier after one and before another. */
  async *between(after: string, before: string): AsyncIterable<Listed> {
    const range = { after: [this.#domain, after], before: [this.#domain, before] };
    for await (const [key, record] of this.#files.list([this.#domain], range)) yield [String(key[1]), record];
  }

  async *#withRecord(id: string): AsyncIterable<Listed> {
    const record = await this.get(id);
    if (record !== undefined) yield [id, record];
  }

  #ownedKey(id: string, { owner, at }: FileRecord): Key {
    return [this.#domain, owner, at, id];
  }

  #schedule(batch: Batch, id: string, record: FileRecord): void {
    const at = record.slotUntil ?? record.expires;
    if (at !== null) batch.put(this.#due, [this.#domain, at, id], 0);
  }

  #unschedule(batch: Batch, id: string, record: FileRecord): void {
    const at = record.slotUntil ?? record.expires;
    if (at !== null) batch.delete(this.#due, [this.#domain, at, id]);
  }

  async #commitUnlessOvertaken(write: (batch: Batch) => void): Promise<boolean> {
    try {
      await this.#store.commit(write);
      return true;
    } catch (error) {
      if (error instanceof OvertakenError) return false;
      throw error;
    }
  }
}

/** The usage as it stands on a day: what was uploaded on another one counts no more for the day. */
function onDay(now: number, usage: Usage | undefined): Usage {
  const day = Math.floor(now / DAY_MS);
  if (usage === undefined) return { day, ...NOTHING };
  return usage.day === day ? usage : { ...usage, day, dayBytes: 0 };
}

function charged(usage: Usage, { size, purpose }: FileRecord, quotas: Quotas): Usage {
  const next: Usage = {
    day: usage.day,
    dayBytes: usage.dayBytes + size,
    bytes: usage.bytes + size,
    profileBytes: usage.profileBytes + (purpose === 'profile' ? size : 0),
    files: usage.files + 1,
    slots: usage.slots + 1,
  };
  const exceeds = (quota: Quota, used: number): void => {
    if (used > (quotas[quota] ?? Number.POSITIVE_INFINITY)) throw new QuotaError(quota);
  };
  exceeds('slots', next.slots);
  exceeds('files', next.files);
  exceeds('bytes', next.bytes);
  if (purpose === 'profile') exceeds('profileBytes', next.profileBytes);
  exceeds('dailyBytes', next.dayBytes);
  return next;
}

/** Without a slot or file; undefined when nothing is left to remember. */
function credited(usage: Usage, { size, purpose, at, slotUntil }: FileRecord): Usage | undefined {
  const isUnusedToday = slotUntil !== null && Math.floor(at / DAY_MS) === usage.day;
  const next: Usage = {
    day: usage.day,
    // A clock that was set may have begun this day a second time, from nothing.
    dayBytes: Math.max(0, usage.dayBytes - (isUnusedToday ? size : 0)),
    bytes: usage.bytes - size,
    profileBytes: usage.profileBytes - (purpose === 'profile' ? size : 0),
    files: usage.files - 1,
    slots: usage.slots - (slotUntil === null ? 0 : 1),
  };
  return next.files === 0 && next.dayBytes === 0 ? undefined : next;
}
