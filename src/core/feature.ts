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
import type { Clock } from '../util/clock.ts';
import type { Element } from '../xml/element.ts';
import type { Account } from './account.ts';
import type { Advertised, Advertiser } from './advertisements.ts';
import type { ClientStream } from './client-stream.ts';
import type { Command } from './commands.ts';
import type { Fork } from './fork.ts';
import type { FormLogins } from './form-logins.ts';
import type { Grants } from './grants.ts';
import type { Settings } from './host.ts';
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
