import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../../config/secret.ts';
import { HttpError, type HttpRequest } from '../../../http/message.ts';
import { addressGroup } from '../../../net/address.ts';
import { AddressRanges } from '../../../net/address-ranges.ts';
import type { Clock } from '../../../util/clock.ts';
import type { GuessLimit } from './guess-limit.ts';
import type { ReplayMemory } from './replay-memory.ts';

/** How far the time of a signed request may be from ours. */
export const TIMESTAMP_WINDOW_SECONDS = 300;

const LOOPBACK = ['127.0.0.0/8', '::1'];
/** Headers by which a proxy says whom it speaks for. */
const FORWARDING = ['forwarded', 'x-forwarded-for', 'x-real-ip'];

const BEARER = /^Bearer +([^ \t]+)$/i;
/** Seconds since the Unix epoch; with a fraction for callers that sign the same twice within one. */
const TIMESTAMP = /^\d{1,11}(?:\.\d{1,9})?$/;
const SIGNATURE = /^sha256=([0-9a-f]{64})$/i;

/** What a caller has to prove: all that is configured here, or, with nothing, that it is on this machine. */
export interface CallerOptions {
  /** One of these has to be sent as a bearer token. RFC 6750 §2.1. */
  readonly bearerTokens: readonly Secret[];
  /** Under one of these a request has to be signed. */
  readonly hmacSecrets: readonly Secret[];
  /** Addresses, or ranges in CIDR notation, one of which has to have the caller. */
  readonly allowAddresses: readonly string[];
}

/** Why a caller was turned away. */
export type RefusalReason =
  | 'address'
  | 'forwarded'
  | 'token'
  | 'timestamp'
  | 'signature'
  | 'replay'
  | 'guesses'
  | 'rate';

/** A caller is turned away, before anything is done for it. */
export class CallerRefused extends HttpError {
  readonly reason: RefusalReason;

  constructor(
    status: 401 | 403 | 429,
    reason: RefusalReason,
    text: string,
    headers?: Readonly<Record<string, string>>,
  ) {
    super(status, text, headers);
    this.reason = reason;
  }
}

/** A caller that has passed all checks that need only its header. */
export interface Claim {
  /** Stands for the caller where its requests are counted. */
  readonly caller: string;
  readonly address: string;
  readonly signed: Signed | undefined;
}

/** What a signature is over beside the content, and itself. */
interface Signed {
  readonly timestamp: string;
  readonly signature: Buffer;
}

/** What is remembered of callers, whatever they have to prove. */
export interface CallerMemory {
  readonly replays: ReplayMemory;
  readonly guesses: GuessLimit;
}

/** Tells who may ask for refreshes; of what it compares secrets with, it keeps hashes where it can. */
export class CallerCheck {
  readonly #allowed: AddressRanges | undefined;
  readonly #isOpenToThisMachine: boolean;
  readonly #tokens: readonly Buffer[];
  readonly #keys: readonly Secret[];
  readonly #memory: CallerMemory;
  readonly #clock: Clock;

  constructor({ bearerTokens, hmacSecrets, allowAddresses }: CallerOptions, memory: CallerMemory, clock: Clock) {
    this.#isOpenToThisMachine = bearerTokens.length + hmacSecrets.length + allowAddresses.length === 0;
    const ranges = this.#isOpenToThisMachine ? LOOPBACK : allowAddresses;
    this.#allowed = ranges.length === 0 ? undefined : new AddressRanges(ranges);
    this.#tokens = bearerTokens.map((token) => sha256(token.reveal()));
    this.#keys = hmacSecrets;
    this.#memory = memory;
    this.#clock = clock;
  }

  /** Checks what can be checked before the body is read. Throws CallerRefused. */
  recognise(request: Pick<HttpRequest, 'remoteAddress' | 'incoming'>): Claim {
    const address = request.remoteAddress;
    this.#checkAddress(request);
    this.#checkGuesses(address);
    const token = this.#tokens.length === 0 ? undefined : this.#tokenIn(request);
    const signed = this.#keys.length === 0 ? undefined : this.#signedBy(request);
    return { caller: token ?? `address ${addressGroup(address)}`, address, signed };
  }

