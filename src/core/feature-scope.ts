import { domainToASCII } from 'node:url';
import type { StreamError } from '../errors.ts';
import type { HttpHandler, HttpMethod } from '../http/message.ts';
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
import type { FeatureHost, HttpOptions } from './feature.ts';
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
import { undoAll } from './undo.ts';
import type { Users } from './users.ts';

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
