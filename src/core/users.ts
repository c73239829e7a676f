import { SaslError, StanzaError } from '../errors.ts';
import { JID, JidError, prepareLocal } from '../jid.ts';
import type { AccountStatus, CredentialSource, ScramHash, ScramKeys } from '../sasl/mechanism.ts';
import type { Passwords, ScramKeySet } from '../sasl/passwords.ts';
import { MAX_PASSWORD_BYTES, preparePassword } from '../sasl/prepare.ts';
import { SCRAM_HASHES } from '../sasl/scram-keys.ts';
import type { PasswordFacts, UpgradableCredentials } from '../sasl/upgrade.ts';
import type { Page, Table } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import { LruCache } from '../util/lru.ts';
import type { AccountRole } from './roles.ts';
import { fromStored, toStored, type UserRecord } from './user-record.ts';

/** A user as administrators see one. */
export interface User {
  readonly jid: JID;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** When the password was set, in the same unit: moved by its changes and by nothing else. */
  readonly passwordUpdatedAt: number;
  readonly disabled: boolean;
  /** Given with the account; the configuration may name further administrators. */
  readonly role: AccountRole;
}

/** Why the sessions of a user must not go on as they are. */
export type CredentialsChange = 'password' | 'disabled' | 'removed';

/** Is told of a change; `by` is the session in which the user made it, if it was the user. */
export type CredentialsListener = (user: JID, change: CredentialsChange, by: JID | undefined) => void;

export interface UsersOptions {
  readonly domain: string;
  /** The table of all hosts, opened with `USERS`. */
  readonly table: Table<UserRecord>;
  readonly clock: Clock;
  readonly passwords: Passwords;
  /** PBKDF2 iterations of new passwords. */
  readonly iterations: number;
}

/** For the person who registers: clients show the text of the error, not its condition. */
const TAKEN = 'This user name is taken.';

/** How many users' records are kept at hand, of about a kilobyte each. */
const RECENT_USERS = 2000;

/** What is known of a user who had an account elsewhere. */
export interface NewcomerFacts {
  /** Milliseconds since the Unix epoch; unless given, now. */
  readonly createdAt?: number | undefined;
  readonly role?: AccountRole | undefined;
  readonly disabled?: boolean | undefined;
}

/** Part of the list of users: those after a localpart, so many at most. */
export interface UserPage {
  readonly after?: string;
  readonly limit?: number;
}

/**
 * The stored users of one host. Localparts are prepared here, and `jid-malformed` is thrown for those that cannot be;
 * the methods of the credential interfaces take them as they are. Writes resolve when durable.
 */
export class Users implements CredentialSource, UpgradableCredentials {
  readonly domain: string;
  readonly #table: Table<UserRecord>;
  readonly #clock: Clock;
  readonly #passwords: Passwords;
  readonly #listeners: CredentialsListener[] = [];
  readonly #createdListeners: ((user: User) => void)[] = [];
  // A login asks for its user four times; as nobody else writes the table, what was read last is still true.
  readonly #recent = new LruCache<string, UserRecord>(RECENT_USERS);
  // By localpart. Whoever asks while something is changed waits: nobody may get in by what is being replaced.
  readonly #changing = new Map<string, Promise<unknown>>();
  #writes = 0;
  #iterations: number;

  constructor({ domain, table, clock, passwords, iterations }: UsersOptions) {
    this.domain = domain;
    this.#table = table;
    this.#clock = clock;
    this.#passwords = passwords;
    this.#iterations = iterations;
  }

  /** Changes the iterations of passwords set from now on. */
  configure({ iterations }: Pick<UsersOptions, 'iterations'>): void {
    this.#iterations = iterations;
  }

  /** Calls `run` after a password was changed or an account disabled or removed, so that sessions can be ended. */
  onCredentialsChanged(run: CredentialsListener): void {
    this.#listeners.push(run);
  }

  /** Calls `run` when there is another user, durably. */
  onCreated(run: (user: User) => void): void {
    this.#createdListeners.push(run);
  }

