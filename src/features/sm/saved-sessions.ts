import type { FeatureHost } from '../../core/feature.ts';
import { Fork, ONLY_COPY } from '../../core/fork.ts';
import type { Login } from '../../core/login.ts';
import type { OutboxEntry } from '../../core/outbox-entry.ts';
import { isRole } from '../../core/roles.ts';
import type { Continuation, Session } from '../../core/session.ts';
import { JID } from '../../jid.ts';
import { type AnyStanza, parseStanza } from '../../stanza.ts';
import type { KeyPart, Table, TableSpec } from '../../store/store.ts';
import { parseElement } from '../../xml/parser.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';

/** A stanza that waits: its markup, when it came, and which others are copies of the same message. */
type EntryRecord = readonly [xml: string, at: number, fork: number | null];

interface SessionRecord {
  readonly jid: string;
  readonly boundAt: number;
  readonly resumeMs: number;
  readonly lang: string | null;
  readonly login: Login | null;
  readonly handled: number;
  readonly sent: number;
  readonly unacknowledged: number;
  readonly entries: readonly EntryRecord[];
  readonly presence: string | null;
  readonly state: Readonly<Record<string, unknown>>;
}

/** The sessions of all hosts that wait for the next process, under domain and identifier; checked one by one. */
const SESSIONS: TableSpec<unknown> = { name: 'sm.sessions', parse: (json) => json };

/** So many sessions are written at once. */
const PAGE = 100;

/** What is needed to put a session back. */
export interface SavedSession {
  readonly id: string;
  readonly jid: JID;
  readonly boundAt: number;
  readonly resumeMs: number;
  readonly continuation: Continuation;
  /** What its client has not acknowledged. */
  readonly entries: readonly OutboxEntry[];
  /** Gives the session its presence and the state of the features, once it is managed. */
  readonly resume: (session: Session) => void;
}

/**
 * Keeps sessions from one process to the next. They are written when a process stops in good order and removed before the
 * next one lets anybody in: after a crash there are none, so that no counter is ever resumed that is not the last one.
 */
