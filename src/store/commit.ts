import { channel } from 'node:diagnostics_channel';
import type { Engine } from './engine.ts';
import { StoreError } from './store.ts';

/**
 * One write of a group: a text for a key (undefined deletes), or a change to what the key holds. A key that is new is in no
 * other step: nobody has to look for it among the others.
 */
export type Step =
  | { readonly key: string; readonly text: string | undefined; readonly isNew?: true }
  | { readonly key: string; readonly change: (old: string | undefined) => string | undefined };

/** Published on the diagnostics channel `xmpp.commit` after each commit. */
export interface CommitEvent {
  readonly groups: number;
  readonly bytes: number;
  /** Why it failed, if it did. */
  readonly error: StoreError | undefined;
}

interface Group {
  readonly steps: readonly Step[];
  readonly bytes: number;
  /** Whether a step depends on what is stored. */
  readonly changes: boolean;
  /** Set when a change threw: the group wrote nothing. */
  refusal?: { readonly cause: unknown };
}

type Complete = (changes: Map<string, string | undefined>) => (() => void) | undefined;

interface Round {
  readonly groups: Group[];
  bytes: number;
  readonly durable: Promise<void>;
  readonly settle: (error?: StoreError) => void;
}

const MAX_ROUND_BYTES = 1024 * 1024;
/** What a change is taken to weigh before it has run: the usual record is a few hundred bytes. */
const CHANGE_BYTES = 256;
const commits = channel('xmpp.commit');

/**
 * Group commit: many writes, one fsync.
 *
 * The writes of one turn of the event loop, and those that arrive while a commit runs, form the next round, which the
 * engine writes at once, all or nothing. A round takes 1 MiB; what does not fit goes to the round behind it. A group (the
 * writes of one `Store.commit`) is never divided, so a larger one has a round of its own.
 *
 * Which writes are synced: all of them. Every round is one batch in the engine's log followed by one fsync, and no
 * promise resolves before that: what the server sends on because a write "is stored" survives the loss of power, not
 * only of the process. The round shares its fsync: with 100 writes in flight on a disk that takes 0.2 ms, each pays 4 of
 * its 10 µs for it (`bench/store.ts`), and a quiet server pays one fsync of latency per write. `sync: 'none'` of the
 * LevelDB store leaves the moment to the operating system: a killed process still loses nothing, a power cut loses the
 * last seconds.
 *
 * Rounds run one after the other, and changes (`Table.update`) run when their round is formed: they see all that was
 * committed and the earlier writes of their own round, nothing else. So when a round fails, nothing that waits was
 * computed from what it would have written; its waiters are rejected with StoreError 'failed', and the next round is tried.
 * Readers of this process see nothing of it. Where only the fsync failed, the next start may find it after all: like
 * every database, the store promises that what it acknowledged is there, not that what it refused is gone.
 *
 * The waiters of a round share one promise. A change that throws withdraws its own group only.
 */
export class GroupCommit {
  readonly #engine: Engine;
  readonly #schedule: (run: () => void) => void;
  readonly #complete: Complete;
  readonly #waiting: Round[] = [];
  #writing: Round | undefined;
  #isScheduled = false;
  #waitingBytes = 0;

  /**
   * `schedule` says when a round that finds the engine idle begins: at the end of the turn, usually `setImmediate`. `complete`
   * adds what is to be written along with every round, and returns what is to be called when that is written.
   */
  constructor(engine: Engine, schedule: (run: () => void) => void, complete: Complete = () => undefined) {
    this.#engine = engine;
    this.#schedule = schedule;
    this.#complete = complete;
  }

  /** Bytes handed in and not yet durable. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Writes the steps together or not at all; resolves when durable, rejects with what a change threw. */
  add(steps: readonly Step[]): Promise<void> {
    const group = newGroup(steps);
    const round = this.#openRound(group.bytes);
    round.groups.push(group);
    round.bytes += group.bytes;
    this.#waitingBytes += group.bytes;
    if (!group.changes) return round.durable;
    return round.durable.then(() => {
      if (group.refusal !== undefined) throw group.refusal.cause;
    });
  }

  /** Resolves when all that was handed in before the call is durable or has failed. */
  async settled(): Promise<void> {
    const last = this.#waiting.at(-1) ?? this.#writing;
    await last?.durable.catch(() => {});
  }

  #openRound(bytes: number): Round {
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.bytes + bytes <= MAX_ROUND_BYTES) return last;
    const round = newRound();
    this.#waiting.push(round);
    if (this.#writing === undefined && !this.#isScheduled) {
      this.#isScheduled = true;
      this.#schedule(() => {
        this.#isScheduled = false;
        void this.#drain();
      });
    }
    return round;
  }

  async #drain(): Promise<void> {
    for (let round = this.#waiting.shift(); round !== undefined; round = this.#waiting.shift()) {
      this.#writing = round;
      const groups = round.groups.length;
      const error = await this.#write(round);
      this.#writing = undefined;
      this.#waitingBytes -= round.bytes;
      round.settle(error);
      if (commits.hasSubscribers) {
        const event: CommitEvent = { groups, bytes: round.bytes, error };
        commits.publish(event);
      }
    }
  }

  async #write(round: Round): Promise<StoreError | undefined> {
    try {
      const changes = new Map<string, string | undefined>();
      const all: (readonly [string, string | undefined])[] = [];
      // From here on nobody needs the texts but the engine: what is written may take a while.
      for (const group of round.groups.splice(0)) this.#apply(group, changes, all);
      if (changes.size === 0 && all.length === 0) return undefined;
      const completed = this.#complete(changes);
      for (const change of changes) all.push(change);
      await this.#engine.write(all);
      completed?.();
      return undefined;
    } catch (cause) {
      if (cause instanceof StoreError) return cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      return new StoreError('failed', `the store could not write: ${why}`, { cause });
    }
  }

  /** Adds the group's writes to those of the round; none of them if a change throws. */
  #apply(
    group: Group,
    changes: Map<string, string | undefined>,
    fresh: (readonly [string, string | undefined])[],
  ): void {
    if (group.changes) return this.#change(group, changes);
    for (const step of group.steps) {
      if ('change' in step) continue;
      if (step.isNew === true) fresh.push([step.key, step.text]);
      else changes.set(step.key, step.text);
    }
  }

  #change(group: Group, changes: Map<string, string | undefined>): void {
    const own = new Map<string, string | undefined>();
    const read = (key: string): string | undefined => {
      if (own.has(key)) return own.get(key);
      return changes.has(key) ? changes.get(key) : this.#engine.get(key);
    };
    try {
      for (const step of group.steps) own.set(step.key, 'change' in step ? step.change(read(step.key)) : step.text);
    } catch (cause) {
      group.refusal = { cause };
      return;
    }
    for (const [key, text] of own) changes.set(key, text);
  }
}

function newGroup(steps: readonly Step[]): Group {
  let bytes = 0;
  let changes = false;
  for (const step of steps) {
    bytes += step.key.length;
    if ('change' in step) {
      changes = true;
      bytes += CHANGE_BYTES;
    } else if (step.text !== undefined) bytes += step.text.length;
  }
  return { steps, bytes, changes };
}

function newRound(): Round {
  let settle: Round['settle'] = () => {};
  const durable = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { groups: [], bytes: 0, durable, settle };
}
