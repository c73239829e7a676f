import { type Awaitable, isPromise } from './awaitable.ts';

/** What lanes of a kind do with their items. */
export interface LaneHandlers<T> {
  run(item: T): Awaitable<void>;
  /** Told of what `run` throws or rejects with; the lane goes on with the next item. */
  failed(error: unknown, item: T): void;
}

/** Runs one item of work at a time, in order. While nothing has to be awaited, an item runs within `push`. */
export class Lane<T> {
  #busy = false;
  #waiting: T[] = [];
  readonly #handlers: LaneHandlers<T>;

  constructor(handlers: LaneHandlers<T>) {
    this.#handlers = handlers;
  }

  /** How many items wait behind the one that is running. */
  get length(): number {
    return this.#waiting.length;
  }

  get isIdle(): boolean {
    return !this.#busy && this.#waiting.length === 0;
  }

  push(item: T): void {
    if (this.#busy) this.#waiting.push(item);
    else this.#start(item);
  }

  #start(item: T): void {
    this.#busy = true;
    const pending = this.#attempt(item);
    if (pending === undefined) this.#next();
    else this.#await(pending, item);
  }

  #attempt(item: T): Promise<void> | undefined {
    try {
      const result = this.#handlers.run(item);
      return isPromise(result) ? result : undefined;
    } catch (error) {
      this.#handlers.failed(error, item);
      return undefined;
    }
  }

  #await(pending: Promise<void>, item: T): void {
    pending.catch((error: unknown) => this.#handlers.failed(error, item)).then(() => this.#next());
  }

  // A loop, not a recursion: a thousand items that waited must not grow the stack.
  #next(): void {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (let i = 0; i < waiting.length; i++) {
        const item = waiting[i] as T;
        const pending = this.#attempt(item);
        if (pending === undefined) continue;
        this.#waiting = waiting.slice(i + 1).concat(this.#waiting);
        return this.#await(pending, item);
      }
    }
    this.#busy = false;
  }
}
