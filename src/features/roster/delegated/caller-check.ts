import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../../config/secret.ts';
import { HttpError, type HttpRequest } from '../../../http/message.ts';
import { addressGroup } from '../../../net/address.ts';
import { AddressRanges } from '../../../net/address-ranges.ts';
import type { Clock } from '../../../util/clock.ts';
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
export type RefusalReason = 'address' | 'forwarded' | 'token' | 'timestamp' | 'signature' | 'replay' | 'rate';

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
  readonly signed: Signed | undefined;
}

/** What a signature is over beside the content, and itself. */
interface Signed {
  readonly timestamp: string;
  readonly signature: Buffer;
}

/** Tells who may ask for refreshes; of what it compares secrets with, it keeps hashes where it can. */
export class CallerCheck {
  readonly #allowed: AddressRanges | undefined;
  readonly #isOpenToThisMachine: boolean;
  readonly #tokens: readonly Buffer[];
  readonly #keys: readonly Secret[];
  readonly #replays: ReplayMemory;
  readonly #clock: Clock;

  constructor({ bearerTokens, hmacSecrets, allowAddresses }: CallerOptions, replays: ReplayMemory, clock: Clock) {
    this.#isOpenToThisMachine = bearerTokens.length + hmacSecrets.length + allowAddresses.length === 0;
    const ranges = this.#isOpenToThisMachine ? LOOPBACK : allowAddresses;
    this.#allowed = ranges.length === 0 ? undefined : new AddressRanges(ranges);
    this.#tokens = bearerTokens.map((token) => sha256(token.reveal()));
    this.#keys = hmacSecrets;
    this.#replays = replays;
    this.#clock = clock;
  }

  /** Checks what can be checked before the body is read. Throws CallerRefused. */
  recognise(request: Pick<HttpRequest, 'remoteAddress' | 'incoming'>): Claim {
    this.#checkAddress(request);
    const token = this.#tokens.length === 0 ? undefined : this.#tokenIn(request);
    const signed = this.#keys.length === 0 ? undefined : this.#signedBy(request);
    return { caller: token ?? `address ${addressGroup(request.remoteAddress)}`, signed };
  }

  /**
   * Checks the signature, if there has to be one, over the content: a POST's body, a GET's path with its query. Returns who the caller is.
   * Throws CallerRefused, also when the same request has come before.
   */
  prove({ caller, signed }: Claim, content: string | Uint8Array): string {
    if (signed === undefined) return caller;
    const expected = this.#keys.map((key) =>
      createHmac('sha256', key.reveal()).update(`${signed.timestamp}.`).update(content).digest(),
    );
    const match = matching(signed.signature, expected);
    if (match === undefined) throw unsigned('signature', 'X-Signature does not fit this request.');
    if (!this.#replays.isNew(signed.signature.toString('base64'), this.#clock.monotonic())) {
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

  #tokenIn({ incoming }: Pick<HttpRequest, 'incoming'>): string {
    const [, token] = BEARER.exec(only(incoming, 'authorization')) ?? [];
    const hash = token === undefined ? undefined : sha256(Buffer.from(token, 'latin1'));
    if (hash === undefined || matching(hash, this.#tokens) === undefined) {
      const text = hash === undefined ? 'A bearer token is needed.' : 'This is not the bearer token.';
      throw new CallerRefused(401, 'token', text, { 'www-authenticate': 'Bearer' });
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
