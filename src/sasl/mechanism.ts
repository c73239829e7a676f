import type { X509Certificate } from 'node:crypto';
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

/** Whether the owner of an account may use it now. */
export type AccountStatus = 'enabled' | 'disabled';

/** Answers what the mechanisms must know of the accounts of one host. User names are prepared localparts. */
export interface CredentialSource {
  /** The keys of an account, or undefined when there is no such account or it has none for this hash. */
  scramKeys(username: string, hash: ScramHash): Awaitable<ScramKeys | undefined>;
  /** Whether the password is right. Takes the same work for an unknown account. */
  verifyPassword(username: string, password: string): Promise<boolean>;
  /** Whether the account may be used, or undefined when there is none; asked after the proof. */
  status(username: string): Awaitable<AccountStatus | undefined>;
}

/** The channel-binding types that we can compute: RFC 9266, RFC 5929 §4 and §3. */
export type ChannelBindingType = 'tls-exporter' | 'tls-server-end-point' | 'tls-unique';

/** What a bearer token gives access to, as far as a login is concerned. RFC 6750. */
export interface TokenAccess {
  /** The bare JID of the account. */
  readonly jid: JID;
  /** The name of the role that a login with it has; undefined: it is not good for a login. */
  readonly role: string | undefined;
  readonly grantId: string;
  readonly tokenId: string;
}

/** Where mechanisms have bearer tokens checked. */
export interface TokenSource {
  /** What a token gives access to, be the account disabled or not; undefined for one that is not good. */
  verifyForLogin(token: string): Awaitable<TokenAccess | undefined>;
  /**
   * Whether a text was never a token of this host: then it is a guess. Those that have ended are none, and a thousand clients
   * behind one address may come back with them.
   */
  isMadeUp(token: string): boolean;
  /** The scope without which a token is not good for a login. */
  readonly loginScope: string;
  /** Where clients learn how to get tokens. RFC 8414 §3. */
  readonly discoveryUrl: string | undefined;
  /** Whether a token may be sent in the place of a password. */
  readonly asPasswords: boolean;
  /** Whether a text is marked as a token, and so is not meant as a password. RFC 8959. */
  isToken(text: string): boolean;
}

/** What an exchange knows of the stream that it runs on. */
export interface SaslContext {
  readonly domain: string;
  readonly credentials: CredentialSource;
  /** Whether the stream is protected by TLS. */
  readonly secure: boolean;
  /** Whether PLAIN may be used without TLS: the operator asked for it. */
  readonly allowPlaintext: boolean;
  /** The version of TLS, as four hexadecimal digits such as `0304`; undefined where it is not known here. XEP-0515 §4.1. */
  readonly tlsVersion?: string | undefined;
  /** Whether there is data of a type, where that can be told without computing it; absent: it is computed. */
  readonly hasChannelBinding?: ((type: ChannelBindingType) => boolean) | undefined;
  /** The channel-binding data of this connection, or undefined when the type cannot be had here. */
  channelBinding(type: ChannelBindingType): Buffer | undefined;
  /** The client's certificate when one was presented and its chain verified. */
  readonly peerCertificate: X509Certificate | undefined;
  /** Undefined where there are no bearer tokens. */
  readonly tokens?: TokenSource | undefined;
}

/** What an exchange needs of the login attempt that it is part of. */
export interface SaslAttempt {
  readonly context: SaslContext;
  /** The names of the mechanisms that were offered on this stream, to detect that someone altered the offer. */
  readonly offered: ReadonlySet<string>;
  /** What SCRAM adds to its first message so that the client can detect the same; absent: nothing. XEP-0474, XEP-0515. */
  readonly offerAttributes?: (hash: ScramHash) => string;
  /**
   * Says which account the client claims: a prepared localpart, or undefined where only the credential tells. Called as soon
   * as it is known and before any secret is looked at; throws SaslError `temporary-auth-failure` when there were too many
   * failures.
   */
  readonly claim: (username: string | undefined) => void;
  /** Charges a credential that is wrong, where the exchange goes on before it fails. */
  readonly guessed: () => void;
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
      /** What the login depends on, if it was by a bearer token. */
      readonly access?: TokenAccess;
    };

/** The step of a mechanism whose client speaks first, when the client sent no initial response. RFC 4422 §5. */
export const EMPTY_CHALLENGE: SaslStep = { kind: 'challenge', data: Buffer.alloc(0) };

/** One run of a mechanism on one stream; of no use after its success or failure. */
export interface SaslExchange {
  /** Takes the client's initial response (undefined: none was sent) or its answer to the last challenge. */
  step(input: Buffer | undefined): Awaitable<SaslStep>;
}

/** A SASL mechanism. It does no I/O of its own. */
export interface SaslMechanism {
  readonly name: string;
  /** Whether it can be offered on such a stream. */
  usable(context: SaslContext): boolean;
  start(attempt: SaslAttempt): SaslExchange;
}
