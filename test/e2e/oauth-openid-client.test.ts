import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import * as openid from 'openid-client';
import { decideOnDevice, redirected } from '../support/consent.ts';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { acceptAnyCertificate } from '../support/unverified-tls.ts';

acceptAnyCertificate();

const REDIRECT = 'https://garden.example/signed-in';
const SUBJECT = `xmpp:romeo@${DOMAIN}`;
const SCOPE = 'openid xmpp:client:normal';
const WEBSITE = {
  client_name: 'Garden diary',
  client_uri: 'https://garden.example/',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
};
const TELEVISION = {
  client_name: 'Television',
  client_uri: 'https://television.example/',
  grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
  response_types: [],
};

/** A server with a user, romeo; returns its issuer. */
async function start(t: TestContext): Promise<URL> {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  return new URL(`https://${DOMAIN}:${server.port('https')}`);
}

/** Finds the server and registers; whatever the library can check it checks, also signatures by the published keys. */
async function register(
  issuer: URL,
  metadata: Partial<openid.ClientMetadata>,
  auth?: openid.ClientAuth,
): Promise<openid.Configuration> {
  const config = await openid.dynamicClientRegistration(issuer, metadata, auth);
  openid.enableNonRepudiationChecks(config);
  return config;
}

/** Asks for a code; returns where the browser is to go, and what the answer is checked by. */
async function request(config: openid.Configuration): Promise<[URL, openid.AuthorizationCodeGrantChecks]> {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()];
  const address = openid.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: SCOPE,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  });
  return [address, { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true, maxAge: 60 }];
}

describe('An application made with openid-client', () => {
  const secretless = { token_endpoint_auth_method: 'none' };
  const kinds: readonly (readonly [string, Partial<openid.ClientMetadata>, openid.ClientAuth])[] = [
    ['that sends its secret as Basic', WEBSITE, openid.ClientSecretBasic()],
    [
      'that sends its secret in the form',
      { ...WEBSITE, token_endpoint_auth_method: 'client_secret_post' },
      openid.ClientSecretPost(),
    ],
    ['that has no secret', { ...WEBSITE, ...secretless }, openid.None()],
  ];
  for (const [kind, metadata, auth] of kinds) {
    test(`${kind} goes all the way`, async (t) => {
      const config = await register(await start(t), metadata, auth);
      const isPublic = metadata['token_endpoint_auth_method'] === 'none';
      assert.equal(config.clientMetadata().client_secret === undefined, isPublic);
      const [address, checks] = await request(config);
      const tokens = await openid.authorizationCodeGrant(config, await redirected(address), checks);
      assert.equal(tokens.claims()?.sub, SUBJECT);
      assert.equal(tokens.scope, SCOPE);

      const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? assert.fail('no refresh token'));
      assert.equal(refreshed.claims()?.sub, SUBJECT);
      const { access_token: access, refresh_token: refresh = '' } = refreshed;
      assert.equal((await openid.fetchUserInfo(config, access, SUBJECT)).sub, SUBJECT);
      // A client that cannot prove who it is is not told of tokens: it finds out by using them.
      if (!isPublic) assert.equal((await openid.tokenIntrospection(config, access)).active, true);
      await openid.tokenRevocation(config, refresh);
      if (!isPublic) assert.equal((await openid.tokenIntrospection(config, access)).active, false);
      await assert.rejects(openid.fetchUserInfo(config, access, SUBJECT));
      await assert.rejects(openid.refreshTokenGrant(config, refresh), { error: 'invalid_grant' });
    });
  }

  test('finds the same by either document', async (t) => {
    const issuer = await start(t);
    const { client_id: id, client_secret: secret } = (await register(issuer, WEBSITE)).clientMetadata();
    for (const algorithm of ['oidc', 'oauth2'] as const) {
      const config = await openid.discovery(issuer, id, secret, undefined, { algorithm });
      const { issuer: found, supportsPKCE } = {
        ...config.serverMetadata(),
        supportsPKCE: config.serverMetadata().supportsPKCE(),
      };
      assert.deepEqual({ found, supportsPKCE }, { found: issuer.origin, supportsPKCE: true });
      const [address, checks] = await request(config);
      assert.ok((await openid.authorizationCodeGrant(config, await redirected(address), checks)).access_token);
    }
  });

  test('is told when its user does not want it', async (t) => {
    const config = await register(await start(t), WEBSITE);
    const [address, checks] = await request(config);
    const back = await redirected(address, 'denied');
    await assert.rejects(openid.authorizationCodeGrant(config, back, checks), { error: 'access_denied' });
  });

  test('notices an answer of another server, of another flow, and one that was used', async (t) => {
    const config = await register(await start(t), WEBSITE);
    const [address, checks] = await request(config);
    const back = await redirected(address);
    const changed = (name: string, value: string): URL => {
      const other = new URL(back);
      other.searchParams.set(name, value);
      return other;
    };
    for (const name of ['iss', 'state']) {
      const answer = openid.authorizationCodeGrant(config, changed(name, 'https://other.example'), checks);
      await assert.rejects(answer, ({ cause }) => String(cause).includes(`"${name}"`));
    }
    const [, other] = await request(config);
    const verifier = { ...checks, pkceCodeVerifier: other.pkceCodeVerifier ?? '' };
    await assert.rejects(openid.authorizationCodeGrant(config, back, verifier), { error: 'invalid_grant' });
    // The code was injected into a flow that it is not of: it is lost for everybody.
    await assert.rejects(openid.authorizationCodeGrant(config, back, checks), { error: 'invalid_grant' });
  });
});

describe('A device made with openid-client', () => {
  for (const auth of ['client_secret_basic', 'client_secret_post'] as const) {
    test(`waits until somebody lets it in, and authenticates by ${auth}`, async (t) => {
      const metadata = { ...TELEVISION, token_endpoint_auth_method: auth };
      const config = await register(await start(t), metadata);
      const device = await openid.initiateDeviceAuthorization(config, { scope: 'openid xmpp' });
      await decideOnDevice(device);
      const tokens = await openid.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.01 });
      assert.deepEqual([tokens.scope, tokens.claims()?.sub], ['openid xmpp', SUBJECT]);
      assert.ok((await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')).access_token);
    });
  }

  test('is turned away', async (t) => {
    const config = await register(await start(t), TELEVISION);
    const device = await openid.initiateDeviceAuthorization(config, { scope: 'xmpp' });
    await decideOnDevice(device, 'denied');
    const polling = openid.pollDeviceAuthorizationGrant(config, { ...device, interval: 0.01 });
    await assert.rejects(polling, { error: 'access_denied' });
  });
});
