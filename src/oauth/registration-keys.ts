import { createHmac } from 'node:crypto';
import type { Clock } from '../util/clock.ts';
import { unguessableBytes } from '../util/ids.ts';
import { Client, type ClientMetadata } from './client.ts';
import { OAuthError } from './errors.ts';
import { algorithmsOf, type JsonObject, type JwsAlgorithm, type JwsKey, pemKey, signJwt, verifyJwt } from './jws.ts';
import { parseMetadata } from './registration.ts';

/** A configured key: any text for HS256, a private key in PEM for other algorithms. */
export interface RegistrationKey {
  readonly text: string;
  readonly algorithm: JwsAlgorithm;
}

export interface RegistrationKeysOptions {
  /** Registrations of one host are unknown to the others. */
  readonly host: string;
  /** What new clients are signed with. */
  readonly current: RegistrationKey;
  /** What clients were signed with before, and are still known by. */
  readonly previous?: readonly RegistrationKey[];
  /** How long a registration holds; undefined: for ever. */
  readonly ttlMs?: number | undefined;
  readonly clock: Pick<Clock, 'now'>;
}

interface HostKey {
  readonly jws: JwsKey;
  /** What secrets are derived with. */
  readonly secretKey: Buffer;
}

/** An identifier travels in addresses and headers. */
const MAX_CHARS = 4096;
const NONCE_BYTES = 9;

/**
 * The keys that make and recognise the clients of one host. A registration is nowhere but in the identifier of the client,
 * which is a JWT of its metadata.
 */
export class RegistrationKeys {
  readonly #host: string;
  readonly #keys: readonly [HostKey, ...HostKey[]];
  readonly #ttlSeconds: number | undefined;
  readonly #clock: Pick<Clock, 'now'>;

  /** Throws TypeError for a text that is no key for its algorithm. */
  constructor({ host, current, previous = [], ttlMs, clock }: RegistrationKeysOptions) {
    this.#host = host;
    this.#keys = [prepare(current, host), ...previous.map((key) => prepare(key, host))];
    this.#ttlSeconds = ttlMs === undefined ? undefined : Math.floor(ttlMs / 1000);
    this.#clock = clock;
  }

  /** Registers a client. Rejects with OAuthError `invalid_client_metadata` if its identifier were too long. RFC 7591 §3.2.1. */
  async sign(metadata: ClientMetadata): Promise<Client> {
    const [{ jws, secretKey }] = this.#keys;
    const issuedAt = this.#now();
    const expiresAt = this.#expiryOf(issuedAt);
    const payload = {
      ...metadata,
      ...(jws.algorithm === 'HS256' ? {} : { host: this.#host }),
      ...(metadata.token_endpoint_auth_method === 'none' ? {} : { nonce: newNonce() }),
      iat: issuedAt,
      ...(expiresAt === undefined ? {} : { exp: expiresAt }),
    };
    const id = await signJwt(payload, jws);
    if (id.length > MAX_CHARS) {
      throw new OAuthError('invalid_client_metadata', `The client_id would be longer than ${MAX_CHARS} characters.`);
    }
    return new Client({ id, metadata, issuedAt, expiresAt, secretKey });
  }

  /** The client that an identifier stands for; undefined for one that is not of this host, or has expired. */
  async verify(clientId: string): Promise<Client | undefined> {
    if (clientId.length > MAX_CHARS) return undefined;
    for (const { jws, secretKey } of this.#keys) {
      const payload = await verifyJwt(clientId, jws);
      if (payload !== undefined) return this.#clientOf(clientId, payload, jws, secretKey);
    }
    return undefined;
  }

  /** The device code that belongs to a user code, in its normal form: nobody else can tell it. RFC 8628 §3.2. */
  deviceCodeOf(userCode: string): string {
    const [{ secretKey }] = this.#keys;
    return createHmac('sha256', secretKey).update(userCode).digest('base64url');
  }

  #clientOf(id: string, payload: JsonObject, { algorithm }: JwsKey, secretKey: Buffer): Client | undefined {
    const { iat: issuedAt, host } = payload;
    const metadata = parseMetadata(payload);
    if (metadata === undefined || typeof issuedAt !== 'number') return undefined;
    if (algorithm !== 'HS256' && host !== this.#host) return undefined;
    const expiresAt = this.#expiryOf(issuedAt);
    if (expiresAt !== undefined && expiresAt <= this.#now()) return undefined;
    return new Client({ id, metadata, issuedAt, expiresAt, secretKey });
  }

  #expiryOf(issuedAt: number): number | undefined {
    return this.#ttlSeconds === undefined ? undefined : issuedAt + this.#ttlSeconds;
  }

  #now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

/** Whether a text is a key for its algorithm: any text for HS256, and for others a private key in PEM that suits it. */
export function isRegistrationKey({ text, algorithm }: RegistrationKey): boolean {
  return algorithm === 'HS256' || algorithmsOf(text).includes(algorithm);
}

/** The key of one host: `HMAC-SHA-256(key, hostname)`. */
export function hostKey(text: string, host: string): Buffer {
  return createHmac('sha256', text).update(host).digest();
}

function prepare({ text, algorithm }: RegistrationKey, host: string): HostKey {
  const secretKey = hostKey(text, host);
  return { jws: algorithm === 'HS256' ? { algorithm, secret: secretKey } : pemKey(text, algorithm), secretKey };
}

/** Makes two registrations of the same metadata two clients. */
function newNonce(): string {
  return unguessableBytes(NONCE_BYTES).toString('base64url');
}
