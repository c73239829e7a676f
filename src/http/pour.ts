import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '../util/clock.ts';
import { HttpError } from './message.ts';

/** What arrives while the piece before it is being taken, before the client has to wait. */
const MAX_WAITING_BYTES = 262_144;

/** How long a body may take that is handed on as it arrives. */
export interface PourLimits {
  /** Between two pieces of it. */
  readonly idleMs: number;
  /** In all. */
  readonly totalMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

type Take = (piece: Buffer) => Promise<void>;

interface Settle {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Hands a request's body on, piece by piece and no faster than `take` takes it, so that a body of any length costs the
 * memory of a few pieces. Rejects with what `take` rejects with, with the reason of `signal`, and with `HttpError`: 408 when
 * it takes too long, 400 when the client leaves in the middle. RFC 9110 §15.5.
 */
export function pourBody(incoming: IncomingMessage, take: Take, limits: PourLimits): Promise<void> {
  return new Promise((resolve, reject) => new Pouring(incoming, take, limits, { resolve, reject }));
}

class Pouring {
  readonly #incoming: IncomingMessage;
  readonly #take: Take;
  readonly #limits: PourLimits;
  readonly #settle: Settle;
  readonly #total: Timer;
  #idle: Timer | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isTaking = false;
  #hasEnded = false;
  #isSettled = false;

  constructor(incoming: IncomingMessage, take: Take, limits: PourLimits, settle: Settle) {
    this.#incoming = incoming;
    this.#take = take;
    this.#limits = limits;
    this.#settle = settle;
    this.#total = limits.clock.after(limits.totalMs, this.#tooSlow);
    this.#awaitMore();
    limits.signal.addEventListener('abort', this.#onAbort);
    incoming.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose);
    // What has happened is not told again.
    if (limits.signal.aborted) this.#onAbort();
    else if (incoming.destroyed) this.#onClose();
  }

  readonly #onData = (piece: Buffer): void => {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.#incoming.pause();
    if (!this.#isTaking) this.#takeNext();
  };

  // Node says so as soon as it has handed out the last piece.
  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#incoming.off('close', this.#onClose);
    if (!this.#isTaking) this.#finish(() => this.#settle.resolve());
  };

  readonly #onClose = (): void => this.#fail(new HttpError(400, 'The body is incomplete.'));

  readonly #onAbort = (): void => this.#fail(this.#limits.signal.reason);

  readonly #tooSlow = (): void => this.#fail(new HttpError(408, 'The body took too long.'));

  readonly #fail = (error: unknown): void => this.#finish(() => this.#settle.reject(error));

  readonly #onTaken = (): void => {
    this.#isTaking = false;
    if (this.#isSettled) return;
    if (this.#waiting.length > 0) this.#takeNext();
    else if (this.#hasEnded) this.#onEnd();
    else this.#awaitMore();
  };

  #takeNext(): void {
    // What we take our time for is not counted against the client.
    this.#idle?.cancel();
    const [first, ...rest] = this.#waiting.splice(0);
    if (first === undefined) return;
    this.#waitingBytes = 0;
    this.#isTaking = true;
    this.#incoming.resume();
    this.#take(rest.length === 0 ? first : Buffer.concat([first, ...rest])).then(this.#onTaken, this.#fail);
  }

  #awaitMore(): void {
    this.#idle = this.#limits.clock.after(this.#limits.idleMs, this.#tooSlow);
  }

  #finish(settle: () => void): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#idle?.cancel();
    this.#total.cancel();
    this.#limits.signal.removeEventListener('abort', this.#onAbort);
    this.#incoming.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    this.#incoming.pause();
    settle();
  }
}
