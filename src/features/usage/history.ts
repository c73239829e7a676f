import type { FeatureHost } from '../../core/feature.ts';
import type { Key, TableSpec } from '../../store/store.ts';
import { LazyTable } from '../shared/lazy-table.ts';
import { storedNumber, storedObject } from '../shared/stored.ts';
import type { DayFigures } from './api.ts';

const DAY_MS = 86_400_000;
/** How many days are removed in one commit. */
const BATCH = 500;

/** What is kept of a day, all of it numbers. */
export interface DayRecord {
  /** When active users were counted last, in milliseconds since the Unix epoch. */
  readonly countedAt?: number;
  readonly activeDay?: number;
  readonly activeWeek?: number;
  readonly activeMonth?: number;
  readonly visitors?: number;
  readonly peakUsers?: number;
  readonly peakSessions?: number;
}

const FIELDS = [
  'countedAt',
  'activeDay',
  'activeWeek',
  'activeMonth',
  'visitors',
  'peakUsers',
  'peakSessions',
] as const satisfies readonly (keyof DayRecord)[];

/** One record for each day, under domain and date. */
const DAYS: TableSpec<DayRecord> = {
  name: 'usage.days',
  parse(json) {
    const stored = storedObject(json);
    const known = FIELDS.flatMap((field) =>
      stored[field] === undefined ? [] : [[field, storedNumber(stored[field])]],
    );
    return Object.fromEntries(known);
  },
};

/** The days of one host. What is put down is written within seconds, and added to what is there of the day. */
export class History {
  readonly #host: FeatureHost;
  readonly #days: LazyTable<DayRecord>;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#days = new LazyTable(host, DAYS, merged);
  }

  get today(): string {
    return dayOf(this.#host.clock.now());
  }

  /** Puts something down for today. */
  note(news: DayRecord): void {
    this.#days.put([this.#host.domain, this.today], news);
  }

  /** The last days until today, at most so many: each of them, from the first of which anything is known. */
  async days(count: number): Promise<readonly DayFigures[]> {
    await this.#days.flush();
    const { today } = this;
    const first = dayOf(this.#host.clock.now() - (count - 1) * DAY_MS);
    const known = new Map<string, DayRecord>();
    for await (const [key, record] of this.#days.entries([this.#host.domain])) known.set(String(key.at(-1)), record);
    const [oldest] = known.keys();
    // Days after today are those of a clock that was wrong.
    if (oldest === undefined || oldest > today) return [];
    const all: DayFigures[] = [];
    for (let at = Date.parse(oldest < first ? first : oldest); dayOf(at) <= today; at += DAY_MS) {
      const day = dayOf(at);
      all.push(figuresOf(day, known.get(day) ?? {}));
    }
    return all;
  }

  /** Removes what is older than so many days; resolves when durable. */
  async prune(keepDays: number): Promise<void> {
    const first = dayOf(this.#host.clock.now() - keepDays * DAY_MS);
    const old: Key[] = [];
    for await (const [key] of this.#days.entries([this.#host.domain])) {
      if (String(key.at(-1)) >= first) break;
      old.push(key);
    }
    for (let i = 0; i < old.length; i += BATCH) await this.#days.delete(...old.slice(i, i + BATCH));
  }
}

function merged(old: DayRecord | undefined, news: DayRecord): DayRecord {
  const peaks = (['peakUsers', 'peakSessions'] as const).flatMap((field) => {
    const both = [old?.[field], news[field]].filter((value) => value !== undefined);
    return both.length === 0 ? [] : [[field, Math.max(...both)]];
  });
  return { ...old, ...news, ...Object.fromEntries(peaks) };
}

function figuresOf(day: string, record: DayRecord): DayFigures {
  const { countedAt, activeDay = 0, activeWeek = 0, activeMonth = 0, visitors, peakUsers, peakSessions } = record;
  return {
    day,
    active:
      countedAt === undefined ? undefined : { at: countedAt, day: activeDay, week: activeWeek, month: activeMonth },
    visitors,
    peak:
      peakUsers === undefined || peakSessions === undefined ? undefined : { users: peakUsers, sessions: peakSessions },
  };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
