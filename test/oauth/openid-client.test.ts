import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as client from 'openid-client';
import { JID } from '../../src/jid.ts';
import { authenticateClient, readClientCredentials } from '../../src/oauth/client-credentials.ts';
import { OAuthError } from '../../src/oauth/errors.ts';
import { parseForm, parseQuery } from '../../src/oauth/form.ts';
import { type CodeChallenge, checkCodeVerifier, readCodeChallenge } from '../../src/oauth/pkce.ts';
import { redirectUriOf, withParameters } from '../../src/oauth/redirect-uris.ts';
import { readRegistration, registrationResponse } from '../../src/oauth/registration.ts';
import type { RegistrationKeys } from '../../src/oauth/registration-keys.ts';
import { OAUTH_PATHS, openidMetadata } from '../../src/oauth/server-metadata.ts';
import { SigningKeys } from '../../src/oauth/signing-keys.ts';
import { systemClock } from '../../src/util/clock.ts';
import { ecPem, openKeys, RULES, rsaPem, WEB } from './fixtures.ts';

const ISSUER = 'https://example.org';
const CODE = 'the-only-code';

/** What a server does with these parts, without a network, pages or a store: everybody is Alice and grants everything. */
class Scene {
  readonly #keys: RegistrationKeys;
  readonly #signing: SigningKeys;
  #challenge: CodeChallenge | undefined;
  #nonce: string | undefined;

  private constructor(keys: RegistrationKeys, signing: SigningKeys) {
    this.#keys = keys;
    this.#signing = signing;
  }

  static async open(signingKey: string | undefined): Promise<Scene> {
    return new Scene(openKeys({ clock: systemClock }), await SigningKeys.open({ current: signingKey }));
  }

  /** Answers requests in place of the network. */
  readonly fetch: client.CustomFetch = async (url, { headers, body }) => {
    const text = body instanceof URLSearchParams ? body.toString() : String(body ?? '');
    try {
      return await this.#answer(new URL(url).pathname, new Headers(headers), text);
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return Response.json(error.body, { status: error.status, headers: error.headers });
    }
  };

  /** Where the browser is sent back to. */
  async authorize(url: URL): Promise<URL> {
    const form = parseQuery(url.searchParams);
    const registered = await this.#keys.verify(form.require('client_id'));
    assert.ok(registered);
    const redirectUri = redirectUriOf(registered, form.get('redirect_uri'));
    assert.ok(redirectUri);
    this.#challenge = readCodeChallenge(form, { methods: ['S256'], isRequired: true });
    this.#nonce = form.get('nonce');
    return new URL(withParameters(redirectUri, { code: CODE, state: form.get('state'), iss: ISSUER }));
  }

  async #answer(path: string, headers: Headers, body: string): Promise<Response> {
    const { algorithms: idTokenAlgorithms, jwks } = this.#signing;
    if (path === OAUTH_PATHS.openidMetadata) return Response.json(this.#metadata());
    if (path === OAUTH_PATHS.jwks) return Response.json(jwks);
    if (path === OAUTH_PATHS.register) {
      const registered = await this.#keys.sign(readRegistration(JSON.parse(body), { ...RULES, idTokenAlgorithms }));
      return Response.json(registrationResponse(registered), { status: 201 });
    }
    assert.equal(path, OAUTH_PATHS.token);
    return this.#token(headers.get('authorization') ?? undefined, body);
  }

  async #token(authorization: string | undefined, body: string): Promise<Response> {
    const form = parseForm(Buffer.from(body));
    const registered = await authenticateClient(this.#keys, readClientCredentials(authorization, form));
    assert.equal(form.require('code'), CODE);
    checkCodeVerifier(this.#challenge, form.get('code_verifier'));
    const now = systemClock.now();
    const jid = JID.parse('alice@example.org');
    const facts = { issuer: ISSUER, jid, now, authTime: now, nonce: this.#nonce, amr: ['pwd'] };
    return Response.json({
      token_type: 'bearer',
      access_token: 'secret-token:x',
      expires_in: 3600,
      scope: 'openid',
      id_token: await this.#signing.signIdToken(registered, facts),
    });
  }

  #metadata() {
    return openidMetadata({
      issuer: ISSUER,
      scopes: ['openid'],
      grantTypes: ['authorization_code'],
      responseTypes: ['code'],
      codeChallengeMethods: ['S256'],
      idTokenAlgorithms: this.#signing.algorithms,
      locales: [],
      isOpen: true,
      policyUrl: undefined,
      termsUrl: undefined,
      documentationUrl: undefined,
    });
  }
}

async function logIn(
  scene: Scene,
  fields: Partial<client.ClientMetadata>,
  auth?: client.ClientAuth,
): Promise<client.IDToken> {
  const options = { [client.customFetch]: scene.fetch };
  const config = await client.dynamicClientRegistration(new URL(ISSUER), { ...WEB, ...fields }, auth, options);
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: WEB.redirect_uris[0] ?? '',
    scope: 'openid',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  });
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true };
  // What this library checks with a published key, it checks only if asked to.
  if (config.clientMetadata().id_token_signed_response_alg !== 'HS256') client.enableNonRepudiationChecks(config);
  const tokens = await client.authorizationCodeGrant(config, await scene.authorize(url), checks);
  const claims = tokens.claims();
  assert.ok(claims);
  return claims;
}

describe('openid-client', () => {
  const cases: ReadonlyArray<
    readonly [string, string | undefined, client.ClientAuth | undefined, Partial<client.ClientMetadata>]
  > = [
    ['ES256', ecPem(), undefined, { id_token_signed_response_alg: 'ES256' }],
    ['ES256 without having registered that', ecPem(), undefined, {}],
    ['RS256, which is its default', rsaPem(), undefined, {}],
    ['RS256, authenticating by Basic', rsaPem(), client.ClientSecretBasic(), {}],
    [
      'ES256, without a secret',
      ecPem(),
      client.None(),
      { token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256' },
    ],
    ['HS256', undefined, undefined, { id_token_signed_response_alg: 'HS256' }],
  ];
  for (const [name, pem, auth, fields] of cases) {
    test(`discovers, registers, and logs in with an ID token by ${name}`, async () => {
      const claims = await logIn(await Scene.open(pem), fields, auth);
      assert.equal(claims.sub, 'xmpp:alice@example.org');
      assert.equal(claims.iss, ISSUER);
    });
  }

  test('understands why a registration is refused', async () => {
    const scene = await Scene.open(ecPem());
    await assert.rejects(logIn(scene, { redirect_uris: ['https://other.example/'] }), {
      error: 'invalid_redirect_uri',
    });
  });
});
