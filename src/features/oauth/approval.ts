import type { FeatureHost } from '../../core/feature.ts';
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

/**
 * When somebody proved who they are, by a proof at `at`: whatever a change of the password voids from then on. A password that was
 * set at a time that is yet to come was set before the clock was set back.
 */
export async function provedAt({ users, clock }: Pick<FeatureHost, 'users' | 'clock'>, jid: JID, at: number) {
  const { passwordUpdatedAt = at } = (await users.get(jid.local)) ?? {};
  return passwordUpdatedAt > clock.now() ? passwordUpdatedAt : at;
}
