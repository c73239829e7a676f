import type { Config } from '../config/config.ts';
import { StanzaError, StreamError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { Logger } from '../log/log.ts';
import type { Presence } from '../stanza.ts';
import { type EndReason, isAccident } from '../stream/stream.ts';
import type { Clock } from '../util/clock.ts';
import type { Account } from './account.ts';
import type { LiveAccounts } from './live-accounts.ts';
import type { OutboxEntry } from './outbox-entry.ts';
import type { Path } from './path.ts';
import {
  accountRemoved,
  presenceChanged,
  type SessionEvent,
  sessionBound,
  sessionEnded,
  sessionRestored,
} from './points.ts';
import type { Router } from './router.ts';
import { type Link, Session } from './session.ts';
import type { SlotTable } from './slots.ts';
import type { Topics } from './topics.ts';
import { Traffic } from './traffic.ts';
import type { Users } from './users.ts';

/** A session of another process. */
export interface RestorableSession {
  readonly jid: JID;
  /** Milliseconds since the epoch. */
  readonly boundAt: number;
  /** What its client has not acknowledged. */
  readonly entries: readonly OutboxEntry[];
}

export interface SessionsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: () => Config['limits'];
  readonly users: Users;
  readonly accounts: LiveAccounts;
  readonly slots: SlotTable<Session>;
  readonly topics: Topics;
  readonly router: Router;
  readonly path: Path;
}

/** How the sessions of one host begin, wait for their clients, and end. RFC 6120 §7, XEP-0198. */
export class Sessions {
  /** What the sessions that have ended had sent and were sent. */
  readonly endedTraffic = new Traffic();
  readonly #options: SessionsOptions;

  // One function for all sessions and lanes: one for each would be the most of what an idle session costs.
  readonly #queueLimits = () => this.#options.limits().queue;

