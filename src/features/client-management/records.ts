import type { FeatureHost } from '../../core/feature.ts';
import type { Grant } from '../../core/grant-record.ts';
import type { Login } from '../../core/login.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import type { JID } from '../../jid.ts';
import { usesPassword } from '../../sasl/upgrade.ts';
import { StoreError } from '../../store/store.ts';
import { unguessableBytes } from '../../util/ids.ts';
import { LazyTable } from '../shared/lazy-table.ts';
import { storedText } from '../shared/stored.ts';
import { Turns } from '../shared/turns.ts';
import { type ClientAgent, newClient } from './api.ts';
import { agentOf, type Circumstances, describeAll, type Entry, entryOf, lastPasswordLogin, usable } from './entries.ts';
import { CLIENTS, type ClientRecord } from './record.ts';

/** In UTF-16 units; what goes beyond it is cut off. */
const MAX_TEXT = 256;
/** 72 bits; 12 characters of base64url. */
const HANDLE_BYTES = 9;

export interface RecordsOptions {
  readonly recordLimit: number;
  readonly recordRetentionMs: number;
  readonly storeDeviceNames: boolean;
}

/**
 * The records of the clients of one host. What is done with those of one account is done one after the other. A record that
 * is new, or that tells of access which the last one did not, is durable before its client is told that it is in; that it
 * was seen again, and a client without an identifier, is written some seconds later.
 */
export class ClientRecords {
  readonly #host: FeatureHost;
  readonly #options: RecordsOptions;
  readonly #table: LazyTable<readonly ClientRecord[]>;
  readonly #turns = new Turns();
  // The keys of the records of the sessions' clients; they outlive the process with the sessions.
  readonly #keys: Slot<Session, string>;
  // Logins whose records are written, so that binding a resource later does not count as another one.
  readonly #recorded = new WeakSet<Login>();

