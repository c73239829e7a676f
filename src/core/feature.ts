import { domainToASCII } from 'node:url';
import type { Section } from '../config/schema.ts';
import type { StreamError } from '../errors.ts';
import type { HttpHandler, HttpMethod } from '../http/message.ts';
import type { RouteOptions } from '../http/routes.ts';
import type { JID } from '../jid.ts';
import type { Logger } from '../log/log.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { AnyStanza, Iq, Presence } from '../stanza.ts';
import type { Journal, JournalSpec, Store, Table, TableSpec } from '../store/store.ts';
import type { StreamFeature, StreamKind } from '../stream/negotiation.ts';
import type { EndReason } from '../stream/stream.ts';
import type { Awaitable } from '../util/awaitable.ts';
import { type Clock, every } from '../util/clock.ts';
import type { Element } from '../xml/element.ts';
import type { Account } from './account.ts';
import type { Advertised, Advertiser } from './advertisements.ts';
import type { ClientStream } from './client-stream.ts';
import type { Command } from './commands.ts';
import type { Fork } from './fork.ts';
import type { FormLogins } from './form-logins.ts';
import type { Grants } from './grants.ts';
import type { Ground } from './ground.ts';
import type { Host, Settings } from './host.ts';
import type { InlineFeature } from './inline.ts';
import type { Addressee, AudienceCheck, IqHandler, IqRoute } from './iq.ts';
import type { Stamp } from './path.ts';
import type { FilterPoint, Observer, Topic, Verdict } from './points.ts';
import type { PortablePart } from './portable.ts';
import type { Destination } from './router.ts';
import type { Service } from './service.ts';
import type { Session } from './session.ts';
import type { RestorableSession } from './sessions.ts';
import type { Keep, Slot } from './slots.ts';
import type { Spec } from './spec.ts';
import { undoAll } from './undo.ts';
import type { Users } from './users.ts';

/** One capability of the server: a XEP, or a part of an RFC. It has no state outside what `setup` makes for its host. */
export interface Feature<C = unknown> {
  /** The key of its configuration, and the prefix of its tables, metrics and log fields. */
  readonly name: string;
  readonly specs: readonly Spec[];
  /** Its section of the configuration, under `features`; without it there is only on and off. */
  readonly config?: Section<C>;
  /** Services of features higher in the registry without which it cannot work. */
  readonly needs?: readonly Service<unknown>[];
  setup(host: FeatureHost, config: C): Awaitable<void | Reconfigurable<C>>;
}

/** What `setup` returns of a feature that can change while it runs. */
export interface Reconfigurable<C> {
  /** Takes another configuration, with every reload. Of what is not `live` it takes nothing. */
  configure(config: C): void;
}