  /**
   * Checks the signature, if there has to be one, over the content: a POST's body, a GET's path with its query. Returns who the caller is.
   * Throws CallerRefused, also when the same request has come before.
   */
  prove({ caller, address, signed }: Claim, content: string | Uint8Array): string {
    if (signed === undefined) return caller;
    const expected = this.#keys.map((key) =>
      createHmac('sha256', key.reveal()).update(`${signed.timestamp}.`).update(content).digest(),
    );
    const match = matching(signed.signature, expected);
    if (match === undefined) {
      this.#guessed(address);
      throw unsigned('signature', 'X-Signature does not fit this request.');
    }
    if (!this.#memory.replays.isNew(signed.signature.toString('base64'), this.#clock.monotonic())) {
      throw unsigned('replay', 'This request has come before: sign it again, with another X-Timestamp.');
    }
    return `key ${match}`;
  }

  #checkAddress({ remoteAddress, incoming }: Pick<HttpRequest, 'remoteAddress' | 'incoming'>): void {
    if (this.#allowed?.has(remoteAddress) === false) {
      throw new CallerRefused(403, 'address', 'Not from this address.');
    }
    // To a proxy on this machine that nobody has told us of, the whole world would be on this machine.
    if (this.#isOpenToThisMachine && FORWARDING.some((name) => incoming.headers[name] !== undefined)) {
      throw new CallerRefused(403, 'forwarded', 'Not through a proxy, unless callers have to prove who they are.');
    }
  }

  #checkGuesses(address: string): void {
    const waitMs = this.#memory.guesses.waitMs(address, this.#clock.monotonic());
    if (waitMs === 0) return;
    const seconds = String(Math.ceil(waitMs / 1000));
    const text = `Too many wrong tokens or signatures; go on in ${seconds} s.`;
    throw new CallerRefused(429, 'guesses', text, { 'retry-after': seconds });
  }

  #guessed(address: string): void {
    this.#memory.guesses.add(address, this.#clock.monotonic());
  }

  #tokenIn({ incoming, remoteAddress }: Pick<HttpRequest, 'incoming' | 'remoteAddress'>): string {
    const [, token] = BEARER.exec(only(incoming, 'authorization')) ?? [];
    if (token === undefined) throw withoutToken('A bearer token is needed.');
    const hash = sha256(Buffer.from(token, 'latin1'));
    if (matching(hash, this.#tokens) === undefined) {
      this.#guessed(remoteAddress);
      throw withoutToken('This is not the bearer token.');
    }
    return `token ${hash.toString('base64')}`;
  }

  #signedBy({ incoming }: Pick<HttpRequest, 'incoming'>): Signed {
    const [, signature] = SIGNATURE.exec(only(incoming, 'x-signature')) ?? [];
    if (signature === undefined) throw unsigned('signature', 'X-Signature is needed, as sha256= and 64 hex digits.');
    const timestamp = only(incoming, 'x-timestamp');
    if (!TIMESTAMP.test(timestamp)) throw unsigned('timestamp', 'X-Timestamp is needed, in seconds since 1970.');
    if (Math.abs(this.#clock.now() / 1000 - Number(timestamp)) > TIMESTAMP_WINDOW_SECONDS) {
      throw unsigned(
        'timestamp',
        `X-Timestamp is more than ${TIMESTAMP_WINDOW_SECONDS} s off; compare the Date of this answer.`,
      );
    }
    return { timestamp, signature: Buffer.from(signature, 'hex') };
  }
}

function withoutToken(text: string): CallerRefused {
  return new CallerRefused(401, 'token', text, { 'www-authenticate': 'Bearer' });
}

function unsigned(reason: RefusalReason, text: string): CallerRefused {
  return new CallerRefused(401, reason, text, { 'www-authenticate': 'HMAC-SHA256' });
}

/** The value of a header that was sent exactly once, else '': of two, others may have looked at the other one. */
function only({ headersDistinct }: HttpRequest['incoming'], name: string): string {
  const [value = '', ...more] = headersDistinct[name] ?? [];
  return more.length === 0 ? value : '';
}

/** Which of the candidates it is; compares with all of them, in constant time. */
function matching(given: Buffer, candidates: readonly Buffer[]): number | undefined {
  let found: number | undefined;
  for (const [index, candidate] of candidates.entries()) if (timingSafeEqual(given, candidate)) found = index;
  return found;
}

function sha256(content: string | Uint8Array): Buffer {
  return createHash('sha256').update(content).digest();
}
