import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import type { Logger } from '../log/log.ts';
import { normalizeAddress } from '../net/address.ts';
import type { Clock } from '../util/clock.ts';
import { readBody } from './body.ts';
import { HttpConnection } from './connection.ts';
import { discardRest, hasBody } from './linger.ts';
import {
  HTTP_METHODS,
  HttpError,
  type HttpHandler,
  type HttpMethod,
  type HttpRequest,
  type HttpResponse,
  textResponse,
} from './message.ts';
import { clientOf, type Peer } from './proxy.ts';
import { releaseOn, respond } from './respond.ts';
import { allowedMethods, type Route, type Routes } from './routes.ts';

/** A connection whose client asks to speak another protocol. */
export interface Upgrade {
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  /** The first bytes of the new protocol. */
  readonly head: Buffer;
  readonly secure: boolean;
  readonly remoteAddress: string;
}

/** Takes a connection over, or refuses it in HTTP; the socket is the handler's from then on. */
export type UpgradeHandler = (upgrade: Upgrade) => void;

export interface HttpServerOptions {
  readonly routes: Routes;
  readonly log: Logger;
  readonly clock: Clock;
  /** Whether an address is that of a reverse proxy, which is believed whom it speaks for; none is unless given. */
  readonly isTrustedProxy?: (address: string) => boolean;
  /** Told of every answer: the path of its route, undefined where there is none, and its status. */
  readonly answered?: (route: string | undefined, status: number) => void;
  /** The time from the connection to the first request's last header. Default 10 s. */
  readonly headerMs?: number;
  /** The time that a request's body, and an answer without progress, may take. Default 60 s. */
  readonly bodyMs?: number;
  /** The time from an answer to the next request's last header. Default 65 s: longer than proxies keep connections. */
  readonly keepAliveMs?: number;
  /** The size of a request's header. Default 16 KiB. */
  readonly maxHeaderBytes?: number;
  /** Connections at the same time; more are closed. Default 10,000. */
  readonly maxConnections?: number;
}

const HEADER_MS = 10_000;
const BODY_MS = 60_000;
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 16_384;
const MAX_HEADERS = 100;
const MAX_CONNECTIONS = 10_000;
/** Node handles pipelined requests at the same time. */
const MAX_PIPELINED = 16;
const PREFLIGHT_SECONDS = 86_400;

