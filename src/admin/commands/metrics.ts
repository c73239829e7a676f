import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import type { ActiveUsers } from '../../features/active-users/api.ts';
import { MONTH, visitors } from '../../features/monthly-visitors/api.ts';
import { type Cell, type DayFigures, type UsageFigures, usageFigures } from '../../features/usage/api.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { facts, table } from '../table.ts';
import { hostOf } from './addressing.ts';

const HOST: Parameter = { name: 'host', kind: 'text', optional: true, doc: 'Only of this host: example.org' };

/** Active users; `at` is when they were counted (ISO 8601). */
type ActiveAnswer = { readonly at: string; readonly day: number; readonly week: number; readonly month: number };

type OnlineAnswer = { readonly users: number; readonly sessions: number };

/** What is null was not measured. */
type DayAnswer = {
  readonly day: string;
  readonly active: ActiveAnswer | null;
  readonly visitors: number | null;
  readonly peak: OnlineAnswer | null;
};

/** `online` is null where no server runs; `visitors` is null where they are not counted. */
type HostAnswer = {
  readonly host: string;
  readonly online: OnlineAnswer | null;
  readonly active: ActiveAnswer | null;
  readonly visitors: { readonly month: string; readonly total: number } | null;
  readonly days: readonly DayAnswer[];
};

type HostActiveAnswer = { readonly host: string; readonly active: ActiveAnswer | null };

type CellAnswer = { readonly name: string; readonly count: number };

type HostVisitorsAnswer = {
  readonly host: string;
  readonly month: string;
  readonly total: number;
  readonly countries: readonly CellAnswer[];
  readonly places: readonly CellAnswer[];
  readonly clients: readonly CellAnswer[];
};

type PruneAnswer = { readonly hosts: readonly { readonly host: string; readonly months: readonly string[] }[] };

/** Shows how the server is used. */
export const metricsShow: BuiltIn<{ readonly hosts: readonly HostAnswer[] }> = {
  name: 'metrics show',
  summary: 'Shows how the server is used: who is connected, active users, visitors; with --days, what it was each day.',
  parameters: [
    HOST,
    { name: 'days', kind: 'count', optional: true, doc: 'The last days, today included; at most so many' },
  ],
  async run(args, ground) {
    const hosts: HostAnswer[] = [];
    for (const [host, usage] of usageOf(args, ground)) {
      const active = await usage.active();
      const visited = await usage.visitors();
      const days = args['days'] === undefined ? [] : await usage.days(Number(args['days']));
      hosts.push({
        host,
        online: ground.running === undefined ? null : { ...usage.online },
        active: describeActive(active),
        visitors: visited === undefined ? null : { month: visited.month, total: visited.total },
        days: days.map(describeDay),
      });
    }
    return { hosts };
  },
  show: ({ hosts }) => hosts.map(showHost).join('\n\n'),
};

/** Shows how many users were active lately. */
export const metricsActive: BuiltIn<{ readonly hosts: readonly HostActiveAnswer[] }> = {
  name: 'metrics active',
  summary: 'Shows how many users were active during the last day, week and month.',
  parameters: [HOST],
  async run(args, ground) {
    const hosts: HostActiveAnswer[] = [];
    for (const [host, usage] of usageOf(args, ground)) {
      hosts.push({ host, active: describeActive(await usage.active()) });
    }
    return { hosts };
  },
  show({ hosts }) {
    const rows = hosts.map(({ host, active }) => [host, ...activeCells(active), active?.at ?? 'never']);
    return table(['host', '24 hours', '7 days', '30 days', 'counted'], rows);
  },
};

/** Shows the visitors of a month. */
export const metricsVisitors: BuiltIn<{ readonly hosts: readonly HostVisitorsAnswer[] }> = {
  name: 'metrics visitors',
  summary: 'Shows how many users visited in a month, from which countries and with which clients.',
  parameters: [HOST, { name: 'month', kind: 'text', optional: true, doc: 'As 2026-02; unless given, this month' }],
  async run(args, ground) {
    const month = args['month'] === undefined ? undefined : monthOf(args, 'month');
    const hosts: HostVisitorsAnswer[] = [];
    for (const [host, usage] of usageOf(args, ground)) {
      const figures = await usage.visitors(month);
      if (figures === undefined) continue;
      const { countries, places, clients, total } = figures;
      hosts.push({
        host,
        month: figures.month,
        total,
        countries: countries.map(describeCell),
        places: places.map(describeCell),
        clients: clients.map(describeCell),
      });
    }
    if (hosts.length === 0) throw new CommandError('visitors are not counted here: features.monthlyVisitors is off');
    return { hosts };
  },
  show: ({ hosts }) =>
    hosts
      .map(({ host, month, total, countries, clients }) => {
        const heading = `${host}, ${month}: ${total === 1 ? '1 visitor' : `${total} visitors`}`;
        if (total === 0) return heading;
        return [heading, sharesTable('country', countries), sharesTable('client', clients)].join('\n\n');
      })
      .join('\n\n'),
};

