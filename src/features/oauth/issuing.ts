import type { JID } from '../../jid.ts';
import { type Client, DEVICE_CODE, type GrantType } from '../../oauth/client.ts';
import type { Approval } from './approval.ts';
import { grantTypesOf } from './config.ts';
import type { Provider } from './provider.ts';
import type { IssuedTokens } from './token-mint.ts';
import type { GrantedClient } from './tokens.ts';

/** An answer of the token endpoint. RFC 6749 §5.1, OpenID Connect Core §3.1.3.3. */
export interface TokenAnswer extends IssuedTokens {
  readonly idToken: string | undefined;
}

/** Makes the grant that an owner approved, with its first tokens; resolves when durable. Rejects with OAuthError `invalid_grant`. */
export async function issueTokens(provider: Provider, client: Client, approval: Approval): Promise<TokenAnswer> {
  const { tokens, config } = provider;
  const { jid, scopes, role, authenticatedAt, amr } = approval;
  const mayLast = !config.requireOfflineAccess || scopes.includes('offline_access');
  const isOpen = grantTypesOf(config).includes('refresh_token');
  const issued = await tokens.issue({
    local: jid.local,
    client: grantedClient(client),
    scopes,
    role,
    withRefresh: mayLast && isOpen && client.metadata.grant_types.includes('refresh_token'),
    authenticatedAt,
    facts: { auth_time: authenticatedAt, amr: amr.join(' ') },
  });
  return { ...issued, idToken: await idToken(provider, client, issued.scope, approval) };
}

/** Exchanges a refresh token for others. Rejects with OAuthError. RFC 6749 §6, OpenID Connect Core §12. */
export async function refreshTokens(
  provider: Provider,
  client: Client,
  token: string,
  scopes: readonly string[] | undefined,
): Promise<TokenAnswer> {
  const { jid, facts, ...issued } = await provider.tokens.refresh(token, client.hash, scopes);
  const { auth_time: authenticatedAt, amr } = facts;
  const login = {
    jid,
    authenticatedAt: Number(authenticatedAt),
    amr: String(amr).split(' '),
    // It belongs to the request that began it all. OpenID Connect Core §12.2.
    nonce: undefined,
  };
  return { ...issued, idToken: await idToken(provider, client, issued.scope, login) };
}

/** What a grant remembers of its client. */
export function grantedClient(client: Client): GrantedClient {
  const { client_name: name, client_uri: uri, software_id, software_version } = client.metadata;
  return { hash: client.hash, name, uri, softwareId: software_id, softwareVersion: software_version };
}

/** The names that grant types are counted by. */
export function shortName(grantType: GrantType): string {
  return grantType === DEVICE_CODE ? 'device_code' : grantType;
}

/** The ID token of an answer; none unless the scopes have `openid`. */
export async function idToken(
  { keys, issuer, host }: Pick<Provider, 'keys' | 'issuer' | 'host'>,
  client: Client,
  scope: string,
  { jid, authenticatedAt: authTime, amr, nonce }: Pick<Approval, 'authenticatedAt' | 'amr' | 'nonce'> & { jid: JID },
): Promise<string | undefined> {
  const { url } = issuer;
  if (url === undefined || !scope.split(' ').includes('openid')) return undefined;
  return keys.signing.signIdToken(client, { issuer: url, jid, now: host.clock.now(), authTime, nonce, amr });
}
