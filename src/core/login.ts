import type { Awaitable } from '../util/awaitable.ts';
import type { Role } from './roles.ts';
import { Service } from './service.ts';

/** What a client says of itself at login; nobody but the account's owner is shown it. XEP-0388 §2.2. */
export interface UserAgent {
  readonly software: string | undefined;
  readonly device: string | undefined;
}

/** How the client of a stream or session got in. */
export interface Login {
  /** The SASL mechanism. */
  readonly mechanism: string;
  /**
   * When the client sent what proves who it is, in milliseconds since the Unix epoch: whatever is revoked or changed from then
   * on, while that is checked too, ends what comes of the login.
   */
  readonly at: number;
  readonly role: Role;
  /** The identifier of the client's installation, a UUID in lower case; undefined if it gave none. Never shown to others. */
  readonly clientId: string | undefined;
  readonly userAgent: UserAgent | undefined;
  /** Where it connected from. Never stored: undefined after a restart of the server. */
  readonly address?: string | undefined;
  /** The grant that the login depends on, for those that did not use the password. */
  readonly grantId: string | undefined;
  /** The token of the grant that was used, if the login was by a bearer token: it ends with it, too. */
  readonly tokenId?: string | undefined;
  /** The only resource that may be bound, where the grant says so. Not stored: by then it is bound. */
  readonly resource?: string | undefined;
}

/** Provided where only those clients may log in that give an identifier, which takes SASL2. XEP-0388 §2.2. */
export const identifiedClientsOnly = new Service<true>('identified-clients-only');

/** Says which accounts let clients in by grants only, and not by their password. Localparts are prepared ones. */
export interface PasswordLogins {
  areRefused(local: string): Awaitable<boolean>;
}

/** Provided where owners of accounts may decide that. */
export const passwordLogins = new Service<PasswordLogins>('password-logins');
