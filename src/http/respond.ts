import type { ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import type { HttpResponse } from './message.ts';

/** What every answer says unless its handler says otherwise. */
const DEFAULT_HEADERS = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** Nothing that is not a page has a reason to load or to be framed. Content Security Policy Level 3 §6. */
const CSP_OF_DATA = "default-src 'none'; frame-ancestors 'none'";
const CSP_OF_PAGES = "default-src 'self'; frame-ancestors 'none'";

export interface RespondOptions {
  /** Leaves the body out, as HEAD asks. */
  readonly withoutBody: boolean;
  /** Closes the connection afterwards. */
  readonly close: boolean;
  /** If given, what to wait for between the answer, unless it is a stream, and its end, which closes the connection. */
  readonly linger?: () => Promise<void>;
  /** Called whenever a part of a streamed body is on its way. */
  readonly onProgress: () => void;
}

/** Sends an answer, with the security headers that it does not set itself. */
export function respond(response: ServerResponse, answer: HttpResponse, options: RespondOptions): void {
  const { body } = answer;
  const isPage = answer.headers?.['content-type']?.startsWith('text/html') ?? false;
  response.writeHead(answer.status, {
    ...DEFAULT_HEADERS,
    'content-security-policy': isPage ? CSP_OF_PAGES : CSP_OF_DATA,
    ...answer.headers,
    ...lengthOf(answer),
    ...(options.close ? { connection: [answer.headers?.['connection'], 'close'].filter(Boolean).join(', ') } : {}),
  });
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    end(response, options.withoutBody ? undefined : body, options.linger);
  } else if (options.withoutBody) {
    body.destroy();
    response.end();
  } else {
    const bytes = Number(answer.headers?.['content-length'] ?? 0);
    stream(body, response, { bytes, onProgress: options.onProgress });
  }
}

/** Lets go of what an answer is read from, such as a file, when the signal says that nobody waits for it. */
export function releaseOn(signal: AbortSignal, { body }: HttpResponse): void {
  if (!(body instanceof Readable)) return;
  const release = (): void => void body.on('error', () => {}).destroy();
  if (signal.aborted) release();
  else signal.addEventListener('abort', release, { once: true });
}

function end(response: ServerResponse, body: string | Uint8Array | undefined, linger: RespondOptions['linger']): void {
  if (linger === undefined) {
    response.end(body);
    return;
  }
  response.flushHeaders();
  if (body !== undefined) response.write(body);
  linger().finally(() => response.end());
}

function lengthOf({ status, body }: HttpResponse): { 'content-length'?: number } {
  if (status === 204 || status === 304) return {};
  if (body === undefined) return { 'content-length': 0 };
  if (typeof body === 'string') return { 'content-length': Buffer.byteLength(body) };
  return body instanceof Uint8Array ? { 'content-length': body.byteLength } : {};
}

interface Streaming {
  /** How many were announced; 0 if none were. */
  readonly bytes: number;
  readonly onProgress: () => void;
}

function stream(body: Readable, response: ServerResponse, { bytes, onProgress }: Streaming): void {
  let missing = bytes;
  body.on('data', (piece: string | Uint8Array) => {
    missing -= Buffer.byteLength(piece);
    onProgress();
  });
  // What comes next on the connection would be taken for the rest.
  body.on('end', () => missing > 0 && response.destroy());
  // On failure the connection is cut, which is all that can still be said: the status is out.
  pipeline(body, response, () => {});
}
