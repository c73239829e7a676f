import type { Feature } from '../../core/feature.ts';
import { accountRemoved, sessionBound } from '../../core/points.ts';
import { visitors as service, type Visitors } from './api.ts';
import { config, type VisitorsConfig } from './config.ts';
import { Counting } from './counting.ts';
import { VisitorBook } from './visitor-book.ts';

const PRUNE_MS = 3_600_000;

/** Counts each user once in a month, by place and client; keeps numbers, and of each user the month. */
export const monthlyVisitors: Feature<VisitorsConfig> = {
  name: 'monthlyVisitors',
  specs: [],
  config,
  setup(host, configured) {
    const book = new VisitorBook(host);
    const counting = new Counting(host, book, configured);
    // Commands that work on the store alone need no file.
    host.ready(() => counting.use(configured));
    host.observe(sessionBound, (event) => counting.bound(event));
    host.observe(accountRemoved, ({ jid }) => book.forget(jid.local));
    host.every('visitors.prune', PRUNE_MS, () => counting.prune());
    const provided: Visitors = {
      get month() {
        return counting.month;
      },
      get minCell() {
        return counting.settings.minCell;
      },
      get exportGeo() {
        return counting.settings.exportGeo;
      },
      months: () => book.months(),
      counts: (month) => book.counts(month),
      prune: (before) => book.prune(before),
    };
    host.provide(service, provided);
    return { configure: (changed) => void counting.use(changed) };
  },
};