  /** Adds a user. Throws StanzaError: `conflict` if there is one; `not-acceptable` for a password that cannot be. */
  async create(local: string, password: string, role: AccountRole = 'member'): Promise<User> {
    const username = prepare(local);
    if (await this.#has(username)) throw new StanzaError('conflict', { text: TAKEN });
    const scram = toStored(await this.#derive(password));
    return this.#add(username, { createdAt: this.#clock.now(), scram, ...(role === 'member' ? {} : { role }) });
  }

  /**
   * Adds a user without a password, who cannot log in before there is one: see {@link setKeys}. Throws StanzaError `conflict`
   * if there is one.
   */
  async admit(local: string, { createdAt = this.#clock.now(), role, disabled }: NewcomerFacts = {}): Promise<User> {
    return this.#add(prepare(local), {
      createdAt,
      scram: {},
      ...(role === 'admin' ? { role } : {}),
      ...(disabled === true ? { disabled } : {}),
    });
  }

  /**
   * Replaces the password, `by` one of the user's own sessions or somebody else. Throws StanzaError: `item-not-found`;
   * `not-acceptable` for a password that cannot be.
   */
  async setPassword(local: string, password: string, by?: JID): Promise<void> {
    const username = prepare(local);
    if (!(await this.#has(username))) throw new StanzaError('item-not-found');
    await this.#replacePassword(username, await this.#derive(password), by);
  }

  /** The same with keys of a password that nobody here knows. Throws StanzaError `item-not-found`. */
  async setKeys(local: string, keys: ScramKeySet): Promise<void> {
    await this.#replacePassword(prepare(local), keys);
  }

  /** All keys of the user's password; none where there is no password. */
  async keys(username: string): Promise<ScramKeySet> {
    const record = await this.#present(username);
    return record === undefined ? {} : keySetOf(record);
  }

  /**
   * Adds keys of the password that the user has logged in with, for a hash function that there were none for; all else stays
   * as it is. Throws StanzaError `conflict` when the password has been changed since `passwordUpdatedAt`. XEP-0480.
   */
  async addKeys(username: string, hash: ScramHash, keys: ScramKeys, passwordUpdatedAt: number): Promise<void> {
    await this.#change(username, (record) => {
      if ((record.passwordUpdatedAt ?? record.createdAt) !== passwordUpdatedAt) throw new StanzaError('conflict');
      return { ...record, scram: { ...toStored({ [hash]: keys }), ...record.scram } };
    });
  }

  /** Forbids or allows the user to log in; what is stored stays. Throws StanzaError `item-not-found`. */
  async setDisabled(local: string, disabled: boolean): Promise<void> {
    const username = prepare(local);
    await this.#change(username, (record) => ({ ...record, disabled }));
    if (disabled) this.#announce(username, 'disabled');
  }

  /**
   * Begins the removal of a user, who cannot log in any more; the name stays taken until {@link finishRemoval}, so that
   * nobody inherits what is not cleared yet. Does nothing when it has begun. Throws StanzaError `item-not-found`.
   */
  async beginRemoval(local: string): Promise<void> {
    const username = prepare(local);
    if ((await this.#table.get(this.domain, username))?.removed === true) return;
    await this.#change(username, (record) => ({ ...record, disabled: true, removed: true }));
    this.#announce(username, 'removed');
  }

  /** Frees the name of a user whose removal has begun. */
  async finishRemoval(local: string): Promise<void> {
    await this.#table.delete([this.domain, prepare(local)]);
  }

  async exists(local: string): Promise<boolean> {
    return (await this.#present(prepare(local))) !== undefined;
  }

  async get(local: string): Promise<User | undefined> {
    const username = prepare(local);
    const record = await this.#present(username);
    return record === undefined ? undefined : this.#user(username, record);
  }

  /** Lists the users by localpart. */
  async *list({ after, limit }: UserPage = {}): AsyncIterable<User> {
    const page: Page = {
      ...(after === undefined ? {} : { after: [this.domain, after] }),
      ...(limit === undefined ? {} : { limit }),
    };
    for await (const [key, record] of this.#table.list([this.domain], page)) {
      if (record.removed !== true) yield this.#user(String(key.at(-1)), record);
    }
  }

  async scramKeys(username: string, hash: ScramHash): Promise<ScramKeys | undefined> {
    const record = await this.#present(username);
    return record === undefined ? undefined : fromStored(record, hash);
  }

  async verifyPassword(username: string, password: string): Promise<boolean> {
    const record = await this.#present(username);
    const prepared = preparePassword(password);
    if (prepared === undefined) return false;
    return this.#passwords.verify(prepared, record && keySetOf(record), this.#iterations);
  }

  async password(username: string): Promise<PasswordFacts | undefined> {
    const record = await this.#present(username);
    if (record === undefined) return undefined;
    const hashes = SCRAM_HASHES.filter((hash) => record.scram[hash] !== undefined);
    return { updatedAt: record.passwordUpdatedAt ?? record.createdAt, hashes, iterations: this.#iterations };
  }

  async status(username: string): Promise<AccountStatus | undefined> {
    return statusOf(await this.#present(username));
  }

  /**
   * The same for whoever asks about all users, one after the other: what is read is not kept at hand, where it would take the
   * place of what logins need.
   */
  async statusInPassing(username: string): Promise<AccountStatus | undefined> {
    return statusOf(await this.#table.get(this.domain, username));
  }

  async #add(username: string, record: UserRecord): Promise<User> {
    await this.#table.update([this.domain, username], (old) => {
      if (old !== undefined) throw new StanzaError('conflict', { text: TAKEN });
      return record;
    });
    const user = this.#user(username, record);
    for (const run of this.#createdListeners) run(user);
    return user;
  }

  async #replacePassword(username: string, keys: ScramKeySet, by?: JID): Promise<void> {
    const scram = toStored(keys);
    const now = this.#clock.now();
    await this.#change(username, (record) => {
      const before = record.passwordUpdatedAt ?? record.createdAt;
      // Later than whatever the old one let in, also by a clock that was set back.
      return { ...record, scram, passwordUpdatedAt: now < before ? before + 1 : now };
    });
    this.#announce(username, 'password', by);
  }

  async #has(username: string): Promise<boolean> {
    return (await this.#table.get(this.domain, username)) !== undefined;
  }

  async #present(username: string): Promise<UserRecord | undefined> {
    while (this.#changing.has(username)) await this.#changing.get(username);
    const recent = this.#recent.get(username);
    if (recent !== undefined) return recent;
    const writes = this.#writes;
    const record = await this.#table.get(this.domain, username);
    if (record === undefined || record.removed === true) return undefined;
    if (writes === this.#writes) this.#recent.set(username, record);
    return record;
  }

  async #derive(password: string): Promise<ScramKeySet> {
    const prepared = preparePassword(password);
    if (prepared === undefined) {
      const text = `A password has 1 to ${MAX_PASSWORD_BYTES} bytes and no control characters.`;
      throw new StanzaError('not-acceptable', { text });
    }
    try {
      return await this.#passwords.deriveKeys(prepared, this.#iterations);
    } catch (error) {
      if (error instanceof SaslError) throw new StanzaError('resource-constraint', { cause: error });
      throw error;
    }
  }

  async #change(username: string, change: (record: UserRecord) => UserRecord | undefined): Promise<void> {
    const changed = this.#table.update([this.domain, username], (old) => {
      if (old === undefined || old.removed === true) throw new StanzaError('item-not-found');
      return change(old);
    });
    const ended: Promise<void> = changed.then(ignore, ignore).then(() => {
      this.#writes++;
      this.#recent.delete(username);
      if (this.#changing.get(username) === ended) this.#changing.delete(username);
    });
    this.#changing.set(username, ended);
    await ended;
    await changed;
  }

  #announce(username: string, change: CredentialsChange, by?: JID): void {
    const jid = JID.of(username, this.domain);
    for (const run of this.#listeners) run(jid, change, by);
  }

  #user(username: string, record: UserRecord): User {
    const { createdAt, passwordUpdatedAt = createdAt, disabled = false, role = 'member' } = record;
    return { jid: JID.of(username, this.domain), createdAt, passwordUpdatedAt, disabled, role };
  }
}

function ignore(): void {}

function statusOf(record: UserRecord | undefined): AccountStatus | undefined {
  if (record === undefined || record.removed === true) return undefined;
  return record.disabled === true ? 'disabled' : 'enabled';
}

function keySetOf(record: UserRecord): ScramKeySet {
  const keySet: Partial<Record<ScramHash, ScramKeys>> = {};
  for (const hash of SCRAM_HASHES) {
    const keys = fromStored(record, hash);
    if (keys !== undefined) keySet[hash] = keys;
  }
  return keySet;
}

function prepare(local: string): string {
  try {
    return prepareLocal(local);
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('jid-malformed', { text: error.message, cause: error });
    throw error;
  }
}
