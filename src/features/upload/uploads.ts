import type { Readable } from 'node:stream';
import type { Clock } from '../../util/clock.ts';
import { unguessableBytes } from '../../util/ids.ts';
import type { UploadConfig } from './config.ts';
import type { FileArea, Write } from './file-area.ts';
import { safeName } from './file-name.ts';
import { inGroups } from './groups.ts';
import { DAY_MS, type Ledger, type Listed, type QuotaError, type Quotas } from './ledger.ts';
import { expiryOf } from './purpose.ts';
import type { FileRecord, Usage } from './record.ts';
import type { SlotRequest } from './slot-request.ts';

/** Slots of one account that are not used yet. */
const MAX_SLOTS = 50;
/** Among so many of the oldest files the next one to expire is looked for: the answer to a full account is not dear. */
const MAX_LOOKED_AT = 50;
const ID_BYTES = 16;
const DEFAULT_TYPE = 'application/octet-stream';
const ID = /^[0-9a-f]{32}$/;

/** How a file comes in. */
export interface Sender {
  /** Returns the media type to keep, if one is known. Throws when what is about to be sent does not fit the slot. */
  accept(slot: FileRecord): string | undefined;
  /** Writes all of the file, until the signal says that there is no place for it any more. */
  pour(slot: FileRecord, write: Write, signal: AbortSignal): Promise<void>;
}

/** What became of an upload. */
export type Outcome = FileRecord | 'unknown' | 'uploaded' | 'uploading';

/** What the uploads of a host work on. */
export interface UploadsParts {
  readonly ledger: Ledger;
  readonly area: FileArea;
  readonly clock: Clock;
  readonly config: UploadConfig;
  /** Whether there is an account of this localpart. */
  readonly hasAccount: (local: string) => Promise<boolean>;
}

interface Uploading {
  readonly aborting: AbortController;
  readonly settled: Promise<unknown>;
  readonly progress: Progress;
}

interface Reception {
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

interface Progress {
  /** The bytes that are to be written yet. */
  left: number;
}

/**
 * The slots and files of one host: the ledger and the disk, kept together. A file is on the disk before the ledger says so,
 * and off the disk before the ledger forgets it, so that whatever a crash leaves behind is known to the ledger.
 */
export class Uploads {
  readonly #parts: UploadsParts;
  readonly #uploading = new Map<string, Uploading>();

  constructor(parts: UploadsParts) {
    this.#parts = parts;
  }

  /** Gives an account a slot; returns its identifier, which nobody can guess. Rejects with a QuotaError. */
  async reserve(owner: string, request: SlotRequest): Promise<Listed> {
    const { clock, config, ledger } = this.#parts;
    const now = clock.now();
    const id = unguessableBytes(ID_BYTES).toString('hex');
    const slot: FileRecord = {
      owner,
      name: safeName(request.name),
      type: request.type,
      size: request.size,
      purpose: request.purpose,
      at: now,
      slotUntil: now + config.slotMs,
      expires: expiryOf(request, { now, expireAfterDays: config.expireAfterDays }),
    };
    await ledger.reserve(id, slot, quotasOf(config));
    return [id, slot];
  }

  /** When an account may try again whose quota is exceeded; undefined if not by waiting. */
  async retryAt(owner: string, { quota }: QuotaError): Promise<number | undefined> {
    const { clock, config, ledger } = this.#parts;
    const now = clock.now();
    if (quota === 'dailyBytes') return (Math.floor(now / DAY_MS) + 1) * DAY_MS;
    if (quota === 'slots') return now + config.slotMs;
    let first: number | undefined;
    let left = MAX_LOOKED_AT;
    for await (const [, { expires }] of ledger.owned(owner, 'oldest')) {
      if (expires !== null) first = Math.min(expires, first ?? expires);
      if (--left === 0) break;
    }
    return first;
  }

