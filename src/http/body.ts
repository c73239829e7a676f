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
