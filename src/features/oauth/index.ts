import { bearerTokens } from '../../core/access.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { OAUTH_PATHS } from '../../oauth/server-metadata.ts';
import { keepUpGrants } from '../shared/grant-upkeep.ts';
import { keyRotation } from './api.ts';
import { DeviceCodePage } from './authorize/device-page.ts';
import type { Pages } from './authorize/pages.ts';
import { openPages, reloadPages, serveAuthorization } from './authorize/serve.ts';
import { AuthorizationCodes } from './codes.ts';
import { config, type OAuthConfig } from './config.ts';
import { deviceEndpoint, hasDevices } from './device-endpoint.ts';
import { Devices } from './devices.ts';
import { jwksEndpoint, metadataEndpoint } from './discovery.ts';
import { introspectionEndpoint } from './introspection-endpoint.ts';
import { Issuer } from './issuer.ts';
import { OAuthKeys } from './keys.ts';
import type { Provider } from './provider.ts';
import { registrationEndpoint, schemaEndpoint } from './registration-endpoint.ts';
import { revocationEndpoint } from './revocation-endpoint.ts';
import { type Endpoint, serveEndpoint } from './serving.ts';
import { endSessionsWithTokens } from './sessions.ts';
import { tokenEndpoint } from './token-endpoint.ts';
import { OAuthTokens } from './tokens.ts';
import { userinfoEndpoint } from './userinfo-endpoint.ts';

/** Keys that are not believed any more are forgotten so often. */
const KEYS_MS = 86_400_000;

/** Makes the feature; tests are told of the provider of each host. */
export function oauthTelling(opened: (provider: Provider) => void): Feature<OAuthConfig> {
  return {
    name: 'oauth',
    specs: [
      { xep: 493, version: '0.1.1' },
      { rfc: 6749, note: 'codes and refresh tokens; passwords and the implicit grant only if configured' },
      { rfc: 6750, note: 'in the Authorization header' },
      { rfc: 7009 },
      { rfc: 7591, note: 'nothing is kept of a client' },
      { rfc: 7636 },
      { rfc: 7662, note: 'for the client that has the token' },
      { rfc: 8414 },
      { rfc: 8628 },
      { rfc: 9207 },
    ],
    config,
    async setup(host, options) {
      const provider = await open(host, options);
      const { keys, tokens, issuer } = provider;
      host.provide(bearerTokens, tokens);
      host.provide(keyRotation, keys);
      endSessionsWithTokens(host, tokens);
      keepUpGrants(host, 'oauth');
      const pages = await openPages(provider);
      for (const endpoint of endpointsOf(provider, pages)) serveEndpoint(host, issuer, endpoint);
      if (keys.areClientsWelcome) serveAuthorization(provider, pages);
      host.every('oauth.keys', KEYS_MS, () => keys.reopen());
      host.ready(() => tell(provider));
      opened(provider);
      return { configure: () => reloadPages(host, pages) };
    },
  };
}

/** Lets applications have access to accounts without their passwords. RFC 6749, OpenID Connect Core, XEP-0493. */
export const oauth = oauthTelling(() => {});

async function open(host: FeatureHost, options: OAuthConfig): Promise<Provider> {
  const { clock } = host;
  const issuer = new Issuer(host, options.publicUrl);
  const keys = await OAuthKeys.open(host, options);
  const tokens = new OAuthTokens({
    host,
    accessTokenTtlMs: options.accessTokenTtlMs,
    refreshTokenTtlMs: options.refreshTokenTtlMs,
    // It is not known before the server listens.
    get discoveryUrl() {
      return issuer.url === undefined ? undefined : issuer.url + OAUTH_PATHS.metadata;
    },
    asPasswords: options.tokenAsPlainPassword,
  });
  const codes = new AuthorizationCodes({
    clock,
    revoke: async ({ jid }, grantId) => {
      host.log.warn('oauth.code-replayed', { jid: jid.toString(), grant: grantId });
      await host.grants.revoke(jid.local, grantId);
    },
  });
  return { host, config: options, issuer, keys, tokens, codes, devices: new Devices({ clock, keys }) };
}

function endpointsOf(provider: Provider, pages: Pages): readonly Endpoint[] {
  const { issuer, keys } = provider;
  const { register, token, device, revoke, introspect, userinfo, jwks, metadata, openidMetadata } = OAUTH_PATHS;
  const openid = metadataEndpoint(provider, 'openid');
  const server = metadataEndpoint(provider, 'oauth');
  const userinfoRun = userinfoEndpoint(provider);
  // Whoever follows RFC 8414 §3.1 looks for it in front of the path of the issuer; a proxy takes that path away.
  const places = [...new Set([metadata, metadata + issuer.path])];
  const endpoints: Endpoint[] = [
    { name: 'token', method: 'POST', path: token, run: tokenEndpoint(provider) },
    { name: 'revoke', method: 'POST', path: revoke, run: revocationEndpoint(provider) },
    { name: 'introspect', method: 'POST', path: introspect, run: introspectionEndpoint(provider) },
    { name: 'userinfo', method: 'GET', path: userinfo, run: userinfoRun },
    { name: 'userinfo', method: 'POST', path: userinfo, run: userinfoRun },
    { name: 'jwks', method: 'GET', path: jwks, run: jwksEndpoint(provider), isPublic: true },
    { name: 'metadata', method: 'GET', path: openidMetadata, run: openid, isPublic: true },
    ...places.map((path): Endpoint => ({ name: 'metadata', method: 'GET', path, run: server, isPublic: true })),
  ];
  if (keys.areClientsWelcome) {
    endpoints.push(
      { name: 'register', method: 'POST', path: register, run: registrationEndpoint(provider) },
      { name: 'register', method: 'GET', path: register, run: schemaEndpoint(provider), isPublic: true },
    );
  }
  if (hasDevices(provider)) {
    const page = new DeviceCodePage(provider, pages);
    endpoints.push(
      { name: 'device', method: 'POST', path: device, run: deviceEndpoint(provider, page) },
      { name: 'device', method: 'GET', path: device, run: (request) => page.show(request) },
    );
  }
  return endpoints;
}

/** Says why there is less than one may expect. */
function tell({ host, issuer, keys }: Provider): void {
  if (!issuer.isExpected) host.log.warn('oauth.no-issuer');
  else if (!keys.areClientsWelcome) host.log.info('oauth.closed');
}
