import { integer } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import { type ActiveUsers, activeUsersCounted } from '../active-users/api.ts';
import { visitorCounted, visitors as visitorsService } from '../monthly-visitors/api.ts';
import { Steadiness } from '../shared/steadiness.ts';
import { type UsageFigures, usageFigures } from './api.ts';
import { Attendance } from './attendance.ts';
import { visitorFigures } from './figures.ts';
import { exportActiveUsers, exportVisitors } from './gauges.ts';
import { History } from './history.ts';

const config = section(
  'How the server is used, in numbers: active users, visitors, who is connected at most. Shown by `parley metrics`, the metrics and the dashboard; a record of each day is kept.',
  {
    historyDays: option(integer(1, 36_500), {
      default: 730,
      doc: 'For how many days the numbers of a day are kept.',
      reload: 'live',
    }),
  },
);

const TICK_MS = 60_000;

/** Knows how the host is used, and keeps a record of each day. */
export const usage: Feature<ConfigOf<typeof config>> = {
  name: 'usage',
  specs: [],
  config,
  setup(host, settings) {
    let { historyDays } = settings;
    const visitors = host.find(visitorsService);
    const history = new History(host);
    const steadiness = new Steadiness(host.clock);
    // Commands that work on the store alone put nothing down.
    let isServing = false;
    let latest: ActiveUsers | undefined;
    let hasNewVisitors = true;
    let notedDay: string | undefined;
    let peak = { users: 0, sessions: 0 };
    let prunedDay: string | undefined;

    const notePeak = (): void => {
      const { users, sessions } = attendance.now;
      const isNewDay = notedDay !== history.today;
      if (!isServing || (!isNewDay && users <= peak.users && sessions <= peak.sessions)) return;
      peak = isNewDay
        ? { users, sessions }
        : { users: Math.max(users, peak.users), sessions: Math.max(sessions, peak.sessions) };
      if (isNewDay) hasNewVisitors = true;
      notedDay = history.today;
      history.note({ peakUsers: peak.users, peakSessions: peak.sessions });
    };
    const attendance = new Attendance(host, notePeak);

    const noteVisitors = async (): Promise<void> => {
      if (!isServing || !hasNewVisitors || visitors === undefined) return;
      hasNewVisitors = false;
      try {
        const { total } = await visitors.counts(visitors.month);
        history.note({ visitors: total });
      } catch (error) {
        hasNewVisitors = true;
        throw error;
      }
    };

    const tick = async (): Promise<void> => {
      notePeak();
      await noteVisitors();
      const { isSteady } = steadiness;
      if (!isSteady || prunedDay === history.today) return;
      prunedDay = history.today;
      await history.prune(historyDays);
    };

    const figures: UsageFigures = {
      get online() {
        return attendance.now;
      },
      async active() {
        return latest ?? (await history.days(historyDays)).findLast(({ active }) => active !== undefined)?.active;
      },
      async visitors(month) {
        if (visitors === undefined) return undefined;
        return visitorFigures(await visitors.counts(month ?? visitors.month), visitors.minCell);
      },
      months: async () => visitors?.months() ?? [],
      days: (count) => history.days(Math.min(count, historyDays)),
    };

    host.observe(activeUsersCounted, (counted) => {
      latest = counted;
      history.note({
        countedAt: counted.at,
        activeDay: counted.day,
        activeWeek: counted.week,
        activeMonth: counted.month,
      });
    });
    host.observe(visitorCounted, () => {
      hasNewVisitors = true;
    });
    host.ready(() => {
      isServing = true;
      notePeak();
    });
    host.every('usage.history', TICK_MS, tick);
    host.defer(noteVisitors);
    exportActiveUsers(host, () => latest);
    if (visitors !== undefined) exportVisitors(host, visitors, figures);
    host.provide(usageFigures, figures);
    return {
      configure(changed) {
        ({ historyDays } = changed);
      },
    };
  },
};
