import {
  CLIENT_AUTH_METHODS,
  DEVICE_CODE,
  type GrantType,
  type IdTokenAlgorithm,
  type ResponseType,
} from './client.ts';
import type { JsonObject } from './jws.ts';
import type { CodeChallengeMethod } from './pkce.ts';

/** Where the endpoints are, below the issuer. */
export const OAUTH_PATHS = {
  register: '/oauth2/register',
  authorize: '/oauth2/authorize',
  token: '/oauth2/token',
  device: '/oauth2/device',
  revoke: '/oauth2/revoke',
  introspect: '/oauth2/introspect',
  userinfo: '/oauth2/userinfo',
  jwks: '/oauth2/jwks',
  metadata: '/.well-known/oauth-authorization-server',
  openidMetadata: '/.well-known/openid-configuration',
} as const;

/** What a server tells about itself. */
export interface ServerDescription {
  /** The https address of the server, without a slash at its end. RFC 8414 §2. */
  readonly issuer: string;
  readonly scopes: readonly string[];
  readonly grantTypes: readonly GrantType[];
  readonly responseTypes: readonly ResponseType[];
  readonly codeChallengeMethods: readonly CodeChallengeMethod[];
  readonly idTokenAlgorithms: readonly IdTokenAlgorithm[];
  readonly locales: readonly string[];
  /** Whether clients can be registered, and with that anything be authorized. */
  readonly isOpen: boolean;
  readonly policyUrl: string | undefined;
  readonly termsUrl: string | undefined;
  readonly documentationUrl: string | undefined;
}

const WITH_SECRET = CLIENT_AUTH_METHODS.filter((method) => method !== 'none');

/** The metadata of an authorization server: what is not enabled is not in it. RFC 8414 §2, RFC 9207 §3. */
export function serverMetadata(server: ServerDescription): JsonObject {
  const { issuer, grantTypes, responseTypes } = server;
  const hasDevices = server.isOpen && grantTypes.includes(DEVICE_CODE);
  return present({
    issuer,
    authorization_endpoint: server.isOpen ? issuer + OAUTH_PATHS.authorize : undefined,
    token_endpoint: issuer + OAUTH_PATHS.token,
    registration_endpoint: server.isOpen ? issuer + OAUTH_PATHS.register : undefined,
    device_authorization_endpoint: hasDevices ? issuer + OAUTH_PATHS.device : undefined,
    revocation_endpoint: issuer + OAUTH_PATHS.revoke,
    introspection_endpoint: issuer + OAUTH_PATHS.introspect,
    userinfo_endpoint: issuer + OAUTH_PATHS.userinfo,
    jwks_uri: issuer + OAUTH_PATHS.jwks,
    scopes_supported: server.scopes,
    response_types_supported: responseTypes,
    response_modes_supported: responseTypes.includes('token') ? ['query', 'fragment'] : ['query'],
    grant_types_supported: grantTypes,
    token_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
    revocation_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
    introspection_endpoint_auth_methods_supported: WITH_SECRET,
    code_challenge_methods_supported: server.codeChallengeMethods,
    authorization_response_iss_parameter_supported: true,
    id_token_signing_alg_values_supported: server.idTokenAlgorithms,
    op_policy_uri: server.policyUrl,
    op_tos_uri: server.termsUrl,
    service_documentation: server.documentationUrl,
    ui_locales_supported: server.locales.length > 0 ? server.locales : undefined,
  });
}

/** The same for OpenID Connect. Discovery §3. */
export function openidMetadata(server: ServerDescription): JsonObject {
  return {
    ...serverMetadata(server),
    subject_types_supported: ['public'],
    // Left out it would mean true.
    request_uri_parameter_supported: false,
  };
}

function present(values: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
