import { StanzaError } from '../errors.ts';
import { type AnyStanza, errorFor, mayBounce } from '../stanza.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Receipt } from './receipts.ts';

/** Where the stanzas for a domain go: a virtual host, a service of one, and later a component or another server. */
export interface Destination {
  /**
   * Takes a stanza whose `from` and `to` are set; it must not leave the process before `stored` is fulfilled, nor
   * be lost once `receipt` is released.
   */
  deliver(stanza: AnyStanza, stored: Promise<unknown> | undefined, receipt?: Receipt): Awaitable<void>;
}

/**
 * Maps domains to destinations. What is sent while a stanza is being processed waits in a queue until that stanza is
 * finished, so that no handler ever sees another's half-done work.
 */
export class Router {
  readonly #destinations = new Map<string, Destination>();
  readonly #queue: AnyStanza[] = [];
  readonly #failed: (error: unknown) => void;
  #depth = 0;

  /** `failed` is told of what a destination throws that is no StanzaError: a bug. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** Gives a domain to a destination; returns how to take it away. One destination for each domain. */
  mount(domain: string, destination: Destination): () => void {
    if (this.#destinations.has(domain)) throw new Error(`two destinations for ${domain}`);
    this.#destinations.set(domain, destination);
    return () => void this.#destinations.delete(domain);
  }

  /**
   * Routes a stanza now, as a part of what is being processed. Its promise is only for the sender's own order. What the
   * destination throws is answered and harms nobody else.
   */
  route(stanza: AnyStanza, stored?: Promise<unknown>, receipt?: Receipt): Awaitable<void> {
    const destination = this.#destinations.get(stanza.to?.domain ?? '');
    if (destination === undefined) return this.bounce(stanza, new StanzaError('remote-server-not-found'));
    try {
      const done = destination.deliver(stanza, stored, receipt);
      return isPromise(done) ? done.catch((error: unknown) => this.#refused(stanza, error)) : done;
    } catch (error) {
      this.#refused(stanza, error);
    }
  }

  /** Sends a stanza of ours: behind the stanza in progress, or now when there is none. */
  send(stanza: AnyStanza): void {
    this.#queue.push(stanza);
    if (this.#depth === 0) this.process(() => undefined);
  }

  /** Answers a stanza with an error, unless it is one itself or nobody sent it. RFC 6120 §8.3.1. */
  bounce(stanza: AnyStanza, error: StanzaError): void {
    if (stanza.from !== undefined && mayBounce(stanza)) this.send(errorFor(stanza, error));
  }

  /** Runs the processing of one stanza; what it sends goes out when it returns. */
  process<T>(run: () => T): T {
    this.#depth++;
    try {
      return run();
    } finally {
      if (this.#depth === 1) this.#drain();
      this.#depth--;
    }
  }

  // What `route` returns never rejects; it is for senders that keep an order, which we do not here.
  #drain(): void {
    for (let stanza = this.#queue.shift(); stanza !== undefined; stanza = this.#queue.shift()) void this.route(stanza);
  }

  #refused(stanza: AnyStanza, error: unknown): void {
    if (error instanceof StanzaError) return this.bounce(stanza, error);
    this.#failed(error);
    this.bounce(stanza, new StanzaError('internal-server-error', { cause: error }));
  }
}
