import type { Config } from '../config/config.ts';
import { StanzaError, StreamError } from '../errors.ts';
import { JID } from '../jid.ts';
import type { Logger } from '../log/log.ts';
import { type AnyStanza, type Iq, presence as makePresence, mayBounce, type Presence } from '../stanza.ts';
import type { Table } from '../store/store.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import type { EndReason } from '../stream/stream.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Clock } from '../util/clock.ts';
import { Lane, type LaneHandlers } from '../util/lane.ts';
import type { Element } from '../xml/element.ts';
import { Account, type Work } from './account.ts';
import { Advertisements } from './advertisements.ts';
import type { ClientStream } from './client-stream.ts';
import { refused, UNDELIVERABLE } from './delivery.ts';
import { FilterChain } from './filters.ts';
import { type Addressee, IqRequests, IqRoutes } from './iq.ts';
import { type Chains, Path } from './path.ts';
import {
  accountRemoved,
  type FilterPoint,
  presenceChanged,
  type SessionEvent,
  sessionBound,
  sessionEnded,
  type Verdict,
} from './points.ts';
import type { Destination, Router } from './router.ts';
import { Services } from './service.ts';
import { type Link, Session } from './session.ts';
import { SlotTable } from './slots.ts';
import { Topics } from './topics.ts';
import type { Users } from './users.ts';

/** How many accounts without sessions are kept ready, so that messages to somebody who is away find them loaded. */
const IDLE_ACCOUNTS = 1000;

/** The configuration in force; `current` is replaced by a reload. */
export interface Settings {
  readonly current: Config;
}

export interface HostOptions {
  readonly domain: string;
  readonly router: Router;
  readonly users: Users;
  /** Opened with `REMOVALS`, for all hosts. */
  readonly removals: Table<number>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
}

/** A virtual host: its users, its live accounts, and what its features registered. */
export class Host implements Destination {
  readonly domain: string;
  readonly jid: JID;
  readonly users: Users;
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
  /** What makes an account's features ready; runs before anything the account receives. */
  readonly accountLoaders: ((account: Account) => Awaitable<void>)[] = [];
  readonly #streamFeatures: StreamFeature<ClientStream>[] = [];
  readonly #removals: Table<number>;
  readonly #requests: IqRequests;
  readonly #path: Path;
  readonly #accounts = new Map<string, Account>();
  // The accounts of the map above without sessions, the longest idle first.
  readonly #idle = new Set<Account>();

  // One function for all sessions and lanes: one for each would be the most of what an idle session costs.
  readonly #queueLimits = () => this.settings.current.limits.queue;

