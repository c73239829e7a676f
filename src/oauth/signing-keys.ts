import { CompactSign, calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import type { JID } from '../jid.ts';
import type { Client, IdTokenAlgorithm } from './client.ts';
import { algorithmsOf, type JsonObject, type KeyPair, pemKey } from './jws.ts';

/** The algorithms of keys of ours; HS256 signs with the client's secret. */
const KEY_ALGORITHMS = ['ES256', 'RS256'] as const;

export interface SigningKeysOptions {
  /** A private key in PEM: on the curve P-256, or RSA of at least 2048 bits. */
  readonly current: string | undefined;
  /** Keys that signed before: they are still published, so that what they signed can be verified. */
  readonly previous?: readonly string[];
}

/** What an ID token says. OpenID Connect Core §2. */
export interface IdTokenFacts {
  readonly issuer: string;
  readonly jid: JID;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** When the password was typed, in milliseconds since the Unix epoch. */
  readonly authTime: number;
  /** Of the authorization request. */
  readonly nonce: string | undefined;
  /** How the person was authenticated. RFC 8176 §2. */
  readonly amr: readonly string[];
}

interface SigningKey {
  readonly algorithm: (typeof KEY_ALGORITHMS)[number];
  readonly jws: KeyPair;
  readonly kid: string;
  readonly jwk: JWK;
}

const TTL_SECONDS = 3600;

/** The keys that sign ID tokens: those of the server, and the secrets of clients. */
export class SigningKeys {
  readonly #keys: readonly SigningKey[];
  readonly #hasCurrent: boolean;

  private constructor(keys: readonly SigningKey[], hasCurrent: boolean) {
    this.#keys = keys;
    this.#hasCurrent = hasCurrent;
  }

  /** Reads the keys. Rejects with TypeError for a text that is no such key. */
  static async open({ current, previous = [] }: SigningKeysOptions): Promise<SigningKeys> {
    const texts = current === undefined ? previous : [current, ...previous];
    return new SigningKeys(await Promise.all(texts.map(readKey)), current !== undefined);
  }

  /** With what new ID tokens can be signed, the default first. */
  get algorithms(): readonly IdTokenAlgorithm[] {
    const current = this.#current;
    return current === undefined ? ['HS256'] : [current.algorithm, 'HS256'];
  }

  /** The public keys, without a private part. RFC 7517 §5. */
  get jwks(): { readonly keys: readonly JWK[] } {
    return { keys: this.#keys.map(({ jwk }) => jwk) };
  }

  /**
   * Signs an ID token for a client: with the algorithm that it registered, as long as there is a key for it, or else with the
   * server's key, or else with the client's secret. Undefined for a client without a secret where there is no key.
   */
  async signIdToken(client: Client, facts: IdTokenFacts): Promise<string | undefined> {
    const payload = Buffer.from(JSON.stringify(claimsOf(client, facts)));
    const key = this.#keyFor(client);
    if (key !== undefined) {
      const { algorithm, kid, jws } = key;
      return new CompactSign(payload).setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' }).sign(jws.signing);
    }
    const { secret } = client;
    if (secret === undefined) return undefined;
    return new CompactSign(payload).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(Buffer.from(secret));
  }

  get #current(): SigningKey | undefined {
    return this.#hasCurrent ? this.#keys[0] : undefined;
  }

  #keyFor({ metadata }: Client): SigningKey | undefined {
    const wanted = metadata.id_token_signed_response_alg;
    if (wanted === 'HS256') return undefined;
    return this.#keys.find(({ algorithm }) => algorithm === wanted) ?? this.#current;
  }
}

/** Whether a text is a key that ID tokens can be signed with: in PEM, on the curve P-256 or RSA of at least 2048 bits. */
export function isSigningKey(pem: string): boolean {
  return algorithmOf(pem) !== undefined;
}

function algorithmOf(pem: string): SigningKey['algorithm'] | undefined {
  const possible = algorithmsOf(pem);
  return KEY_ALGORITHMS.find((name) => possible.includes(name));
}

async function readKey(pem: string): Promise<SigningKey> {
  const algorithm = algorithmOf(pem);
  if (algorithm === undefined)
    throw new TypeError('the key is neither on the curve P-256 nor RSA of 2048 bits or more');
  const jws = pemKey(pem, algorithm);
  const jwk = await exportJWK(jws.verifying);
  const kid = await calculateJwkThumbprint(jwk);
  return { algorithm, jws, kid, jwk: { ...jwk, kid, alg: algorithm, use: 'sig' } };
}

function claimsOf(client: Client, { issuer, jid, now, authTime, nonce, amr }: IdTokenFacts): JsonObject {
  const iat = Math.floor(now / 1000);
  return {
    iss: issuer,
    sub: subjectOf(jid),
    aud: client.id,
    iat,
    exp: iat + TTL_SECONDS,
    auth_time: Math.floor(authTime / 1000),
    ...(nonce === undefined ? {} : { nonce }),
    amr,
  };
}

/** The identifier of an account in ID tokens, user info and introspection: `xmpp:` and the bare address. */
export function subjectOf(jid: JID): string {
  return `xmpp:${jid.bare()}`;
}
