import { readFileSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import type { Figure, Result } from './runner.ts';

/** The figures of an earlier run, and where they come from. */
export interface Baseline {
  /** The day of the run. */
  readonly date: string;
  readonly node: string;
  /** The kind of machine, never its name. */
  readonly machine: string;
  readonly benches: Readonly<Record<string, RecordedBench>>;
}

interface RecordedBench {
  readonly calibrationUs: number;
  readonly figures: Readonly<Record<string, number>>;
}

const FILE = new URL('baseline.json', import.meta.url);

/** Reads the baseline; undefined when there is none yet. */
export function readBaseline(): Baseline | undefined {
  let text: string;
  try {
    text = readFileSync(FILE, 'utf8');
  } catch {
    return undefined;
  }
  return JSON.parse(text);
}

/** Makes the results of a whole run the baseline. */
export function writeBaseline(results: ReadonlyMap<string, Result>): void {
  const benches: Record<string, RecordedBench> = {};
  for (const [name, { calibrationUs, figures }] of results) {
    const values = Array.from(figures, ([figure, { value }]) => [figure, rounded(value)]);
    benches[name] = { calibrationUs: rounded(calibrationUs), figures: Object.fromEntries(values) };
  }
  const baseline: Baseline = {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, ${platform()} ${arch()}`,
    benches,
  };
  writeFileSync(FILE, `${JSON.stringify(baseline, null, 2)}\n`);
}

/** How much slower than the baseline's this machine did the calibration's work. */
export function speedRatio(result: Result, recorded: RecordedBench): number {
  return result.calibrationUs / recorded.calibrationUs;
}

/** A figure by the baseline's; times as if both had been measured on the same machine. */
export function ratio(figure: Figure, recorded: number, speed: number): number {
  return figure.unit === 'µs' ? figure.value / recorded / speed : figure.value / recorded;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