  /** Whether the disk has room for so many bytes beside all that is coming in. */
  async hasRoom(bytes: number): Promise<boolean> {
    const { area, config } = this.#parts;
    const free = await area.freeBytes();
    let toCome = bytes;
    for (const { progress } of this.#uploading.values()) toCome += progress.left;
    return free - toCome >= config.keepFreeBytes;
  }

  /**
   * Takes a file in for a slot. Rejects with a NoRoomError, or with what the sender or the disk threw; the slot can then be
   * used again.
   */
  async receive(id: string, sender: Sender): Promise<Outcome> {
    if (!ID.test(id)) return 'unknown';
    // Before anything is awaited, so that there is one sender at a time.
    if (this.#uploading.has(id)) return 'uploading';
    const aborting = new AbortController();
    const progress: Progress = { left: 0 };
    const outcome = this.#receive(id, sender, { signal: aborting.signal, progress });
    this.#uploading.set(id, { aborting, progress, settled: outcome.catch(() => {}) });
    try {
      return await outcome;
    } finally {
      this.#uploading.delete(id);
    }
  }

  /** Whether a file is coming in. */
  isUploading(id: string): boolean {
    return this.#uploading.has(id);
  }

  /** Returns the record of a file that is there for whoever knows its identifier. */
  async find(id: string): Promise<FileRecord | undefined> {
    const record = ID.test(id) ? await this.#parts.ledger.get(id) : undefined;
    if (record === undefined || record.slotUntil !== null || this.#isOver(record.expires)) return undefined;
    return record;
  }

  /** Reads bytes of a file, both ends included. Rejects with `ENOENT` when the disk does not have it. */
  read(id: string, range: { readonly first: number; readonly last: number }): Promise<Readable> {
    return this.#parts.area.read(id, range);
  }

  /** Lists the files of an account that are there, the newest first. */
  async *list(owner: string): AsyncIterable<Listed> {
    for await (const listed of this.#parts.ledger.owned(owner)) {
      const [, { slotUntil, expires }] = listed;
      if (slotUntil === null && !this.#isOver(expires)) yield listed;
    }
  }

  /** Removes the files of an account that were uploaded before a time; returns how many. */
  removeOlder(owner: string, before: number): Promise<number> {
    return inGroups(this.#older(owner, before), ([id, record]) => this.remove(id, record));
  }

  usage(owner: string): Promise<Usage> {
    return this.#parts.ledger.usage(owner, this.#parts.clock.now());
  }

  /** Removes a slot or file that nobody is uploading. */
  async remove(id: string, record: FileRecord): Promise<void> {
    await this.#parts.area.remove(id);
    await this.#parts.ledger.remove(id, record, this.#parts.clock.now());
  }

  /** Removes everything of an account; what it is uploading is broken off. */
  async clear(owner: string): Promise<void> {
    const { ledger } = this.#parts;
    await inGroups(ledger.owned(owner), async ([id, record]) => {
      await this.#breakOff(id);
      // It may have become a file just now.
      await this.remove(id, (await ledger.get(id)) ?? record);
    });
    await ledger.forget(owner);
  }

  /** Breaks off what is coming in; resolves when nothing of it is left. */
  async close(): Promise<void> {
    await Promise.all([...this.#uploading.keys()].map((id) => this.#breakOff(id)));
  }

  async *#older(owner: string, before: number): AsyncIterable<Listed> {
    for await (const listed of this.#parts.ledger.owned(owner, 'oldest')) {
      const [, { at, slotUntil }] = listed;
      if (at >= before) return;
      if (slotUntil === null) yield listed;
    }
  }

  async #breakOff(id: string): Promise<void> {
    const uploading = this.#uploading.get(id);
    uploading?.aborting.abort(new UploadAborted());
    await uploading?.settled;
  }

  async #receive(id: string, sender: Sender, { signal, progress }: Reception): Promise<Outcome> {
    const { area, ledger } = this.#parts;
    const slot = await ledger.get(id);
    if (slot === undefined || this.#isOver(slot.slotUntil) || this.#isOver(slot.expires)) return 'unknown';
    if (slot.slotUntil === null) return 'uploaded';
    if (!(await this.#parts.hasAccount(slot.owner))) return 'unknown';
    const type = sender.accept(slot) ?? DEFAULT_TYPE;
    // Other slots may have been given for the same room. Counted before it is looked for, so that two do not both find it.
    progress.left = slot.size;
    if (!(await this.hasRoom(0))) throw new NoRoomError(slot.size, this.#parts.config.keepFreeBytes);
    await area.store(id, (write) => {
      const counted: Write = async (piece) => {
        await write(piece);
        progress.left -= piece.length;
      };
      return sender.pour(slot, counted, signal);
    });
    try {
      const file = await ledger.complete(id, slot, type);
      if (file !== undefined) return file;
    } catch (error) {
      await area.remove(id);
      throw error;
    }
    await area.remove(id);
    return 'unknown';
  }

  #isOver(time: number | null): boolean {
    return time !== null && time <= this.#parts.clock.now();
  }
}

/** The upload is broken off because its account is removed or the server stops. */
export class UploadAborted extends Error {
  override readonly name = 'UploadAborted';
}

/** The upload cannot begin: it would leave less on the disk than is to be kept free. */
export class NoRoomError extends Error {
  override readonly name = 'NoRoomError';
  readonly bytes: number;
  readonly keepFreeBytes: number;

  constructor(bytes: number, keepFreeBytes: number) {
    super('the disk has no room for the upload');
    this.bytes = bytes;
    this.keepFreeBytes = keepFreeBytes;
  }
}

/** What the configuration allows each account. */
export function quotasOf(config: UploadConfig): Quotas {
  return {
    dailyBytes: config.dailyBytesPerAccount,
    bytes: config.quotaBytesPerAccount,
    profileBytes: config.profileBytesPerAccount,
    files: config.filesPerAccount,
    slots: MAX_SLOTS,
  };
}
