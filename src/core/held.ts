import type { AnyStanza } from '../stanza.ts';
import type { OutboxEntry } from './outbox-entry.ts';

/** What need not be sent at once to a client that wants to be left alone, and how much of it is kept back. XEP-0352. */
export interface Holding {
  /** What goes beyond one of these has everything sent that was held back. */
  readonly maxStanzas: number;
  /** In UTF-16 units. */
  readonly maxBytes: number;
  canWait(stanza: AnyStanza): boolean;
  /** Of all stanzas that can wait and have this in common only the last is of use; undefined when this one is in any case. */
  subjectOf(stanza: AnyStanza): string | undefined;
}

/** Stanzas that can wait, in order. A map, because one that is of no use any more is taken out of the middle. */
export class Held {
  readonly #entries = new Map<string | number, OutboxEntry>();
  #added = 0;
  #bytes = 0;

  get length(): number {
    return this.#entries.size;
  }

  /** The size of all of them, in UTF-16 units. */
  get bytes(): number {
    return this.#bytes;
  }

  /** In order. */
  entries(): IterableIterator<OutboxEntry> {
    return this.#entries.values();
  }

  /** Adds a stanza behind all others, and drops the one that had the same subject. */
  add(entry: OutboxEntry, subject: string | undefined): void {
    const key = subject ?? this.#added++;
    const superseded = this.#entries.get(key);
    if (superseded !== undefined) {
      this.#entries.delete(key);
      this.#bytes -= superseded.xml.length;
    }
    this.#entries.set(key, entry);
    this.#bytes += entry.xml.length;
  }

  /** Takes all of them out, in order. */
  take(): OutboxEntry[] {
    const taken = [...this.#entries.values()];
    this.#entries.clear();
    this.#bytes = 0;
    return taken;
  }
}
