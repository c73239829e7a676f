import { createHash, createHmac } from 'node:crypto';
import type { Clock } from '../util/clock.ts';
import { unguessableBytes } from '../util/ids.ts';
import { type HmacKey, isJsonObject, type JsonObject, signJwt, verifyJwt } from './jws.ts';

/** What a state is for. None passes for a state of another purpose, nor for the identifier of a client. */
export interface FlowPurpose<T extends JsonObject> {
  readonly name: string;
  /** Reads what was signed; undefined for what is none of it. */
  readonly parse: (json: JsonObject) => T | undefined;
}

/** What a state belongs to, so that it serves nowhere else. */
export interface FlowBinding {
  readonly clientId: string;
  /** The query string of the flow. */
  readonly query: string;
}

/** What a text is that came back to us. */
export type FlowReading<T> =
  | { readonly status: 'valid'; readonly data: T }
  | { readonly status: 'expired' }
  | { readonly status: 'invalid' };

export interface FlowStatesOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** At least 32 bytes; made when not given, and then states end with the process. */
  readonly secret?: Uint8Array;
  readonly ttlMs?: number;
}

const TTL_MS = 600_000;
const SECRET_BYTES = 32;

/**
 * What is remembered between the pages of a login and the device that waits for it: in signed texts that pass through the
 * browser, for ten minutes. They can be read by whoever has them, and not be changed.
 */
export class FlowStates {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #secret: Uint8Array;
  readonly #ttlMs: number;

  constructor({ clock, secret = unguessableBytes(SECRET_BYTES), ttlMs = TTL_MS }: FlowStatesOptions) {
    this.#clock = clock;
    this.#secret = secret;
    this.#ttlMs = ttlMs;
  }

  /** Signs what is to be remembered. */
  async issue<T extends JsonObject>(purpose: FlowPurpose<T>, binding: FlowBinding, data: T): Promise<string> {
    const payload = { data, bound: digest(binding), exp: Math.floor((this.#clock.now() + this.#ttlMs) / 1000) };
    return signJwt(payload, this.#keyOf(purpose.name));
  }

  /** Reads what was signed for the same purpose and with the same binding. */
  async read<T extends JsonObject>(
    purpose: FlowPurpose<T>,
    binding: FlowBinding,
    text: string,
  ): Promise<FlowReading<T>> {
    const payload = await verifyJwt(text, this.#keyOf(purpose.name));
    if (payload === undefined || payload['bound'] !== digest(binding)) return { status: 'invalid' };
    const { data: json, exp } = payload;
    const data = isJsonObject(json) ? purpose.parse(json) : undefined;
    if (data === undefined || typeof exp !== 'number') return { status: 'invalid' };
    const now = this.#clock.now();
    // A clock that was set back makes nothing last longer.
    const isTimely = exp > now / 1000 && exp <= (now + this.#ttlMs) / 1000;
    return isTimely ? { status: 'valid', data } : { status: 'expired' };
  }

  #keyOf(purpose: string): HmacKey {
    return { algorithm: 'HS256', secret: createHmac('sha256', this.#secret).update(purpose).digest() };
  }
}

function digest({ clientId, query }: FlowBinding): string {
  return createHash('sha256')
    .update(JSON.stringify([clientId, query]))
    .digest('base64url');
}
