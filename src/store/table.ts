import type { Access } from './access.ts';
import type { Step } from './commit.ts';
import { compareEncoded, decodeKey, encodeKey, justAfter, type KeyRange, rangeOf } from './keys.ts';
import type { Key, Page, Table, TableSpec } from './store.ts';
import { decodeValue, encodeValue } from './values.ts';

const PAGE_ENTRIES = 256;

/** A table over any engine. */
export class EngineTable<V> implements Table<V> {
  readonly access: Access;
  readonly #prefix: string;
  readonly #spec: TableSpec<V>;

  constructor(access: Access, prefix: string, spec: TableSpec<V>) {
    this.access = access;
    this.#prefix = prefix;
    this.#spec = spec;
  }

  async get(...key: Key): Promise<V | undefined> {
    this.access.assertOpen();
    const text = this.access.engine.get(encodeKey(this.#prefix, key));
    return text === undefined ? undefined : this.#decode(text, key);
  }

  async *list(prefix: Key, page: Page = {}): AsyncGenerator<readonly [key: Key, value: V]> {
    const { limit = Number.POSITIVE_INFINITY, reverse = false } = page;
    let range = this.#bounds(prefix, page);
    for (let left = limit; left > 0; ) {
      this.access.assertOpen();
      const { entries, complete } = await this.access.engine.read(range, Math.min(left, PAGE_ENTRIES), reverse);
      for (const [encoded, text] of entries) {
        const key = decodeKey(encoded, this.#prefix.length);
        yield [key, this.#decode(text, key)];
      }
      const last = entries.at(-1)?.[0];
      if (complete || last === undefined) return;
      left -= entries.length;
      range = reverse ? { from: range.from, to: last } : { from: justAfter(last), to: range.to };
    }
  }

  put(key: Key, value: V): Promise<void> {
    return this.access.write([this.putStep(key, value)]);
  }

  delete(key: Key): Promise<void> {
    return this.access.write([this.deleteStep(key)]);
  }

  async update(key: Key, change: (old: V | undefined) => V | undefined): Promise<V | undefined> {
    let written: V | undefined;
    const remember = (old: V | undefined): V | undefined => {
      written = change(old);
      return written;
    };
    await this.access.write([this.updateStep(key, remember)]);
    return written;
  }

  putStep(key: Key, value: V): Step {
    return { key: encodeKey(this.#prefix, key), text: encodeValue(value) };
  }

  deleteStep(key: Key): Step {
    return { key: encodeKey(this.#prefix, key), text: undefined };
  }

  updateStep(key: Key, change: (old: V | undefined) => V | undefined): Step {
    return {
      key: encodeKey(this.#prefix, key),
      change: (old) => {
        const value = change(old === undefined ? undefined : this.#decode(old, key));
        return value === undefined ? undefined : encodeValue(value);
      },
    };
  }

  #bounds(prefix: Key, { after, before }: Page): KeyRange {
    const { from, to } = rangeOf(encodeKey(this.#prefix, prefix));
    return {
      from: after === undefined ? from : later(from, justAfter(encodeKey(this.#prefix, after))),
      to: before === undefined ? to : earlier(to, encodeKey(this.#prefix, before)),
    };
  }

  #decode(text: string, key: Key): V {
    return decodeValue(text, this.#spec.parse, this.#spec.name, key);
  }
}

function later(a: string, b: string): string {
  return compareEncoded(a, b) < 0 ? b : a;
}

function earlier(a: string, b: string): string {
  return compareEncoded(a, b) < 0 ? a : b;
}
