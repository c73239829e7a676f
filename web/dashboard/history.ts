import type { Day } from '../../src/features/dashboard/wire.ts';
import type { ChartData } from './chart.ts';

const DAY_MS = 86_400_000;

/** The last days as columns: users active within a day, a week and a month. Days that are not known are gaps. */
export function activeColumns(days: readonly Day[], shown: number): ChartData {
  const known = new Map(days.map((day) => [Date.parse(`${day.day}T00:00:00Z`), day]));
  const last = Math.max(...known.keys());
  const first = Math.max(Math.min(...known.keys()), last - (shown - 1) * DAY_MS);
  const at: number[] = [];
  if (known.size > 0) for (let day = first; day <= last; day += DAY_MS) at.push(day);
  const column = (of: (active: NonNullable<Day['active']>) => number): (number | null)[] =>
    at.map((day) => {
      const active = known.get(day)?.active;
      return active ? of(active) : null;
    });
  return { at, columns: [column(({ month }) => month), column(({ week }) => week), column(({ day }) => day)] };
}