/** Everything that a feature may do to its host. What it registers is undone when the host stops. */
export interface FeatureHost {
  readonly domain: string;
  /** The host's own address. */
  readonly jid: JID;
  readonly clock: Clock;
  readonly log: Logger;
  readonly users: Users;
  readonly grants: Grants;
  /** Checks what people type into forms. */
  readonly logins: FormLogins;
  readonly settings: Settings;
  /** What is counted and measured; each value is labelled with the host. */
  readonly metrics: Metrics;
  /** A live account of this host: one with sessions, or one that was needed a moment ago. */
  account(local: string): Account | undefined;
  /** All live accounts. */
  accounts(): Iterable<Account>;
  /** Looks at stanzas at a point of their path, and may change or stop them. Fails closed. */
  filter<E extends { readonly stanza: AnyStanza }>(point: FilterPoint<E>, run: (event: E) => Awaitable<Verdict>): void;
  /** Answers a request; advertises its namespace unless `hidden`. */
  handle<A extends Addressee>(route: IqRoute<A> & { readonly hidden?: boolean }, run: IqHandler<A>): void;
  observe<E>(topic: Topic<E>, run: Observer<E>): void;
  announce<E>(topic: Topic<E>, event: E): void;
  /** Routes a stanza of ours: behind the stanza in progress. */
  send(stanza: AnyStanza): void;
  /**
   * Sends a stanza to one session, whatever its address says. With a fork, the message goes elsewhere if the session ends
   * without having acknowledged it.
   */
  deliver(session: Session, stanza: AnyStanza, fork?: Fork): void;
  /** Resolves with the payload of the result; rejects with a StanzaError. */
  request(iq: Iq, timeoutMs?: number): Promise<Element | undefined>;
  /** Makes this the session's own presence; undefined: it is not available any more. */
  setPresence(account: Account, session: Session, presence: Presence | undefined): void;
  /** Says who may ask accounts what is only for those that see their presence. One feature knows. */
  audience(check: AudienceCheck): void;
  /**
   * Lets the server keep silent where it would tell whoever asks for an account's presence that there is no subscription:
   * for hosts on which nobody but the application makes and ends those.
   */
  silenceProbes(): void;
  /** Whether an address may ask an account what is only for those that see its presence; the account itself may. */
  mayAsk(account: Account, from: JID): Awaitable<boolean>;
  /** Removes a user and all that is kept of it; `gone` is called when nobody can log in any more and sessions still live. */
  removeUser(local: string, gone?: () => void): Promise<void>;
  advertise(entry: Advertised, on?: Advertiser): void;
  advertised(on: Advertiser): readonly Advertised[];
  /** Another number whenever what is advertised has changed. */
  readonly advertisedRevision: number;
  negotiate(feature: StreamFeature<ClientStream, StreamKind>): void;
  /** Lets clients have a feature along with binding a resource. */
  inline(feature: InlineFeature): void;
  /** Serves a path on the HTTP listeners, for requests to this host; with `anyHost`, whatever host they name. */
  http(method: HttpMethod, path: string, run: HttpHandler, options?: HttpOptions): void;
  /** The https URL under which clients reach what `http` serves, without a slash at its end; undefined without TLS. */
  readonly httpsUrl: string | undefined;
  command(command: Command): void;
  /** Everything that operators can do: the server's own commands, where it serves clients, and those of all features. */
  readonly commands: readonly Command[];
  /** Adds what this feature keeps of accounts to what moves with them. */
  portable(part: PortablePart): void;
  /** Gives a subdomain, such as `conference`, to a destination and lists it in disco#items, with a name for people. */
  mount(subdomain: string, destination: Destination, name?: string): void;
  /** A table of this feature; keys begin with the host's domain. */
  table<V>(spec: TableSpec<V>): Table<V>;
  journal<V>(spec: JournalSpec<V>): Journal<V>;
  readonly store: Store;
  /** Live state of an account, loaded before anything reaches the account. */
  accountSlot<T>(load: (account: Account) => Awaitable<T>): Slot<Account, T>;
  /** Live state of a session, made when first read; with `keep` it outlives the process where the session does. */
  sessionSlot<T>(initial: () => T, keep?: Keep<T>): Slot<Session, T>;
  /** The kept state of a session, by the names of its slots; and how to put it back. */
  saveState(session: Session): Record<string, unknown>;
  restoreState(session: Session, saved: Readonly<Record<string, unknown>>): void;
  /** Ends a session for good. */
  endSession(account: Account, session: Session, reason: EndReason): void;
  /** The same, and closes its stream with an error. */
  kick(account: Account, session: Session, error: StreamError): void;
  /**
   * Puts a session back that another process had, without a stream. Rejects when that cannot be, with a StanzaError if its
   * account is not there any more; `redeliver` then finds another way for what waited for its client.
   */
  restoreSession(saved: RestorableSession, restore: (session: Session) => void): Promise<void>;
  redeliver(saved: RestorableSession): Promise<void>;
  /** Says how messages are marked that reach somebody late, by way of another session. One feature knows. */
  stampDelay(stamp: Stamp): void;
  /** Runs when all features of all hosts are set up, before the first client gets in; never when none will. */
  ready(run: () => Awaitable<void>): void;
  provide<T>(service: Service<T>, value: T): void;
  use<T>(service: Service<T>): T;
  /** The same, where the feature can do without: undefined if no feature above provides it. */
  find<T>(service: Service<T>): T | undefined;
  /** What provides a service now on this host and on the others, by domain: for what operators see of the whole server. */
  findEverywhere<T>(service: Service<T>): ReadonlyMap<string, T>;
  /** Repeats work; a failure is logged and the next run takes place all the same. */
  every(name: string, everyMs: number, run: () => Awaitable<void>): void;
  /** Runs when the host stops, the last registered first. */
  defer(cleanup: () => Awaitable<void>): void;
}

