import { StreamError } from '../errors.ts';
import type { Logger } from '../log/log.ts';
import { applicationElement } from '../stanza.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Clock } from '../util/clock.ts';
import { newId } from '../util/ids.ts';
import { type Element, el, serialize } from '../xml/element.ts';
import { NS_STREAM_ERRORS } from '../xml/ns.ts';
import type { StreamHeader, XmlLimits } from '../xml/parser.ts';
import type { HeaderAttributes, Transport, TransportHandler } from './transport.ts';

export type StreamState = 'opening' | 'open' | 'closing' | 'closed';

/** What has been negotiated, as bits: a stream feature says which it needs and which exclude it. */
export const SECURE = 1;
export const AUTHENTICATED = 2;
export const BOUND = 4;

/** What a stream is waiting for, and what happens when its time is up. */
export type DeadlineKind = 'header' | 'authentication' | 'bind' | 'silence' | 'ping' | 'close';

/** Why a stream ended, for its owner and the log. */
export interface EndReason {
  /** `closed`: the peer closed it properly; `lost`: its connection went away; `error`: we closed it with a stream error. */
  readonly kind: 'closed' | 'lost' | 'error' | 'shutdown';
  readonly error?: StreamError;
  readonly cause?: unknown;
}

/** Whether a stream ended without anybody having taken leave: what was going on may go on with another. */
export function isAccident({ kind, error }: EndReason): boolean {
  return kind === 'lost' || kind === 'shutdown' || error?.condition === 'connection-timeout';
}

/** Whose stream it is: what a client, and later a server or a component, does with its elements. */
export interface StreamOwner {
  /** The peer's header: answers with ours through `stream.open`, or throws a StreamError. */
  opened(header: StreamHeader): void;
  /** One top-level element. The stream waits while a promise is pending: nothing overtakes it. */
  element(element: Element, inner: string | undefined, bytes: number): Awaitable<void>;
  /** The time that `expire` set is up. */
  expired(kind: DeadlineKind): void;
  /** The stream is closing: nothing more is sent or heard. Called at most once, and not for a connection that broke. */
  closing(reason: EndReason): void;
  /** The connection is gone; called exactly once. */
  ended(reason: EndReason): void;
}

export interface StreamOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** How long the peer may take to close its half. */
  readonly closeMs: number;
  /** How long the peer may take to open the stream. */
  readonly headerMs: number;
  /** Who we say we are when a stream fails before the peer has said whom it wants. */
  readonly from: string;
}

/** One XML stream: opens, restarts and closes it, keeps its elements in order, and ends with its transport. RFC 6120 §4. */
export class Stream implements TransportHandler {
  readonly transport: Transport;
  readonly log: Logger;
  /** What has been negotiated: SECURE, AUTHENTICATED, BOUND. */
  bits: number;
  #id = '';
  #state: StreamState = 'opening';
  #owner: StreamOwner | undefined;
  #headerSent = false;
  #deadlineAt: number;
  #deadlineKind: DeadlineKind = 'header';
  #reason: EndReason | undefined;
  #isWaiting = false;
  readonly #options: StreamOptions;

  constructor(transport: Transport, options: StreamOptions) {
    this.transport = transport;
    this.log = options.log;
    this.bits = transport.secure ? SECURE : 0;
    this.#options = options;
    this.#deadlineAt = options.clock.now() + options.headerMs;
    transport.handler = this;
  }

  /** Sets who handles the stream; once, before any byte is read. */
  set owner(owner: StreamOwner) {
    this.#owner = owner;
  }