/** Removes the visitors of old months. */
export const visitorsPrune: BuiltIn<PruneAnswer> = {
  name: 'visitors prune',
  summary: 'Removes the numbers of visitors of all months before one.',
  parameters: [{ name: 'month', kind: 'text', doc: 'The first month that is kept: 2026-02' }, HOST],
  async run(args, ground) {
    const before = monthOf(args, 'month');
    const hosts: { host: string; months: readonly string[] }[] = [];
    for (const [host, { services }] of hostsOf(args, ground)) {
      const counted = services.find(visitors);
      if (counted === undefined) continue;
      if (before > counted.month) throw new CommandError(`${before} is not over: the month is ${counted.month}`);
      hosts.push({ host, months: await counted.prune(before) });
    }
    if (hosts.length === 0) throw new CommandError('visitors are not counted here: features.monthlyVisitors is off');
    return { hosts };
  },
  show({ hosts }) {
    const pruned = hosts.filter(({ months }) => months.length > 0);
    if (pruned.length === 0) return 'There was nothing to remove.';
    return pruned.map(({ host, months }) => `Removed the visitors of ${host} in ${months.join(', ')}.`).join('\n');
  },
};

function hostsOf(args: Arguments, ground: CommandGround) {
  if (args['host'] === undefined) return [...ground.hosts];
  const host = hostOf(String(args['host']), ground);
  return [[host.domain, host] as const];
}

function usageOf(args: Arguments, ground: CommandGround): readonly (readonly [host: string, UsageFigures])[] {
  const found = hostsOf(args, ground).flatMap(([domain, { services }]) => {
    const usage = services.find(usageFigures);
    return usage === undefined ? [] : [[domain, usage] as const];
  });
  if (found.length === 0) throw new CommandError('how the server is used is not kept: features.usage is off');
  return found;
}

function monthOf(args: Arguments, name: string): string {
  const month = String(args[name]);
  if (!MONTH.test(month)) throw new CommandError(`"${month}" is no month; write it as 2026-02`);
  return month;
}

function describeActive(active: ActiveUsers | undefined): ActiveAnswer | null {
  if (active === undefined) return null;
  const { at, day, week, month } = active;
  return { at: new Date(at).toISOString(), day, week, month };
}

function describeDay({ day, active, visitors: visited, peak }: DayFigures): DayAnswer {
  return {
    day,
    active: describeActive(active),
    visitors: visited ?? null,
    peak: peak === undefined ? null : { users: peak.users, sessions: peak.sessions },
  };
}

function describeCell({ name, count }: Cell): CellAnswer {
  return { name, count };
}

function showHost({ host, online, active, visitors: visited, days }: HostAnswer): string {
  const known = facts([
    ['Host', host],
    ...(online === null ? [] : [['Connected', `${online.users} users, ${online.sessions} sessions`] as const]),
    ['Active users', active === null ? 'not counted yet' : `${activeCells(active).join(' / ')} (1 / 7 / 30 days)`],
    ...(visited === null ? [] : [['Visitors', `${visited.total} in ${visited.month}`] as const]),
  ]);
  if (days.length === 0) return known;
  const rows = days.map(({ day, active: counted, visitors: total, peak }) => [
    day,
    ...activeCells(counted),
    cell(total),
    cell(peak?.users),
    cell(peak?.sessions),
  ]);
  const headings = ['day', '24 hours', '7 days', '30 days', 'visitors', 'most users', 'most sessions'];
  return `${known}\n\n${table(headings, rows)}`;
}

function activeCells(active: ActiveAnswer | null): string[] {
  return [cell(active?.day), cell(active?.week), cell(active?.month)];
}

function cell(value: number | null | undefined): string {
  return value === null || value === undefined ? '-' : String(value);
}

function sharesTable(name: string, shares: readonly CellAnswer[]): string {
  return table(
    [name, 'visitors'],
    shares.map((share) => [share.name, String(share.count)]),
  );
}
