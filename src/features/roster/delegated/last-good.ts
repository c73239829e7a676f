import { JID } from '../../../jid.ts';
import type { Logger } from '../../../log/log.ts';
import type { Table } from '../../../store/store.ts';
import type { Clock } from '../../../util/clock.ts';
import { LruCache } from '../../../util/lru.ts';
import type { LiveRoster } from '../roster.ts';
import { type Contact, rosterOf } from './contact-list.ts';
import type { ContactRecord, CopyRecord } from './copy-record.ts';
import type { Validators } from './http-request.ts';
import { SparseLines } from './sparse-lines.ts';

/** A copy on disk that says the same is written again after this time, so that it is not taken for an old one. */
const RENEW_MS = 86_400_000;

/** A roster that the owner has sent, and how to ask whether it is the same still. */
export interface Copy {
  readonly roster: LiveRoster;
  readonly validators: Validators;
}

interface Kept extends Copy {
  readonly at: number;
  /** When it was last written. */
  readonly writtenAt: number;
}

/** What the copies of a host are kept with. */
export interface LastGoodOptions {
  readonly domain: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is older is not used. */
  readonly keepMs: number;
  /** How many are kept in memory. */
  readonly maxRosters: number;
  /** Who is asked for rosters, and how: copies of another source are not used. */
  readonly source: string;
  readonly table: Table<CopyRecord | null>;
  /** Whether they are kept there. If not, what is there from other times is removed. */
  readonly isOnDisk: boolean;
}

/**
 * The last roster that was fetched of each user: for an outage, and to ask whether it has changed. In memory, where those that
 * were used last stay, and in the store if it is to outlive the process. It is never needed: what cannot be read or written is
 * logged, and left.
 */
export class LastGood {
  readonly #options: LastGoodOptions;
  readonly #kept: LruCache<string, Kept>;
  readonly #faults: SparseLines;
  /** Another number when a deletion has begun or ended. */
  #deletions = 0;

  constructor(options: LastGoodOptions) {
    this.#options = options;
    this.#kept = new LruCache(2 * Math.ceil(options.maxRosters / 2));
    this.#faults = new SparseLines(options.clock);
  }

  /** How many are in memory. */
  get size(): number {
    return this.#kept.size;
  }

  /** The copy of a user's roster. */
  async get(local: string): Promise<Copy | undefined> {
    const kept = this.#kept.get(local) ?? (await this.#read(local));
    if (kept === undefined || this.#isFresh(kept.at)) return kept;
    this.#kept.delete(local);
    return undefined;
  }

  /** Keeps a copy that the owner has just sent, or confirmed. */
  set(local: string, copy: Copy): void {
    const { keepMs, clock } = this.#options;
    if (keepMs === 0) return;
    const at = clock.now();
    const before = this.#kept.get(local);
    const isWritten = before !== undefined && isSame(before, copy) && at - before.writtenAt < RENEW_MS;
    this.#kept.set(local, { ...copy, at, writtenAt: isWritten ? before.writtenAt : at });
    if (!isWritten) this.#write(local, copy, at);
  }

  /** Forgets the copy of a user's roster; resolves when that is durable. */
  async delete(local: string): Promise<void> {
    this.#deletions++;
    try {
      await this.#options.table.delete([this.#options.domain, local]);
    } finally {
      this.#deletions++;
      this.#kept.delete(local);
    }
  }

  /** Removes copies from the store that nobody will use any more. */
  async prune(): Promise<void> {
    const { table, domain } = this.#options;
    for await (const [key, record] of table.list([domain])) {
      if (!this.#isUsable(record))
        await table.update(key, (now) => (this.#isUsable(now) ? (now ?? undefined) : undefined));
    }
  }

  #isFresh(at: number): boolean {
    return this.#options.clock.now() - at < this.#options.keepMs;
  }

  #isUsable(record: CopyRecord | null | undefined): record is CopyRecord {
    if (record === null || record === undefined) return false;
    const { isOnDisk, source } = this.#options;
    return isOnDisk && record.source === source && this.#isFresh(record.at);
  }

  async #read(local: string): Promise<Kept | undefined> {
    const { table, domain, isOnDisk } = this.#options;
    if (!isOnDisk) return undefined;
    const deletions = this.#deletions;
    try {
      const record = await table.get(domain, local);
      // It may be this one that was deleted.
      if (deletions !== this.#deletions) return this.#read(local);
      if (record === undefined) return undefined;
      const kept = this.#isUsable(record) ? toKept(record) : undefined;
      if (kept === undefined) await table.delete([domain, local]);
      // It may have been fetched meanwhile, which is newer.
      const newer = this.#kept.get(local);
      if (newer === undefined && kept !== undefined) this.#kept.set(local, kept);
      return newer ?? kept;
    } catch (error) {
      this.#failed(local, error);
      return undefined;
    }
  }

  #write(local: string, copy: Copy, at: number): void {
    const { table, domain, source, isOnDisk } = this.#options;
    if (!isOnDisk) return;
    table.put([domain, local], toRecord(copy, source, at)).catch((error: unknown) => this.#failed(local, error));
  }

  #failed(local: string, error: unknown): void {
    const { log, domain } = this.#options;
    const jid = `${local}@${domain}`;
    this.#faults.add((untold) => log.warn('roster.copy-failed', { jid, untold }, error));
  }
}

function isSame(a: Copy, b: Copy): boolean {
  return (
    a.roster.version === b.roster.version &&
    a.validators.etag === b.validators.etag &&
    a.validators.lastModified === b.validators.lastModified
  );
}

function toRecord({ roster, validators }: Copy, source: string, at: number): CopyRecord {
  const contacts = Array.from(roster.items.values(), ({ jid, name, groups }) => {
    return [jid.toString(), name ?? null, groups] as const;
  });
  return { at, source, ...validators, contacts };
}

/** Undefined when it is damaged. */
function toKept({ at, contacts, etag, lastModified }: CopyRecord): Kept | undefined {
  try {
    const roster = rosterOf(contacts.map(toContact));
    const validators = {
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
    };
    return { roster, validators, at, writtenAt: at };
  } catch {
    return undefined;
  }
}

function toContact([jid, name, groups]: ContactRecord): Contact {
  return { jid: JID.parse(jid), name: name ?? undefined, groups };
}