  get owner(): StreamOwner {
    if (this.#owner === undefined) throw new Error('the stream has no owner yet');
    return this.#owner;
  }

  /** Our identifier of the stream, unguessable; empty before the header was sent. RFC 6120 §4.7.3. */
  get id(): string {
    return this.#id;
  }

  get state(): StreamState {
    return this.#state;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Nothing is read until what the last element began is done. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** Bytes that the peer has not taken yet. */
  get bufferedBytes(): number {
    return this.transport.bufferedBytes;
  }

  /** Sends our header, with a new identifier. */
  open(attributes: Omit<HeaderAttributes, 'id'>): void {
    this.#id = newId();
    this.#headerSent = true;
    this.#state = 'open';
    this.transport.openStream({ ...attributes, id: this.#id });
  }

  /** Sends the features that the peer may negotiate now, as XML. RFC 6120 §4.3.2. */
  sendFeatures(features: string): void {
    this.transport.sendStreamElement('features', features);
  }

  /** Sends one stanza or nonza, as XML. Dropped once the stream is closing: there is nobody to read it. */
  send(xml: string): void {
    if (this.#state === 'open') this.transport.send(xml);
  }

  /** Expects a new header: after SASL and TLS. RFC 6120 §4.3.3. Nothing when the stream has been closed meanwhile. */
  restart(): void {
    if (this.#state !== 'open') return;
    this.#headerSent = false;
    this.#state = 'opening';
    this.transport.restart();
  }

  setLimits(limits: XmlLimits): void {
    this.transport.setLimits(limits);
  }

  /** Calls the owner's `expired` when `ms` milliseconds have passed, unless another deadline takes its place first. */
  expire(kind: DeadlineKind, ms: number): void {
    // Of a stream that is closing, the one deadline is its end.
    if (this.#state === 'opening' || this.#state === 'open') this.#expire(kind, ms);
  }

  #expire(kind: DeadlineKind, ms: number): void {
    this.#deadlineKind = kind;
    this.#deadlineAt = this.#options.clock.now() + ms;
  }

  /** Called now and then by whoever keeps the streams: acts on a deadline that has passed. */
  checkDeadline(now: number): void {
    if (now < this.#deadlineAt || this.#state === 'closed') return;
    this.#deadlineAt = Number.POSITIVE_INFINITY;
    if (this.#deadlineKind === 'close') this.transport.destroy();
    else this.#guard(() => this.owner.expired(this.#deadlineKind));
  }

  /**
   * Closes the stream: with an error when one is given, else properly, waiting a little for the peer to close its half.
   * RFC 6120 §4.4, §4.9.1.1.
   */
  close(error?: StreamError, kind: EndReason['kind'] = error === undefined ? 'closed' : 'error'): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#reason = error === undefined ? { kind } : { kind, error };
    // RFC 6120 §4.9.1.2: an error during opening is sent inside a stream all the same.
    if (!this.#headerSent) this.open({ from: this.#options.from });
    if (error !== undefined) this.transport.sendStreamElement('error', streamErrorContent(error));
    this.#close(this.#reason);
    // After an error the peer's bytes have no meaning any more.
    if (error !== undefined) this.transport.end();
  }

  header(header: StreamHeader): void {
    if (this.#state !== 'opening') return;
    this.#guard(() => this.owner.opened(header));
  }

  element(element: Element, inner: string | undefined, bytes: number): void {
    if (this.#state !== 'open') return;
    this.#guard(() => {
      const done = this.owner.element(element, inner, bytes);
      if (isPromise(done)) this.#wait(done);
    });
  }

  ended(): void {
    if (this.#state === 'closed') return;
    if (this.#state !== 'closing') {
      this.#reason = { kind: 'closed' };
      this.#close(this.#reason);
    }
    this.transport.end();
  }

  failed(error: unknown): void {
    this.fail(error);
  }

  closed(cause?: Error): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    const reason = this.#reason ?? (cause === undefined ? { kind: 'lost' } : { kind: 'lost', cause });
    this.#guard(() => this.owner.ended(reason));
  }

  /** Ends the stream for an error that its owner met outside of `element`. */
  fail(error: unknown): void {
    if (error instanceof StreamError) return this.close(error);
    this.log.error('stream.bug', { stream: this.#id }, error);
    this.close(new StreamError('internal-server-error', { cause: error }));
  }

  #close(reason: EndReason): void {
    this.transport.closeStream();
    this.#state = 'closing';
    this.#expire('close', this.#options.closeMs);
    this.#guard(() => this.owner.closing(reason));
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.fail(error);
    }
  }

  // Waits with reading until what the last element began is done, so that nothing overtakes it: RFC 6120 §10.1.
  #wait(done: Promise<void>): void {
    this.transport.pause();
    this.#isWaiting = true;
    done
      .catch((error: unknown) => this.fail(error))
      .then(() => {
        this.#isWaiting = false;
        this.#guard(() => this.transport.resume());
      })
      .catch((error: unknown) => this.fail(error));
  }
}

function streamErrorContent(error: StreamError): string {
  const parts = [el(error.condition, { xmlns: NS_STREAM_ERRORS }, error.address)];
  if (error.text !== undefined) parts.push(el('text', { xmlns: NS_STREAM_ERRORS, 'xml:lang': 'en' }, error.text));
  if (error.app !== undefined) parts.push(applicationElement(error.app));
  return parts.map(serialize).join('');
}
