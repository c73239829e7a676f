import type { Fork } from './fork.ts';
import type { Exit, OutboxEntry } from './outbox-entry.ts';

/** A power of two. */
const INITIAL_CAPACITY = 16;
/** A ring that has grown beyond this is given back once it is empty. */
const KEPT_CAPACITY = 64;

/**
 * What was sent and not acknowledged: a ring. It is kept in columns, because an acknowledgement comes long after its stanzas,
 * when they have left the processor's caches: what must be looked at for each of them lies side by side.
 */
export class Unacknowledged {
  #xml = new Array<string>(INITIAL_CAPACITY).fill('');
  #forks = new Array<Fork | undefined>(INITIAL_CAPACITY).fill(undefined);
  #at = new Array<number>(INITIAL_CAPACITY).fill(0);
  /** The size of each and of all that came before it. */
  #sizes = new Array<number>(INITIAL_CAPACITY).fill(0);
  #first = 0;
  #length = 0;
  #added = 0;
  #removed = 0;

  get length(): number {
    return this.#length;
  }

  /** The size of all of them, in UTF-16 units. */
  get bytes(): number {
    return this.#added - this.#removed;
  }

  /** Takes in what is being sent. */
  add(xml: string, fork: Fork | undefined, at: number): void {
    if (this.#length === this.#xml.length) this.#resize(2 * this.#length);
    const slot = this.#slot(this.#length++);
    this.#added += xml.length;
    this.#xml[slot] = xml;
    this.#forks[slot] = fork;
    this.#at[slot] = at;
    this.#sizes[slot] = this.#added;
  }

  /** The client has these many more of them. */
  acknowledge(count: number): void {
    if (count === 0) return;
    for (let i = 0; i < count; i++) {
      const slot = this.#slot(i);
      this.#forks[slot]?.arrived();
      this.#forks[slot] = undefined;
      this.#xml[slot] = '';
    }
    this.#removed = this.#sizes[this.#slot(count - 1)] ?? this.#added;
    this.#first = this.#slot(count);
    this.#length -= count;
    if (this.#length === 0 && this.#xml.length > KEPT_CAPACITY) this.#resize(INITIAL_CAPACITY);
  }

  /** Sends them all again, in order. */
  replay(exit: Exit): void {
    for (let i = 0; i < this.#length; i++) exit.send(this.#xml[this.#slot(i)] ?? '');
  }

  /** As entries of an outbox, in order. */
  entries(): OutboxEntry[] {
    return Array.from({ length: this.#length }, (_, i) => {
      const slot = this.#slot(i);
      return {
        xml: this.#xml[slot] ?? '',
        fork: this.#forks[slot],
        at: this.#at[slot] ?? 0,
        stored: undefined,
        state: 'ready',
      };
    });
  }

  /** Forgets them all. */
  clear(): void {
    this.#length = 0;
    this.#removed = this.#added;
    this.#resize(INITIAL_CAPACITY);
  }

  #slot(i: number): number {
    return (this.#first + i) & (this.#xml.length - 1);
  }

  #resize(capacity: number): void {
    const turned = <T>(column: readonly T[], empty: T): T[] =>
      Array.from({ length: capacity }, (_, i) => (i < this.#length ? (column[this.#slot(i)] ?? empty) : empty));
    const [xml, forks] = [turned(this.#xml, ''), turned<Fork | undefined>(this.#forks, undefined)];
    const [at, sizes] = [turned(this.#at, 0), turned(this.#sizes, 0)];
    this.#xml = xml;
    this.#forks = forks;
    this.#at = at;
    this.#sizes = sizes;
    this.#first = 0;
  }
}
