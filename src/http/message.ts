import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Awaitable } from '../util/awaitable.ts';

/** The methods that handlers are registered for; HEAD and OPTIONS follow from them. RFC 9110 §9.3, RFC 5789. */
export const HTTP_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

/** A request, as its handler sees it. */
export interface HttpRequest {
  /** For a HEAD request it is GET: the answer's body is left out for the handler. */
  readonly method: HttpMethod;
  /** The path as sent, still percent-encoded, without dot segments. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** With lower-case names. */
  readonly headers: IncomingHttpHeaders;
  /** The host that the client named, in lower case and without port. RFC 9110 §7.2. */
  readonly host: string;
  /** Whether it came over TLS: to us, or to a trusted proxy that says so. */
  readonly secure: boolean;
  /** The client's address, also behind a trusted proxy. */
  readonly remoteAddress: string;
  /** Aborted when the client has gone before it was answered. */
  readonly signal: AbortSignal;
  /** The request itself, for handlers that read large bodies as they arrive. */
  readonly incoming: IncomingMessage;
  /** Reads the whole body, once. Rejects with `HttpError`: 413 beyond `maxBytes`, 408 when it takes too long, or `withinMs`. */
  body(maxBytes: number, withinMs?: number): Promise<Buffer>;
}

/** An answer; headers have lower-case names. */
export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Readable;
  /** Whether a streamed body goes on until somebody ends it; a stop of the server does so at once. */
  readonly isEndless?: boolean;
}

/** Answers a request; throws `HttpError` for an answer that is an error. Anything else it throws is our bug, a bare 500. */
export type HttpHandler = (request: HttpRequest) => Awaitable<HttpResponse>;

/** A request that is answered by an error status with one line of text. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.status = status;
    this.headers = headers;
  }
}

/** An answer in plain text, with a line break at its end. */
export function textResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body: `${text}\n` };
}

/** An answer in JSON. RFC 8259. */
export function jsonResponse(
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}
