import type { PeerCertificate } from 'node:tls';
import type { JID } from '../jid.ts';
import type { Awaitable } from '../util/awaitable.ts';

/** The hash functions of the SCRAM mechanisms: RFC 5802, RFC 7677 and SCRAM-SHA-512. */
export type ScramHash = 'SHA-1' | 'SHA-256' | 'SHA-512';

/** What is kept of a password for one hash function. RFC 5802 §3. */
export interface ScramKeys {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Answers what the mechanisms must know of the accounts of one host. User names are prepared localparts. */
export interface CredentialSource {
  /** The keys of an account, or undefined when there is no such account or it has none for this hash. */
  scramKeys(username: string, hash: ScramHash): Awaitable<ScramKeys | undefined>;
  /** Whether the password is right. Takes the same time for an unknown account. */
  verifyPassword(username: string, password: string): Promise<boolean>;
  /** Whether the account exists, for mechanisms that prove the name by other means (EXTERNAL). */
  exists(username: string): Awaitable<boolean>;
}

/** The channel-binding types that we can compute: RFC 9266 and RFC 5929 §4. */
export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point';

/** What an exchange knows of the stream that it runs on. */
export interface SaslContext {
  readonly domain: string;
  readonly credentials: CredentialSource;
  /** Whether the stream is protected by TLS. */
  readonly secure: boolean;
  /** Whether PLAIN may be used without TLS: the operator asked for it. */
  readonly allowPlaintext: boolean;
  /** The channel-binding data of this connection, or undefined when the type cannot be had here. */
  channelBinding(type: ChannelBindingType): Buffer | undefined;
  /** The client's certificate when one was presented and its chain verified. */
  readonly peerCertificate: PeerCertificate | undefined;
}

/** What one step of an exchange leads to. Failure is a thrown SaslError. */
export type SaslStep =
  | { readonly kind: 'challenge'; readonly data: Buffer }
  | {
      readonly kind: 'success';
      /** The authenticated account: a bare JID of this host; for ANONYMOUS one made for the occasion. */
      readonly jid: JID;
      /** Additional data with success. RFC 6120 §6.3.10. */
      readonly data?: Buffer;
      readonly anonymous?: boolean;
    };

/** One run of a mechanism on one stream. */
export interface SaslExchange {
  /** Takes the client's initial response (undefined: none was sent) or its answer to the last challenge. */
  step(input: Buffer | undefined): Awaitable<SaslStep>;
  /** The name that the client claims, once known, for throttling and the log. */
  readonly claimedName: string | undefined;
}

/** A SASL mechanism. It does no I/O of its own. */
export interface SaslMechanism {
  readonly name: string;
  /** Whether it can be offered on such a stream. */
  usable(context: SaslContext): boolean;
  start(context: SaslContext): SaslExchange;
}
