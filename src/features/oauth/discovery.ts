import { type HttpHandler, jsonResponse } from '../../http/message.ts';
import { openidMetadata, type ServerDescription, serverMetadata } from '../../oauth/server-metadata.ts';
import { grantTypesOf, responseTypesOf } from './config.ts';
import type { Provider } from './provider.ts';
import { SCOPES } from './rights.ts';

/** Clients come for it with every start; a change of keys or options should not take long to be seen. */
const CACHE = { 'cache-control': 'public, max-age=300' } as const;

/** Tells clients what there is. RFC 8414 §3, OpenID Connect Discovery §4. */
export function metadataEndpoint(provider: Provider, kind: 'oauth' | 'openid'): HttpHandler {
  const write = kind === 'oauth' ? serverMetadata : openidMetadata;
  return () => jsonResponse(200, write(describe(provider)), CACHE);
}

/** The public keys that ID tokens are checked with. RFC 7517 §5. */
export function jwksEndpoint({ keys }: Provider): HttpHandler {
  return () => jsonResponse(200, keys.signing.jwks, CACHE);
}

function describe({ issuer, config, keys }: Provider): ServerDescription {
  return {
    issuer: issuer.url ?? '',
    scopes: SCOPES,
    grantTypes: grantTypesOf(config),
    responseTypes: responseTypesOf(config),
    codeChallengeMethods: config.codeChallengeMethods,
    idTokenAlgorithms: keys.signing.algorithms,
    locales: config.locales,
    isOpen: keys.areClientsWelcome,
    policyUrl: config.policyUrl ?? undefined,
    termsUrl: config.termsUrl ?? undefined,
    documentationUrl: config.documentationUrl ?? undefined,
  };
}
