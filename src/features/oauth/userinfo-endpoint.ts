import { type HttpHandler, jsonResponse } from '../../http/message.ts';
import { subjectOf } from '../../oauth/signing-keys.ts';
import { vcards } from '../vcard/api.ts';
import type { Provider } from './provider.ts';
import { NO_CACHE } from './serving.ts';
import { claimsOf } from './userinfo-claims.ts';

/** Tells a client about the owner of a token, as far as its scopes go. OpenID Connect Core §5.3. */
export function userinfoEndpoint({ tokens, issuer, host }: Provider): HttpHandler {
  return async (request) => {
    const { jid, scopes } = await tokens.require(request, 'openid');
    const card = await host.find(vcards)?.get(jid.local);
    const claims = card === undefined ? {} : claimsOf(card, scopes);
    return jsonResponse(200, { ...claims, iss: issuer.url, sub: subjectOf(jid) }, NO_CACHE);
  };
}
