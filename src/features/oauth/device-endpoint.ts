import { type HttpHandler, type HttpRequest, type HttpResponse, jsonResponse } from '../../http/message.ts';
import { addressGroup } from '../../net/address.ts';
import { DEVICE_CODE } from '../../oauth/client.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { type Form, readForm } from '../../oauth/form.ts';
import { intersectScopes, parseScope } from '../../oauth/scopes.ts';
import { OAUTH_PATHS } from '../../oauth/server-metadata.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import { authenticate, namesClient } from './clients.ts';
import { grantTypesOf } from './config.ts';
import type { Provider } from './provider.ts';
import { RateLimit } from './rate-limit.ts';
import { NO_CACHE } from './serving.ts';
import { ceilingOf } from './token-endpoint.ts';

/** The page on which people type the code that a device shows: at the same address as the endpoint for devices. */
export interface DevicePage {
  show(request: HttpRequest): Awaitable<HttpResponse>;
  /** Takes the code that was typed. */
  submit(request: HttpRequest, form: Form): Awaitable<HttpResponse>;
}

/** Gives devices a code to show. RFC 8628 §3.1. What comes from browsers goes to the page. */
export function deviceEndpoint(provider: Provider, page: DevicePage): HttpHandler {
  const { host, config, keys, devices, issuer } = provider;
  const limit = new RateLimit(host.clock, config.tokenRequestsPerMinute);
  return async (request) => {
    const form = await readForm(request);
    if (!namesClient(request, form) && isFromBrowser(request, form)) return page.submit(request, form);
    const client = await authenticate(keys.registration, request, form);
    limit.take(addressGroup(request.remoteAddress));
    if (!client.metadata.grant_types.includes(DEVICE_CODE)) {
      throw new OAuthError('unauthorized_client', 'The client is not registered for the grant type.');
    }
    const scopes = intersectScopes(parseScope(form.get('scope') ?? client.metadata.scope), ceilingOf(client));
    const { deviceCode, userCode, expiresIn, interval } = devices.start(client, scopes);
    const address = `${issuer.url}${OAUTH_PATHS.device}`;
    return jsonResponse(
      200,
      {
        device_code: deviceCode,
        user_code: userCode,
        verification_uri: address,
        verification_uri_complete: `${address}?user_code=${userCode}`,
        expires_in: expiresIn,
        interval,
      },
      NO_CACHE,
    );
  };
}

/** Whether devices can be let in. */
export function hasDevices({ config, keys }: Pick<Provider, 'config' | 'keys'>): boolean {
  return keys.areClientsWelcome && grantTypesOf(config).includes(DEVICE_CODE);
}

function isFromBrowser({ headers }: HttpRequest, form: Form): boolean {
  return form.get('user_code') !== undefined || (headers.accept ?? '').includes('text/html');
}
