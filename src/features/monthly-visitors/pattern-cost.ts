/** Matching by trying: what no bound is known for. */
const UNBOUNDED = Number.POSITIVE_INFINITY;

/**
 * Returns in how many ways a regular expression may be tried on a text of so many characters before it fails, at most; infinity
 * where that grows faster than by a power, or is not known: repetitions within repetitions, look-around, back-references. The
 * source must be valid.
 */
export function costOf(source: string, length: number): number {
  const reader = new PatternReader(source, length);
  const { ways, count } = reader.alternatives();
  const isAnchored = source.startsWith('^') && count === 1;
  return ways * (isAnchored ? 1 : length);
}

class PatternReader {
  readonly #source: string;
  readonly #length: number;
  #at = 0;

  constructor(source: string, length: number) {
    this.#source = source;
    this.#length = length;
  }

  /** Up to the end of the group or of the pattern. */
  alternatives(): { readonly ways: number; readonly count: number } {
    let ways = this.#sequence();
    let count = 1;
    while (this.#source[this.#at] === '|') {
      this.#at++;
      ways += this.#sequence();
      count++;
    }
    return { ways, count };
  }

  #sequence(): number {
    let ways = 1;
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at] ?? '')) {
      ways *= this.#repeated(this.#item());
    }
    return ways;
  }

  #item(): number {
    const char = this.#source[this.#at++];
    if (char === '(') return this.#group();
    if (char === '[') this.#skipSet();
    if (char !== '\\') return 1;
    const escaped = this.#source[this.#at++] ?? '';
    return /[1-9k]/.test(escaped) ? UNBOUNDED : 1;
  }

  #group(): number {
    const [opening = ''] = /^\?(?:[:=!]|<[=!]?)/.exec(this.#source.slice(this.#at, this.#at + 3)) ?? [];
    this.#at += opening.length;
    const { ways } = this.alternatives();
    this.#at++;
    return opening === '' || opening === '?:' || opening === '?<' ? ways : UNBOUNDED;
  }

  #skipSet(): void {
    while (this.#at < this.#source.length && this.#source[this.#at] !== ']') {
      this.#at += this.#source[this.#at] === '\\' ? 2 : 1;
    }
    this.#at++;
  }

  #repeated(ways: number): number {
    const rest = this.#source.slice(this.#at);
    const [all, char, from, comma, to] = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(rest) ?? [];
    if (all === undefined) return ways;
    this.#at += all.length;
    if (char === '?') return ways + 1;
    if (from !== undefined && comma === '') return ways ** Number(from);
    if (ways > 1) return UNBOUNDED;
    return to === undefined || to === '' ? this.#length : Math.min(this.#length, Number(to) - Number(from) + 1);
  }
}
