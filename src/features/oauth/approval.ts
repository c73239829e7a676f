import type { Role } from '../../core/roles.ts';
import type { JID } from '../../jid.ts';

/** What the owner of an account has granted to a client: what a code or a device is exchanged for tokens by. */
export interface Approval {
  /** A bare JID. */
  readonly jid: JID;
  readonly scopes: readonly string[];
  /** What a login may do; undefined where the scopes give no access over XMPP. */
  readonly role: Role | undefined;
  /** When the owner proved who it is, in milliseconds since the Unix epoch. */
  readonly authenticatedAt: number;
  /** How: RFC 8176 §2. */
  readonly amr: readonly string[];
  /** Of the authorization request, for the ID token. OpenID Connect Core §3.1.2.1. */
  readonly nonce: string | undefined;
}
