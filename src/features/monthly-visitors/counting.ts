import type { FeatureHost } from '../../core/feature.ts';
import type { SessionEvent } from '../../core/points.ts';
import { Steadiness } from '../shared/steadiness.ts';
import { visitorCounted } from './api.ts';
import { ClientPatterns, conversions } from './client-patterns.ts';
import type { VisitorsConfig } from './config.ts';
import { GeoSource } from './geo-source.ts';
import { Months, monthBefore } from './months.ts';
import type { VisitorBook } from './visitor-book.ts';

/** Counts visitors by the configuration in force, and removes months that are too old. */
export class Counting {
  settings: VisitorsConfig;
  readonly #host: FeatureHost;
  readonly #book: VisitorBook;
  readonly #geo: GeoSource;
  readonly #steadiness: Steadiness;
  #months: Months;
  #patterns: ClientPatterns;
  #hasFailed = false;

  constructor(host: FeatureHost, book: VisitorBook, settings: VisitorsConfig) {
    this.settings = settings;
    this.#host = host;
    this.#book = book;
    this.#geo = new GeoSource(host.log);
    this.#steadiness = new Steadiness(host.clock);
    this.#months = new Months(settings.timezone);
    this.#patterns = new ClientPatterns(settings.clientPatterns);
  }

  /** The month that it is. */
  get month(): string {
    return this.#months.of(this.#host.clock.now());
  }

  /** Takes a configuration; resolves when its file is read. */
  use(settings: VisitorsConfig): Promise<void> {
    this.settings = settings;
    this.#months = new Months(settings.timezone);
    this.#patterns = new ClientPatterns(settings.clientPatterns);
    for (const [from, to] of conversions(settings.clientPatterns)) {
      this.#host.log.warn('visitors.lua-pattern', { pattern: from, read: to });
    }
    if (settings.mmdbPath === undefined && !this.#countsAll) {
      this.#host.log.warn('visitors.country-unknown', { recordCountry: settings.recordCountry });
    }
    return this.#geo.use(settings.mmdbPath);
  }

  /** Counts whoever has bound a session, unless that was done this month. What goes wrong is logged. */
  async bound({ account, session }: SessionEvent): Promise<void> {
    if (account.isAnonymous) return;
    try {
      await this.#count(session, session.link?.remoteAddress ?? '');
      this.#hasFailed = false;
    } catch (error) {
      // Nobody is marked, so that the next login counts. Once is enough to be told.
      if (!this.#hasFailed) this.#host.log.error('visitors.failed', {}, error);
      this.#hasFailed = true;
    }
  }

  /** Removes months that are too old, unless the clock has just jumped. */
  async prune(): Promise<void> {
    // Asked in any case: jumps of the clock are seen by asking.
    const { isSteady } = this.#steadiness;
    const { retentionMonths } = this.settings;
    if (!isSteady || retentionMonths === null) return;
    const pruned = await this.#book.prune(monthBefore(this.month, retentionMonths));
    if (pruned.length > 0) this.#host.log.info('visitors.pruned', { months: pruned.join(' ') });
  }

  get #countsAll(): boolean {
    return this.settings.recordCountry.toUpperCase() === 'ALL';
  }

  async #count({ jid }: SessionEvent['session'], address: string): Promise<void> {
    const { month } = this;
    if (!this.#geo.isReady || (await this.#book.hasCounted(jid.local, month))) return;
    const place = this.#geo.placeOf(address);
    // Without a mark, so that a later login from there counts.
    if (!this.#countsAll && place.country !== this.settings.recordCountry.toUpperCase()) return;
    const isNew = await this.#book.count(jid.local, month, place, this.#patterns.categoryOf(jid.resource));
    if (isNew) this.#host.announce(visitorCounted, { month });
  }
}
