/**
 * A bounded cache that forgets what has not been used for longest.
 *
 * Entries live in two generations of half the bound each. A new or used entry belongs to the young one; when that is
 * full it becomes the old one, and what was still old is dropped whole. So the `maxEntries / 2` entries used last are
 * always present, reading a recent one is a single map lookup, and evicting costs nothing per entry, however fast a
 * peer invents new keys.
 */
export class LruCache<K, V extends NonNullable<unknown>> {
  readonly #perGeneration: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** Holds at most `maxEntries` entries, an even number of at least 2. */
  constructor(maxEntries: number) {
    if (!Number.isSafeInteger(maxEntries) || maxEntries < 2 || maxEntries % 2 !== 0) {
      throw new RangeError(`maxEntries must be an even number of at least 2: ${maxEntries}`);
    }
    this.#perGeneration = maxEntries / 2;
  }

  /** The number of entries held now. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Returns the value of a key, and counts as a use of it. */
  get(key: K): V | undefined {
    return this.#young.get(key) ?? this.#rejuvenate(key);
  }

  /** Adds or replaces a value; counts as a use of the key. */
  set(key: K, value: V): void {
    this.#old.delete(key);
    if (this.#young.size >= this.#perGeneration && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  /** Forgets a key; says whether it was known. */
  delete(key: K): boolean {
    return this.#young.delete(key) || this.#old.delete(key);
  }

  /** Forgets everything. */
  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }

  #rejuvenate(key: K): V | undefined {
    const value = this.#old.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }
}
