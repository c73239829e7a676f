import type { FeatureHost } from '../../core/feature.ts';
import { Fork, type OutboxEntry } from '../../core/outbox.ts';
import type { Continuation, Session } from '../../core/session.ts';
import { JID } from '../../jid.ts';
import { type AnyStanza, parseStanza } from '../../stanza.ts';
import type { Table, TableSpec } from '../../store/store.ts';
import { parseElement } from '../../xml/parser.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';

/** A stanza that waits: its markup, when it came, and which others are copies of the same message. */
type EntryRecord = readonly [xml: string, at: number, fork: number | null];

interface SessionRecord {
  readonly jid: string;
  readonly boundAt: number;
  readonly resumeMs: number;
  readonly lang: string | null;
  readonly handled: number;
  readonly sent: number;
  readonly unacknowledged: number;
  readonly entries: readonly EntryRecord[];
  readonly presence: string | null;
  readonly state: Readonly<Record<string, unknown>>;
}

/** The sessions of all hosts that wait for the next process, under domain and identifier. */
const SESSIONS: TableSpec<SessionRecord> = { name: 'sm.sessions', parse: parseRecord };

/** What is needed to put a session back. */
export interface SavedSession {
  readonly id: string;
  readonly jid: JID;
  readonly boundAt: number;
  readonly resumeMs: number;
  readonly continuation: Continuation;
  /** Gives the session its presence and the state of the features, once it is managed. */
  readonly resume: (session: Session) => void;
}

/**
 * Keeps sessions from one process to the next. They are written when a process stops in good order and removed before the
 * next one lets anybody in: after a crash there are none, so that no counter is ever resumed that is not the last one.
 */
export class SavedSessions {
  readonly #host: FeatureHost;
  readonly #table: Table<SessionRecord>;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#table = host.table(SESSIONS);
  }

  /** Writes the sessions; resolves when durable. */
  async save(sessions: readonly { readonly id: string; readonly session: Session }[]): Promise<void> {
    const forks = new Map<Fork, number>();
    const numberOf = (fork: Fork | undefined): number | null => {
      if (fork === undefined) return null;
      const number = forks.get(fork) ?? forks.size;
      forks.set(fork, number);
      return number;
    };
    await this.#host.store.commit((batch) => {
      for (const { id, session } of sessions) {
        const record = this.#record(session, numberOf);
        if (record !== undefined) batch.put(this.#table, [this.#host.domain, id], record);
      }
    });
    if (sessions.length > 0) this.#host.log.info('sm.saved', { sessions: sessions.length });
  }

  /** Takes what was saved out of the store and hands each session to `restore`; one that cannot be put back is dropped. */
  async restore(restore: (saved: SavedSession) => Promise<void>): Promise<void> {
    const saved: (readonly [id: string, record: SessionRecord])[] = [];
    for await (const [[, id], record] of this.#table.list([this.#host.domain])) saved.push([String(id), record]);
    if (saved.length === 0) return;
    await this.#host.store.commit((batch) => {
      for (const [id] of saved) batch.delete(this.#table, [this.#host.domain, id]);
    });
    const forks = makeForks(saved.map(([, record]) => record));
    let restored = 0;
    for (const [id, record] of saved) {
      try {
        await restore(this.#read(id, record, forks));
        restored++;
      } catch (error) {
        this.#host.log.warn('sm.lost', { jid: record.jid }, error);
      }
    }
    this.#host.log.info('sm.restored', { sessions: restored });
  }

  #record(session: Session, numberOf: (fork: Fork | undefined) => number | null): SessionRecord | undefined {
    const { outbox, management } = session;
    if (outbox === undefined || management === undefined) return undefined;
    // What is not durable now will not be sent: its sender is told.
    const entries = outbox.entries.filter((entry) => entry.state === 'ready');
    return {
      jid: session.jid.toString(),
      boundAt: session.boundAt,
      resumeMs: management.resumeMs,
      lang: session.lang ?? null,
      handled: session.handled,
      sent: outbox.sent,
      unacknowledged: (outbox.sent - outbox.acknowledged + 2 ** 32) % 2 ** 32,
      entries: entries.map(({ stanza, at, fork }) => [stanza.toString(), at, numberOf(fork)]),
      presence: session.presence?.toString() ?? null,
      state: this.#host.saveState(session),
    };
  }

  #read(id: string, record: SessionRecord, forks: ReadonlyMap<number, Fork>): SavedSession {
    const { handled, sent, unacknowledged, entries, presence, state, lang } = record;
    return {
      id,
      jid: JID.parse(record.jid),
      boundAt: record.boundAt,
      resumeMs: record.resumeMs,
      continuation: { handled, sent, unacknowledged, entries: entries.map((entry) => readEntry(entry, forks)) },
      resume: (session) => {
        session.lang = lang ?? undefined;
        const stanza = presence === null ? undefined : read(presence);
        if (stanza?.kind === 'presence') session.presence = stanza;
        this.#host.restoreState(session, state);
      },
    };
  }
}

/** Copies of one message in several sessions stay copies of one. */
function makeForks(records: readonly SessionRecord[]): ReadonlyMap<number, Fork> {
  const copies = new Map<number, number>();
  for (const { entries } of records) {
    for (const [, , fork] of entries) if (fork !== null) copies.set(fork, (copies.get(fork) ?? 0) + 1);
  }
  return new Map([...copies].map(([fork, count]) => [fork, new Fork(count)]));
}

function readEntry([xml, at, fork]: EntryRecord, forks: ReadonlyMap<number, Fork>): OutboxEntry {
  return {
    stanza: read(xml),
    at,
    bytes: xml.length,
    fork: fork === null ? undefined : forks.get(fork),
    state: 'ready',
  };
}

function read(xml: string): AnyStanza {
  return parseStanza(parseElement(xml), undefined);
}

function parseRecord(json: unknown): SessionRecord {
  const { jid, boundAt, resumeMs, lang, handled, sent, unacknowledged, entries, presence, state } = storedObject(json);
  if (!Array.isArray(entries) || !entries.every(isEntry)) throw new TypeError('the stanzas of a session are damaged');
  return {
    jid: storedText(jid),
    boundAt: storedNumber(boundAt),
    resumeMs: storedNumber(resumeMs),
    lang: lang === null ? null : storedText(lang),
    handled: storedNumber(handled),
    sent: storedNumber(sent),
    unacknowledged: storedNumber(unacknowledged),
    entries,
    presence: presence === null ? null : storedText(presence),
    state: storedObject(state),
  };
}

function isEntry(json: unknown): json is EntryRecord {
  if (!Array.isArray(json) || json.length !== 3) return false;
  const [xml, at, fork] = json;
  return typeof xml === 'string' && typeof at === 'number' && (fork === null || typeof fork === 'number');
}