/** How a feature serves a path: `host` under another name than the host's, `anyHost` under whatever name a proxy may have. */
export type HttpOptions = RouteOptions & { readonly anyHost?: boolean };

/** The registrations of one feature on one host, so that they can be undone. */
export class FeatureScope implements FeatureHost {
  readonly domain: string;
  readonly jid: JID;
  readonly clock: Clock;
  readonly log: Logger;
  readonly users: Users;
  readonly grants: Grants;
  readonly logins: FormLogins;
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly #feature: string;
  readonly #host: Host;
  readonly #ground: Ground;
  readonly #undo: (() => Awaitable<void>)[] = [];
  readonly #ready: (() => Awaitable<void>)[] = [];

  constructor(feature: string, host: Host, ground: Ground) {
    this.#feature = feature;
    this.#host = host;
    this.#ground = ground;
    this.domain = host.domain;
    this.jid = host.jid;
    this.clock = host.clock;
    this.log = host.log.child({ feature });
    this.users = host.users;
    this.grants = host.grants;
    this.logins = host.logins;
    this.settings = host.settings;
    this.metrics = ground.metrics.labelled({ host: host.domain });
    this.store = ground.store;
  }

  account(local: string): Account | undefined {
    return this.#host.account(local);
  }

  accounts(): Iterable<Account> {
    return this.#host.accounts.values();
  }

  filter<E extends { readonly stanza: AnyStanza }>(point: FilterPoint<E>, run: (event: E) => Awaitable<Verdict>): void {
    this.#undo.push(this.#host.addFilter(point, this.#feature, run));
  }

  handle<A extends Addressee>(route: IqRoute<A> & { readonly hidden?: boolean }, run: IqHandler<A>): void {
    this.#undo.push(this.#host.routes.add(route, run));
    if (route.hidden !== true && route.to !== 'session') {
      this.advertise({ feature: route.ns }, route.to === 'host' ? 'host' : 'account');
    }
  }

  observe<E>(topic: Topic<E>, run: Observer<E>): void {
    this.#undo.push(this.#host.topics.observe(this.#feature, topic, run));
  }

  announce<E>(topic: Topic<E>, event: E): void {
    this.#host.topics.announce(topic, event);
  }

  send(stanza: AnyStanza): void {
    this.#host.router.send(stanza);
  }

  deliver(session: Session, stanza: AnyStanza, fork?: Fork): void {
    this.#host.toSession(session, stanza, fork);
  }

  request(iq: Iq, timeoutMs?: number): Promise<Element | undefined> {
    return this.#host.request(iq, timeoutMs);
  }

  setPresence(account: Account, session: Session, presence: Presence | undefined): void {
    this.#host.sessions.setPresence(account, session, presence);
  }

  audience(check: AudienceCheck): void {
    this.#host.routes.mayAsk = check;
  }

  silenceProbes(): void {
    this.#host.probesAreSilent = true;
  }

  mayAsk(account: Account, from: JID): Awaitable<boolean> {
    return this.#host.routes.isAllowed(account, from);
  }

  removeUser(local: string, gone?: () => void): Promise<void> {
    return this.#host.removeUser(local, gone);
  }

  advertise(entry: Advertised, on: Advertiser = 'host'): void {
    this.#undo.push(this.#host.advertisements.add(entry, on));
  }

  advertised(on: Advertiser): readonly Advertised[] {
    return this.#host.advertisements.list(on);
  }

  get advertisedRevision(): number {
    return this.#host.advertisements.revision;
  }

  negotiate(feature: StreamFeature<ClientStream, StreamKind>): void {
    this.#undo.push(this.#host.addStreamFeature(feature));
  }

  inline(feature: InlineFeature): void {
    this.#undo.push(this.#host.addInlineFeature(feature));
  }

