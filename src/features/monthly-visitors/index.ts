import type { Feature } from '../../core/feature.ts';
import { accountRemoved, type SessionEvent, sessionBound } from '../../core/points.ts';
import { Steadiness } from '../shared/steadiness.ts';
import { visitors as service, type Visitors, visitorCounted } from './api.ts';
import { ClientPatterns, conversions } from './client-patterns.ts';
import { config, type VisitorsConfig } from './config.ts';
import { GeoSource } from './geo-source.ts';
import { Months, monthBefore } from './months.ts';
import { VisitorBook } from './visitor-book.ts';

const PRUNE_MS = 3_600_000;

/** What follows from the configuration. */
interface Rules {
  readonly months: Months;
  readonly patterns: ClientPatterns;
  /** Undefined for all. */
  readonly country: string | undefined;
}

/** Counts each user once in a month, by place and client; keeps numbers, and of each user the month. */
export const monthlyVisitors: Feature<VisitorsConfig> = {
  name: 'monthlyVisitors',
  specs: [],
  config,
  setup(host, configured) {
    const book = new VisitorBook(host);
    const geo = new GeoSource(host.log);
    const steadiness = new Steadiness(host.clock);
    let settings = configured;
    let rules = rulesOf(configured);
    let hasFailed = false;

    const use = (changed: VisitorsConfig): Promise<void> => {
      settings = changed;
      rules = rulesOf(changed);
      for (const [from, to] of conversions(changed.clientPatterns)) {
        host.log.warn('visitors.lua-pattern', { pattern: from, read: to });
      }
      return geo.use(changed.mmdbPath);
    };

    const count = async ({ jid }: SessionEvent['session'], address: string): Promise<void> => {
      const month = rules.months.of(host.clock.now());
      if (!geo.isReady || (await book.hasCounted(jid.local, month))) return;
      const place = geo.placeOf(address);
      // Without a mark, so that a later login from there counts.
      if (rules.country !== undefined && place.country !== rules.country) return;
      const isNew = await book.count(jid.local, month, place, rules.patterns.categoryOf(jid.resource));
      if (isNew) host.announce(visitorCounted, { month });
    };

    const prune = async (): Promise<void> => {
      const { retentionMonths } = settings;
      // Asked in any case: jumps of the clock are seen by asking.
      if (!steadiness.isSteady || retentionMonths === null) return;
      const pruned = await book.prune(monthBefore(rules.months.of(host.clock.now()), retentionMonths));
      if (pruned.length > 0) host.log.info('visitors.pruned', { months: pruned.join(' ') });
    };

    // Commands that work on the store alone need no file.
    host.ready(() => use(settings));
    host.observe(sessionBound, async ({ account, session }) => {
      if (account.isAnonymous) return;
      try {
        await count(session, session.link?.remoteAddress ?? '');
        hasFailed = false;
      } catch (error) {
        // Nobody is marked, so that the next login counts. Once is enough to be told.
        if (!hasFailed) host.log.error('visitors.failed', {}, error);
        hasFailed = true;
      }
    });
    host.observe(accountRemoved, ({ jid }) => book.forget(jid.local));
    host.every('visitors.prune', PRUNE_MS, prune);
    const provided: Visitors = {
      get month() {
        return rules.months.of(host.clock.now());
      },
      get minCell() {
        return settings.minCell;
      },
      get exportGeo() {
        return settings.exportGeo;
      },
      months: () => book.months(),
      counts: (month) => book.counts(month),
      prune: (before) => book.prune(before),
    };
    host.provide(service, provided);
    return { configure: (changed) => void use(changed) };
  },
};

function rulesOf({ timezone, clientPatterns, recordCountry }: VisitorsConfig): Rules {
  const country = recordCountry.toUpperCase();
  return {
    months: new Months(timezone),
    patterns: new ClientPatterns(clientPatterns),
    country: country === 'ALL' ? undefined : country,
  };
}
