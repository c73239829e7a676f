import type { FeatureHost } from '../../core/feature.ts';
import type { Key, Store, Table, TableSpec } from '../../store/store.ts';

/** How long a write may stay in memory only; a crash loses as much. */
const WRITE_MS = 5000;

/**
 * A table whose writes may wait for some seconds, so that a thousand of them cost one commit: for what nobody is told is
 * done. A write of a key that waits is merged with the next; what cannot be written is tried again.
 */
export class LazyTable<V> {
  readonly #store: Store;
  readonly #table: Table<V>;
  readonly #merge: (old: V | undefined, news: V) => V;
  // By the parts of the key, joined.
  readonly #unwritten = new Map<string, readonly [key: Key, news: V]>();

  /** `merge` says what becomes of a value when another is written over it: unless given, it is replaced. */
  constructor(host: FeatureHost, spec: TableSpec<V>, merge: (old: V | undefined, news: V) => V = replace) {
    this.#store = host.store;
    this.#table = host.table(spec);
    this.#merge = merge;
    host.every(spec.name, WRITE_MS, () => this.flush());
    host.defer(() => this.flush());
  }

  async get(...key: Key): Promise<V | undefined> {
    if (this.#merge === replace) {
      const waiting = this.#unwritten.get(nameOf(key));
      if (waiting !== undefined) return waiting[1];
    }
    const stored = await this.#table.get(...key);
    const waiting = this.#unwritten.get(nameOf(key));
    return waiting === undefined ? stored : this.#merge(stored, waiting[1]);
  }

  /** All values whose keys begin with the parts of `prefix`. What was never written is not among them. */
  async *entries(prefix: Key): AsyncIterable<readonly [key: Key, value: V]> {
    for await (const [key, stored] of this.#table.list(prefix)) {
      const waiting = this.#unwritten.get(nameOf(key));
      yield [key, waiting === undefined ? stored : this.#merge(stored, waiting[1])];
    }
  }

  /** Writes soon. */
  put(key: Key, news: V): void {
    const name = nameOf(key);
    const waiting = this.#unwritten.get(name);
    this.#unwritten.set(name, [key, waiting === undefined ? news : this.#merge(waiting[1], news)]);
  }

  /** Writes now, along with what waits; resolves when durable. */
  async putNow(key: Key, news: V): Promise<void> {
    this.put(key, news);
    await this.flush();
  }

  /** Removes values together; resolves when durable. */
  async delete(...keys: readonly Key[]): Promise<void> {
    if (keys.length === 0) return;
    for (const key of keys) this.#unwritten.delete(nameOf(key));
    await this.#store.commit((batch) => {
      for (const key of keys) batch.delete(this.#table, key);
    });
  }

  /** Writes what waits; resolves when durable. */
  async flush(): Promise<void> {
    const due = [...this.#unwritten];
    if (due.length === 0) return;
    await this.#store.commit((batch) => {
      for (const [, [key, news]] of due) batch.update(this.#table, key, (old) => this.#merge(old, news));
    });
    for (const [name, written] of due) if (this.#unwritten.get(name) === written) this.#unwritten.delete(name);
  }
}

function replace<V>(_old: V | undefined, news: V): V {
  return news;
}

function nameOf(key: Key): string {
  return key.join('\0');
}
