import type { FeatureHost } from '../../core/feature.ts';
import type { Login } from '../../core/login.ts';
import { grantRevoked, type SessionEvent, sessionBound, sessionResumed } from '../../core/points.ts';
import { StreamError } from '../../errors.ts';
import { clientAccess } from '../client-management/api.ts';

const ACCESS_REVOKED = new StreamError('reset', { text: 'Access revoked' });

/** Knows which tokens there are. */
export interface TokenPresence {
  /** Whether a grant is there, and the token of that name in it. */
  has(local: string, grantId: string, tokenId: string | undefined): Promise<boolean>;
}

/** Ends those sessions of an account whose logins are concerned. */
export function endSessions(
  host: Pick<FeatureHost, 'account' | 'kick'>,
  local: string,
  isConcerned: (login: Login) => boolean,
): void {
  const account = host.account(local);
  for (const session of [...(account?.sessions.values() ?? [])]) {
    const { login } = session;
    if (account !== undefined && login !== undefined && isConcerned(login)) host.kick(account, session, ACCESS_REVOKED);
  }
}

/** Sees to it that no session outlives the revocation of what it was opened by. */
export function endSessionsWithTokens(host: FeatureHost, tokens: TokenPresence): void {
  // A token may be revoked while a client logs in with it.
  const check = async ({ account, session }: SessionEvent): Promise<void> => {
    const { login } = session;
    if (login?.grantId === undefined) return;
    if (await tokens.has(account.jid.local, login.grantId, login.tokenId)) return;
    // The session may have gone over to another client meanwhile.
    if (session.login === login) host.kick(account, session, ACCESS_REVOKED);
  };
  host.observe(sessionBound, check);
  host.observe(sessionResumed, check);
  host.observe(grantRevoked, ({ jid, grant }) => {
    // There it is done in an order in which also the client that asks for it has its answer.
    if (host.find(clientAccess) !== undefined) return;
    endSessions(host, jid.local, ({ grantId }) => grantId === grant.id);
  });
}
