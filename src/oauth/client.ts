import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** The grant type of the device flow. RFC 8628 §3.4. */
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/** The grant types that this server knows; which of them are open is up to the configuration. RFC 7591 §2. */
export const GRANT_TYPES = ['authorization_code', 'refresh_token', DEVICE_CODE, 'implicit', 'password'] as const;
export type GrantType = (typeof GRANT_TYPES)[number];

/** The response types that this server knows. RFC 6749 §3.1.1. */
export const RESPONSE_TYPES = ['code', 'token'] as const;
export type ResponseType = (typeof RESPONSE_TYPES)[number];

/** How a client proves who it is; `none` is a public client, which cannot. RFC 7591 §2. */
export const CLIENT_AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const;
export type ClientAuthMethod = (typeof CLIENT_AUTH_METHODS)[number];

/** Where a client runs. OpenID Connect Dynamic Client Registration §2. */
export const APPLICATION_TYPES = ['web', 'native'] as const;
export type ApplicationType = (typeof APPLICATION_TYPES)[number];

/** How an ID token may be signed. RFC 7518 §3.1. */
export const ID_TOKEN_ALGORITHMS = ['ES256', 'RS256', 'HS256'] as const;
export type IdTokenAlgorithm = (typeof ID_TOKEN_ALGORITHMS)[number];

/** What a client registered, in the names of RFC 7591 §2; those with a `#` are in the language that follows it (§2.2). */
export interface ClientMetadata {
  readonly client_name: string;
  readonly client_uri: string;
  /** Empty for clients that need none. */
  readonly redirect_uris: readonly string[];
  readonly application_type: ApplicationType;
  readonly token_endpoint_auth_method: ClientAuthMethod;
  readonly grant_types: readonly GrantType[];
  readonly response_types: readonly ResponseType[];
  readonly logo_uri?: string;
  readonly tos_uri?: string;
  readonly policy_uri?: string;
  /** A list with spaces: all that the client may ever ask for; undefined: whatever it asks for. */
  readonly scope?: string;
  readonly contacts?: readonly string[];
  readonly software_id?: string;
  readonly software_version?: string;
  readonly id_token_signed_response_alg?: IdTokenAlgorithm;
  readonly [localised: `${string}#${string}`]: string;
}

/** What a client is made of. */
export interface ClientOptions {
  readonly id: string;
  readonly metadata: ClientMetadata;
  /** In seconds since the Unix epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number | undefined;
  /** What the secret is derived with: 32 bytes that belong to the key that signed the identifier. */
  readonly secretKey: Uint8Array;
}

/** A client, as its identifier tells: one that this server registered, and whose registration has not expired. */
export class Client {
  readonly id: string;
  readonly metadata: ClientMetadata;
  /** In seconds since the Unix epoch. */
  readonly issuedAt: number;
  /** In seconds since the Unix epoch; undefined: never. */
  readonly expiresAt: number | undefined;
  readonly #secretKey: Uint8Array;

  constructor({ id, metadata, issuedAt, expiresAt, secretKey }: ClientOptions) {
    this.id = id;
    this.metadata = metadata;
    this.issuedAt = issuedAt;
    this.expiresAt = expiresAt;
    this.#secretKey = secretKey;
  }

  /** What grants remember of the identifier: base64url of its SHA-256. */
  get hash(): string {
    return createHash('sha256').update(this.id).digest('base64url');
  }

  /** Whether it has no secret. RFC 6749 §2.1. */
  get isPublic(): boolean {
    return this.metadata.token_endpoint_auth_method === 'none';
  }

  /** The secret, derived from the identifier: 64 hexadecimal digits; undefined for a public client. */
  get secret(): string | undefined {
    return this.isPublic ? undefined : clientSecret(this.#secretKey, this.id);
  }

  /** Whether this is the secret, in a time that does not tell how much of it is right. */
  hasSecret(given: string): boolean {
    const { secret } = this;
    if (secret === undefined) return false;
    const [right, other] = [Buffer.from(secret), Buffer.from(given)];
    return right.length === other.length && timingSafeEqual(right, other);
  }

  /** The text of a field in a language that it was registered in, or else as registered without one. RFC 7591 §2.2. */
  localised(
    field: 'client_name' | 'client_uri' | 'logo_uri' | 'tos_uri' | 'policy_uri',
    locale: string,
  ): string | undefined {
    return this.metadata[`${field}#${locale}`] ?? this.metadata[field];
  }
}

/** Derives a secret: `hex(HMAC-SHA-256(key, client_id))`. */
export function clientSecret(secretKey: Uint8Array, clientId: string): string {
  return createHmac('sha256', secretKey).update(clientId).digest('hex');
}