/** Serves routes and upgrades over the connections that listeners hand to it, plain and secured ones alike. RFC 9112. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: Server;
  readonly #connections = new Map<Duplex, HttpConnection>();
  readonly #upgrades = new Map<string, UpgradeHandler>();
  /** The bodies that nobody waits for the end of. */
  readonly #endless = new Set<Readable>();
  #closed: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    // Node watches its own deadlines only in servers that listen; ours are the connections'.
    this.#server = createServer({
      maxHeaderSize: options.maxHeaderBytes ?? MAX_HEADER_BYTES,
      headersTimeout: 0,
      requestTimeout: 0,
      keepAliveTimeout: 0,
    });
    this.#server.maxHeadersCount = MAX_HEADERS;
    this.#server.on('request', (incoming, response) => this.#onRequest(incoming, response));
    this.#server.on('upgrade', (incoming, socket, head) => this.#onUpgrade(incoming, socket, head));
    this.#server.on('clientError', (error, socket) => this.#onClientError(error, socket));
  }

  /** How many connections there are, not counting those that were upgraded. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Serves a connection; `secure` says whether it is encrypted. */
  accept(socket: Socket, secure: boolean): void {
    const { maxConnections = MAX_CONNECTIONS, headerMs = HEADER_MS, clock } = this.#options;
    if (this.#closed !== undefined || this.#connections.size >= maxConnections) {
      socket.destroy();
      return;
    }
    const remoteAddress = normalizeAddress(socket.remoteAddress ?? '');
    const connection = new HttpConnection(socket, { remoteAddress, secure }, clock);
    this.#connections.set(socket, connection);
    connection.expectWithin(headerMs);
    socket.once('close', () => this.#forget(connection));
    this.#server.emit('connection', socket);
  }

  /** Registers who takes over WebSocket connections to a path, and returns what removes it. */
  onUpgrade(path: string, handler: UpgradeHandler): () => void {
    if (this.#upgrades.has(path)) throw new Error(`two upgrade handlers for ${path}`);
    this.#upgrades.set(path, handler);
    return () => void this.#upgrades.delete(path);
  }

  /** Takes no more connections, lets the requests in progress be answered for `drainMs`, then ends the rest. */
  close(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const deadline = this.#options.clock.after(drainMs, () => {
        for (const { socket } of [...this.#connections.values()]) socket.destroy();
      });
      this.#closed = () => {
        deadline.cancel();
        resolve();
      };
      for (const body of this.#endless) body.destroy();
      for (const { socket, openRequests } of [...this.#connections.values()]) if (openRequests === 0) socket.destroy();
      if (this.#connections.size === 0) this.#closed();
    });
  }

  #onRequest(incoming: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(incoming.socket);
    if (connection === undefined || connection.openRequests >= MAX_PIPELINED) {
      incoming.socket.destroy();
      return;
    }
    this.#serve(connection, incoming, response);
  }

  #serve(connection: HttpConnection, incoming: IncomingMessage, response: ServerResponse): void {
    const { bodyMs = BODY_MS, keepAliveMs = KEEP_ALIVE_MS } = this.#options;
    const gone = new AbortController();
    connection.open.add(gone);
    connection.expectNothing();
    response.once('close', () => {
      if (!response.writableFinished) gone.abort();
      connection.open.delete(gone);
      if (connection.openRequests > 0) return;
      if (this.#closed !== undefined) connection.socket.destroy();
      else if (this.#connections.has(connection.socket)) connection.expectWithin(keepAliveMs);
    });
    this.#answer(connection, incoming, gone.signal)
      .then((answer) => {
        releaseOn(gone.signal, answer);
        if (gone.signal.aborted || response.destroyed) return;
        this.#watchEnd(answer);
        connection.expectWithin(bodyMs);
        const isSending = !incoming.complete && hasBody(incoming);
        respond(response, answer, {
          withoutBody: incoming.method === 'HEAD',
          ...(isSending && { linger: () => discardRest(incoming, this.#options.clock) }),
          // The rest of a body that nobody wants would be taken for the next request.
          close: this.#closed !== undefined || !incoming.complete || !response.shouldKeepAlive,
          onProgress: () => connection.expectWithin(bodyMs),
        });
      })
      .catch((error: unknown) => {
        this.#options.log.error('http.answer_failed', {}, error);
        connection.socket.destroy();
      });
  }

  #watchEnd({ body, isEndless }: HttpResponse): void {
    if (isEndless !== true || !(body instanceof Readable)) return;
    this.#endless.add(body);
    body.once('close', () => this.#endless.delete(body));
    if (this.#closed !== undefined) body.destroy();
  }

  async #answer(connection: HttpConnection, incoming: IncomingMessage, signal: AbortSignal): Promise<HttpResponse> {
    const target = parseTarget(incoming);
    if (target === undefined) return textResponse(400, 'Bad request.');
    const route = this.#options.routes.find(target.host, target.path);
    const answer = await this.#routed(route, target, { connection, incoming, signal });
    this.#options.answered?.(route?.path, answer.status);
    const crossOrigin = route?.crossOrigin === undefined ? {} : { 'access-control-allow-origin': '*' };
    return { ...answer, headers: { ...answer.headers, ...crossOrigin } };
  }

  async #routed(route: Route | undefined, target: Target, context: RequestContext): Promise<HttpResponse> {
    const { incoming } = context;
    if (route === undefined) {
      if (!this.#upgrades.has(target.path)) return textResponse(404, 'Not found.');
      return textResponse(426, 'This address is for WebSocket.', { upgrade: 'websocket', connection: 'upgrade' });
    }
    if (incoming.method === 'OPTIONS' && route.refusesPreflight) {
      return refusalOf(route, new HttpError(403, 'Not for other sites.', { allow: allowedMethods(route) }));
    }
    if (incoming.method === 'OPTIONS') return { status: 204, headers: optionsHeaders(route) };
    const method = HTTP_METHODS.find((known) => known === (incoming.method === 'HEAD' ? 'GET' : incoming.method));
    const handler = method === undefined ? undefined : route.handlers.get(method);
    if (method === undefined || handler === undefined) {
      return refusalOf(route, new HttpError(405, 'Method not allowed.', { allow: allowedMethods(route) }));
    }
    return this.#handled(handler, route, this.#request(method, target, context));
  }

  async #handled(handler: HttpHandler, route: Route, request: HttpRequest): Promise<HttpResponse> {
    try {
      return await handler(request);
    } catch (error) {
      if (error instanceof HttpError) return refusalOf(route, error);
      // The route's path and not the request's, which may hold a token.
      this.#options.log.error('http.handler_failed', { method: request.method, route: route.path }, error);
      return refusalOf(route, new HttpError(500, 'Internal server error.'));
    }
  }

  #request(method: HttpMethod, target: Target, { connection, incoming, signal }: RequestContext): HttpRequest {
    const { clock, bodyMs = BODY_MS } = this.#options;
    const { secure, remoteAddress } = this.#peer(connection, incoming);
    return {
      method,
      ...target,
      headers: incoming.headers,
      secure,
      remoteAddress,
      signal,
      incoming,
      body: (maxBytes, withinMs = bodyMs) => readBody(incoming, { maxBytes, bodyMs: withinMs, clock }),
    };
  }

  #onUpgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(socket);
    const target = parseTarget(incoming);
    if (connection === undefined || connection.openRequests > 0) {
      socket.destroy();
      return;
    }
    const handler = target === undefined ? undefined : this.#upgrades.get(target.path);
    if (handler === undefined || incoming.headers.upgrade?.toLowerCase() !== 'websocket') {
      this.#serveWithoutUpgrade(connection, incoming);
      return;
    }
    const { secure, remoteAddress } = this.#peer(connection, incoming);
    this.#forget(connection);
    handler({ incoming, socket, head, secure, remoteAddress });
  }

  #peer(connection: HttpConnection, { headers }: IncomingMessage): Peer {
    const { isTrustedProxy } = this.#options;
    if (isTrustedProxy?.(connection.remoteAddress) !== true) return connection;
    return clientOf(connection, headers, isTrustedProxy);
  }

  /** A server may ignore a wish to upgrade, such as that of many clients for `h2c`. RFC 9110 §7.8. */
  #serveWithoutUpgrade(connection: HttpConnection, incoming: IncomingMessage): void {
    const { socket } = connection;
    const response = new ServerResponse(incoming);
    socket.on('error', () => socket.destroy());
    // Node has let go of the socket, so that neither a body nor another request can be read from it.
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => socket.destroySoon());
    if (incoming.method === 'GET' || incoming.method === 'HEAD') {
      this.#serve(connection, incoming, response);
    } else {
      connection.expectWithin(this.#options.headerMs ?? HEADER_MS);
      respond(response, textResponse(400, 'Not upgraded.'), { withoutBody: false, close: true, onProgress: () => {} });
    }
  }

  #onClientError(error: Error, socket: Duplex): void {
    const connection = this.#connections.get(socket);
    // Amid an answer another one would be read as part of it.
    if (connection?.openRequests !== 0 || !socket.writable) {
      socket.destroy();
      return;
    }
    const isTooLarge = 'code' in error && error.code === 'HPE_HEADER_OVERFLOW';
    const status = isTooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  #forget(connection: HttpConnection): void {
    connection.expectNothing();
    this.#connections.delete(connection.socket);
    // Node tells those answers nothing that wait behind another one.
    for (const gone of connection.open) gone.abort();
    if (this.#connections.size === 0) this.#closed?.();
  }
}

