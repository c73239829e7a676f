import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { decideOnDevice, redirected } from '../support/consent.ts';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { acceptAnyCertificate } from '../support/unverified-tls.ts';

acceptAnyCertificate();

const REDIRECT = 'https://garden.example/signed-in';
const SUBJECT = `xmpp:romeo@${DOMAIN}`;
const WEBSITE = {
  client_name: 'Garden diary',
  client_uri: 'https://garden.example/',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
};

/** An application that has found the server and registered. */
interface Application {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly auth: oauth.ClientAuth;
}

async function start(
  t: TestContext,
  metadata: Partial<oauth.Client>,
  algorithm: 'oauth2' | 'oidc' = 'oauth2',
): Promise<Application> {
  const live = await LiveServer.start(t);
  await live.addUsers('romeo');
  const issuer = new URL(`https://${DOMAIN}:${live.port('https')}`);
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm }));
  const answer = await oauth.dynamicClientRegistrationRequest(server, metadata);
  const client = await oauth.processDynamicClientRegistrationResponse(answer);
  const { client_secret: secret } = client;
  return { server, client, auth: typeof secret === 'string' ? oauth.ClientSecretBasic(secret) : oauth.None() };
}

/** Asks romeo for a code, and exchanges it; everything that the library can check it checks. */
async function logIn({ server, client, auth }: Application): Promise<oauth.TokenEndpointResponse> {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const address = new URL(server.authorization_endpoint ?? '');
  address.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: 'openid xmpp:client:normal',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }).toString();
  const parameters = oauth.validateAuthResponse(server, client, await redirected(address), state);
  const answer = await oauth.authorizationCodeGrantRequest(server, client, auth, parameters, REDIRECT, verifier);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true,
    maxAge: 60,
  });
  assert.equal(oauth.getValidatedIdTokenClaims(tokens)?.sub, SUBJECT);
  await oauth.validateApplicationLevelSignature(server, answer);
  return tokens;
}

/** Exchanges a refresh token. */
async function refresh({ server, client, auth }: Application, token = ''): Promise<oauth.TokenEndpointResponse> {
  const answer = await oauth.refreshTokenGrantRequest(server, client, auth, token);
  return oauth.processRefreshTokenResponse(server, client, answer);
}

describe('An application made with oauth4webapi', () => {
  for (const algorithm of ['oauth2', 'oidc'] as const) {
    test(`goes all the way, from the document of ${algorithm}`, async (t) => {
      const application = await start(t, WEBSITE, algorithm);
      const { server, client, auth } = application;
      const tokens = await logIn(application);
      const { access_token: access, refresh_token: next } = await refresh(application, tokens.refresh_token);
      const told = await oauth.userInfoRequest(server, client, access);
      assert.equal((await oauth.processUserInfoResponse(server, client, SUBJECT, told)).sub, SUBJECT);
      const introspect = async () => {
        const answer = await oauth.introspectionRequest(server, client, auth, access);
        return oauth.processIntrospectionResponse(server, client, answer);
      };
      const { active, sub, aud } = await introspect();
      assert.deepEqual({ active, sub, aud }, { active: true, sub: SUBJECT, aud: client.client_id });
      await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, next ?? ''));
      assert.deepEqual(await introspect(), { active: false });
      await assert.rejects(refresh(application, next), { error: 'invalid_grant' });
    });
  }

  test('needs no secret', async (t) => {
    const application = await start(t, { ...WEBSITE, token_endpoint_auth_method: 'none' });
    const { server, client, auth } = application;
    assert.equal(client['client_secret'], undefined);
    const tokens = await logIn(application);
    const { access_token: access, refresh_token: next } = await refresh(application, tokens.refresh_token);
    const told = await oauth.userInfoRequest(server, client, access);
    assert.equal((await oauth.processUserInfoResponse(server, client, SUBJECT, told)).sub, SUBJECT);
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, next ?? ''));
    const refused = await oauth.userInfoRequest(server, client, access);
    await assert.rejects(
      oauth.processUserInfoResponse(server, client, SUBJECT, refused),
      oauth.WWWAuthenticateChallengeError,
    );
  });

  test('understands why it is refused', async (t) => {
    const application = await start(t, WEBSITE);
    const { server, client } = application;
    const wrong = { ...application, auth: oauth.ClientSecretBasic('0'.repeat(64)) };
    await assert.rejects(refresh(wrong, 'secret-token:AAAA'), oauth.WWWAuthenticateChallengeError);
    await assert.rejects(refresh(application, 'secret-token:AAAA'), { error: 'invalid_grant' });
    const told = await oauth.userInfoRequest(server, client, 'secret-token:AAAA');
    await assert.rejects(
      oauth.processUserInfoResponse(server, client, SUBJECT, told),
      (error: unknown) =>
        error instanceof oauth.WWWAuthenticateChallengeError && error.cause[0]?.parameters.error === 'invalid_token',
    );
  });

  test('waits on a device until somebody lets it in', async (t) => {
    const { server, client, auth } = await start(t, {
      client_name: 'Television',
      client_uri: 'https://television.example/',
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
      response_types: [],
    });
    const begun = await oauth.deviceAuthorizationRequest(server, client, auth, { scope: 'openid xmpp' });
    const device = await oauth.processDeviceAuthorizationResponse(server, client, begun);
    const poll = async () => {
      const answer = await oauth.deviceCodeGrantRequest(server, client, auth, device.device_code);
      return oauth.processDeviceCodeResponse(server, client, answer);
    };
    await assert.rejects(poll, { error: 'authorization_pending' });
    await assert.rejects(poll, { error: 'slow_down' });
    await decideOnDevice(device);
    const tokens = await poll();
    assert.equal(oauth.getValidatedIdTokenClaims(tokens)?.sub, SUBJECT);
    await assert.rejects(poll, { error: 'expired_token' });
  });
});
