import type { FeatureHost } from '../../core/feature.ts';
import type { Key, Table, TableSpec } from '../../store/store.ts';
import { storedNumber, storedText } from '../shared/stored.ts';
import { type Place, UNKNOWN, type VisitorCounts } from './api.ts';

/** How many visitors there were, under domain, month and `geo-DE-HE-2925533` or `client-Gajim`. */
const COUNTS: TableSpec<number> = { name: 'visitors', parse: storedNumber };

/** In which month somebody was counted last, under domain and localpart. */
const LAST_RECORDED: TableSpec<string> = { name: 'visitors.users', parse: storedText };

/** How many counts are removed in one commit. */
const BATCH = 500;
/** Behind every key of a month. */
const LAST = '\uffff';

/** Somebody was counted in this month before; nothing else of the commit takes place. */
class AlreadyCounted extends Error {}

/** The stored counts of one host. */
export class VisitorBook {
  readonly #host: FeatureHost;
  readonly #counts: Table<number>;
  readonly #lastRecorded: Table<string>;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#counts = host.table(COUNTS);
    this.#lastRecorded = host.table(LAST_RECORDED);
  }

  async hasCounted(local: string, month: string): Promise<boolean> {
    return (await this.#lastRecorded.get(this.#host.domain, local)) === month;
  }

  /**
   * Counts somebody, unless that has been done this month: the mark and both counts, or none of them. Resolves with whether it was
   * done, when that is durable.
   */
  async count(local: string, month: string, place: Place, category: string): Promise<boolean> {
    const { domain, store } = this.#host;
    const geo = `geo-${place.country}-${place.subdivision}-${place.city}`;
    try {
      await store.commit((batch) => {
        batch.update(this.#lastRecorded, [domain, local], (old) => {
          if (old === month) throw new AlreadyCounted();
          return month;
        });
        for (const name of [geo, `client-${category}`]) {
          batch.update(this.#counts, [domain, month, name], (old = 0) => old + 1);
        }
      });
      return true;
    } catch (error) {
      if (error instanceof AlreadyCounted) return false;
      throw error;
    }
  }

  /** Forgets that somebody was counted; the counts stay. */
  async forget(local: string): Promise<void> {
    await this.#lastRecorded.delete([this.#host.domain, local]);
  }

  /** The months that there are counts of, the oldest first. */
  async months(): Promise<readonly string[]> {
    const { domain } = this.#host;
    const months: string[] = [];
    for (let after: Key | undefined; ; ) {
      const page = after === undefined ? { limit: 1 } : { limit: 1, after };
      const [month] = await this.#monthsOf(page);
      if (month === undefined) return months;
      months.push(month);
      after = [domain, month, LAST];
    }
  }

  async counts(month: string): Promise<VisitorCounts> {
    const places: (Place & { count: number })[] = [];
    const clients: { category: string; count: number }[] = [];
    for await (const [key, count] of this.#counts.list([this.#host.domain, month])) {
      const name = String(key.at(-1));
      if (name.startsWith('client-')) clients.push({ category: name.slice('client-'.length), count });
      else {
        const [, country = UNKNOWN, subdivision = UNKNOWN, city = UNKNOWN] = name.split('-');
        places.push({ country, subdivision, city, count });
      }
    }
    const total = clients.reduce((sum, { count }) => sum + count, 0);
    return { month, total, places, clients };
  }

  /** Removes the counts of all months before one; resolves with those months, when that is durable. */
  async prune(before: string): Promise<readonly string[]> {
    const pruned = (await this.months()).filter((month) => month < before);
    for (const month of pruned) await this.#remove(month);
    return pruned;
  }

  async #monthsOf(page: { readonly limit: number; readonly after?: Key }): Promise<string[]> {
    const months: string[] = [];
    for await (const [key] of this.#counts.list([this.#host.domain], page)) months.push(String(key[1]));
    return months;
  }

  async #remove(month: string): Promise<void> {
    const { domain, store } = this.#host;
    const keys: Key[] = [];
    for await (const [key] of this.#counts.list([domain, month])) keys.push(key);
    for (let i = 0; i < keys.length; i += BATCH) {
      await store.commit((batch) => {
        for (const key of keys.slice(i, i + BATCH)) batch.delete(this.#counts, key);
      });
    }
  }
}
