import { integer } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import { visitors as visitorsService } from '../monthly-visitors/api.ts';
import { type UsageFigures, usageFigures } from './api.ts';
import { visitorFigures } from './figures.ts';
import { exportActiveUsers, exportVisitors } from './gauges.ts';
import { History } from './history.ts';
import { Recorder } from './recorder.ts';

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

/** Knows how the host is used, and keeps a record of each day. */
export const usage: Feature<ConfigOf<typeof config>> = {
  name: 'usage',
  specs: [],
  config,
  setup(host, { historyDays }) {
    const visitors = host.find(visitorsService);
    const history = new History(host);
    const recorder = new Recorder(host, history, visitors, historyDays);
    const figures: UsageFigures = {
      get online() {
        return recorder.online;
      },
      async active() {
        if (recorder.active !== undefined) return recorder.active;
        const days = await history.days(recorder.keepDays);
        return days.findLast(({ active }) => active !== undefined)?.active;
      },
      async visitors(month) {
        if (visitors === undefined) return undefined;
        return visitorFigures(await visitors.counts(month ?? visitors.month), visitors.minCell);
      },
      months: async () => visitors?.months() ?? [],
      days: (count) => history.days(Math.min(count, recorder.keepDays)),
    };
    exportActiveUsers(host, () => recorder.active);
    if (visitors !== undefined) exportVisitors(host, visitors, figures);
    host.provide(usageFigures, figures);
    return {
      configure(changed) {
        recorder.keepDays = changed.historyDays;
      },
    };
  },
};
