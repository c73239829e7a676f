import type { Clock } from '../../util/clock.ts';
import type { FileArea } from './file-area.ts';
import { inGroups } from './groups.ts';
import type { Ledger, Listed } from './ledger.ts';
import type { Uploads } from './uploads.ts';

/** What one run of `expire` removes at most; the next one goes on. */
const MAX_REMOVED = 500;
const SHARDS = 256;

/** What a comparison of the disk with the ledger has removed. */
export interface Mended {
  /** Files that the ledger does not know. */
  readonly files: number;
  /** Entries of the ledger whose files are gone. */
  readonly entries: number;
}

/** Removes what has expired, and what the ledger and the disk do not agree on. */
export class Upkeep {
  readonly #uploads: Uploads;
  readonly #ledger: Ledger;
  readonly #area: FileArea;
  readonly #clock: Clock;
  #nextShard = 0;

  constructor(parts: { uploads: Uploads; ledger: Ledger; area: FileArea; clock: Clock }) {
    this.#uploads = parts.uploads;
    this.#ledger = parts.ledger;
    this.#area = parts.area;
    this.#clock = parts.clock;
  }

  /** Removes files and unused slots whose time is over; returns how many. */
  expire(): Promise<number> {
    return inGroups(this.#overdue(), ([id, record]) => this.#uploads.remove(id, record), MAX_REMOVED);
  }

  /**
   * Compares a 256th of the files on the disk with the ledger, another one each time, and removes what only one of them has:
   * what a backup that is older than the disk, or a hand in the directory, may have left.
   */
  async mendNext(): Promise<Mended> {
    const letters = shardOf(this.#nextShard);
    const next = shardOf(this.#nextShard + 1);
    this.#nextShard = (this.#nextShard + 1) % SHARDS;
    const onDisk = await this.#area.shard(letters);
    // A directory that is not there at all may be a disk that is not mounted.
    if (onDisk === undefined) return { files: 0, entries: 0 };
    const unknown = new Set(onDisk);
    const missing: Listed[] = [];
    for await (const listed of this.#ledger.between(letters, next)) {
      const isOnDisk = unknown.delete(listed[0]);
      if (!isOnDisk && listed[1].slotUntil === null) missing.push(listed);
    }
    for (const id of unknown) await this.#area.remove(id);
    let entries = 0;
    for (const [id, record] of missing) {
      // It may have come since the disk was looked at.
      if (await this.#area.has(id)) continue;
      await this.#uploads.remove(id, record);
      entries++;
    }
    return { files: unknown.size, entries };
  }

  async *#overdue(): AsyncIterable<Listed> {
    const now = this.#clock.now();
    for await (const id of this.#ledger.due(now)) {
      // The time of a slot is that of the beginning of its upload.
      if (this.#uploads.isUploading(id)) continue;
      // Read only now: the upload may have ended a moment ago, and none can begin any more.
      const record = await this.#ledger.get(id);
      const until = record?.slotUntil ?? record?.expires ?? null;
      if (record !== undefined && until !== null && until <= now) yield [id, record];
    }
  }
}

/** The letters that identifiers of a shard begin with; behind the last one, what all of them sort before. */
function shardOf(index: number): string {
  return index < SHARDS ? index.toString(16).padStart(2, '0') : 'g';
}
