import { StanzaError } from '../errors.ts';
import { JID } from '../jid.ts';
import type { Awaitable } from '../util/awaitable.ts';
import { Lane, type LaneHandlers } from '../util/lane.ts';
import { Account, type Work } from './account.ts';
import type { SlotTable } from './slots.ts';
import type { Users } from './users.ts';

/** How many accounts without sessions are kept ready, so that messages to somebody who is away find them loaded. */
const IDLE_ACCOUNTS = 1000;

/** The accounts of one host that are in memory: those with sessions, and those that were needed lately. */
export class LiveAccounts {
  readonly slots: SlotTable<Account>;
  /** What makes an account's features ready; runs before anything the account receives. */
  readonly loaders: ((account: Account) => Awaitable<void>)[] = [];
  readonly #domain: string;
  readonly #users: Users;
  readonly #lanes: LaneHandlers<Work>;
  readonly #byLocal = new Map<string, Account>();
  // Those of the map above without sessions, the longest idle first.
  readonly #idle = new Set<Account>();

  constructor(options: { domain: string; users: Users; slots: SlotTable<Account>; lanes: LaneHandlers<Work> }) {
    this.#domain = options.domain;
    this.#users = options.users;
    this.slots = options.slots;
    this.#lanes = options.lanes;
  }

  /** By localpart. */
  get all(): ReadonlyMap<string, Account> {
    return this.#byLocal;
  }

  get(local: string): Account | undefined {
    return this.#byLocal.get(local);
  }

  /** Whether this very account is live, and not another of its name or none. */
  has(account: Account): boolean {
    return this.#byLocal.get(account.jid.local) === account;
  }

  /** The live account, made live if need be: its lane holds what arrives until its existence is known. */
  obtain(local: string, isAnonymous: boolean): Account {
    return this.#byLocal.get(local) ?? this.#load(local, isAnonymous);
  }

  /** The account has a session. */
  occupy(account: Account): void {
    this.#idle.delete(account);
  }

  /** The account has no session: it is kept for a while, and let go in favour of others. */
  rest(account: Account): void {
    this.#idle.add(account);
    if (this.#idle.size <= IDLE_ACCOUNTS) return;
    for (const oldest of this.#idle) {
      if (!oldest.lane.isIdle) continue;
      this.#idle.delete(oldest);
      this.#byLocal.delete(oldest.jid.local);
      if (this.#idle.size <= IDLE_ACCOUNTS) return;
    }
  }

  /** The account is gone. */
  forget(local: string): void {
    const account = this.#byLocal.get(local);
    if (account === undefined) return;
    this.#idle.delete(account);
    this.#byLocal.delete(local);
  }

  #load(local: string, isAnonymous: boolean): Account {
    const account = new Account(JID.of(local, this.#domain), isAnonymous, this.slots.make(), new Lane(this.#lanes));
    this.#byLocal.set(local, account);
    account.lane.push(() => this.#prepare(account));
    // Only now that it is busy: what is idle may be let go at once.
    this.rest(account);
    return account;
  }

  async #prepare(account: Account): Promise<void> {
    try {
      const exists = account.isAnonymous || (await this.#users.exists(account.jid.local));
      if (!exists) return this.forget(account.jid.local);
      for (const load of this.loaders) await load(account);
    } catch (cause) {
      // Without what its features keep of it, the account cannot be served; the next stanza tries again.
      account.failure = new StanzaError('internal-server-error', { cause, type: 'wait' });
      this.forget(account.jid.local);
      throw cause;
    }
  }
}