  readonly #overflowed = (session: Session): void => {
    const account = this.#accounts.get(session.jid.local);
    if (account === undefined) return;
    this.log.warn('session.overflow', { jid: session.jid.toString(), bytes: session.link?.bufferedBytes ?? 0 });
    const error = new StreamError('resource-constraint', { text: 'the client does not read what is sent to it' });
    this.kick(account, session, error);
  };

  readonly #laneHandlers: LaneHandlers<Work> = {
    run: (work) => {
      if (typeof work === 'function') return work();
      const { account, stanza } = work;
      if (account.failure !== undefined) return this.router.bounce(stanza, account.failure);
      if (this.#accounts.get(account.jid.local) !== account) return this.#refuse(stanza);
      return this.router.process(() => this.#path.receive(work));
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
    this.#removals = options.removals;
    this.clock = clock;
    this.log = log;
    this.settings = settings;
    this.router = router;
    const bug = (where: string, error: unknown): void => log.error('bug', { where }, error);
    this.topics = new Topics(bug);
    this.chains = {
      accountSends: new FilterChain('accountSends', bug),
      accountReceives: new FilterChain('accountReceives', bug),
      accountDelivers: new FilterChain('accountDelivers', bug),
      sessionReceives: new FilterChain('sessionReceives', bug),
    };
    this.routes = new IqRoutes({ clock, timeoutMs: () => settings.current.limits.timeouts.iqMs, bug });
    this.#requests = new IqRequests(clock, (iq) => router.send(iq));
    this.#path = new Path({
      chains: this.chains,
      router,
      routes: this.routes,
      requests: this.#requests,
      laneLength: () => settings.current.limits.queue.laneLength,
    });
  }

  /** The live accounts. */
  get accounts(): ReadonlyMap<string, Account> {
    return this.#accounts;
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

  /** The live account of a localpart, if there is one. */
  account(local: string): Account | undefined {
    return this.#accounts.get(local);
  }

  /** A client's stanza enters the path. Resolves when the client's next stanza may. */
  fromClient(account: Account, session: Session, stanza: AnyStanza): Awaitable<void> {
    return this.router.process(() => this.#path.fromClient(account, session, stanza));
  }

  deliver(stanza: AnyStanza, stored: Promise<unknown> | undefined): Awaitable<void> {
    const local = stanza.to?.local ?? '';
    if (local === '') return this.#toHost(stanza, stored);
    const account = this.#accounts.get(local) ?? this.#load(local, false);
    this.#path.toAccount(account, stanza, stored);
  }

  /** Sends a stanza to one session of this host. */
  toSession(session: Session, stanza: AnyStanza): void {
    this.#path.toSession(session, stanza);
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
    const account = this.#accounts.get(jid.local) ?? this.#load(jid.local, isAnonymous);
    // Its turn comes when what the account's features load is there.
    return account.exclusively(async () => {
      await this.#requireEnabled(account);
      const session = this.#makeSession(account, jid, link);
      bound({ account, session });
      this.topics.announce(sessionBound, { account, session });
    });
  }

  #makeSession(account: Account, jid: JID, link: Link): Session {
    const limits = this.settings.current.limits;
    const holder = account.sessions.get(jid.resource);
    if (holder === undefined && account.sessions.size >= limits.account.sessions) {
      throw new StanzaError('resource-constraint', { text: 'too many sessions of this account', type: 'wait' });
    }
    if (holder !== undefined) {
      const error = new StreamError('conflict', { text: 'another client took the resource' });
      this.kick(account, holder, error, { kind: 'error', error });
    }
    const session = new Session(jid, link, {
      boundAt: this.clock.now(),
      slots: this.sessionSlots.make(),
      limits: this.#queueLimits,
      overflowed: this.#overflowed,
    });
    account.sessions.set(jid.resource, session);
    this.#idle.delete(account);
    return session;
  }

  async #requireEnabled(account: Account): Promise<void> {
    const { isAnonymous, jid } = account;
    if (!isAnonymous && (await this.users.status(jid.local)) === 'disabled') {
      throw new StanzaError('not-allowed', { text: 'the account is disabled' });
    }
    if (account.failure !== undefined) throw account.failure;
    if (this.#accounts.get(jid.local) !== account) throw new StanzaError('service-unavailable');
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

  /** Ends a session whose stream is over. Idempotent. */
  endSession(account: Account, session: Session, reason: EndReason): void {
    if (account.sessions.get(session.jid.resource) !== session) return;
    this.router.process(() => {
      account.sessions.delete(session.jid.resource);
      session.end();
      this.topics.announce(sessionEnded, { account, session, reason });
    });
    if (account.sessions.size > 0) return;
    if (account.isAnonymous) this.#removeAnonymous(account);
    else this.#rest(account);
  }

  /** Closes a session's stream with an error and ends the session. */
  kick(account: Account, session: Session, error: StreamError, reason: EndReason = { kind: 'error', error }): void {
    const link = session.link;
    this.endSession(account, session, reason);
    link?.close(error);
  }

  /** Ends every session of an account. */
  kickAll(local: string, error: StreamError): void {
    const account = this.#accounts.get(local);
    if (account !== undefined) for (const session of [...account.sessions.values()]) this.kick(account, session, error);
  }

  /**
   * Removes a user and everything that features keep of it; resolves when all of it is durable. The user itself goes
   * first, so that nobody logs in meanwhile; `gone` is called when that is durable, before the sessions end.
   */
  async removeUser(local: string, gone?: () => void): Promise<void> {
    const jid = JID.of(local, this.domain);
    if (!(await this.users.exists(jid.local))) throw new StanzaError('item-not-found');
    await this.#removals.put([this.domain, jid.local], this.clock.now());
    await this.users.beginRemoval(jid.local);
    gone?.();
    this.kickAll(jid.local, new StreamError('not-authorized', { text: 'the account was removed' }));
    await this.#clear(jid);
  }

  /** Finishes the removals that a crash interrupted; called once the features are set up. */
  async finishRemovals(): Promise<void> {
    for await (const [[, local]] of this.#removals.list([this.domain])) {
      const jid = JID.of(String(local), this.domain);
      if (await this.users.exists(jid.local)) await this.users.beginRemoval(jid.local);
      await this.#clear(jid);
    }
  }

  async #clear(jid: JID): Promise<void> {
    this.#forget(jid.local);
    await this.topics.settle(accountRemoved, { jid });
    await this.users.finishRemoval(jid.local);
    await this.#removals.delete([this.domain, jid.local]);
  }

  #removeAnonymous({ jid }: Account): void {
    this.#forget(jid.local);
    // Nobody waits for it: what fails is reported.
    this.topics.announce(accountRemoved, { jid });
  }

  // Makes an account live: its lane holds what arrives until its existence is known.
  #load(local: string, isAnonymous: boolean): Account {
    const account = new Account(
      JID.of(local, this.domain),
      isAnonymous,
      this.accountSlots.make(),
      new Lane(this.#laneHandlers),
    );
    this.#accounts.set(local, account);
    account.lane.push(() => this.#prepare(account));
    // Only now that it is busy: what is idle may be let go at once.
    this.#rest(account);
    return account;
  }

  async #prepare(account: Account): Promise<void> {
    try {
      const exists = account.isAnonymous || (await this.users.exists(account.jid.local));
      if (!exists) return this.#forget(account.jid.local);
      for (const load of this.accountLoaders) await load(account);
    } catch (cause) {
      // Without what its features keep of it, the account cannot be served; the next stanza tries again.
      account.failure = new StanzaError('internal-server-error', { cause, type: 'wait' });
      this.#forget(account.jid.local);
      throw cause;
    }
  }

  #rest(account: Account): void {
    this.#idle.add(account);
    if (this.#idle.size <= IDLE_ACCOUNTS) return;
    for (const oldest of this.#idle) {
      if (!oldest.lane.isIdle) continue;
      this.#idle.delete(oldest);
      this.#accounts.delete(oldest.jid.local);
      if (this.#idle.size <= IDLE_ACCOUNTS) return;
    }
  }

  #forget(local: string): void {
    const account = this.#accounts.get(local);
    if (account === undefined) return;
    this.#idle.delete(account);
    this.#accounts.delete(local);
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
