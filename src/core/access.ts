import type { HttpRequest } from '../http/message.ts';
import type { JID } from '../jid.ts';
import type { TokenAccess, TokenSource } from '../sasl/mechanism.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Role } from './roles.ts';
import { Service } from './service.ts';

/** What a bearer token gives access to. RFC 6750. */
export interface Access extends TokenAccess {
  /** A bare JID. */
  readonly jid: JID;
  /** The grant that the token belongs to, and with which it ends. */
  readonly grantId: string;
  /** Names the token within its grant, and tells nothing of its secret. */
  readonly tokenId: string;
  readonly scopes: readonly string[];
  /** What a login with it may do, as far as the account itself may; undefined: it is not good for a login. */
  readonly role: Role | undefined;
  /** The only resource that a login with it may bind; undefined: any. */
  readonly resource: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** Bearer tokens of one host: the one place that checks them, for streams and for everything served over HTTP. */
export interface BearerTokens extends TokenSource {
  /**
   * What a token gives access to; undefined for one that is malformed, of another host, unknown, expired, revoked, older
   * than the password, of an account that is disabled or gone, or not for use as a bearer token. Changes nothing but the
   * time at which the grant was last used.
   */
  verify(token: string): Awaitable<Access | undefined>;
  /** The same for logins, which look at the state of the account themselves. */
  verifyForLogin(token: string): Awaitable<Access | undefined>;
  /**
   * The access of a request by its Authorization header, which must include the scope, or any of several, the least first. Throws
   * HttpError 400, 401 or 403 with the WWW-Authenticate header of RFC 6750 §3; a token in the query string or the body is not looked at.
   */
  require(request: HttpRequest, ...scopes: readonly string[]): Promise<Access>;
  /** Where clients learn how to get tokens: RFC 8414 §3. Undefined where there is no https. */
  readonly discoveryUrl: string | undefined;
}

/** Provided where applications may have access to accounts without their passwords. */
export const bearerTokens = new Service<BearerTokens>('bearerTokens');
