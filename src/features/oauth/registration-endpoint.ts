import { type HttpHandler, type HttpRequest, jsonResponse } from '../../http/message.ts';
import { addressGroup } from '../../net/address.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { parseRegistration, type RegistrationRules, registrationResponse } from '../../oauth/registration.ts';
import { registrationSchema } from '../../oauth/registration-schema.ts';
import { grantTypesOf, responseTypesOf } from './config.ts';
import type { Provider } from './provider.ts';
import { RateLimit } from './rate-limit.ts';
import { NO_CACHE } from './serving.ts';

const MAX_BYTES = 65_536;
const JSON_TYPE = /^application\/json(?:\s*;|$)/i;

/** Registers clients, and keeps nothing of them. RFC 7591 §3. */
export function registrationEndpoint(provider: Provider): HttpHandler {
  const { host, config, keys } = provider;
  const limit = new RateLimit(host.clock, config.registrationsPerMinute);
  const registrations = host.metrics.counter({
    name: 'oauth_registrations_total',
    help: 'Clients that were registered.',
  });
  return async (request) => {
    limit.take(addressGroup(request.remoteAddress));
    const metadata = parseRegistration(await readJson(request), rulesOf(provider));
    const client = await keys.registration.sign(metadata);
    registrations.add({});
    host.log.info('oauth.client-registered', {
      client: client.hash,
      website: metadata.client_uri,
      address: request.remoteAddress,
    });
    return jsonResponse(201, registrationResponse(client), NO_CACHE);
  };
}

/** Tells developers what can be registered. */
export function schemaEndpoint(provider: Provider): HttpHandler {
  return () => ({
    status: 200,
    headers: { 'content-type': 'application/schema+json' },
    body: JSON.stringify(registrationSchema(rulesOf(provider))),
  });
}

function rulesOf({ config, keys }: Provider): RegistrationRules {
  const { locales, requireCodeChallenge, codeChallengeMethods } = config;
  return {
    grantTypes: grantTypesOf(config),
    responseTypes: responseTypesOf(config),
    locales,
    idTokenAlgorithms: keys.signing.algorithms,
    areCodesBound: requireCodeChallenge && codeChallengeMethods.every((method) => method === 'S256'),
  };
}

async function readJson(request: HttpRequest): Promise<Uint8Array> {
  if (!JSON_TYPE.test(request.headers['content-type'] ?? '')) {
    throw new OAuthError('invalid_request', 'The body must be of the type application/json.');
  }
  return request.body(MAX_BYTES);
}
