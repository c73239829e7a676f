import { Level } from 'level';
import { type Clock, systemClock } from '../util/clock.ts';
import { atEndOfTurn } from '../util/turn.ts';
import { prepareDirectory } from './directory.ts';
import type { Changes, Engine, EnginePage } from './engine.ts';
import { EngineStore } from './engine-store.ts';
import type { KeyRange } from './keys.ts';
import { migrations as allMigrations } from './migrations/list.ts';
import { type Migration, prepareSchema } from './schema.ts';
import { type Store, StoreError } from './store.ts';

/** How to open a LevelDB store. */
export interface LevelOptions {
  /**
   * Whether each commit is followed by an fsync. Default 'always': what is durable survives a power cut. With 'none' it
   * survives the end of the process, and a power cut loses the last seconds.
   */
  readonly sync?: 'always' | 'none';
  /** Memory for blocks read, in bytes. Default 32 MiB. */
  readonly cacheBytes?: number;
  readonly clock?: Clock;
  /** Default: those of this program. */
  readonly migrations?: readonly Migration[];
}

const CACHE_BYTES = 32 * 1024 * 1024;
/** A page ends behind the value that reaches this, or this many entries (LevelDB's iterator reserves room for all asked for). */
const PAGE_BYTES = 1024 * 1024;
const PAGE_ENTRIES = 1000;

/**
 * Opens the LevelDB store in `directory`, which is made (mode 0700) if it is not there, and brings it to the newest
 * schema. One process may have it open. Throws StoreError: 'locked', 'unwritable', 'damaged', 'newer' or 'failed'.
 */
export async function openLevelStore(directory: string, options: LevelOptions = {}): Promise<Store> {
  const { sync = 'always', cacheBytes = CACHE_BYTES, clock = systemClock, migrations = allMigrations } = options;
  await prepareDirectory(directory);
  const level = new Level(directory, { keyEncoding: 'utf8', valueEncoding: 'utf8', cacheSize: cacheBytes });
  try {
    await level.open();
  } catch (error) {
    throw openError(directory, error);
  }
  const engine = new LevelEngine(level, directory, sync === 'always');
  try {
    await prepareSchema(engine, migrations, `the store in ${directory}`);
    return new EngineStore(engine, clock, atEndOfTurn);
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** What LevelDB has and other databases of the library have not. */
interface ClassicLevel {
  approximateSize(start: string, end: string): Promise<number>;
}

class LevelEngine implements Engine {
  readonly #level: Level;
  readonly #directory: string;
  readonly #sync: boolean;
  #failure: StoreError | undefined;

  constructor(level: Level, directory: string, sync: boolean) {
    this.#level = level;
    this.#directory = directory;
    this.#sync = sync;
  }

  /**
   * Reads in this thread: 3 µs where LevelDB has the block in memory, against 26 to 40 µs for the way through the thread
   * pool and back, and many milliseconds when a storm of logins keeps the pool's four threads deriving keys. What is read
   * so is what was written lately or is read often (a user's credentials, a roster); a cold record costs the loop one
   * read of the disk.
   */
  get(key: string): string | undefined {
    try {
      return this.#level.getSync(key);
    } catch (error) {
      throw this.#readError(error);
    }
  }

  async read({ from, to }: KeyRange, limit: number, reverse: boolean): Promise<EnginePage> {
    const iterator = this.#level.iterator({ gte: from, lt: to, reverse, highWaterMarkBytes: PAGE_BYTES });
    try {
      const count = Math.min(limit, PAGE_ENTRIES);
      const entries = await iterator.nextv(count);
      if (entries.length === 0 || entries.length === count) return { entries, complete: entries.length === 0 };
      // Fewer than asked for: either the end, which the iterator then knows, or a page full of large values.
      const rest = await iterator.nextv(count - entries.length);
      return { entries: entries.concat(rest), complete: rest.length === 0 };
    } catch (error) {
      throw this.#readError(error);
    } finally {
      await iterator.close();
    }
  }

  async sizeOf({ from, to }: KeyRange): Promise<number> {
    try {
      // Only LevelDB itself has this, which is what there is in Node.
      return await (this.#level as unknown as ClassicLevel).approximateSize(from, to);
    } catch (error) {
      throw this.#readError(error);
    }
  }

  /**
   * A write that failed may have left half a record in LevelDB's log, and what follows half a record may be dropped when
   * the log is read at the next start. So after one failure nothing more is accepted until the store is opened again.
   * A chained batch, because the array form copies each operation twice: it takes this thread twice as long.
   */
  async write(changes: Changes): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const batch = this.#level.batch();
      for (const [key, text] of changes) {
        if (text === undefined) batch.del(key);
        else batch.put(key, text);
      }
      await batch.write({ sync: this.#sync });
    } catch (cause) {
      const message = `the store in ${this.#directory} could not write (${why(cause)}): make room or repair the disk, then restart`;
      this.#failure = new StoreError('failed', message, { cause });
      throw this.#failure;
    }
  }

  close(): Promise<void> {
    return this.#level.close();
  }

  #readError(error: unknown): StoreError {
    const code = codeOf(error);
    if (code === 'LEVEL_DATABASE_NOT_OPEN' || code === 'LEVEL_ITERATOR_NOT_OPEN') {
      return new StoreError('closed', 'the store is closed', { cause: error });
    }
    if (code === 'LEVEL_CORRUPTION') return damaged(this.#directory, error);
    return new StoreError('failed', `the store in ${this.#directory} could not be read: ${why(error)}`, {
      cause: error,
    });
  }
}

/** LevelDB's reasons for not opening, in words that help. */
function openError(directory: string, error: unknown): StoreError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  switch (codeOf(cause)) {
    case 'LEVEL_LOCKED': {
      const message = `the store in ${directory} is in use by another process: stop the other server, or choose another directory`;
      return new StoreError('locked', message, { cause });
    }
    case 'LEVEL_CORRUPTION':
      return damaged(directory, cause);
    default:
      return new StoreError('unwritable', `the store in ${directory} cannot be opened: ${why(cause)}`, { cause });
  }
}

function damaged(directory: string, cause: unknown): StoreError {
  const message = `the store in ${directory} is damaged (${why(cause)}): nothing was changed; restore a backup into that directory`;
  return new StoreError('damaged', message, { cause });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function why(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
