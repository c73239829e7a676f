import type { Socket } from 'node:net';
import type { Clock, Timer } from '../util/clock.ts';

/** One connection to the HTTP server, and its only deadline: what it is waited for changes with its requests. */
export class HttpConnection {
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly secure: boolean;
  /** For each request that has not been answered in full, what tells that its client has gone. */
  readonly open = new Set<AbortController>();
  readonly #clock: Clock;
  #deadline: Timer | undefined;

  constructor(socket: Socket, about: { readonly remoteAddress: string; readonly secure: boolean }, clock: Clock) {
    this.socket = socket;
    this.remoteAddress = about.remoteAddress;
    this.secure = about.secure;
    this.#clock = clock;
  }

  /** Requests that have not been answered in full. */
  get openRequests(): number {
    return this.open.size;
  }

  /** Destroys the connection after `ms` milliseconds, unless it expects something else by then. */
  expectWithin(ms: number): void {
    this.#deadline?.cancel();
    this.#deadline = this.#clock.after(ms, () => this.socket.destroy());
  }

  /** Waits for nothing: it is our turn. */
  expectNothing(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }
}
