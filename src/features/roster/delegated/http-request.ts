import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { FetchFailure } from '../api.ts';
import type { Endpoint } from './endpoint.ts';
import { isPublicAddress, lookUpPublic, PrivateAddressError } from './public-addresses.ts';
import { SourceError } from './source.ts';

/** A connection that nobody uses is closed after this time, before most servers close it themselves. */
const IDLE_MS = 4_000;
/** Longer validators are not kept. */
const MAX_VALIDATOR_LENGTH = 1024;

/** With what the application can tell whether an answer is still the same. RFC 9110 §8.8. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

/** What is asked: with a body it is a POST, of JSON. */
export interface JsonRequest {
  readonly endpoint: Endpoint;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Of an answer that is known already. */
  readonly validators?: Validators | undefined;
}

/** A JSON value, or that it is the one which is known already. */
export type JsonAnswer =
  | { readonly isModified: true; readonly json: unknown; readonly validators: Validators }
  | { readonly isModified: false };

/** A request failed. */
export class HttpFailure extends SourceError {
  /** Whether the same request may well succeed soon: the network, the load or the state of the other side was the reason. */
  readonly isTransient: boolean;
  /** How long the other side wants to be left alone. RFC 9110 §10.2.3. */
  readonly retryAfter: string | undefined;

  constructor(
    reason: FetchFailure,
    message: string,
    details: ErrorOptions & { readonly isTransient?: boolean; readonly retryAfter?: string | undefined } = {},
  ) {
    super(reason, message, details);
    this.isTransient = details.isTransient ?? false;
    this.retryAfter = details.retryAfter;
  }
}

/** Asks for JSON over HTTP/1.1, on connections that are kept; follows no redirects, and verifies certificates. */
export class JsonClient {
  readonly #plain: HttpAgent;
  readonly #secure: HttpsAgent;
  readonly #maxBytes: number;
  readonly #isPublicOnly: boolean;

  constructor(options: {
    readonly maxConcurrent: number;
    readonly maxBytes: number;
    readonly denyPrivateAddresses: boolean;
  }) {
    const pool = { keepAlive: true, timeout: IDLE_MS, maxSockets: options.maxConcurrent };
    this.#plain = new HttpAgent(pool);
    this.#secure = new HttpsAgent({ ...pool, rejectUnauthorized: true });
    this.#maxBytes = options.maxBytes;
    this.#isPublicOnly = options.denyPrivateAddresses;
  }

  /**
   * Sends a request and reads the answer. When `signal` is aborted it rejects with its reason, and the connection is ended.
   * @throws HttpFailure
   */
  async send(request: JsonRequest, signal: AbortSignal): Promise<JsonAnswer> {
    const { hostname } = request.endpoint;
    if (this.#isPublicOnly && isIP(hostname) !== 0 && !isPublicAddress(hostname)) {
      throw new HttpFailure('refused', `${hostname} is no public address`);
    }
    try {
      return await this.#exchange(request, signal);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      // The other side had closed the connection before this request was on it: that says nothing about the request.
      return this.#exchange(request, signal);
    }
  }

  /** Closes the connections that nobody uses. */
  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  async #exchange(request: JsonRequest, signal: AbortSignal): Promise<JsonAnswer> {
    signal.throwIfAborted();
    const sent = this.#open(request);
    const abort = (): void => void sent.destroy();
    signal.addEventListener('abort', abort);
    try {
      const response = await responseTo(sent, request.body);
      const { statusCode = 0 } = response;
      if (statusCode === 304 && hasValidators(request.validators)) {
        response.resume();
        return { isModified: false };
      }
      if (statusCode !== 200) throw statusFailure(statusCode, response);
      const json = parse(await bodyOf(response, this.#maxBytes));
      return { isModified: true, json, validators: validatorsOf(response) };
    } catch (error) {
      sent.destroy();
      if (signal.aborted) throw signal.reason;
      throw error instanceof HttpFailure ? error : networkFailure(error);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #open({ endpoint, headers, body, validators }: JsonRequest): ClientRequest {
    const options = {
      hostname: endpoint.hostname,
      port: endpoint.port,
      path: endpoint.target,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/json, text/plain, */*',
        ...headers,
        ...(validators?.etag === undefined ? {} : { 'if-none-match': validators.etag }),
        ...(validators?.lastModified === undefined ? {} : { 'if-modified-since': validators.lastModified }),
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      ...(this.#isPublicOnly ? { lookup: lookUpPublic } : {}),
    };
    return endpoint.isTls
      ? httpsRequest({ ...options, agent: this.#secure })
      : httpRequest({ ...options, agent: this.#plain });
  }
}

/** A connection that was kept turned out to be closed; so may be the next one, when the other side was started anew. */
class StaleConnection extends HttpFailure {}

function responseTo(sent: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.on('response', (response) => {
      // What comes after the exchange is over, such as the end of the connection, is nobody's error.
      response.on('error', () => {});
      resolve(response);
    });
    sent.on('error', (error) =>
      reject(isStale(sent, error) ? new StaleConnection('refused', error.message, { isTransient: true }) : error),
    );
    sent.on('close', () => reject(new Error('the connection was closed without an answer')));
    sent.end(body);
  });
}

function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLarge = (): void => reject(new HttpFailure('too_large', `the answer has more than ${maxBytes} bytes`));
    if (Number(response.headers['content-length']) > maxBytes) return tooLarge();
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) tooLarge();
      else chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks)));
    response.on('error', reject);
    response.on('close', () => reject(new Error('the connection was closed within the answer')));
  });
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    // What the parser says quotes the text, which is nobody's business but the user's.
    throw new HttpFailure('bad_json', 'the answer is not JSON');
  }
}

function hasValidators(validators: Validators | undefined): boolean {
  return validators?.etag !== undefined || validators?.lastModified !== undefined;
}

function validatorsOf({ headers }: IncomingMessage): Validators {
  const { etag, 'last-modified': lastModified } = headers;
  return {
    ...(isValidator(etag) ? { etag } : {}),
    ...(isValidator(lastModified) ? { lastModified } : {}),
  };
}

/** Whether a text can be sent back as the validator of what is known. */
export function isValidator(text: unknown): text is string {
  return typeof text === 'string' && text.length <= MAX_VALIDATOR_LENGTH && /^[\x20-\x7e\x80-\xff]+$/.test(text);
}

function statusFailure(status: number, { headers }: IncomingMessage): HttpFailure {
  const isTransient = status === 429 || status >= 500;
  const reason = status >= 500 ? 'http_5xx' : status >= 400 ? 'http_4xx' : 'http_other';
  const retryAfter = isTransient ? headers['retry-after'] : undefined;
  return new HttpFailure(reason, `the answer has status ${status}`, { isTransient, retryAfter });
}

function networkFailure(error: unknown): HttpFailure {
  if (codeOf(error).startsWith('HPE_'))
    return new HttpFailure('http_other', 'the answer is not HTTP', { cause: error });
  if (error instanceof PrivateAddressError) return new HttpFailure('refused', error.message, { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new HttpFailure('refused', `the request failed: ${message}`, { cause: error, isTransient: true });
}

function isStale(sent: ClientRequest, error: Error): boolean {
  return sent.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
