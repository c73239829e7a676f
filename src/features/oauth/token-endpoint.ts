import { ownRole } from '../../core/roles.ts';
import { SaslError } from '../../errors.ts';
import { type HttpHandler, type HttpRequest, jsonResponse } from '../../http/message.ts';
import { addressGroup } from '../../net/address.ts';
import { type Client, DEVICE_CODE, type GrantType } from '../../oauth/client.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { type Form, readForm } from '../../oauth/form.ts';
import { checkCodeVerifier } from '../../oauth/pkce.ts';
import { intersectScopes, parseScope } from '../../oauth/scopes.ts';
import { secondFactors } from '../second-factor/api.ts';
import { provedAt } from './approval.ts';
import { authenticate } from './clients.ts';
import { grantTypesOf } from './config.ts';
import { issueTokens, refreshTokens, shortName, type TokenAnswer } from './issuing.ts';
import type { Provider } from './provider.ts';
import { RateLimit, tooManyRequests } from './rate-limit.ts';
import { assumableScopes, roleOfScopes } from './rights.ts';
import { NO_CACHE } from './serving.ts';

/** After so many seconds somebody who typed too many wrong passwords may try again, as far as can be told. */
const PASSWORD_RETRY_SECONDS = 60;

/** What a request for tokens comes with. */
interface TokenRequest {
  readonly provider: Provider;
  readonly request: HttpRequest;
  readonly client: Client;
  readonly form: Form;
}

type Exchange = (request: TokenRequest) => Promise<TokenAnswer>;

const EXCHANGES: Readonly<Record<GrantType, Exchange>> = {
  authorization_code: exchangeCode,
  refresh_token: exchangeRefreshToken,
  [DEVICE_CODE]: exchangeDeviceCode,
  password: exchangePassword,
  implicit: () => Promise.reject(new OAuthError('invalid_request', 'The implicit grant has no use for this endpoint.')),
};

/** Exchanges what clients were granted for tokens. RFC 6749 §3.2. */
export function tokenEndpoint(provider: Provider): HttpHandler {
  const { host, config, keys } = provider;
  const limit = new RateLimit(host.clock, config.tokenRequestsPerMinute);
  const open = grantTypesOf(config);
  const answers = host.metrics.counter({
    name: 'oauth_token_answers_total',
    help: 'Answers of the token endpoint that had tokens in them, by the grant type.',
    labels: ['grant'],
  });
  return async (request) => {
    const form = await readForm(request);
    const client = await authenticate(keys.registration, request, form);
    // Whoever knows the identifier can come as a client without a secret, and must not use up what others need.
    limit.take(client.isPublic ? `${client.hash} ${addressGroup(request.remoteAddress)}` : client.hash);
    const grantType = grantTypeOf(form.require('grant_type'), open, client);
    const answer = await EXCHANGES[grantType]({ provider, request, client, form });
    answers.add({ grant: shortName(grantType) });
    return jsonResponse(200, tokenResponse(answer), NO_CACHE);
  };
}

function grantTypeOf(name: string, open: readonly GrantType[], client: Client): GrantType {
  if (name === 'implicit') return name;
  const grantType = open.find((known) => known === name);
  if (grantType === undefined) throw new OAuthError('unsupported_grant_type', 'The grant type is not supported.');
  if (!client.metadata.grant_types.includes(grantType)) {
    throw new OAuthError('unauthorized_client', 'The client is not registered for the grant type.');
  }
  return grantType;
}

function tokenResponse({ accessToken, expiresIn, scope, refreshToken, idToken }: TokenAnswer) {
  return {
    token_type: 'bearer',
    access_token: accessToken,
    expires_in: expiresIn,
    scope,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(idToken === undefined ? {} : { id_token: idToken }),
  };
}

// RFC 6749 §4.1.3, RFC 7636 §4.6
function exchangeCode({ provider, client, form }: TokenRequest): Promise<TokenAnswer> {
  return provider.codes.redeem(form.require('code'), client.hash, async ({ approval, challenge, redirectUri }) => {
    const given = form.get('redirect_uri');
    if (given !== undefined && given !== redirectUri) {
      throw new OAuthError('invalid_grant', 'The redirect_uri is another than that of the code.');
    }
    checkCodeVerifier(challenge, form.get('code_verifier'));
    return issueTokens(provider, client, approval);
  });
}

// RFC 6749 §6
function exchangeRefreshToken({ provider, client, form }: TokenRequest): Promise<TokenAnswer> {
  const scope = form.get('scope');
  const scopes = scope === undefined ? undefined : parseScope(scope);
  return refreshTokens(provider, client, form.require('refresh_token'), scopes);
}

// RFC 8628 §3.4
async function exchangeDeviceCode({ provider, client, form }: TokenRequest): Promise<TokenAnswer> {
  return issueTokens(provider, client, provider.devices.poll(form.require('device_code'), client.hash));
}

// RFC 6749 §4.3
async function exchangePassword({ provider, request, client, form }: TokenRequest): Promise<TokenAnswer> {
  const { host } = provider;
  const { logins, clock } = host;
  const address = request.remoteAddress;
  const login = { username: form.require('username'), password: form.require('password'), address };
  // A password that is changed from now on voids what comes of this one.
  const now = clock.now();
  const user = await logins.password(login).catch((error: unknown) => {
    throw error instanceof SaslError ? passwordRefused(error) : error;
  });
  const factors = await host.find(secondFactors)?.of(user.jid.local);
  // There is no way to ask for the second one here.
  if (factors?.isRequired === true || factors?.refusesPasswords === true) throw wrongPassword();
  const own = ownRole(host.settings.current, user);
  const asked = parseScope(form.get('scope') ?? client.metadata.scope);
  const scopes = assumableScopes(intersectScopes(asked, ceilingOf(client)), own);
  if (scopes.length === 0) throw new OAuthError('invalid_scope', 'Nothing of the scope can be granted.');
  logins.succeeded(user.jid, address);
  const role = roleOfScopes(scopes, own);
  return issueTokens(provider, client, {
    jid: user.jid,
    scopes,
    role,
    authenticatedAt: await provedAt(host, user.jid, now),
    amr: ['pwd'],
    nonce: undefined,
  });
}

/** All that a client may ever be granted; undefined: whatever it asks for. */
export function ceilingOf({ metadata }: Client): readonly string[] | undefined {
  return metadata.scope === undefined ? undefined : parseScope(metadata.scope);
}

function passwordRefused({ condition }: SaslError): OAuthError {
  return condition === 'temporary-auth-failure' ? tooManyRequests(PASSWORD_RETRY_SECONDS) : wrongPassword();
}

function wrongPassword(): OAuthError {
  return new OAuthError('invalid_grant', 'The name or the password is wrong.');
}
