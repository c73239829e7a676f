import type { FeatureHost } from '../../core/feature.ts';
import { SOFTWARE_VERSION } from '../../util/software.ts';
import {
  type DayFigures,
  OTHERS,
  type Shares,
  type UsageFigures,
  usageFigures,
  type VisitorFigures,
} from '../usage/api.ts';
import type { ActiveCounts, Day, Figures, MonthOfVisitors, VisitorGroup } from './wire.ts';

const DAYS = 730;
const MONTHS = 24;

/** Gathers what is kept of one host, or of all together. */
export async function gatherFigures(host: FeatureHost, domain: string | undefined): Promise<Figures> {
  const all = host.findEverywhere(usageFigures);
  const chosen = [...all].filter(([name]) => domain === undefined || name === domain).map(([, figures]) => figures);
  const [active, days, months] = await Promise.all([
    Promise.all(chosen.map((figures) => figures.active())),
    Promise.all(chosen.map((figures) => figures.days(DAYS))),
    Promise.all(chosen.map(visitorsByMonth)),
  ]);
  return {
    at: host.clock.now(),
    host: domain ?? null,
    hosts: Object.keys(host.settings.current.hosts),
    version: SOFTWARE_VERSION,
    online: {
      users: chosen.reduce((sum, { online }) => sum + online.users, 0),
      sessions: chosen.reduce((sum, { online }) => sum + online.sessions, 0),
    },
    active: sumOfActive(active),
    days: sumOfDays(days.flat()),
    months: sumOfMonths(months.flat()),
  };
}

/** Those of the present month too, of which there may be none yet; nothing where they are not counted. */
async function visitorsByMonth(figures: UsageFigures): Promise<VisitorFigures[]> {
  const present = await figures.visitors();
  if (present === undefined) return [];
  const months = (await figures.months()).filter((month) => month !== present.month).slice(-MONTHS);
  const found = await Promise.all(months.map((month) => figures.visitors(month)));
  return [present, ...found.filter((visitors) => visitors !== undefined)];
}

function sumOfActive(counts: readonly (ActiveCounts | undefined)[]): ActiveCounts | null {
  const known = counts.filter((count) => count !== undefined);
  if (known.length === 0) return null;
  const sum = (of: (count: ActiveCounts) => number): number => known.reduce((total, count) => total + of(count), 0);
  return { day: sum(({ day }) => day), week: sum(({ week }) => week), month: sum(({ month }) => month) };
}

function sumOfDays(days: readonly DayFigures[]): Day[] {
  return [...grouped(days, ({ day }) => day)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, same]) => ({
      day,
      active: sumOfActive(same.map(({ active }) => active)),
      visitors: sumOf(same.map(({ visitors }) => visitors)),
      peakSessions: sumOf(same.map(({ peak }) => peak?.sessions)),
    }));
}

function sumOfMonths(months: readonly VisitorFigures[]): MonthOfVisitors[] {
  return [...grouped(months, ({ month }) => month)]
    .sort(([a], [b]) => (a < b ? 1 : -1))
    .map(([month, same]) => ({
      month,
      total: same.reduce((sum, { total }) => sum + total, 0),
      countries: sumOfShares(same.map(({ countries }) => countries)),
      clients: sumOfShares(same.map(({ clients }) => clients)),
    }));
}

function sumOfShares(shares: readonly Shares[]): VisitorGroup[] {
  const counts = new Map<string, number>();
  for (const { name, count } of shares.flat()) counts.set(name, (counts.get(name) ?? 0) + count);
  const isRest = (name: string): number => (name === OTHERS ? 1 : 0);
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => isRest(a.name) - isRest(b.name) || b.count - a.count || (a.name < b.name ? -1 : 1));
}

function sumOf(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
