import type { IncomingMessage } from 'node:http';
import type { Clock } from '../util/clock.ts';
import { HttpError } from './message.ts';

/** What the reading of a body is bounded by. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** The time from the call to the last byte. */
  readonly bodyMs: number;
  readonly clock: Clock;
}

/**
 * Reads a request's whole body. Rejects with `HttpError`: 413 beyond `maxBytes`, as soon as that is known, 408 when it
 * takes too long, 400 when the client leaves in the middle. RFC 9110 §15.5.
 */
export function readBody(incoming: IncomingMessage, { maxBytes, bodyMs, clock }: BodyLimits): Promise<Buffer> {
  const tooLarge = (): HttpError => new HttpError(413, `The body is larger than ${maxBytes} bytes.`);
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (settle: () => void): void => {
      deadline.cancel();
      incoming.off('data', onData).off('end', onEnd).off('close', onClose);
      incoming.pause();
      settle();
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) finish(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const onEnd = (): void => finish(() => resolve(Buffer.concat(chunks, bytes)));
    const onClose = (): void => finish(() => reject(new HttpError(400, 'The body is incomplete.')));
    const deadline = clock.after(bodyMs, () => finish(() => reject(new HttpError(408, 'The body took too long.'))));
    incoming.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}

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

/**
 * Hands a request's body on, piece by piece and no faster than `take` takes it, so that a body of any length costs the
 * memory of a few pieces. Rejects with what `take` rejects with, with the reason of `signal`, and with `HttpError`: 408 when
 * it takes too long, 400 when the client leaves in the middle. RFC 9110 §15.5.
 */
export function pourBody(
  incoming: IncomingMessage,
  take: (piece: Buffer) => Promise<void>,
  { idleMs, totalMs, signal, clock }: PourLimits,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isSettled = false;
    let taking: Promise<void> = Promise.resolve();
    const finish = (settle: () => void): void => {
      if (isSettled) return;
      isSettled = true;
      idle.cancel();
      total.cancel();
      signal.removeEventListener('abort', onAbort);
      incoming.off('data', onData).off('end', onEnd).off('close', onClose);
      incoming.pause();
      settle();
    };
    const fail = (error: unknown): void => finish(() => reject(error));
    const tooSlow = (): void => fail(new HttpError(408, 'The body took too long.'));
    const onTaken = (): void => {
      if (isSettled) return;
      idle = clock.after(idleMs, tooSlow);
      incoming.resume();
    };
    const onData = (piece: Buffer): void => {
      // What we take our time for is not counted against the client.
      idle.cancel();
      incoming.pause();
      taking = take(piece).then(onTaken, fail);
    };
    const onClose = (): void => fail(new HttpError(400, 'The body is incomplete.'));
    const onEnd = (): void => {
      // Node says so while the last piece is being taken, paused or not.
      incoming.off('close', onClose);
      taking.then(() => finish(resolve));
    };
    const onAbort = (): void => fail(signal.reason);
    let idle = clock.after(idleMs, tooSlow);
    const total = clock.after(totalMs, tooSlow);
    if (signal.aborted) return onAbort();
    if (incoming.destroyed) return onClose();
    signal.addEventListener('abort', onAbort);
    incoming.on('data', onData).on('end', onEnd).on('close', onClose);
  });
}
