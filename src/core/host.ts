import type { Config } from '../config/config.ts';
import { StanzaError, StreamError } from '../errors.ts';
import { JID } from '../jid.ts';
import type { Logger } from '../log/log.ts';
import { type AnyStanza, type Iq, presence as makePresence, mayBounce, type Presence } from '../stanza.ts';
import type { Table } from '../store/store.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import { type EndReason, isAccident } from '../stream/stream.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Clock } from '../util/clock.ts';
import type { LaneHandlers } from '../util/lane.ts';
import type { Element } from '../xml/element.ts';
import type { Account, Arrival, Work } from './account.ts';
import { Advertisements } from './advertisements.ts';
import type { ClientStream } from './client-stream.ts';
import { refused, UNDELIVERABLE } from './delivery.ts';
import type { FilterChain } from './filters.ts';
import { connectGrants } from './grant-events.ts';
import type { Grants } from './grants.ts';
import type { InlineFeature } from './inline.ts';
import { type Addressee, IqRequests, IqRoutes } from './iq.ts';
import { LiveAccounts } from './live-accounts.ts';
import type { Fork, OutboxEntry } from './outbox.ts';
import { endOnPasswordChange } from './password-change.ts';
import { type Chains, makeChains, Path, type Stamp } from './path.ts';
import {
  accountRemoved,
  type FilterPoint,
  presenceChanged,
  type SessionEvent,
  sessionBound,
  sessionEnded,
  type Verdict,
} from './points.ts';
import { type Receipt, releaseAfter } from './receipts.ts';
import { Removals } from './removals.ts';
import type { Destination, Router } from './router.ts';
import { Services } from './service.ts';
import { type Link, Session } from './session.ts';
import { SlotTable } from './slots.ts';
import { Topics } from './topics.ts';
import type { Users } from './users.ts';

/** The configuration in force; `current` is replaced by a reload. */
export interface Settings {
  readonly current: Config;
}

export interface HostOptions {
  readonly domain: string;
  readonly router: Router;
  readonly users: Users;
  readonly grants: Grants;
  /** Opened with `REMOVALS`, for all hosts. */
  readonly removals: Table<number>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
}

/** A session of another process. */
export interface RestorableSession {
  readonly jid: JID;
  /** Milliseconds since the epoch. */
  readonly boundAt: number;
  /** What its client has not acknowledged. */
  readonly entries: readonly OutboxEntry[];
}

/** A virtual host: its users, its live accounts, and what its features registered. */
export class Host implements Destination {
  readonly domain: string;
  readonly jid: JID;
  readonly users: Users;
  readonly grants: Grants;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
  readonly router: Router;
  readonly chains: Chains;
  readonly routes: IqRoutes;
  readonly topics: Topics;
  readonly advertisements = new Advertisements();
  /** What the features of this host provide for each other and for client connections. */
  readonly services = new Services();
  readonly accountSlots = new SlotTable<Account>();
  readonly sessionSlots = new SlotTable<Session>();
  /** Marks messages that are delivered late, by way of another session; set by whoever knows how. */
  stampDelay: Stamp = (message) => message;
  readonly #streamFeatures: StreamFeature<ClientStream>[] = [];
  readonly #inlineFeatures: InlineFeature[] = [];
  readonly #removals: Removals;
  readonly #requests: IqRequests;
  readonly #path: Path;
  readonly #live: LiveAccounts;

  // One function for all sessions and lanes: one for each would be the most of what an idle session costs.
  readonly #queueLimits = () => this.settings.current.limits.queue;

