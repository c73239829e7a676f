import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';
import { acceptAnyCertificate } from '../support/unverified-tls.ts';

acceptAnyCertificate();

const REDIRECT = 'https://garden.example/signed-in';
const METADATA = {
  client_name: 'Garden diary',
  client_uri: 'https://garden.example/',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
};
const SCOPE = 'openid xmpp:client:normal';

/** A server with a user, and its issuer. */
async function start(t: TestContext): Promise<{ server: LiveServer; issuer: URL }> {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  return { server, issuer: new URL(`https://${DOMAIN}:${server.port('https')}`) };
}

/** Logs in and consents as a person does in a browser without JavaScript; returns where the browser is sent. */
async function consent(address: URL): Promise<URL> {
  const send = (fields: readonly [string, string][]) =>
    fetch(address, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  const login = await send([
    ['username', 'romeo'],
    ['password', PASSWORD],
  ]);
  const page = await login.text();
  const token = /name="user_token" value="([^"]*)"/.exec(page)?.[1] ?? assert.fail(page);
  const boxes = page.matchAll(/name="scope" value="([^"]*)"/g);
  const ticked = Array.from(boxes, ([, scope = '']): [string, string] => ['scope', scope]);
  const answer = await send([['user_token', token], ['consent', 'granted'], ...ticked]);
  assert.equal(answer.status, 303, await answer.text());
  return new URL(answer.headers.get('location') ?? '');
}

test('an application made with openid-client goes all the way', async (t) => {
  const { issuer, server } = await start(t);
  assert.ok(server.log.every(({ event }) => event !== 'oauth.no-issuer'));
  const config = await openid.dynamicClientRegistration(issuer, METADATA, undefined, { algorithm: 'oidc' });
  const verifier = openid.randomPKCECodeVerifier();
  const [state, nonce] = [openid.randomState(), openid.randomNonce()];
  const address = openid.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: SCOPE,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  const tokens = await openid.authorizationCodeGrant(config, await consent(address), {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  const subject = `xmpp:romeo@${DOMAIN}`;
  assert.equal(tokens.claims()?.sub, subject);
  assert.equal(tokens.scope, SCOPE);

  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? assert.fail('no refresh token'));
  assert.equal((await openid.fetchUserInfo(config, refreshed.access_token, subject)).sub, subject);
  assert.equal((await openid.tokenIntrospection(config, refreshed.access_token)).active, true);
  await openid.tokenRevocation(config, refreshed.refresh_token ?? '');
  assert.equal((await openid.tokenIntrospection(config, refreshed.access_token)).active, false);
});

test('an application made with oauth4webapi goes all the way', async (t) => {
  const { issuer } = await start(t);
  const discovered = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' });
  const server = await oauth.processDiscoveryResponse(issuer, discovered);
  const registered = await oauth.dynamicClientRegistrationRequest(server, METADATA);
  const client = await oauth.processDynamicClientRegistrationResponse(registered);
  const auth = oauth.ClientSecretBasic(String(client['client_secret']));
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const address = new URL(server.authorization_endpoint ?? '');
  for (const [name, value] of Object.entries({
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    response_type: 'code',
    scope: SCOPE,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }))
    address.searchParams.set(name, value);
  const parameters = oauth.validateAuthResponse(server, client, await consent(address), state);
  const exchanged = await oauth.authorizationCodeGrantRequest(server, client, auth, parameters, REDIRECT, verifier);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, exchanged, {
    expectedNonce: nonce,
    requireIdToken: true,
  });
  await oauth.validateApplicationLevelSignature(server, exchanged);
  const subject = `xmpp:romeo@${DOMAIN}`;

  const refresh = await oauth.refreshTokenGrantRequest(server, client, auth, tokens.refresh_token ?? '');
  const refreshed = await oauth.processRefreshTokenResponse(server, client, refresh);
  const told = await oauth.userInfoRequest(server, client, refreshed.access_token);
  assert.equal((await oauth.processUserInfoResponse(server, client, subject, told)).sub, subject);
  const introspect = async () => {
    const response = await oauth.introspectionRequest(server, client, auth, refreshed.access_token);
    return (await oauth.processIntrospectionResponse(server, client, response)).active;
  };
  assert.equal(await introspect(), true);
  await oauth.processRevocationResponse(
    await oauth.revocationRequest(server, client, auth, refreshed.refresh_token ?? ''),
  );
  assert.equal(await introspect(), false);
});

test('a device made with openid-client waits for somebody to let it in', async (t) => {
  const { issuer } = await start(t);
  const metadata = {
    client_name: 'Television',
    client_uri: 'https://television.example/',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    response_types: [],
  };
  const config = await openid.dynamicClientRegistration(issuer, metadata, undefined, { algorithm: 'oauth2' });
  const started = await openid.initiateDeviceAuthorization(config, { scope: 'xmpp' });
  assert.match(started.user_code, /^[A-Z]{4}-[A-Z]{4}$/);
  const typed = await fetch(started.verification_uri, {
    method: 'POST',
    body: new URLSearchParams({ user_code: started.user_code }),
    redirect: 'manual',
  });
  const address = new URL(typed.headers.get('location') ?? '', started.verification_uri);
  const token = await letIn(address);
  assert.ok(token);
  const tokens = await openid.pollDeviceAuthorizationGrant(config, { ...started, interval: 0.01 });
  assert.equal(tokens.scope, 'xmpp');
});

/** The same for a device, whose answer is a page. */
async function letIn(address: URL): Promise<string> {
  const send = async (fields: Record<string, string>): Promise<string> =>
    (await fetch(address, { method: 'POST', body: new URLSearchParams(fields) })).text();
  const page = await send({ username: 'romeo', password: PASSWORD });
  const token = /name="user_token" value="([^"]*)"/.exec(page)?.[1] ?? assert.fail(page);
  return send({ user_token: token, consent: 'granted', scope: 'xmpp' });
}
