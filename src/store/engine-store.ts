import type { Metrics } from '../metrics/metrics.ts';
import type { Clock } from '../util/clock.ts';
import type { Access } from './access.ts';
import { GroupCommit, type Step } from './commit.ts';
import type { Engine } from './engine.ts';
import { EntryIds } from './entry-ids.ts';
import { EngineJournal, REACHED_KEY } from './journal.ts';
import { tablePrefix } from './keys.ts';
import {
  type Batch,
  type EntryId,
  type Journal,
  type JournalSpec,
  type Key,
  type Store,
  StoreError,
  type Table,
  type TableSpec,
} from './store.ts';
import { EngineTable } from './table.ts';
import { TimedEngine } from './timed-engine.ts';

/** A store over any engine: all that the backends have in common. */
export class EngineStore implements Store {
  readonly #engine: TimedEngine;
  readonly #commit: GroupCommit;
  readonly #access: Access;
  readonly #names = new Set<string>();
  #closed: Promise<void> | undefined;

  /** `schedule` as for {@link GroupCommit}. */
  constructor(backend: Engine, clock: Clock, schedule: (run: () => void) => void) {
    const engine = new TimedEngine(backend, clock);
    this.#engine = engine;
    const ids = new EntryIds(clock, readReached(engine));
    let written = ids.timeMs;
    this.#commit = new GroupCommit(engine, schedule, (changes) => {
      const { timeMs } = ids;
      if (timeMs === written) return undefined;
      changes.set(REACHED_KEY, String(timeMs));
      return () => {
        written = timeMs;
      };
    });
    this.#access = {
      engine,
      ids,
      write: (steps) => this.#write(steps),
      settled: () => this.#commit.settled(),
      assertOpen: () => this.#assertOpen(),
    };
  }

  get waitingBytes(): number {
    return this.#commit.waitingBytes;
  }

  table<V>(spec: TableSpec<V>): Table<V> {
    return new EngineTable(this.#access, this.#claim(spec.name), spec);
  }

  journal<V>(spec: JournalSpec<V>): Journal<V> {
    return new EngineJournal(this.#access, this.#claim(spec.name), spec);
  }

  async commit(write: (batch: Batch) => void): Promise<void> {
    const steps: Step[] = [];
    write(new StepBatch(this.#access, steps));
    if (steps.length > 0) await this.#write(steps);
  }

  export(metrics: Metrics): () => void {
    const times = this.#engine.export(metrics);
    const waiting = metrics.measured({ name: 'store_waiting_bytes', help: 'What waits to be written' }, (put) =>
      put({}, this.waitingBytes),
    );
    return () => {
      times();
      waiting();
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#commit.settled().then(() => this.#engine.close());
    return this.#closed;
  }

  #claim(name: string): string {
    const prefix = tablePrefix(name);
    if (this.#names.has(name)) throw new TypeError(`the store has a table or journal ${name} already`);
    this.#names.add(name);
    return prefix;
  }

  #write(steps: readonly Step[]): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    return this.#commit.add(steps);
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw closedError();
  }
}

function readReached(engine: Engine): number {
  const text = engine.get(REACHED_KEY) ?? '0';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new StoreError('damaged', 'the store holds a damaged journal time: restore a backup');
}

function closedError(): StoreError {
  return new StoreError('closed', 'the store is closed');
}

/** Collects the writes of one `Store.commit`. */
class StepBatch implements Batch {
  readonly #access: Access;
  readonly #steps: Step[];

  constructor(access: Access, steps: Step[]) {
    this.#access = access;
    this.#steps = steps;
  }

  put<V>(table: Table<V>, key: Key, value: V): void {
    this.#steps.push(this.#ownTable(table).putStep(key, value));
  }

  delete<V>(table: Table<V>, key: Key): void {
    this.#steps.push(this.#ownTable(table).deleteStep(key));
  }

  update<V>(table: Table<V>, key: Key, change: (old: V | undefined) => V | undefined): void {
    this.#steps.push(this.#ownTable(table).updateStep(key, change));
  }

  append<V>(journal: Journal<V>, stream: Key, value: V): EntryId {
    const { id, steps } = this.#ownJournal(journal).appendSteps(stream, value);
    this.#steps.push(...steps);
    return id;
  }

  insert<V>(journal: Journal<V>, stream: Key, id: EntryId, value: V): void {
    this.#steps.push(this.#ownJournal(journal).putStep(stream, id, value));
  }

  remove<V>(journal: Journal<V>, stream: Key, id: EntryId): void {
    this.#steps.push(this.#ownJournal(journal).removeStep(stream, id));
  }

  #ownTable<V>(table: Table<V>): EngineTable<V> {
    if (table instanceof EngineTable && table.access === this.#access) return table;
    throw new TypeError('the table belongs to another store');
  }

  #ownJournal<V>(journal: Journal<V>): EngineJournal<V> {
    if (journal instanceof EngineJournal && journal.access === this.#access) return journal;
    throw new TypeError('the journal belongs to another store');
  }
}
