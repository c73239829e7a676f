import { Calibration } from './calibration.ts';

/** What a figure counts: processor time, time that passes, or size; less is better for all of them. */
export type Unit = 'µs' | 'ms' | 'KB';

type Awaitable<T> = T | Promise<T>;

/** One thing that is measured, again and again. */
export interface Case {
  readonly name: string;
  readonly unit: Unit;
  /** Measures once, for some milliseconds or more, and returns the cost of one unit of work. */
  round(): Awaitable<number>;
}

/** Some cases that are measured together. */
export interface Bench {
  readonly name: string;
  /** How often each case is measured; the median counts. */
  readonly rounds?: number;
  /** Rounds before the first that counts. */
  readonly warmUps?: number;
  /** Prepares the cases; what is given to `defer` is undone in the end, the last first. */
  open(defer: (undo: () => Awaitable<void>) => void): Awaitable<readonly Case[]>;
}

export interface Figure {
  readonly unit: Unit;
  readonly value: number;
}

export interface Result {
  /** What the unit of {@link Calibration} cost meanwhile, in µs. */
  readonly calibrationUs: number;
  /** By the names of the cases. */
  readonly figures: ReadonlyMap<string, Figure>;
}

const ROUND_MS = 12;

/** The processor time that this process spends, all its threads included. */
export class Stopwatch {
  readonly #start = cpuUs();
  #excludedUs = 0;

  /** Runs what belongs to the bench and not to what it measures. */
  without<T>(run: () => T): T {
    const start = cpuUs();
    const result = run();
    this.#excludedUs += cpuUs() - start;
    return result;
  }

  /** The time so far, in µs. */
  get us(): number {
    return cpuUs() - this.#start - this.#excludedUs;
  }
}

/** The processor time of this process so far, in µs. */
export function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** A case in this process: `run` does a batch of units, best some hundred, and returns how many it did. */
export function onCpu(name: string, run: (watch: Stopwatch) => Awaitable<number>): Case {
  return {
    name,
    unit: 'µs',
    async round() {
      const until = performance.now() + ROUND_MS;
      const watch = new Stopwatch();
      let units = 0;
      do units += await run(watch);
      while (performance.now() < until);
      return watch.us / units;
    },
  };
}

/**
 * Measures the cases of a bench in turn, round after round, because a busy machine slows whole seconds at a time; and among
 * them the speed of the machine itself.
 */
export async function runBench(bench: Bench): Promise<Result> {
  const undo: (() => Awaitable<void>)[] = [];
  try {
    const cases = await bench.open((run) => void undo.push(run));
    return await measure(cases, bench.rounds ?? 15, bench.warmUps ?? 3);
  } finally {
    for (const run of undo.reverse()) await run();
  }
}

async function measure(cases: readonly Case[], rounds: number, warmUps: number): Promise<Result> {
  const calibration = new Calibration();
  const speed = onCpu('calibration', () => calibration.run());
  const all = [speed, ...cases];
  const samples = new Map(all.map((one): [Case, number[]] => [one, []]));
  for (let round = -warmUps; round < rounds; round++) {
    for (const one of all) {
      const sample = await one.round();
      if (round >= 0) samples.get(one)?.push(sample);
    }
  }
  const median = (one: Case): number => medianOf(samples.get(one) ?? []);
  const figures = cases.map((one): [string, Figure] => [one.name, { unit: one.unit, value: median(one) }]);
  return { calibrationUs: median(speed), figures: new Map(figures) };
}

/** The middle one of some numbers; NaN for none. */
export function medianOf(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}
