import type { Account } from '../core/account.ts';
import type { ClientStream } from '../core/client-stream.ts';
import type { FastLogin } from '../core/fast.ts';
import type { Host } from '../core/host.ts';
import type { Login } from '../core/login.ts';
import type { Link, Session } from '../core/session.ts';
import { StanzaError, StreamError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { Logger } from '../log/log.ts';
import { TokenBucket } from '../net/rate.ts';
import { NS_SASL2 } from '../sasl/authenticate.ts';
import type { SaslContext } from '../sasl/mechanism.ts';
import type { Sasl1 } from '../sasl/sasl1.ts';
import type { Sasl2 } from '../sasl/sasl2.ts';
import { type AnyStanza, errorElement, type Iq, isStanza, iq as makeIq, Payload, parseStanza } from '../stanza.ts';
import { acceptor, iqAcceptor } from '../stream/negotiation.ts';
import {
  AUTHENTICATED,
  BOUND,
  type DeadlineKind,
  type EndReason,
  SECURE,
  Stream,
  type StreamOwner,
} from '../stream/stream.ts';
import type { Transport } from '../stream/transport.ts';
import type { Awaitable } from '../util/awaitable.ts';
import { isPromise } from '../util/awaitable.ts';
import { sleep } from '../util/clock.ts';
import { newId } from '../util/ids.ts';
import { attr, type Element, el, serialize } from '../xml/element.ts';
import type { StreamHeader } from '../xml/parser.ts';
import { checkHeader, claimedAddress, domainOf, isOwnAddress } from './header.ts';
import { type C2sService, MAX_UNREAD_STRANGER, type Offer, type Offering, xmlLimits } from './service.ts';
import { headOf } from './stanza-head.ts';
import { TIMEOUT_TEXTS } from './timeout-texts.ts';

/** Asked of a client that has been silent for long; any answer shows that it lives. XEP-0199. */
const NS_PING = 'urn:xmpp:ping';

/** Told by every connection. */
export interface ConnectionCalls {
  /** Has ended. */
  over(connection: ClientConnection): void;
  /** Does something for its client that takes time, and may go on when the client has left. */
  working(work: Promise<void>): void;
}

/** One client's connection: negotiates its stream, then hands its stanzas to its session. */
export class ClientConnection implements StreamOwner, ClientStream, Link {
  readonly service: C2sService;
  readonly stream: Stream;
  readonly log: Logger;
  /** The connection's name in the log. */
  readonly id: string;
  jid: JID | undefined;
  account: Account | undefined;
  session: Session | undefined;
  request: Iq | undefined;
  login: Login | undefined;
  isAnonymous = false;
  /** Who the client says it is in its stream header: a bare JID. Nothing is proved by it. RFC 6120 §4.7.1. */
  claimed: JID | undefined;
  /** The login in progress; a new one after STARTTLS, because other mechanisms are then on offer. */
  sasl: Sasl1 | undefined;
  /** The same, for the clients that do everything at once. */
  inlineLogin: Sasl2<FastLogin> | undefined;
  /** What the stream was offered last. */
  offer: Offer | undefined;
  /** What the mechanisms of both know of the stream. */
  saslContext: SaslContext | undefined;
  // What the session sends while the client has not been told that it has one.
  #held: string[] | undefined;
  #host: Host | undefined;
  #lang: string | undefined;
  readonly #offers: Offering<ClientConnection>;
  #stanzas: TokenBucket | undefined;
  #bytes: TokenBucket | undefined;
  #pingedAt = 0;
  readonly #calls: ConnectionCalls;
  #authenticated: (() => void) | undefined;

  /** `authenticated` is called once, when logged in or ended. */
  constructor(
    transport: Transport,
    service: C2sService,
    offers: Offering<ClientConnection>,
    calls: ConnectionCalls,
    authenticated: () => void,
  ) {
    this.service = service;
    this.#offers = offers;
    this.id = newId().slice(0, 8);
    this.log = service.log.child({ conn: this.id });
    this.#calls = calls;
    this.#authenticated = authenticated;
    const { timeouts } = service.settings.current.limits;
    this.stream = new Stream(transport, {
      clock: service.clock,
      log: this.log,
      closeMs: timeouts.closeMs,
      headerMs: timeouts.streamHeaderMs,
      from: service.hosts.keys().next().value ?? '',
    });
    this.stream.owner = this;
    this.log.debug('stream.accepted', { address: transport.remoteAddress, transport: transport.kind });
  }

  /** The virtual host that the client asked for. */
  get host(): Host {
    if (this.#host === undefined) throw new Error('the client has not opened its stream');
    return this.#host;
  }

  get domain(): string {
    return this.host.domain;
  }

  get remoteAddress(): string {
    return this.stream.transport.remoteAddress;
  }

  get secure(): boolean {
    return (this.stream.bits & SECURE) !== 0;
  }

  get bufferedBytes(): number {
    return this.stream.bufferedBytes;
  }

  get bytesRead(): number {
    return this.stream.transport.bytesRead;
  }

  get bytesWritten(): number {
    return this.stream.transport.bytesWritten;
  }

  send(xml: string): void {
    if (this.#held === undefined) this.stream.send(xml);
    else this.#held.push(xml);
  }

  /** Keeps what the session sends until {@link release}: a resource is bound before the client knows of it. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const xml of held) this.stream.send(xml);
  }

  close(error?: StreamError): void {
    this.stream.close(error);
  }

  /** The server is going away. RFC 6120 §4.9.3.20. */
  shutDown(): void {
    this.stream.close(new StreamError('system-shutdown'), 'shutdown');
  }

  opened(header: StreamHeader): void {
    checkHeader(header);
    const host = this.#hostFor(header.attrs['to']);
    const { timeouts } = this.service.settings.current.limits;
    const from = header.attrs['from'];
    const isFirst = this.#host === undefined;
    this.#lang = header.attrs['xml:lang'];
    this.#host = host;
    this.stream.open({ from: host.domain, lang: 'en', ...(from === undefined ? {} : { to: from }) });
    this.claimed = claimedAddress(from, host.domain);
    if (this.jid !== undefined && this.claimed?.equals(this.jid) === false) throw new StreamError('invalid-from');
    if (this.jid !== undefined) this.stream.expire('bind', timeouts.bindMs);
    else if (isFirst) this.stream.expire('authentication', timeouts.authenticationMs);
    this.sendFeatures();
  }

  /** Says what the client may negotiate now. RFC 6120 §4.3.2. */
  sendFeatures(): void {
    this.offer = this.#offers.for(this);
    this.stream.sendFeatures(this.offer.xml);
  }

  element(element: Element, inner: string | undefined, bytes: number): Awaitable<void> {
    this.#requireReader();
    const done = this.#take(element, inner);
    if (isPromise(done)) this.#calls.working(done);
    const debtMs = this.#charge(bytes);
    if (debtMs === 0) return done;
    // Whoever sends too fast is read more slowly; nothing is lost.
    const rest = (): Promise<void> => sleep(this.service.clock, debtMs);
    return isPromise(done) ? done.then(rest) : rest();
  }

  #take(element: Element, inner: string | undefined): Awaitable<void> {
    // XEP-0388 §2.3.
    if (this.inlineLogin?.isBusy === true && attr(element, 'xmlns') !== NS_SASL2) {
      throw new StreamError('policy-violation', { text: 'finish the login first' });
    }
    if (!isStanza(element)) return this.#nonza(element);
    if (this.session === undefined) return this.#negotiationIq(element, inner);
    return this.#stanza(element, inner);
  }

  expired(kind: DeadlineKind): void {
    const { timeouts } = this.service.settings.current.limits;
    const now = this.service.clock.now();
    // Who is not listened to, because what it asked for takes its time, is not silent.
    const heardAt = this.stream.isWaiting ? now : this.stream.transport.heardAt;
    if (kind === 'silence' && now - heardAt < timeouts.silenceMs) {
      this.stream.expire('silence', timeouts.silenceMs - (now - heardAt));
    } else if (kind === 'silence') {
      this.#ping();
      this.stream.expire('ping', timeouts.pingTimeoutMs);
    } else if (kind === 'ping' && heardAt >= this.#pingedAt) {
      this.stream.expire('silence', timeouts.silenceMs);
    } else {
      this.stream.close(new StreamError('connection-timeout', { text: TIMEOUT_TEXTS[kind] }));
    }
  }

  // The session ends with its stream and not with the connection: what is sent to it from now on would be lost.
  closing(reason: EndReason): void {
    const { account, session } = this;
    if (account !== undefined && session !== undefined) this.host.sessions.streamEnded(account, session, this, reason);
  }

  ended(reason: EndReason): void {
    this.closing(reason);
    this.#leaveStrangers();
    const { session, jid } = this;
    const { kind, error, cause } = reason;
    const fields = { kind, jid: session?.jid.toString() ?? jid?.toString(), condition: error?.condition };
    // A stranger's failure says little: bots knock at every port all day.
    if (jid === undefined) this.log.debug('stream.ended', fields, error ?? cause);
    else this.log.info('stream.ended', { ...fields, text: error?.text });
    this.#calls.over(this);
  }

  /** The client has proved who it is. */
  authenticated(jid: JID, login: Login, isAnonymous: boolean): void {
    this.jid = jid;
    this.login = login;
    this.isAnonymous = isAnonymous;
    this.#forgetLogin();
    this.#leaveStrangers();
    this.stream.bits |= AUTHENTICATED;
    this.stream.setLimits(xmlLimits(this.service.settings.current.limits, true));
    this.stream.expire('bind', this.service.settings.current.limits.timeouts.bindMs);
  }

  /** The stream is protected now; it begins anew. RFC 6120 §5.4.3.3. */
  secured(): void {
    this.#forgetLogin();
    this.stream.bits |= SECURE;
    this.stream.restart();
  }

  /** A resource was bound: stanzas may flow. RFC 6120 §7.1. */
  bound(account: Account, session: Session): void {
    this.account = account;
    this.session = session;
    session.lang = this.#lang;
    session.login = this.login;
    this.stream.bits |= BOUND;
    this.request = undefined;
    const { traffic, timeouts } = this.service.settings.current.limits;
    const now = this.service.clock.monotonic();
    if (traffic.stanzas !== null) this.#stanzas = new TokenBucket(traffic.stanzas, now);
    if (traffic.bytes !== null) this.#bytes = new TokenBucket(traffic.bytes, now);
    this.stream.expire('silence', timeouts.silenceMs);
  }

  takeOver(account: Account, session: Session): void {
    this.bound(account, session);
    session.attach(this);
  }

  /** Sends an iq of the negotiation, before there is a session. */
  reply(iq: Iq): void {
    this.stream.send(iq.toString());
  }

  // Who sends requests and never reads the answers would fill our memory with them.
  #requireReader(): void {
    const bound =
      this.session === undefined ? MAX_UNREAD_STRANGER : this.service.settings.current.limits.queue.outboxBytes;
    if (this.stream.bufferedBytes > bound) {
      throw new StreamError('resource-constraint', { text: 'the client does not read what is sent to it' });
    }
  }

  #stanza(element: Element, inner: string | undefined): Awaitable<void> {
    const { account, session } = this;
    // Once another stream has the session, or nobody, this one has no say.
    if (account === undefined || session?.link !== this) return;
    const stanza = this.#parse(element, inner, session);
    if (stanza === undefined) return;
    if (stanza.from !== undefined && !isOwnAddress(stanza.from, session.jid)) throw new StreamError('invalid-from');
    if (this.log.isEnabled('debug')) this.log.debug('stanza.received', headOf(element));
    const { handling } = this.service.counts;
    return handling.end(handling.begin(), this.host.fromClient(account, session, stanza));
  }

  // What cannot be typed is handled, and counted, when it is answered.
  #parse(element: Element, inner: string | undefined, session: Session): AnyStanza | undefined {
    try {
      return parseStanza(element, inner);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      this.#refuse(element, error);
      session.begin()?.release();
      return undefined;
    }
  }

  // Answers a stanza that could not even be typed. RFC 6120 §8.3.1.
  #refuse(element: Element, error: StanzaError): void {
    this.log.debug('stanza.refused', { ...headOf(element), condition: error.condition });
    const type = attr(element, 'type');
    if (type === 'error' || type === 'result') return;
    const answer = el(element.name, { id: attr(element, 'id'), type: 'error' }, errorElement(error));
    // What goes to a session may be numbered: nothing may go past it.
    if (this.session === undefined) this.stream.send(serialize(answer));
    else this.session.deliver(parseStanza(answer, undefined));
  }

  #nonza(element: Element): Awaitable<void> {
    const own = acceptor(this.#offers.features, this.stream.bits, element);
    if (own?.accept !== undefined) return own.accept(this, element);
    const feature = acceptor(this.host.streamFeatures, this.stream.bits, element);
    if (feature?.accept !== undefined) return feature.accept(this, element);
    throw new StreamError('unsupported-stanza-type');
  }

  // Before a resource is bound, only what is negotiated by iq is served. RFC 6120 §7.1, §4.9.3.12.
  #negotiationIq(element: Element, inner: string | undefined): Awaitable<void> {
    const [payload] = element.name === 'iq' ? Payload.of(element, inner).elements : [];
    const accept = payload && this.#iqAcceptor(payload);
    if (accept === undefined) throw new StreamError('not-authorized');
    try {
      const request = parseStanza(element, inner);
      if (request.kind !== 'iq') return;
      this.request = request;
      const done = accept();
      return isPromise(done) ? done.catch((error: unknown) => this.#refused(element, error)) : done;
    } catch (error) {
      this.#refused(element, error);
    }
  }

  #iqAcceptor(payload: Element): (() => Awaitable<void>) | undefined {
    const { bits } = this.stream;
    const own = iqAcceptor(this.#offers.features, bits, payload);
    if (own !== undefined) return () => own.accept?.(this, payload);
    const feature = iqAcceptor(this.host.streamFeatures, bits, payload);
    return feature && (() => feature.accept?.(this, payload));
  }

  #refused(element: Element, error: unknown): void {
    if (!(error instanceof StanzaError)) throw error;
    this.#refuse(element, error);
  }

  #charge(bytes: number): number {
    if (this.#stanzas === undefined && this.#bytes === undefined) return 0;
    const now = this.service.clock.monotonic();
    return Math.max(this.#stanzas?.spend(1, now) ?? 0, this.#bytes?.spend(bytes, now) ?? 0);
  }

  #ping(): void {
    this.#pingedAt = this.service.clock.now();
    const payload = new Payload([el('ping', { xmlns: NS_PING })]);
    this.session?.deliver(makeIq({ type: 'get', id: newId(), from: this.host.jid, to: this.session.jid, payload }));
  }

  #hostFor(to: string | undefined): Host {
    const host = this.service.hosts.get(domainOf(to ?? ''));
    if (host === undefined) throw new StreamError('host-unknown');
    // Who has logged in at one host cannot go on at another.
    if (this.jid !== undefined && host !== this.#host) throw new StreamError('not-authorized');
    return host;
  }

  // What was on offer, and how far the client had come, belongs to the stream as it was.
  #forgetLogin(): void {
    this.sasl = undefined;
    this.inlineLogin = undefined;
    this.saslContext = undefined;
  }

  #leaveStrangers(): void {
    this.#authenticated?.();
    this.#authenticated = undefined;
  }
}