  readonly #overflowed = (session: Session): void => {
    const account = this.#options.accounts.get(session.jid.local);
    if (account === undefined) return;
    this.#options.log.warn('session.overflow', {
      jid: session.jid.toString(),
      bytes: session.link?.bufferedBytes ?? 0,
    });
    const error = new StreamError('resource-constraint', { text: 'the client does not read what is sent to it' });
    this.kick(account, session, error);
  };

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /**
   * Binds a resource of an account: the account's features are loaded first. A session that has the resource is ended
   * with `conflict`. RFC 6120 §7. `bound` is called with the session before anything else can reach it.
   * @throws StanzaError `resource-constraint` when the account has too many sessions, `internal-server-error` when it
   * cannot be loaded, `service-unavailable` when it was removed since the login, `not-allowed` when it was disabled.
   */
  bind(jid: JID, link: Link, isAnonymous: boolean, bound: (event: SessionEvent) => void): Promise<void> {
    const account = this.#options.accounts.obtain(jid.local, isAnonymous);
    // Its turn comes when what the account's features load is there.
    return account.exclusively(async () => {
      await this.#requireEnabled(account);
      this.#makeRoom(account, jid);
      const session = this.#makeSession(account, jid, link, this.#options.clock.now());
      bound({ account, session });
      this.#options.topics.announce(sessionBound, { account, session });
    });
  }

  /**
   * Puts a session back that another process had, as it was and without a stream; nobody is told, because for others it was
   * never gone. Rejects when that cannot be, with a StanzaError when its account is not there any more.
   */
  restore({ jid, boundAt }: RestorableSession, restore: (session: Session) => void): Promise<void> {
    const account = this.#options.accounts.obtain(jid.local, false);
    return account.exclusively(async () => {
      await this.#requireEnabled(account);
      const session = this.#makeSession(account, jid, undefined, boundAt);
      session.detach();
      try {
        restore(session);
      } catch (error) {
        session.end();
        account.sessions.delete(jid.resource);
        if (account.sessions.size === 0) this.#options.accounts.rest(account);
        throw error;
      }
      this.#options.topics.announce(sessionRestored, { account, session });
    });
  }

  /** Finds another way for what waited for the client of a session that cannot be restored. */
  redeliver({ jid, entries }: RestorableSession): Promise<void> {
    const account = this.#options.accounts.obtain(jid.local, false);
    return account.exclusively(() => this.#redeliver(account, entries));
  }

  /** Resolves when everything that has arrived from managed sessions and for accounts is handled. */
  async settled(): Promise<void> {
    const accounts = [...this.#options.accounts.all.values()];
    await Promise.all(accounts.flatMap(({ sessions }) => [...sessions.values()].map((session) => session.settled())));
    await Promise.all(accounts.map((account) => (account.lane.isIdle ? undefined : account.exclusively(() => {}))));
  }

  /**
   * Sets what a session's own presence is now and tells those who observe. RFC 6121 §4.2–§4.5. A session that has ended
   * meanwhile does not become available again.
   */
  setPresence(account: Account, session: Session, presence: Presence | undefined): void {
    if (presence !== undefined && account.sessions.get(session.jid.resource) !== session) return;
    const before = session.presence;
    session.presence = presence;
    this.#options.topics.announce(presenceChanged, { account, session, before, presence });
  }

  /**
   * The stream of a session is over. The session ends with it, unless it may wait for another and its client has not taken
   * leave; or unless another stream has it already.
   */
  streamEnded(account: Account, session: Session, link: Link, reason: EndReason): void {
    if (session.link !== link) return;
    const mayWait = (session.management?.resumeMs ?? 0) > 0 && isAccident(reason);
    if (mayWait) session.detach();
    else this.end(account, session, reason);
  }

  /** Ends a session. Idempotent. */
  end(account: Account, session: Session, reason: EndReason): void {
    if (account.sessions.get(session.jid.resource) !== session) return;
    this.#options.router.process(() => {
      account.sessions.delete(session.jid.resource);
      const left = session.end();
      this.endedTraffic.add(session.traffic);
      this.#options.topics.announce(sessionEnded, { account, session, reason });
      if (left.length > 0) account.lane.push(() => this.#redeliver(account, left));
    });
    if (account.sessions.size > 0) return;
    if (account.isAnonymous) this.#removeAnonymous(account);
    else this.#options.accounts.rest(account);
  }

  /** Closes a session's stream with an error and ends the session. */
  kick(account: Account, session: Session, error: StreamError, reason: EndReason = { kind: 'error', error }): void {
    const link = session.link;
    this.end(account, session, reason);
    link?.close(error);
  }

  /** Ends every session of an account. */
  kickAll(local: string, error: StreamError, except?: JID): void {
    const account = this.#options.accounts.get(local);
    const ending = [...(account?.sessions.values() ?? [])].filter(({ jid }) => except?.equals(jid) !== true);
    if (account !== undefined) for (const session of ending) this.kick(account, session, error);
  }

  #makeRoom(account: Account, jid: JID): void {
    const { sessions } = account;
    const holder = sessions.get(jid.resource);
    if (holder !== undefined) {
      return this.kick(account, holder, new StreamError('conflict', { text: 'another client took the resource' }));
    }
    if (sessions.size < this.#options.limits().account.sessions) return;
    // A session that only waits for its client makes room for one that is there.
    const [oldest] = [...sessions.values()].filter((s) => s.isHibernating).sort((a, b) => a.detachedAt - b.detachedAt);
    if (oldest !== undefined) return this.end(account, oldest, { kind: 'lost' });
    throw new StanzaError('resource-constraint', { text: 'too many sessions of this account', type: 'wait' });
  }

  #makeSession(account: Account, jid: JID, link: Link | undefined, boundAt: number): Session {
    const session = new Session(jid, link, {
      clock: this.#options.clock,
      boundAt,
      slots: this.#options.slots.make(),
      limits: this.#queueLimits,
      overflowed: this.#overflowed,
    });
    account.sessions.set(jid.resource, session);
    this.#options.accounts.occupy(account);
    return session;
  }

  async #requireEnabled(account: Account): Promise<void> {
    const { isAnonymous, jid } = account;
    if (!isAnonymous && (await this.#options.users.status(jid.local)) === 'disabled') {
      throw new StanzaError('not-allowed', { text: 'the account is disabled' });
    }
    if (account.failure !== undefined) throw account.failure;
    if (!this.#options.accounts.has(account)) throw new StanzaError('service-unavailable');
  }

  // In the account's lane, so that nothing that arrives later overtakes it.
  async #redeliver(account: Account, left: readonly OutboxEntry[]): Promise<void> {
    const isThere =
      this.#options.accounts.has(account) &&
      (account.isAnonymous || (await this.#options.users.exists(account.jid.local)));
    return isThere ? this.#options.path.redeliver(account, left) : this.#options.path.giveBack(left);
  }

  #removeAnonymous({ jid }: Account): void {
    this.#options.accounts.forget(jid.local);
    // Nobody waits for it: what fails is reported.
    this.#options.topics.announce(accountRemoved, { jid });
  }
}
