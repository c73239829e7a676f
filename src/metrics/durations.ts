/** The upper bounds of the buckets, in seconds: from a tenth of a millisecond to ten seconds. */
const BOUNDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10,
];

/** How long things take: plain numbers, for places where every microsecond counts. They are read when somebody asks. */
export class Durations {
  #sum = 0;
  #count = 0;
  /** By bucket; the last is for what is above all bounds. */
  readonly #counts: number[] = [...BOUNDS.map(() => 0), 0];

  /** Adds one, in milliseconds. */
  observe(ms: number): void {
    const seconds = ms / 1000;
    let bucket = 0;
    for (const bound of BOUNDS) {
      if (seconds <= bound) break;
      bucket++;
    }
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += seconds;
    this.#count++;
  }

  /** In seconds. */
  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  /** How many were no longer than each bound, in seconds; the last bound is infinite. */
  *cumulative(): Iterable<readonly [bound: number, count: number]> {
    let count = 0;
    for (const [bucket, own] of this.#counts.entries()) {
      count += own;
      yield [BOUNDS[bucket] ?? Number.POSITIVE_INFINITY, count];
    }
  }
}
