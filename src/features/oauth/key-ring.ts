import { isJsonObject, parseObject } from '../../oauth/jws.ts';
import type { Table } from '../../store/store.ts';

/** A key that was in use before, and until when it is still believed, in milliseconds since the Unix epoch. */
export interface PreviousKey {
  readonly text: string;
  readonly until: number;
}

/** A key that this installation made, and those that it made before. */
export interface KeyRing {
  readonly current: string;
  /** The newest first. */
  readonly previous: readonly PreviousKey[];
}

/** Keys of one kind, as they are kept among the secrets of the installation. */
export class StoredKeyRing {
  readonly #table: Table<string>;
  readonly #name: string;
  readonly #make: () => string;

  constructor(table: Table<string>, name: string, make: () => string) {
    this.#table = table;
    this.#name = name;
    this.#make = make;
  }

  /** The keys that are believed at a time; the first is made when there is none, and durable before it is returned. */
  async open(now: number): Promise<KeyRing> {
    const stored = await this.#table.get(this.#name);
    const text = stored ?? (await this.#table.update([this.#name], (old) => old ?? this.#text(this.#make(), [])));
    const { current, previous } = this.#parse(text);
    return { current, previous: previous.filter(({ until }) => until > now) };
  }

  /** Makes another key; the one before is still believed for some time, in milliseconds. Resolves when durable. */
  async rotate(now: number, overlapMs: number): Promise<void> {
    await this.#table.update([this.#name], (old) => {
      if (old === undefined) return this.#text(this.#make(), []);
      const { current, previous } = this.#parse(old);
      const kept = [{ text: current, until: now + overlapMs }, ...previous].filter(({ until }) => until > now);
      return this.#text(this.#make(), kept);
    });
  }

  #text(current: string, previous: readonly PreviousKey[]): string {
    return JSON.stringify({ current, previous });
  }

  #parse(text: string | undefined): KeyRing {
    const { current, previous } = parseObject(text ?? '') ?? {};
    if (typeof current !== 'string' || !Array.isArray(previous)) throw this.#damaged();
    return { current, previous: previous.map((key) => this.#parsePrevious(key)) };
  }

  #parsePrevious(json: unknown): PreviousKey {
    const { text, until } = isJsonObject(json) ? json : {};
    if (typeof text !== 'string' || typeof until !== 'number') throw this.#damaged();
    return { text, until };
  }

  #damaged(): TypeError {
    return new TypeError(`the stored keys "${this.#name}" are damaged`);
  }
}
