import type { FeatureHost } from '../../core/feature.ts';
import type { Batch, EntryId, Journal, JournalSpec, Key, Table, TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';
import { Turns } from '../shared/turns.ts';
import type { Report, Reports, StoredReport } from './api.ts';

/** The reports of each host, under its domain. */
const REPORTS: JournalSpec<Report> = { name: 'blocking.reports', parse: parseReport };

/** How many reports of each host gave way to later ones, under its domain. */
const DROPPED: TableSpec<number> = { name: 'blocking.reports.dropped', parse: storedNumber };

const PAGE = 100;
const ALL = '';

/** How many reports are kept: those that are more make the oldest give way. */
export interface ReportLimits {
  readonly reports: number;
  readonly reportsPerAccount: number;
}

/** The reports of one host. Changes come one after the other; who reported which is in memory once it was needed. */
export class ReportBook implements Reports {
  readonly #host: FeatureHost;
  readonly #limits: ReportLimits;
  readonly #journal: Journal<Report>;
  readonly #dropped: Table<number>;
  readonly #stream: Key;
  readonly #turns = new Turns();
  /** Localparts by identifier, the oldest first; undefined for those whose account is removed. */
  #reporters: Map<EntryId, string | undefined> | undefined;

  constructor(host: FeatureHost, limits: ReportLimits) {
    this.#host = host;
    this.#limits = limits;
    this.#journal = host.journal(REPORTS);
    this.#dropped = host.table(DROPPED);
    this.#stream = [host.domain];
  }

  /** Stores reports of one account together with what `write` writes, all or nothing; resolves when durable. */
  add(reports: readonly Report[], write: (batch: Batch) => void): Promise<void> {
    return this.#turns.take(ALL, async () => {
      const reporters = await this.#index();
      const kept = reports.slice(-Math.min(this.#limits.reports, this.#limits.reportsPerAccount));
      const doomed = this.#makeRoom(reporters, kept);
      const droppedCount = doomed.length + reports.length - kept.length;
      const ids: EntryId[] = [];
      await this.#host.store.commit((batch) => {
        write(batch);
        for (const report of kept) ids.push(batch.append(this.#journal, this.#stream, report));
        for (const id of doomed) batch.remove(this.#journal, this.#stream, id);
        if (droppedCount > 0) batch.update(this.#dropped, this.#stream, (count = 0) => count + droppedCount);
      });
      for (const id of doomed) reporters.delete(id);
      for (const [index, { reporter, jid }] of kept.entries()) {
        const id = ids[index] ?? '';
        reporters.set(id, reporter);
        this.#host.log.info('report.received', { id, jid });
      }
    });
  }

  async list(): Promise<readonly StoredReport[]> {
    const all: StoredReport[] = [];
    for await (const report of this.#readAll()) all.push(report);
    return all;
  }

  get(id: EntryId): Promise<Report | undefined> {
    return this.#journal.get(this.#stream, id);
  }

  remove(id: EntryId): Promise<boolean> {
    return this.#turns.take(ALL, async () => {
      if ((await this.get(id)) === undefined) return false;
      await this.#journal.remove(this.#stream, [id]);
      this.#reporters?.delete(id);
      return true;
    });
  }

  async dropped(): Promise<number> {
    return (await this.#dropped.get(...this.#stream)) ?? 0;
  }

  /** Takes the name of a removed account off its reports; resolves when durable. */
  forget(reporter: string): Promise<void> {
    return this.#turns.take(ALL, async () => {
      const reporters = await this.#index();
      const ids = [...reporters].filter(([, name]) => name === reporter).map(([id]) => id);
      const named: StoredReport[] = [];
      for (const id of ids) {
        const report = await this.get(id);
        if (report !== undefined) named.push({ ...report, id });
      }
      if (named.length === 0) return;
      await this.#host.store.commit((batch) => {
        for (const { id, ...report } of named) {
          batch.insert(this.#journal, this.#stream, id, { ...report, reporter: undefined });
        }
      });
      for (const id of ids) reporters.set(id, undefined);
    });
  }

  // Who reports more than others loses own reports first.
  #makeRoom(reporters: ReadonlyMap<EntryId, string | undefined>, news: readonly Report[]): EntryId[] {
    const own = [...reporters].filter(([, name]) => name === news[0]?.reporter).map(([id]) => id);
    const doomed = own.slice(0, Math.max(0, own.length + news.length - this.#limits.reportsPerAccount));
    const others = [...reporters.keys()].filter((id) => !doomed.includes(id));
    return [...doomed, ...others.slice(0, Math.max(0, others.length + news.length - this.#limits.reports))];
  }

  async #index(): Promise<Map<EntryId, string | undefined>> {
    if (this.#reporters === undefined) {
      const reporters = new Map<EntryId, string | undefined>();
      for await (const { id, reporter } of this.#readAll()) reporters.set(id, reporter);
      this.#reporters = reporters;
    }
    return this.#reporters;
  }

  async *#readAll(): AsyncGenerator<StoredReport> {
    let after: EntryId = '';
    for (;;) {
      const { entries, complete } = await this.#journal.read(this.#stream, { after, limit: PAGE });
      for (const { id, value } of entries) yield { ...value, id };
      if (complete) return;
      after = entries.at(-1)?.id ?? after;
    }
  }
}

function parseReport(json: unknown): Report {
  const { at, jid, reporter, reason, texts, stanzaIds, allowsOrigin, allowsThirdParties } = storedObject(json);
  if (!Array.isArray(texts) || !Array.isArray(stanzaIds)) throw new TypeError('a report is damaged');
  return {
    at: storedNumber(at),
    jid: storedText(jid),
    reporter: reporter === undefined ? undefined : storedText(reporter),
    reason: storedText(reason),
    texts: texts.map(storedObject).map(({ lang, text }) => ({
      lang: lang === undefined ? undefined : storedText(lang),
      text: storedText(text),
    })),
    stanzaIds: stanzaIds.map(storedObject).map(({ by, id }) => ({ by: storedText(by), id: storedText(id) })),
    allowsOrigin: allowsOrigin === true,
    allowsThirdParties: allowsThirdParties === true,
  };
}