  readonly #overflowed = (session: Session): void => {
    const account = this.#live.get(session.jid.local);
    if (account === undefined) return;
    this.log.warn('session.overflow', { jid: session.jid.toString(), bytes: session.link?.bufferedBytes ?? 0 });
    const error = new StreamError('resource-constraint', { text: 'the client does not read what is sent to it' });
    this.kick(account, session, error);
  };

  readonly #laneHandlers: LaneHandlers<Work> = {
    run: (work) => {
      if (typeof work === 'function') return work();
      const { receipt } = work;
      return receipt === undefined ? this.#receive(work) : releaseAfter(receipt, () => this.#receive(work));
    },
    failed: (error, work) => {
      this.log.error('bug', { where: 'lane' }, error);
      if (typeof work === 'function') return;
      this.router.bounce(work.stanza, new StanzaError('internal-server-error', { cause: error }));
    },
  };

  constructor(options: HostOptions) {
    const { router, clock, log, settings } = options;
    this.domain = options.domain;
    this.jid = JID.parse(options.domain);
    this.users = options.users;
    this.grants = options.grants;
    this.#removals = new Removals({
      domain: options.domain,
      users: options.users,
      table: options.removals,
      clock,
      clear: (jid) => {
        this.#live.forget(jid.local);
        return this.topics.settle(accountRemoved, { jid });
      },
    });
    this.clock = clock;
    this.log = log;
    this.settings = settings;
    this.router = router;
    const bug = (where: string, error: unknown): void => log.error('bug', { where }, error);
    this.#live = new LiveAccounts({
      domain: options.domain,
      users: options.users,
      slots: this.accountSlots,
      lanes: this.#laneHandlers,
    });
    this.topics = new Topics(bug);
    this.chains = makeChains(bug);
    this.routes = new IqRoutes({ clock, timeoutMs: () => settings.current.limits.timeouts.iqMs, bug });
    connectGrants(this, bug);
    endOnPasswordChange(this);
    this.#requests = new IqRequests(clock, (iq) => router.send(iq));
    this.#path = new Path({
      chains: this.chains,
      router,
      routes: this.routes,
      requests: this.#requests,
      laneLength: () => settings.current.limits.queue.laneLength,
      stamp: (message, at) => this.stampDelay(message, at),
    });
  }

  /** The live accounts. */
  get accounts(): ReadonlyMap<string, Account> {
    return this.#live.all;
  }

  /** What clients of this host may negotiate, beside what the server itself offers. */
  get streamFeatures(): readonly StreamFeature<ClientStream>[] {
    return this.#streamFeatures;
  }

  /** Adds a stream feature; returns how to remove it. */
  addStreamFeature(feature: StreamFeature<ClientStream>): () => void {
    this.#streamFeatures.push(feature);
    return () => void this.#streamFeatures.splice(this.#streamFeatures.indexOf(feature), 1);
  }

  /** What clients of this host may have along with binding a resource. */
  get inlineFeatures(): readonly InlineFeature[] {
    return this.#inlineFeatures;
  }

  /** Adds an inline feature; returns how to remove it. */
  addInlineFeature(feature: InlineFeature): () => void {
    this.#inlineFeatures.push(feature);
    return () => void this.#inlineFeatures.splice(this.#inlineFeatures.indexOf(feature), 1);
  }

  /** Adds a filter at one of the points; returns how to remove it. */
  addFilter<E extends { readonly stanza: AnyStanza }>(
    point: FilterPoint<E>,
    feature: string,
    run: (event: E) => Awaitable<Verdict>,
  ): () => void {
    // A point and the chain of its name carry the same event.
    const chain = this.chains[point.name as keyof Chains] as unknown as FilterChain<E>;
    return chain.add(feature, run);
  }

  /** What makes an account's features ready; runs before anything the account receives. */
  get accountLoaders(): ((account: Account) => Awaitable<void>)[] {
    return this.#live.loaders;
  }

  /** The live account of a localpart, if there is one. */
  account(local: string): Account | undefined {
    return this.#live.get(local);
  }

  /** A client's stanza enters the path. Resolves when the client's next stanza may. */
  fromClient(account: Account, session: Session, stanza: AnyStanza): Awaitable<void> {
    const receipt = session.begin();
    const run = (): Awaitable<void> => this.#path.fromClient(account, session, stanza, receipt);
    if (receipt === undefined) return this.router.process(run);
    return releaseAfter(receipt, () => this.router.process(run));
  }

  deliver(stanza: AnyStanza, stored: Promise<unknown> | undefined, receipt?: Receipt): Awaitable<void> {
    const local = stanza.to?.local ?? '';
    if (local === '') return this.#toHost(stanza, stored);
    this.#path.toAccount(this.#live.obtain(local, false), stanza, stored, receipt);
  }

  #receive(arrival: Arrival): Awaitable<void> {
    const { account, stanza } = arrival;
    if (account.failure !== undefined) return this.router.bounce(stanza, account.failure);
    if (!this.#live.has(account)) return this.#refuse(stanza);
    return this.router.process(() => this.#path.receive(arrival));
  }

  /** Sends a stanza to one session of this host. */
  toSession(session: Session, stanza: AnyStanza, fork?: Fork): void {
    this.#path.toSession(session, stanza, undefined, fork);
  }

  /** Sends a request and resolves with the result's payload; rejects with a StanzaError. */
  request(iq: Iq, timeoutMs = this.settings.current.limits.timeouts.requestMs): Promise<Element | undefined> {
    return this.#requests.request(iq, timeoutMs);
  }

  /**
   * Binds a resource of an account: the account's features are loaded first. A session that has the resource is ended
   * with `conflict`. RFC 6120 §7. `bound` is called with the session before anything else can reach it.
   * @throws StanzaError `resource-constraint` when the account has too many sessions, `internal-server-error` when it
   * cannot be loaded, `service-unavailable` when it was removed since the login, `not-allowed` when it was disabled.
   */
  bind(jid: JID, link: Link, isAnonymous: boolean, bound: (event: SessionEvent) => void): Promise<void> {
    const account = this.#live.obtain(jid.local, isAnonymous);
    // Its turn comes when what the account's features load is there.
    return account.exclusively(async () => {
      await this.#requireEnabled(account);
      this.#makeRoom(account, jid);
      const session = this.#makeSession(account, jid, link, this.clock.now());
      bound({ account, session });
      this.topics.announce(sessionBound, { account, session });
    });
  }

  #makeRoom(account: Account, jid: JID): void {
    const { sessions } = account;
    const holder = sessions.get(jid.resource);
    if (holder !== undefined) {
      return this.kick(account, holder, new StreamError('conflict', { text: 'another client took the resource' }));
    }
    if (sessions.size < this.settings.current.limits.account.sessions) return;
    // A session that only waits for its client makes room for one that is there.
    const [oldest] = [...sessions.values()].filter((s) => s.isHibernating).sort((a, b) => a.detachedAt - b.detachedAt);
    if (oldest !== undefined) return this.endSession(account, oldest, { kind: 'lost' });
    throw new StanzaError('resource-constraint', { text: 'too many sessions of this account', type: 'wait' });
  }

  #makeSession(account: Account, jid: JID, link: Link | undefined, boundAt: number): Session {
    const session = new Session(jid, link, {
      clock: this.clock,
      boundAt,
      slots: this.sessionSlots.make(),
      limits: this.#queueLimits,
      overflowed: this.#overflowed,
    });
    account.sessions.set(jid.resource, session);
    this.#live.occupy(account);
    return session;
  }

  /**
   * Puts a session back that another process had, as it was and without a stream; nobody is told, because for others it was
   * never gone. Rejects when that cannot be, with a StanzaError when its account is not there any more; what waited for its
   * client then goes elsewhere.
   */
  restoreSession({ jid, boundAt, entries }: RestorableSession, restore: (session: Session) => void): Promise<void> {
    const account = this.#live.obtain(jid.local, false);
    return account.exclusively(async () => {
      try {
        await this.#requireEnabled(account);
      } catch (error) {
        await this.#redeliver(account, entries);
        throw error;
      }
      const session = this.#makeSession(account, jid, undefined, boundAt);
      session.detach();
      try {
        restore(session);
      } catch (error) {
        this.endSession(account, session, { kind: 'lost', cause: error });
        throw error;
      }
    });
  }

  /** Resolves when everything that has arrived from managed sessions and for accounts is handled. */
  async settled(): Promise<void> {
    const accounts = [...this.#live.all.values()];
    await Promise.all(accounts.flatMap(({ sessions }) => [...sessions.values()].map((session) => session.settled())));
    await Promise.all(accounts.map((account) => (account.lane.isIdle ? undefined : account.exclusively(() => {}))));
  }

  async #requireEnabled(account: Account): Promise<void> {
    const { isAnonymous, jid } = account;
    if (!isAnonymous && (await this.users.status(jid.local)) === 'disabled') {
      throw new StanzaError('not-allowed', { text: 'the account is disabled' });
    }
    if (account.failure !== undefined) throw account.failure;
    if (!this.#live.has(account)) throw new StanzaError('service-unavailable');
  }

  /**
   * Sets what a session's own presence is now and tells those who observe. RFC 6121 §4.2–§4.5. A session that has ended
   * meanwhile does not become available again.
   */
  setPresence(account: Account, session: Session, presence: Presence | undefined): void {
    if (presence !== undefined && account.sessions.get(session.jid.resource) !== session) return;
    const before = session.presence;
    session.presence = presence;
    this.topics.announce(presenceChanged, { account, session, before, presence });
  }

  /**
   * The stream of a session is over. The session ends with it, unless it may wait for another and its client has not taken
   * leave; or unless another stream has it already.
   */
  streamEnded(account: Account, session: Session, link: Link, reason: EndReason): void {
    if (session.link !== link) return;
    const mayWait = (session.management?.resumeMs ?? 0) > 0 && isAccident(reason);
    if (mayWait) session.detach();
    else this.endSession(account, session, reason);
  }

  /** Ends a session. Idempotent. */
  endSession(account: Account, session: Session, reason: EndReason): void {
    if (account.sessions.get(session.jid.resource) !== session) return;
    this.router.process(() => {
      account.sessions.delete(session.jid.resource);
      const left = session.end();
      this.topics.announce(sessionEnded, { account, session, reason });
      if (left.length > 0) account.lane.push(() => this.#redeliver(account, left));
    });
    if (account.sessions.size > 0) return;
    if (account.isAnonymous) this.#removeAnonymous(account);
    else this.#live.rest(account);
  }

  // In the account's lane, so that nothing that arrives later overtakes it.
  async #redeliver(account: Account, left: readonly OutboxEntry[]): Promise<void> {
    const isThere = this.#live.has(account) && (account.isAnonymous || (await this.users.exists(account.jid.local)));
    return isThere ? this.#path.redeliver(account, left) : this.#path.giveBack(left);
  }

  /** Closes a session's stream with an error and ends the session. */
  kick(account: Account, session: Session, error: StreamError, reason: EndReason = { kind: 'error', error }): void {
    const link = session.link;
    this.endSession(account, session, reason);
    link?.close(error);
  }

  /** Ends every session of an account. */
  kickAll(local: string, error: StreamError, except?: JID): void {
    const account = this.#live.get(local);
    const ending = [...(account?.sessions.values() ?? [])].filter(({ jid }) => except?.equals(jid) !== true);
    if (account !== undefined) for (const session of ending) this.kick(account, session, error);
  }

  /**
   * Removes a user and everything that features keep of it; resolves when all of it is durable. `gone` is called when
   * nobody can log in any more, before the sessions end. Throws StanzaError `item-not-found`.
   */
  removeUser(local: string, gone?: () => void): Promise<void> {
    return this.#removals.remove(local, (jid) => {
      gone?.();
      this.kickAll(jid.local, new StreamError('not-authorized', { text: 'the account was removed' }));
    });
  }

  /** Finishes the removals that a crash interrupted; called once the features are set up. */
  finishRemovals(): Promise<void> {
    return this.#removals.finishAll();
  }

  #removeAnonymous({ jid }: Account): void {
    this.#live.forget(jid.local);
    // Nobody waits for it: what fails is reported.
    this.topics.announce(accountRemoved, { jid });
  }

  // For an account that does not exist. RFC 6121 §8.5.1.
  #refuse(stanza: AnyStanza): void {
    if (stanza.kind === 'presence' && stanza.type === 'probe') return this.#answerProbe(stanza);
    const answered = stanza.kind === 'message' ? refused(stanza).otherwise === 'error' : stanza.kind === 'iq';
    if (answered) this.router.bounce(stanza, new StanzaError(UNDELIVERABLE));
  }

  // As an account that exists answers strangers, so that nobody learns which ones do. RFC 6121 §4.3.2.
  #answerProbe({ to, from }: Presence): void {
    if (to === undefined || from === undefined) return;
    this.router.send(makePresence({ type: 'unsubscribed', from: to.bare(), to: from.bare() }));
  }

  // RFC 6120 §10.5.1; a message to the server itself has no reader.
  #toHost(stanza: AnyStanza, stored: Promise<unknown> | undefined): Awaitable<void> {
    if (stanza.kind !== 'iq') return this.#refuse(stanza);
    if (stored !== undefined) return this.#path.whenStored(stanza, stored, () => this.#toHost(stanza, undefined));
    if (!mayBounce(stanza)) return void this.#requests.settle(stanza);
    const answer = this.routes.answer(stanza, HOST, {});
    return isPromise(answer) ? answer.then((iq) => this.router.send(iq)) : this.router.send(answer);
  }
}

const HOST: readonly Addressee[] = ['host'];