  constructor(host: FeatureHost, options: RecordsOptions) {
    this.#host = host;
    this.#options = options;
    this.#table = new LazyTable(host, CLIENTS);
    this.#keys = host.sessionSlot(() => '', {
      name: 'client-management',
      save: (key) => key || undefined,
      restore: storedText,
    });
  }

  /** Runs a task on the records of an account, after all that were begun before. */
  inTurn<T>(local: string, task: () => Promise<T>): Promise<T> {
    return this.#turns.take(local, task);
  }

  /** Everything that has access to an account; to be called in its turn. */
  async entries(local: string): Promise<Entry[]> {
    return describeAll(await this.#list(local), await this.circumstances(local));
  }

  /** What the access of an account's clients depends on beside their records. */
  async circumstances(local: string): Promise<Circumstances> {
    const { users, grants, clock } = this.#host;
    const user = await users.get(local);
    const passwordUpdatedAt = user?.passwordUpdatedAt ?? Number.NEGATIVE_INFINITY;
    const granted = usable(await grants.list(local), clock.now(), passwordUpdatedAt);
    const sessions = [...(this.#host.account(local)?.sessions.values() ?? [])];
    return {
      passwordUpdatedAt,
      role: user?.role ?? 'member',
      grants: granted,
      sessions: new Map(sessions.map((session) => [this.keyOf(session), session])),
    };
  }

  /** The key of the record of a session's client; '' until that is known. */
  keyOf(session: Session): string {
    return this.#keys.of(session);
  }

  /** A client that has an identifier has logged in. */
  async loggedIn(jid: JID, clientId: string, login: Login, session: Session | undefined): Promise<void> {
    this.#recorded.add(login);
    await this.inTurn(jid.local, () => this.#seen(jid, clientId, login, session?.jid, false));
  }

  /** A resource was bound, or a session taken up again: now there is a full JID, by which the clients that have no identifier are known. */
  async bound(session: Session, login: Login): Promise<void> {
    const { jid } = session;
    const { clientId } = login;
    if (clientId !== undefined) {
      this.#keys.set(session, clientId);
      if (this.#recorded.has(login)) {
        await this.inTurn(jid.local, () => this.#change(jid, clientId, { fullJid: jid.toString() }));
      }
      return;
    }
    await this.inTurn(jid.local, async () => {
      const known = (await this.#list(jid.local)).find(({ fullJid }) => fullJid === jid.toString());
      const key = known?.key ?? newHandle();
      this.#keys.set(session, key);
      await this.#seen(jid, key, login, jid, known === undefined);
    });
  }

  /** A session is over. */
  async ended(session: Session): Promise<void> {
    const { jid } = session;
    const lastSeen = this.#host.clock.now();
    await this.inTurn(jid.local, () => this.#change(jid, this.keyOf(session), { lastSeen }));
  }

  /** Removes all records of an account. */
  remove(local: string): Promise<void> {
    return this.inTurn(local, () => this.#table.delete([this.#host.domain, local]));
  }

  /** Removes the records of clients that have no access and were not seen for long, of all accounts. */
  async prune(): Promise<void> {
    const before = this.#host.clock.now() - this.#options.recordRetentionMs;
    for await (const [[, part], records] of this.#table.entries([this.#host.domain])) {
      const local = String(part);
      if (records.every(({ lastSeen }) => lastSeen >= before)) continue;
      await this.inTurn(local, () => this.#pruneAccount(local, before));
    }
  }

  async #pruneAccount(local: string, before: number): Promise<void> {
    const circumstances = await this.circumstances(local);
    const isOld = (record: ClientRecord): boolean =>
      record.lastSeen < before && entryOf(record, circumstances) === undefined;
    const all = await this.#list(local);
    const left = all.filter((record) => !isOld(record));
    if (left.length === 0) await this.#table.delete([this.#host.domain, local]);
    else if (left.length < all.length) this.#table.put([this.#host.domain, local], left);
  }

  async #seen(jid: JID, key: string, login: Login, fullJid: JID | undefined, isLegacy: boolean): Promise<void> {
    const { grants, users, clock } = this.#host;
    const { mechanism, grantId } = login;
    const now = clock.now();
    const all = await this.#list(jid.local);
    const old = all.find((known) => known.key === key);
    const grant = grantId === undefined ? undefined : await grants.get(jid.local, grantId);
    const record: ClientRecord = {
      key,
      handle: old?.handle ?? newHandle(),
      firstSeen: old?.firstSeen ?? now,
      lastSeen: now,
      agent: this.#agent(old?.agent, login, grant),
      fullJid: fullJid?.toString() ?? old?.fullJid,
      // When it was proved: the password may have been changed since.
      mechanisms: { ...old?.mechanisms, [mechanism]: login.at },
      fastAuth: mechanism.startsWith('HT-') ? now : old?.fastAuth,
      grantId: grantId ?? old?.grantId,
      isLegacy: old?.isLegacy ?? isLegacy,
    };
    if (old === undefined) return this.#add(jid, all, record);
    const since = usesPassword(mechanism) ? (await users.get(jid.local))?.passwordUpdatedAt : undefined;
    const hasMoreAccess = record.grantId !== old.grantId || (since !== undefined && lastPasswordLogin(old) < since);
    const changed = all.map((known) => (known === old ? record : known));
    if (hasMoreAccess) await this.#write(jid.local, changed);
    else this.#table.put([this.#host.domain, jid.local], changed);
  }

  async #add(jid: JID, all: readonly ClientRecord[], record: ClientRecord): Promise<void> {
    const { local } = jid;
    const { key, handle, agent, isLegacy } = record;
    const records = [...(await this.#makeRoom(local, all)), record];
    // A client without an identifier may come with another resource each time: no login waits for the disk because of that.
    if (isLegacy) this.#table.put([this.#host.domain, local], records);
    else await this.#write(local, records);
    const owns = (session: Session): boolean => this.keyOf(session) === key;
    this.#host.announce(newClient, { jid, handle, agent, isLegacy, owns });
  }

  /**
   * The records without those that leave room for one more: first of clients without access, last of connected ones, the
   * oldest first.
   */
  async #makeRoom(local: string, all: readonly ClientRecord[]): Promise<readonly ClientRecord[]> {
    const surplus = all.length + 1 - this.#options.recordLimit;
    if (surplus <= 0) return all;
    const circumstances = await this.circumstances(local);
    const rank = (record: ClientRecord): number => {
      const entry = entryOf(record, circumstances);
      return entry === undefined ? 0 : entry.client.isConnected ? 2 : 1;
    };
    const ranked = all.map((record) => ({ record, rank: rank(record) }));
    ranked.sort((a, b) => a.rank - b.rank || a.record.lastSeen - b.record.lastSeen);
    const doomed = new Set(ranked.slice(0, surplus).map(({ record }) => record));
    return all.filter((record) => !doomed.has(record));
  }

  // A login is good without a record, too: what cannot be written now is written later.
  async #write(local: string, records: readonly ClientRecord[]): Promise<void> {
    try {
      await this.#table.putNow([this.#host.domain, local], records);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#host.log.error('client.not-recorded', { local }, error);
    }
  }

  async #change({ local }: JID, key: string, change: Partial<ClientRecord>): Promise<void> {
    const all = await this.#list(local);
    if (!all.some((record) => record.key === key)) return;
    const changed = all.map((record) => (record.key === key ? { ...record, ...change } : record));
    this.#table.put([this.#host.domain, local], changed);
  }

  /** What is known of the program by now; what a login does not tell stays as it was. */
  #agent(old: ClientAgent | undefined, { userAgent }: Login, grant: Grant | undefined): ClientAgent {
    const granted = grant === undefined ? {} : agentOf(grant);
    const device = userAgent?.device ?? old?.device;
    return {
      software: cut(userAgent?.software ?? granted.software ?? old?.software),
      softwareId: cut(granted.softwareId ?? old?.softwareId),
      softwareVersion: cut(granted.softwareVersion ?? old?.softwareVersion),
      uri: cut(granted.uri ?? old?.uri),
      device: this.#options.storeDeviceNames ? cut(device) : undefined,
    };
  }

  /** What is kept of the clients of an account; to be called in its turn. */
  list(local: string): Promise<readonly ClientRecord[]> {
    return this.#list(local);
  }

  /** Adds what another server kept of a client, unless it is known or there is no room; says which. Resolves when durable. */
  adopt(local: string, record: ClientRecord): Promise<'added' | 'known' | 'full'> {
    return this.inTurn(local, async () => {
      const all = await this.#list(local);
      if (all.some(({ key }) => key === record.key)) return 'known';
      if (all.length >= this.#options.recordLimit) return 'full';
      await this.#table.putNow([this.#host.domain, local], [...all, record]);
      return 'added';
    });
  }

  async #list(local: string): Promise<readonly ClientRecord[]> {
    return (await this.#table.get(this.#host.domain, local)) ?? [];
  }
}

function newHandle(): string {
  return unguessableBytes(HANDLE_BYTES).toString('base64url');
}

function cut(text: string | undefined): string | undefined {
  return text?.slice(0, MAX_TEXT);
}
