import type { JID } from '../jid.ts';
import type { FastUse } from '../sasl/authenticate.ts';
import type { TokenAttempt } from '../sasl/sasl2.ts';
import type { Login } from './login.ts';
import type { Role } from './roles.ts';
import { Service } from './service.ts';

/** An attempt to log in with a token, and what is known of the token once it is proved. */
export interface FastLogin extends TokenAttempt {
  /** The token is old enough to be replaced. */
  readonly isDue: boolean;
  /** The grant that the token was derived from, and the role that it gave; undefined when a password was used. */
  readonly derivedFrom: { readonly grantId: string; readonly role: Role } | undefined;
}

/** A token on its way to its client, the only place where it will be. */
export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** Tokens in the place of passwords, of one host. XEP-0484. */
export interface Fast {
  /** The tokens of one client of whichever account it says it belongs to. */
  attempt(clientId: string, use: FastUse): FastLogin;
  /**
   * Makes a new token for a client that has logged in; resolves when it is durable. Undefined when those that the client had
   * were revoked since it sent its login: it may have got in by one of them.
   */
  issue(jid: JID, clientId: string, mechanism: string, login: Login): Promise<IssuedToken | undefined>;
}

/** Provided where clients may log in with tokens. */
export const fast = new Service<Fast>('fast');
