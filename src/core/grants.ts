import type { Key, Store, Table } from '../store/store.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Clock } from '../util/clock.ts';
import { newId } from '../util/ids.ts';
import { LruCache } from '../util/lru.ts';
import { type Facts, type Grant, isLive, type Token } from './grant-record.ts';
import type { Role } from './roles.ts';
import type { Sealing } from './sealing.ts';

/** How many grants are kept at hand, of about half a kilobyte each. */
const RECENT_GRANTS = 2000;
/** How many grants of one purpose are derived from one grant: an application is in so many places at once. */
const MAX_DERIVED = 10;
const SWEEP_BATCH = 256;
const MOURNING_MS = 30 * 86_400_000;

/** Why a grant ended. */
export type RevocationReason = 'revoked' | 'password-changed' | 'replaced' | 'account-removed';

/** What a new grant is to be. */
export interface GrantDraft {
  readonly purpose: string;
  readonly role: Role;
  readonly client?: string | undefined;
  readonly parent?: string | undefined;
  readonly expiresAt?: number | undefined;
  readonly resource?: string | undefined;
  readonly tokens: Readonly<Record<string, Token>>;
  readonly data?: Facts;
}

export interface GrantsOptions {
  readonly domain: string;
  readonly store: Store;
  /** The table of all hosts, opened with `GRANTS`. */
  readonly table: Table<Grant>;
  readonly clock: Clock;
  readonly sealing: Sealing;
  /** How many grants of one purpose an account may have; the least recently used makes room for another. */
  readonly maxPerPurpose?: number;
}

/** How a grant is changed: what it becomes, or undefined to end it. */
export type GrantChange = (grant: Grant | undefined) => Grant | undefined;

/**
 * The access that accounts of one host have given away beside their passwords. Localparts are prepared ones. Writes resolve
 * when durable; whoever is told that a grant was revoked may rely on it.
 */
export class Grants {
  readonly sealing: Sealing;
  readonly #domain: string;
  readonly #store: Store;
  readonly #table: Table<Grant>;
  readonly #clock: Clock;
  readonly #maxPerPurpose: number;
  // A crowd of clients comes back at once and again and again; as nobody else writes the table, what was read last is true.
  readonly #recent = new LruCache<string, Grant>(RECENT_GRANTS);
  readonly #ids = new LruCache<string, string>(RECENT_GRANTS);
  #writes = 0;
  readonly #listeners: ((local: string, grant: Grant, reason: RevocationReason) => void)[] = [];
  // Uses that are not written yet, by localpart and id: together, a thousand logins cost one write.
  readonly #used = new Map<string, readonly [local: string, id: string, at: number]>();

  constructor({ domain, store, table, clock, sealing, maxPerPurpose = 100 }: GrantsOptions) {
    this.sealing = sealing;
    this.#domain = domain;
    this.#store = store;
    this.#table = table;
    this.#clock = clock;
    this.#maxPerPurpose = maxPerPurpose;
  }

  /** Calls `run` when a grant has been revoked and that is durable. Not for those that expire. */
  onRevoked(run: (local: string, grant: Grant, reason: RevocationReason) => void): void {
    this.#listeners.push(run);
  }

  /** The grant, expired or not; the same object as before unless it has been changed. */
  get(local: string, id: string): Awaitable<Grant | undefined> {
    const key = keyOf(local, id);
    return this.#recent.get(key) ?? this.#read(local, id, key);
  }

  async #read(local: string, id: string, key: string): Promise<Grant | undefined> {
    const writes = this.#writes;
    const grant = await this.#table.get(this.#domain, local, id);
    if (grant !== undefined && writes === this.#writes) this.#recent.set(key, grant);
    return grant;
  }

