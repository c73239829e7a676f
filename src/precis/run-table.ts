/** A property of code points, kept as the runs of `tables.ts`. */
export class RunTable {
  readonly #starts: Uint32Array;
  readonly #values: string;

  /** Reads runs such as `30E 3aN`: a first code point in hexadecimal and a one-letter value, in ascending order. */
  constructor(runs: string, before: string) {
    const parsed = runs.split(' ');
    this.#starts = Uint32Array.from([0, ...parsed.map((run) => Number.parseInt(run.slice(0, -1), 16))]);
    this.#values = before + parsed.map((run) => run.slice(-1)).join('');
  }

  /** Returns the value of a code point. */
  valueAt(codePoint: number): string {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= codePoint) low = middle;
      else high = middle;
    }
    return this.#values.charAt(low);
  }
}
