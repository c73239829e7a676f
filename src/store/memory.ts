import { type Clock, systemClock } from '../util/clock.ts';
import type { Changes, Engine, EnginePage } from './engine.ts';
import { EngineStore } from './engine-store.ts';
import { compareEncoded, type KeyRange } from './keys.ts';
import type { Store } from './store.ts';

/** A store that forgets with the process, for tests; its commits can be made to fail or to hang. */
export interface MemoryStore extends Store {
  /** Lets the next commit fail; its waiters are rejected with StoreError 'failed' and `error` as its cause. */
  failNextCommit(error: Error): void;
  /** Lets commits hang from now on, until {@link release}. */
  hold(): void;
  release(): void;
  /** Everything that is stored, by encoded key. */
  dump(): ReadonlyMap<string, string>;
  /** How often anything has been read. */
  reads(): number;
}

/** Opens a store in memory. Writes are durable, as far as memory goes, when the microtasks of the turn have run. */
export function openMemoryStore({ clock = systemClock }: { readonly clock?: Clock } = {}): MemoryStore {
  const engine = new MemoryEngine();
  const store = new EngineStore(engine, clock, queueMicrotask);
  return Object.assign(store, {
    failNextCommit: (error: Error) => engine.failNext(error),
    hold: () => engine.hold(),
    release: () => engine.release(),
    dump: () => engine.dump(),
    reads: () => engine.reads,
  });
}

class MemoryEngine implements Engine {
  reads = 0;
  readonly #texts = new Map<string, string>();
  /** The keys of `#texts`, sorted. */
  readonly #keys: string[] = [];
  #failure: Error | undefined;
  #held: Promise<void> | undefined;
  #release: () => void = () => {};

  failNext(error: Error): void {
    this.#failure = error;
  }

  hold(): void {
    this.#held ??= new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  dump(): ReadonlyMap<string, string> {
    return new Map(this.#texts);
  }

  get(key: string): string | undefined {
    this.reads++;
    return this.#texts.get(key);
  }

  async read({ from, to }: KeyRange, limit: number, reverse: boolean): Promise<EnginePage> {
    this.reads++;
    const start = this.#indexOf(from);
    const end = Math.max(start, this.#indexOf(to));
    const first = reverse ? Math.max(start, end - limit) : start;
    const keys = this.#keys.slice(first, reverse ? end : Math.min(end, start + limit));
    if (reverse) keys.reverse();
    return { entries: keys.map((key) => [key, this.#texts.get(key) ?? '']), complete: keys.length === end - start };
  }

  async sizeOf({ from, to }: KeyRange): Promise<number> {
    const keys = this.#keys.slice(this.#indexOf(from), this.#indexOf(to));
    return keys.reduce((sum, key) => sum + key.length + (this.#texts.get(key) ?? '').length, 0);
  }

  async write(changes: Changes): Promise<void> {
    await this.#held;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    for (const [key, text] of changes) this.#set(key, text);
  }

  async close(): Promise<void> {}

  #set(key: string, text: string | undefined): void {
    const isNew = !this.#texts.has(key);
    if (text !== undefined) {
      if (isNew) this.#keys.splice(this.#indexOf(key), 0, key);
      this.#texts.set(key, text);
    } else if (!isNew) {
      this.#keys.splice(this.#indexOf(key), 1);
      this.#texts.delete(key);
    }
  }

  /** Returns the index of the first key that is not less than `key`. */
  #indexOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareEncoded(this.#keys[middle] ?? '', key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