  http(method: HttpMethod, path: string, run: HttpHandler, options: HttpOptions = {}): void {
    const { anyHost = false, ...rest } = options;
    const own = anyHost ? {} : { host: domainToASCII(this.domain) };
    this.#undo.push(this.#ground.routes.add(method, path, run, { ...own, ...rest }));
  }

  get httpsUrl(): string | undefined {
    return this.#ground.httpsUrl(this.domain);
  }

  command(command: Command): void {
    this.#ground.commands.push(command);
    this.#undo.push(() => void this.#ground.commands.splice(this.#ground.commands.indexOf(command), 1));
  }

  portable(part: PortablePart): void {
    this.#undo.push(this.#host.addPortable(part));
  }

  get commands(): readonly Command[] {
    return this.#ground.commands;
  }

  mount(subdomain: string, destination: Destination, name?: string): void {
    const domain = `${subdomain}.${this.domain}`;
    this.#undo.push(this.#host.router.mount(domain, destination));
    this.advertise({ item: name === undefined ? { jid: domain } : { jid: domain, name } });
  }

  table<V>(spec: TableSpec<V>): Table<V> {
    return this.#ground.table(spec);
  }

  journal<V>(spec: JournalSpec<V>): Journal<V> {
    return this.#ground.journal(spec);
  }

  accountSlot<T>(load: (account: Account) => Awaitable<T>): Slot<Account, T> {
    const slot = this.#host.accountSlots.lazy<T>(() => {
      throw new Error(`the account's ${this.#feature} is not loaded`);
    });
    const { accountLoaders } = this.#host;
    const loader = async (account: Account): Promise<void> => slot.set(account, await load(account));
    accountLoaders.push(loader);
    this.#undo.push(() => void accountLoaders.splice(accountLoaders.indexOf(loader), 1));
    return slot;
  }

  sessionSlot<T>(initial: () => T, keep?: Keep<T>): Slot<Session, T> {
    return this.#host.sessionSlots.lazy(initial, keep);
  }

  saveState(session: Session): Record<string, unknown> {
    return this.#host.sessionSlots.save(session);
  }

  restoreState(session: Session, saved: Readonly<Record<string, unknown>>): void {
    this.#host.sessionSlots.restore(session, saved);
  }

  endSession(account: Account, session: Session, reason: EndReason): void {
    this.#host.sessions.end(account, session, reason);
  }

  kick(account: Account, session: Session, error: StreamError): void {
    this.#host.sessions.kick(account, session, error);
  }

  restoreSession(saved: RestorableSession, restore: (session: Session) => void): Promise<void> {
    return this.#host.sessions.restore(saved, restore);
  }

  redeliver(saved: RestorableSession): Promise<void> {
    return this.#host.sessions.redeliver(saved);
  }

  stampDelay(stamp: Stamp): void {
    this.#host.stampDelay = stamp;
  }

  ready(run: () => Awaitable<void>): void {
    this.#ready.push(run);
  }

  /** Runs what was left for when clients are about to get in. */
  async begin(): Promise<void> {
    for (const run of this.#ready.splice(0)) await run();
  }

  provide<T>(service: Service<T>, value: T): void {
    this.#undo.push(this.#host.services.provide(service, value));
  }

  use<T>(service: Service<T>): T {
    return this.#host.services.use(service);
  }

  find<T>(service: Service<T>): T | undefined {
    return this.#host.services.find(service);
  }

  findEverywhere<T>(service: Service<T>): ReadonlyMap<string, T> {
    const found = new Map<string, T>();
    for (const [domain, services] of this.#ground.services) {
      const value = services.find(service);
      if (value !== undefined) found.set(domain, value);
    }
    return found;
  }

  every(name: string, everyMs: number, run: () => Awaitable<void>): void {
    const timer = every(this.clock, everyMs, () => {
      const failed = (error: unknown): void => this.log.error('task.failed', { task: name }, error);
      (async () => run())().catch(failed);
    });
    this.defer(() => timer.cancel());
  }

  defer(cleanup: () => Awaitable<void>): void {
    this.#undo.push(cleanup);
  }

  /** Undoes every registration, the last first. */
  close(): Promise<void> {
    return undoAll(this.#undo.splice(0));
  }
}
