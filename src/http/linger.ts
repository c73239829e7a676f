import type { IncomingMessage } from 'node:http';
import type { Clock } from '../util/clock.ts';

/** How long, and how much, is read of a body that nobody wants. */
const LINGER_MS = 2000;
const MAX_LINGER_BYTES = 67_108_864;

/** Whether a request has a body, which may not all have come yet. RFC 9112 §6.3. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Reads on for a while and drops what comes: a connection that is closed while its client is sending is reset, and the
 * client may never read the answer that said why. RFC 9112 §9.6.
 */
export function discardRest(incoming: IncomingMessage, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const finish = (): void => {
      timer.cancel();
      incoming.off('data', onData).off('end', finish).off('close', finish);
      resolve();
    };
    const onData = (piece: Buffer): void => {
      bytes += piece.length;
      if (bytes > MAX_LINGER_BYTES) finish();
    };
    const timer = clock.after(LINGER_MS, finish);
    if (incoming.destroyed) return finish();
    incoming.on('data', onData).on('end', finish).on('close', finish).resume();
  });
}
