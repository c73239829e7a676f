import { type Baseline, ratio, speedRatio } from './baseline.ts';
import type { Figure, Result } from './runner.ts';

const SLOWER = 1.25;
const FASTER = 0.8;
const NAME_WIDTH = 44;

/** Says where the figures to compare with come from. */
export function headline(baseline: Baseline | undefined): string {
  if (baseline === undefined) return 'There is no baseline yet; -- --save makes this run the baseline.';
  const { date, node, machine } = baseline;
  return `Baseline of ${date}: Node ${node}, ${machine}.\nHere: Node ${process.version}.`;
}

/** The figures of one bench beside the baseline's, as lines of text. */
export function table(name: string, result: Result, baseline: Baseline | undefined): string {
  const recorded = baseline?.benches[name];
  const speed = recorded === undefined ? 1 : speedRatio(result, recorded);
  const lines = [`\n${name.padEnd(NAME_WIDTH + 2)}       now   baseline   ratio`];
  for (const [label, figure] of result.figures) {
    const before = recorded?.figures[label];
    lines.push(before === undefined ? line(label, figure) : line(label, figure, before, ratio(figure, before, speed)));
  }
  // Sizes do not depend on the machine's speed.
  if ([...result.figures.values()].some(({ unit }) => unit === 'µs')) {
    const calibration: Figure = { unit: 'µs', value: result.calibrationUs };
    lines.push(line('calibration: this machine', calibration, recorded?.calibrationUs, speed));
  }
  return lines.join('\n');
}

function line(label: string, { unit, value }: Figure, before?: number, by?: number): string {
  const now = `  ${label.padEnd(NAME_WIDTH)} ${digits(value).padStart(9)}`;
  if (before === undefined || by === undefined) return `${now}          - ${unit}  new`;
  const isCalibration = label.startsWith('calibration');
  const mark = isCalibration ? '' : by > SLOWER ? '  slower' : by < FASTER ? '  faster' : '';
  return `${now} ${digits(before).padStart(10)} ${unit} ${by.toFixed(2).padStart(6)}${mark}`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