interface RequestContext {
  readonly connection: HttpConnection;
  readonly incoming: IncomingMessage;
  readonly signal: AbortSignal;
}

type Target = Pick<HttpRequest, 'host' | 'path' | 'query'>;

/** Takes the request target in its origin and absolute forms apart; others are of no use here. RFC 9112 §3.2. */
function parseTarget(incoming: IncomingMessage): Target | undefined {
  const target = incoming.url ?? '';
  const isOrigin = target.startsWith('/');
  try {
    const url = new URL(isOrigin ? `http://${incoming.headers.host}${target}` : target);
    if (url.username !== '' || url.password !== '' || !/^https?:$/.test(url.protocol)) return undefined;
    return { host: url.hostname, path: url.pathname, query: url.searchParams };
  } catch {
    return undefined;
  }
}

function refusalOf({ refuse }: Route, error: HttpError): HttpResponse {
  return refuse?.(error) ?? textResponse(error.status, error.message, error.headers);
}

function optionsHeaders(route: Route): Record<string, string> {
  const allow = allowedMethods(route);
  if (route.crossOrigin === undefined) return { allow };
  return {
    allow,
    'access-control-allow-methods': allow,
    'access-control-allow-headers': ['content-type', ...(route.crossOrigin.headers ?? [])].join(', '),
    'access-control-max-age': String(PREFLIGHT_SECONDS),
  };
}