  /** Whether there is such a grant and it can be used. */
  async isLive(local: string, id: string): Promise<boolean> {
    const grant = await this.get(local, id);
    return grant !== undefined && isLive(grant, this.#clock.now());
  }

  /** The grants of an account that can be used, in the order of their identifiers. */
  async list(local: string): Promise<Grant[]> {
    const now = this.#clock.now();
    return (await this.#all(local)).filter((grant) => isLive(grant, now));
  }

  /** The identifier of the one grant that a client of an account has for a purpose. */
  idFor(local: string, purpose: string, client: string): string {
    const key = `${purpose}\0${local}@${this.#domain}\0${client}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.sealing.digest(key).slice(0, 20);
    this.#ids.set(key, id);
    return id;
  }

  /** Makes a grant, by its own identifier or a new one. Its account keeps so many of the purpose as is allowed. */
  async create(local: string, draft: GrantDraft, id = newId()): Promise<Grant> {
    const grant = this.draft(draft, id);
    await this.#table.put([this.#domain, local, id], grant);
    this.#forget(local, id);
    await this.makeRoom(local, draft.purpose);
    return grant;
  }

  /** The grant that a draft becomes, not stored yet: for {@link change}. */
  draft({ data = {}, ...draft }: GrantDraft, id: string): Grant {
    const now = this.#clock.now();
    const { purpose, role, client, parent, expiresAt, resource, tokens } = draft;
    const pinned = resource === undefined ? {} : { resource };
    return { id, purpose, role, client, parent, createdAt: now, accessedAt: now, expiresAt, ...pinned, tokens, data };
  }

  /** Changes a grant atomically; `change` may run again, and what it throws is thrown. Ends it without telling anybody. */
  async change(local: string, id: string, change: GrantChange): Promise<Grant | undefined> {
    const changed = await this.#table.update([this.#domain, local, id], change);
    this.#forget(local, id);
    return changed;
  }

  /**
   * Drops the least recently used grants of a purpose beyond those that are allowed. Those derived from `parent` make room for
   * each other first: an application must not take that of what its owner uses.
   */
  async makeRoom(local: string, purpose: string, parent?: string): Promise<void> {
    const all = (await this.#all(local)).filter((grant) => grant.purpose === purpose);
    all.sort((a, b) => b.accessedAt - a.accessedAt);
    const derived = parent === undefined ? [] : all.filter((grant) => grant.parent === parent);
    const doomed = new Set(derived.slice(MAX_DERIVED));
    const left = all.filter((grant) => !doomed.has(grant));
    const surplus = [...doomed, ...left.slice(this.#maxPerPurpose)];
    if (surplus.length > 0) await this.#end(local, surplus, 'replaced');
  }

  /** Remembers that a grant was used now; {@link writeUses} makes it last. */
  used(local: string, id: string): void {
    this.#used.set(keyOf(local, id), [local, id, this.#clock.now()]);
  }

  /** Writes the uses that are remembered. */
  async writeUses(): Promise<void> {
    if (this.#used.size === 0) return;
    const due = [...this.#used.values()];
    this.#used.clear();
    await this.#store.commit((batch) => {
      for (const [local, id, at] of due) {
        batch.update(this.#table, [this.#domain, local, id], (grant) => grant && { ...grant, accessedAt: at });
      }
    });
  }

  /** Ends a grant, its tokens, and all that was derived from it, together. Says whether there was one that could be used. */
  async revoke(local: string, id: string, reason: RevocationReason = 'revoked'): Promise<boolean> {
    const all = await this.#all(local);
    const grant = all.find((candidate) => candidate.id === id);
    if (grant === undefined) return false;
    const wasLive = isLive(grant, this.#clock.now());
    await this.#end(local, [grant, ...descendants(all, id)], reason);
    return wasLive;
  }

  /** Ends all grants of an account. */
  async revokeAll(local: string, reason: RevocationReason): Promise<void> {
    await this.#endThose(local, reason, () => true);
  }

  /** Ends the grants of an account that are older than its password; so is what was made before the clock was set back. */
  async revokeOutdated(local: string, passwordUpdatedAt: number): Promise<void> {
    const latest = Math.max(passwordUpdatedAt, this.#clock.now());
    const isOld = ({ issuedAt }: Token): boolean => issuedAt < passwordUpdatedAt || issuedAt > latest;
    await this.#endThose(local, 'password-changed', ({ tokens }) => Object.values(tokens).every(isOld));
  }

  /** Removes what nobody has been able to use for a month, of all accounts: until then its user is told that it has expired. */
  async sweep(): Promise<void> {
    const since = this.#clock.now() - MOURNING_MS;
    let dead: Key[] = [];
    for await (const [key, grant] of this.#table.list([this.#domain])) {
      if (!isLive(grant, since)) dead.push(key);
      if (dead.length < SWEEP_BATCH) continue;
      await this.#bury(dead, since);
      dead = [];
    }
    if (dead.length > 0) await this.#bury(dead, since);
  }

  async #endThose(local: string, reason: RevocationReason, isOver: (grant: Grant) => boolean): Promise<void> {
    const ending = (await this.#all(local)).filter(isOver);
    if (ending.length > 0) await this.#end(local, ending, reason);
  }

  async #bury(dead: readonly Key[], since: number): Promise<void> {
    await this.#store.commit((batch) => {
      // It may have been renewed since it was read.
      for (const key of dead)
        batch.update(this.#table, key, (grant) => (grant && isLive(grant, since) ? grant : undefined));
    });
    for (const [, local, id] of dead) this.#forget(String(local), String(id));
  }

  #forget(local: string, id: string): void {
    this.#writes++;
    this.#recent.delete(keyOf(local, id));
  }

  async #all(local: string): Promise<Grant[]> {
    const all: Grant[] = [];
    for await (const [, grant] of this.#table.list([this.#domain, local])) all.push(grant);
    return all;
  }

  async #end(local: string, ending: readonly Grant[], reason: RevocationReason): Promise<void> {
    await this.#store.commit((batch) => {
      for (const { id } of ending) batch.delete(this.#table, [this.#domain, local, id]);
    });
    for (const { id } of ending) this.#forget(local, id);
    for (const grant of ending) for (const run of this.#listeners) run(local, grant, reason);
  }
}

function keyOf(local: string, id: string): string {
  return `${local}\0${id}`;
}

function descendants(all: readonly Grant[], id: string): Grant[] {
  const own = all.filter((grant) => grant.parent === id);
  return own.flatMap((grant) => [grant, ...descendants(all, grant.id)]);
}
