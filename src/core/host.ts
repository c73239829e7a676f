import type { Config } from '../config/config.ts';
import { StanzaError, StreamError } from '../errors.ts';
import { JID } from '../jid.ts';
import type { Logger } from '../log/log.ts';
import { type AnyStanza, type Iq, presence as makePresence, mayBounce, type Presence } from '../stanza.ts';
import type { Table } from '../store/store.ts';
import type { StreamFeature, StreamKind } from '../stream/negotiation.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Clock } from '../util/clock.ts';
import type { LaneHandlers } from '../util/lane.ts';
import type { Element } from '../xml/element.ts';
import type { Account, Arrival, Work } from './account.ts';
import { Advertisements } from './advertisements.ts';
import type { ClientStream } from './client-stream.ts';
import { copies } from './copies.ts';
import { refused, UNDELIVERABLE } from './delivery.ts';
import type { FilterChain } from './filters.ts';
import type { Fork } from './fork.ts';
import { FormLogins, type FormLoginsOptions } from './form-logins.ts';
import { connectGrants } from './grant-events.ts';
import type { Grants } from './grants.ts';
import type { InlineFeature } from './inline.ts';
import { type Addressee, IqRequests, IqRoutes } from './iq.ts';
import { LiveAccounts } from './live-accounts.ts';
import { endOnPasswordChange } from './password-change.ts';
import { type Chains, makeChains, Path, type Stamp } from './path.ts';
import { accountCreated, accountRemoved, type FilterPoint, formLoggedIn, type Verdict } from './points.ts';
import type { PortablePart } from './portable.ts';
import { type Receipt, releaseAfter } from './receipts.ts';
import { Removals } from './removals.ts';
import type { Destination, Router } from './router.ts';
import { Services } from './service.ts';
import type { Session } from './session.ts';
import { Sessions } from './sessions.ts';
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
  readonly throttle: FormLoginsOptions['throttle'];
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
  readonly grants: Grants;
  /** Checks what people type into forms. */
  readonly logins: FormLogins;
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
  readonly sessions: Sessions;
  /** Marks messages that are delivered late, by way of another session; set by whoever knows how. */
  stampDelay: Stamp = (message) => message;
  /** Whether those that ask for the presence of whom they do not see get no answer, rather than `unsubscribed`. */
  probesAreSilent = false;
  readonly #streamFeatures: StreamFeature<ClientStream, StreamKind>[] = [];
  readonly #inlineFeatures: InlineFeature[] = [];
  readonly #portable: PortablePart[] = [];
  readonly #removals: Removals;
  readonly #requests: IqRequests;
  readonly #path: Path;
  readonly #live: LiveAccounts;

  readonly #laneHandlers: LaneHandlers<Work> = {
    run: (work) => {
      if (typeof work === 'function') return work();
      try {
        return releaseAfter(work.receipt, this.#receive(work));
      } catch (error) {
        work.receipt?.release();
        throw error;
      }
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
    options.users.onCreated(({ jid, createdAt }) => this.topics.announce(accountCreated, { jid, createdAt }));
    this.logins = new FormLogins({
      domain: options.domain,
      users: options.users,
      throttle: options.throttle,
      log,
      announce: (jid, address) => this.topics.announce(formLoggedIn, { jid, address }),
    });
    this.chains = makeChains(bug);
    this.routes = new IqRoutes({ clock, timeoutMs: () => settings.current.limits.timeouts.iqMs, bug });
    connectGrants(this, bug);
    this.#requests = new IqRequests(clock, (iq) => router.send(iq));
    this.#path = new Path({
      chains: this.chains,
      router,
      routes: this.routes,
      requests: this.#requests,
      laneLength: () => settings.current.limits.queue.laneLength,
      stamp: (message, at) => this.stampDelay(message, at),
      originalOf: (copy) => this.services.find(copies)?.originalOf(copy),
    });
    this.sessions = new Sessions({
      clock,
      log,
      limits: () => settings.current.limits,
      users: options.users,
      accounts: this.#live,
      slots: this.sessionSlots,
      topics: this.topics,
      router,
      path: this.#path,
    });
    endOnPasswordChange(this);
  }

  /** The live accounts. */
  get accounts(): ReadonlyMap<string, Account> {
    return this.#live.all;
  }

  /** What clients of this host may negotiate, beside what the server itself offers. */
  get streamFeatures(): readonly StreamFeature<ClientStream, StreamKind>[] {
    return this.#streamFeatures;
  }

  /** Adds a stream feature; returns how to remove it. */
  addStreamFeature(feature: StreamFeature<ClientStream, StreamKind>): () => void {
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

  /** What features keep of accounts and is taken along when one moves, in the order of the registry. */
  get portable(): readonly PortablePart[] {
    return this.#portable;
  }

  /** Adds such a part; returns how to remove it. */
  addPortable(part: PortablePart): () => void {
    this.#portable.push(part);
    return () => void this.#portable.splice(this.#portable.indexOf(part), 1);
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
    session.traffic.received(stanza.kind);
    try {
      const handling = this.router.process(() => this.#path.fromClient(account, session, stanza, receipt));
      return releaseAfter(receipt, handling);
    } catch (error) {
      receipt?.release();
      throw error;
    }
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
   * Removes a user and everything that features keep of it; resolves when all of it is durable. `gone` is called when
   * nobody can log in any more, before the sessions end. Throws StanzaError `item-not-found`.
   */
  removeUser(local: string, gone?: () => void): Promise<void> {
    return this.#removals.remove(local, (jid) => {
      gone?.();
      this.sessions.kickAll(jid.local, new StreamError('not-authorized', { text: 'the account was removed' }));
    });
  }

  /** Finishes the removals that a crash interrupted; called once the features are set up. */
  finishRemovals(): Promise<void> {
    return this.#removals.finishAll();
  }

  // For an account that does not exist. RFC 6121 §8.5.1.
  #refuse(stanza: AnyStanza): void {
    if (stanza.kind === 'presence' && stanza.type === 'probe') return this.#answerProbe(stanza);
    const answered = stanza.kind === 'message' ? refused(stanza).otherwise === 'error' : stanza.kind === 'iq';
    if (answered) this.router.bounce(stanza, new StanzaError(UNDELIVERABLE));
  }

  // As an account that exists answers strangers, so that nobody learns which ones do. RFC 6121 §4.3.2.
  #answerProbe({ to, from }: Presence): void {
    if (to === undefined || from === undefined || this.probesAreSilent) return;
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