export class SavedSessions {
  readonly #host: FeatureHost;
  readonly #table: Table<unknown>;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#table = host.table(SESSIONS);
  }

  /** Writes the sessions; resolves when durable. */
  async save(sessions: readonly { readonly id: string; readonly session: Session }[]): Promise<void> {
    const forks = new Map<Fork, number>();
    let next = 0;
    const numberOf = (fork: Fork | undefined): number | null => {
      // Nobody would miss the copy of a message that has arrived elsewhere.
      if (fork === undefined || fork.hasArrived) return null;
      if (fork === ONLY_COPY) return next++;
      const number = forks.get(fork) ?? next++;
      forks.set(fork, number);
      return number;
    };
    for (let first = 0; first < sessions.length; first += PAGE) {
      await this.#host.store.commit((batch) => {
        for (const { id, session } of sessions.slice(first, first + PAGE)) {
          const record = this.#record(session, numberOf);
          if (record !== undefined) batch.put(this.#table, [this.#host.domain, id], record);
        }
      });
    }
    if (sessions.length > 0) this.#host.log.info('sm.saved', { sessions: sessions.length });
  }

  /** Takes what was saved out of the store and hands each session to `restore`; one that cannot be put back is dropped. */
  async restore(restore: (saved: SavedSession) => Promise<void>): Promise<void> {
    const records = await this.#take();
    const forks = makeForks([...records.values()]);
    const failed: SavedSession[] = [];
    let restored = 0;
    for (const [id, record] of records) {
      try {
        const saved = this.#read(id, record, forks);
        await restore(saved).catch((error: unknown) => {
          failed.push(saved);
          throw error;
        });
        restored++;
      } catch (error) {
        this.#host.log.warn('sm.lost', { jid: record.jid }, error);
      }
    }
    // Whoever is told of it has a session again by now.
    for (const saved of failed) await this.#host.redeliver(saved);
    if (restored > 0) this.#host.log.info('sm.restored', { sessions: restored });
  }

  /** Removes the sessions of an account, which would else be those of the next one of its name. */
  async remove(account: JID): Promise<void> {
    const ids: KeyPart[] = [];
    for await (const [[, id = ''], json] of this.#table.list([this.#host.domain])) {
      if (
        JID.parse(storedText(storedObject(json)['jid']))
          .bare()
          .equals(account)
      )
        ids.push(id);
    }
    await this.#delete(ids);
  }

  // None may be found again by yet another process, so all are removed before the first is put back.
  async #take(): Promise<Map<string, SessionRecord>> {
    const records = new Map<string, SessionRecord>();
    const ids: KeyPart[] = [];
    for await (const [[, id = ''], json] of this.#table.list([this.#host.domain])) {
      ids.push(id);
      try {
        records.set(String(id), parseRecord(json));
      } catch (error) {
        // Of another version, perhaps: its client logs in anew.
        this.#host.log.warn('sm.lost', {}, error);
      }
    }
    await this.#delete(ids);
    return records;
  }

  async #delete(ids: readonly KeyPart[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#host.store.commit((batch) => {
      for (const id of ids) batch.delete(this.#table, [this.#host.domain, id]);
    });
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
      login: session.login === undefined ? null : { ...session.login, address: undefined },
      handled: session.handled,
      sent: outbox.sent,
      unacknowledged: outbox.unacknowledged,
      entries: entries.map(({ xml, at, fork }) => [xml, at, numberOf(fork)]),
      presence: session.presence?.toString() ?? null,
      state: this.#host.saveState(session),
    };
  }

  #read(id: string, record: SessionRecord, forks: ReadonlyMap<number, Fork>): SavedSession {
    const { handled, sent, unacknowledged, presence, state, lang, login } = record;
    const entries = record.entries.map((entry) => readEntry(entry, forks));
    return {
      id,
      jid: JID.parse(record.jid),
      boundAt: record.boundAt,
      resumeMs: record.resumeMs,
      continuation: { handled, sent, unacknowledged, entries },
      entries,
      resume: (session) => {
        session.lang = lang ?? undefined;
        session.login = login ?? undefined;
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
    xml,
    at,
    stored: undefined,
    fork: fork === null ? undefined : forks.get(fork),
    state: 'ready',
  };
}

function read(xml: string): AnyStanza {
  return parseStanza(parseElement(xml), undefined);
}

function parseRecord(json: unknown): SessionRecord {
  const { jid, boundAt, resumeMs, lang, login, handled, sent, unacknowledged, entries, presence, state } =
    storedObject(json);
  if (!Array.isArray(entries) || !entries.every(isEntry) || storedNumber(unacknowledged) > entries.length) {
    throw new TypeError('the stanzas of a session are damaged');
  }
  return {
    jid: storedText(jid),
    boundAt: storedNumber(boundAt),
    resumeMs: storedNumber(resumeMs),
    lang: lang === null ? null : storedText(lang),
    login: login === null ? null : parseLogin(login),
    handled: storedNumber(handled),
    sent: storedNumber(sent),
    unacknowledged: storedNumber(unacknowledged),
    entries,
    presence: presence === null ? null : storedText(presence),
    state: storedObject(state),
  };
}

function parseLogin(json: unknown): Login {
  const { mechanism, at, role, clientId, userAgent, grantId, tokenId } = storedObject(json);
  if (!isRole(role)) throw new TypeError('the role of a session is none');
  const { software, device } = storedObject(userAgent ?? {});
  return {
    mechanism: storedText(mechanism),
    at: storedNumber(at),
    role,
    clientId: storedOptionalText(clientId),
    userAgent:
      userAgent === undefined
        ? undefined
        : { software: storedOptionalText(software), device: storedOptionalText(device) },
    grantId: storedOptionalText(grantId),
    ...(tokenId === undefined ? {} : { tokenId: storedText(tokenId) }),
  };
}

function storedOptionalText(json: unknown): string | undefined {
  return json === undefined ? undefined : storedText(json);
}

function isEntry(json: unknown): json is EntryRecord {
  if (!Array.isArray(json) || json.length !== 3) return false;
  const [xml, at, fork] = json;
  return typeof xml === 'string' && typeof at === 'number' && (fork === null || typeof fork === 'number');
}
