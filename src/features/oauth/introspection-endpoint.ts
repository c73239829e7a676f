import { type HttpHandler, jsonResponse } from '../../http/message.ts';
import type { Client } from '../../oauth/client.ts';
import { invalidClient } from '../../oauth/errors.ts';
import { readForm } from '../../oauth/form.ts';
import { formatScope } from '../../oauth/scopes.ts';
import { subjectOf } from '../../oauth/signing-keys.ts';
import { authenticate } from './clients.ts';
import type { Provider } from './provider.ts';
import { NO_CACHE } from './serving.ts';
import type { TokenDescription } from './tokens.ts';

/** Tells a client about its own tokens; those of others are not active to it. RFC 7662 §2. */
export function introspectionEndpoint({ tokens, keys, issuer }: Provider): HttpHandler {
  return async (request) => {
    const form = await readForm(request);
    const client = await authenticate(keys.registration, request, form);
    if (client.isPublic) throw invalidClient('A client without a secret cannot prove who it is.');
    const described = await tokens.describe(form.require('token'));
    const isOwn = described !== undefined && described.clientHash === client.hash;
    return jsonResponse(200, isOwn ? describe(described, client, issuer.url) : { active: false }, NO_CACHE);
  };
}

function describe(token: TokenDescription, client: Client, iss: string | undefined) {
  const { jid, scopes, use, expiresAt, issuedAt, grantId, tokenId } = token;
  return {
    active: true,
    client_id: client.id,
    username: jid.local,
    scope: formatScope(scopes),
    // A refresh token is no bearer token, and must not be taken for one.
    ...(use === 'access' ? { token_type: 'bearer' } : {}),
    exp: Math.floor(expiresAt / 1000),
    iat: Math.floor(issuedAt / 1000),
    sub: subjectOf(jid),
    aud: client.id,
    iss,
    jti: `${grantId}.${tokenId}`,
  };
}
