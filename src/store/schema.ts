import type { Changes, Engine, EnginePage } from './engine.ts';
import type { KeyRange } from './keys.ts';
import { StoreError } from './store.ts';

/** One step from a layout of the store to the next. */
export interface Migration {
  /** The schema version that this step leads to; 1, 2, 3 … without gaps. */
  readonly version: number;
  /** What it does, for the log and for error messages. */
  readonly what: string;
  /**
   * Rewrites what changed, in batches. Runs before anything else reads the store. After a crash it runs again, with
   * `raw.position` as the last finished batch left it.
   */
  run(raw: RawStore): Promise<void>;
}

/** The encoded keys and texts under migration. */
export interface RawStore {
  /** Where the last finished batch of this migration came to; undefined at its beginning. */
  readonly position: string | undefined;
  /** Reads up to `limit` entries in ascending order. */
  read(range: KeyRange, limit: number): Promise<EnginePage>;
  /** Writes one batch and where it came to, both or neither; durable when it resolves. */
  write(changes: Changes, position: string): Promise<void>;
}

const VERSION_KEY = '!schema';
const POSITION_KEY = '!schema.position';
const EVERYTHING: KeyRange = { from: '', to: '\u{10FFFF}' };

/**
 * Brings the store to the newest schema: an empty one is born with it, an older one runs the `migrations` it lacks, in
 * order. `where` names the store in messages. Throws StoreError 'newer' if the store knows more than this program,
 * 'damaged' if it holds data without a version, 'failed' if a migration throws; it resumes at the next start.
 */
export async function prepareSchema(engine: Engine, migrations: readonly Migration[], where: string): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0;
  const version = await readVersion(engine, newest, where);
  if (version > newest) {
    const message = `${where} has schema ${version}, and this version of Parley knows schemas up to ${newest}: install the newer version again, or restore a backup that is older`;
    throw new StoreError('newer', message);
  }
  for (const migration of migrations.filter((each) => each.version > version)) await runOne(engine, migration, where);
}

async function readVersion(engine: Engine, newest: number, where: string): Promise<number> {
  const text = engine.get(VERSION_KEY);
  if (text === undefined) {
    const { entries } = await engine.read(EVERYTHING, 1, false);
    if (entries.length > 0) {
      throw new StoreError(
        'damaged',
        `${where} holds data without a schema version: it is not a store of Parley, or it is damaged; choose another directory, or restore a backup`,
      );
    }
    await engine.write(new Map([[VERSION_KEY, String(newest)]]));
    return newest;
  }
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new StoreError('damaged', `${where} has an unreadable schema version: restore a backup`);
}

async function runOne(engine: Engine, migration: Migration, where: string): Promise<void> {
  const { version, what } = migration;
  const raw: RawStore = {
    get position() {
      return engine.get(POSITION_KEY);
    },
    read: (range, limit) => engine.read(range, limit, false),
    write: (changes, position) => engine.write(new Map(changes).set(POSITION_KEY, position)),
  };
  try {
    await migration.run(raw);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `${where} could not be brought to schema ${version} (${what}): ${why}; the next start resumes it`;
    throw new StoreError('failed', message, { cause });
  }
  await engine.write(
    new Map<string, string | undefined>([[VERSION_KEY, String(version)]]).set(POSITION_KEY, undefined),
  );
}
