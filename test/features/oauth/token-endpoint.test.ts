import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { secondFactors } from '../../../src/features/second-factor/api.ts';
import { PASSWORD } from '../../support/stage.ts';
import { codeForm, DEVICE, ISSUER, open, payloadOf, REDIRECT, refused, type Scene, VERIFIER, WEB } from './scene.ts';

const MINUTE_MS = 60_000;

function refreshForm(token: string, more: Readonly<Record<string, string>> = {}) {
  return { grant_type: 'refresh_token', refresh_token: token, ...more };
}

/** The scopes that a token gives access to; none if it is not good. */
async function scopesOf({ provider }: Scene, token: string): Promise<readonly string[] | undefined> {
  return (await provider().tokens.verify(token))?.scopes;
}

test('a code is exchanged for tokens', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { access, answer } = await scene.tokensFor(client, 'xmpp openid', { nonce: 'n-1', amr: ['pwd', 'otp'] });
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['pragma'], 'no-cache');
  const { token_type, expires_in, scope, id_token, refresh_token } = answer.json;
  assert.deepEqual([token_type, expires_in, scope], ['bearer', 3600, 'xmpp openid']);
  assert.match(String(refresh_token), /^secret-token:/);
  assert.deepEqual(await scopesOf(scene, access), ['xmpp', 'openid']);
  const now = Math.floor(scene.clock.now() / 1000);
  assert.deepEqual(payloadOf(String(id_token)), {
    iss: ISSUER,
    sub: 'xmpp:romeo@stage.example',
    aud: client.id,
    iat: now,
    exp: now + 3600,
    auth_time: now,
    nonce: 'n-1',
    amr: ['pwd', 'otp'],
  });
});

test('an ID token comes only with the scope openid', async (t) => {
  const { register, tokensFor } = await open(t);
  const { answer } = await tokensFor(await register(), 'xmpp');
  assert.equal(answer.json['id_token'], undefined);
});

test('a refresh token is for clients that registered for it, and for offline access if so configured', async (t) => {
  const { register, tokensFor } = await open(t, { oauth: { requireOfflineAccess: true } });
  const client = await register();
  assert.equal((await tokensFor(client, 'xmpp')).answer.json['refresh_token'], undefined);
  assert.notEqual((await tokensFor(client, 'xmpp offline_access')).answer.json['refresh_token'], undefined);
  const other = await register({ grant_types: ['authorization_code'] });
  assert.equal((await tokensFor(other, 'xmpp offline_access')).answer.json['refresh_token'], undefined);
});

test('where refresh tokens are switched off, clients that registered for them get none', async (t) => {
  const { tokensFor, provider } = await open(t, { oauth: { grantTypes: ['authorization_code'] } });
  const metadata = { ...WEB, application_type: 'web', token_endpoint_auth_method: 'client_secret_basic' } as const;
  const client = await provider().keys.registration.sign({
    ...metadata,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  });
  const { answer } = await tokensFor({ id: client.id, secret: client.secret ?? '' });
  assert.equal(answer.json['refresh_token'], undefined);
});

test('a client proves who it is by Basic or in the form, and not in both ways', async (t) => {
  const { register, codeFor, post } = await open(t);
  const client = await register();
  const { id, secret } = client;
  const inForm = { ...codeForm(await codeFor(client)), client_id: id, client_secret: secret };
  refused(await post('/oauth2/token', inForm, { as: client }), 'invalid_request');
  assert.equal((await post('/oauth2/token', inForm)).status, 200);
  for (const headers of [{ authorization: 'Basic' }, { authorization: 'Basic !!' }, { authorization: 'Bearer abc' }]) {
    const answer = await post('/oauth2/token', codeForm('a'), { headers });
    refused(answer, 'invalid_client', 401);
    assert.match(String(answer.headers['www-authenticate']), /^Basic /);
  }
  refused(await post('/oauth2/token', codeForm('a')), 'invalid_client', 401);
  refused(await post('/oauth2/token', codeForm('a'), { as: { id, secret: `${secret}0` } }), 'invalid_client', 401);
  refused(await post('/oauth2/token', { ...codeForm('a'), client_id: id }), 'invalid_client', 401);
});

test('a client without a secret sends its identifier only', async (t) => {
  const { http, codeFor, post } = await open(t);
  const metadata = {
    client_name: 'Garden diary',
    client_uri: 'https://garden.example/',
    redirect_uris: ['http://localhost/cb'],
    token_endpoint_auth_method: 'none',
  };
  const { json } = await http('POST', '/oauth2/register', { json: metadata });
  const id = String(json['client_id']);
  const code = await codeFor({ id, secret: '' });
  refused(await post('/oauth2/token', { ...codeForm(code), client_id: id, client_secret: 'a' }), 'invalid_client', 401);
  assert.equal((await post('/oauth2/token', { ...codeForm(code), client_id: id })).status, 200);
});

test('a code is not good without its verifier, nor for another client, address or redirect, nor later', async (t) => {
  const { register, codeFor, post, clock } = await open(t);
  const [client, other] = [await register(), await register()];
  const bad: readonly (readonly [string, Record<string, string>])[] = [
    ['without verifier', { code_verifier: '' }],
    ['wrong verifier', { code_verifier: 'a'.repeat(43) }],
    ['another redirect', { redirect_uri: `${REDIRECT}/` }],
  ];
  for (const [what, change] of bad) {
    const form = codeForm(await codeFor(client));
    const answer = await post('/oauth2/token', { ...form, ...change }, { as: client });
    assert.doesNotThrow(() => refused(answer, 'invalid_grant'), what);
    // It is used up.
    refused(await post('/oauth2/token', form, { as: client }), 'invalid_grant');
  }
  const form = { ...codeForm(await codeFor(client)), redirect_uri: REDIRECT };
  refused(await post('/oauth2/token', form, { as: other }), 'invalid_grant');
  assert.equal((await post('/oauth2/token', form, { as: client })).status, 200);
  const late = codeForm(await codeFor(client));
  await clock.advance(10 * MINUTE_MS);
  refused(await post('/oauth2/token', late, { as: client }), 'invalid_grant');
  refused(await post('/oauth2/token', { grant_type: 'authorization_code' }, { as: client }), 'invalid_request');
});

test('a code that was not bound to a challenge has no verifier', async (t) => {
  const { register, provider, approval, post } = await open(t);
  const client = await register();
  const { codes, keys } = provider();
  const clientHash = (await keys.registration.verify(client.id))?.hash ?? '';
  const issue = async () =>
    codes.issue({
      clientHash,
      approval: await approval('xmpp'),
      challenge: undefined,
      redirectUri: 'urn:ietf:wg:oauth:2.0:oob',
    });
  const form = { grant_type: 'authorization_code', code: await issue() };
  refused(await post('/oauth2/token', { ...form, code_verifier: VERIFIER }, { as: client }), 'invalid_grant');
  assert.equal((await post('/oauth2/token', { ...form, code: await issue() }, { as: client })).status, 200);
});

test('a code that is used again takes what it gave with it', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const form = codeForm(await scene.codeFor(client));
  const { json } = await scene.post('/oauth2/token', form, { as: client });
  const access = String(json['access_token']);
  assert.ok(await scopesOf(scene, access));
  refused(await scene.post('/oauth2/token', form, { as: client }), 'invalid_grant');
  assert.equal(await scopesOf(scene, access), undefined);
  assert.equal(scene.stage.log.records.filter(({ event }) => event === 'oauth.code-replayed').length, 1);
});

test('a code of before the password was changed gives nothing', async (t) => {
  const { register, codeFor, post, clock, stage } = await open(t);
  const client = await register();
  const form = codeForm(await codeFor(client));
  await clock.advance(1000);
  await stage.host.users.setPassword('romeo', 'another one');
  refused(await post('/oauth2/token', form, { as: client }), 'invalid_grant');
});

test('only grant types that are open and registered are exchanged', async (t) => {
  const { register, post } = await open(t);
  const client = await register({ grant_types: ['authorization_code'] });
  const grants = {
    refresh_token: 'unauthorized_client',
    [DEVICE]: 'unauthorized_client',
    device_code: 'unsupported_grant_type',
    password: 'unsupported_grant_type',
    client_credentials: 'unsupported_grant_type',
    constructor: 'unsupported_grant_type',
    implicit: 'invalid_request',
    '': 'invalid_request',
  };
  for (const [name, error] of Object.entries(grants)) {
    const answer = await post('/oauth2/token', { grant_type: name }, { as: client });
    assert.doesNotThrow(() => refused(answer, error), name);
  }
});

test('a refresh token is used up, and its successor may have less', async (t) => {
  const scene = await open(t);
  const { post, register, tokensFor } = scene;
  const client = await register();
  const { refresh } = await tokensFor(client, 'xmpp openid');
  const more = await post('/oauth2/token', refreshForm(refresh, { scope: 'xmpp openid email' }), { as: client });
  refused(more, 'invalid_scope');
  const less = await post('/oauth2/token', refreshForm(refresh, { scope: 'openid' }), { as: client });
  assert.deepEqual([less.status, less.json['scope']], [200, 'openid']);
  assert.notEqual(less.json['refresh_token'], refresh);
  const { nonce, amr, iss } = payloadOf(String(less.json['id_token']));
  assert.deepEqual([nonce, amr, iss], [undefined, ['pwd'], ISSUER]);
  assert.deepEqual(await scopesOf(scene, String(less.json['access_token'])), ['openid']);
});

test('a refresh token that is used again later ends everything', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { refresh } = await scene.tokensFor(client);
  const { json } = await scene.post('/oauth2/token', refreshForm(refresh), { as: client });
  await scene.clock.advance(11_000);
  refused(await scene.post('/oauth2/token', refreshForm(refresh), { as: client }), 'invalid_grant');
  assert.equal(await scopesOf(scene, String(json['access_token'])), undefined);
  const next = refreshForm(String(json['refresh_token']));
  refused(await scene.post('/oauth2/token', next, { as: client }), 'invalid_grant');
});

test('a refresh token is good for its own client, and for as long as is configured', async (t) => {
  const { register, tokensFor, post, clock } = await open(t, { oauth: { refreshTokenTtlMs: 10 * MINUTE_MS } });
  const [client, other] = [await register(), await register()];
  const { refresh, access } = await tokensFor(client);
  refused(await post('/oauth2/token', refreshForm(refresh), { as: other }), 'invalid_grant');
  refused(
    await post('/oauth2/token', refreshForm(refresh), { as: { ...client, secret: other.secret } }),
    'invalid_client',
    401,
  );
  refused(await post('/oauth2/token', refreshForm(access), { as: client }), 'invalid_grant');
  await clock.advance(10 * MINUTE_MS);
  refused(await post('/oauth2/token', refreshForm(refresh), { as: client }), 'invalid_grant');
});

test('a password change ends all access, and a disabled account has none', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { access, refresh } = await scene.tokensFor(client);
  await scene.stage.host.users.setDisabled('romeo', true);
  assert.equal(await scopesOf(scene, access), undefined);
  refused(await scene.post('/oauth2/token', refreshForm(refresh), { as: client }), 'invalid_grant');
  await scene.stage.host.users.setDisabled('romeo', false);
  assert.ok(await scopesOf(scene, access));
  await scene.clock.advance(1000);
  await scene.stage.host.users.setPassword('romeo', 'another one');
  assert.equal(await scopesOf(scene, access), undefined);
  refused(await scene.post('/oauth2/token', refreshForm(refresh), { as: client }), 'invalid_grant');
});

const PASSWORDS = { oauth: { grantTypes: ['authorization_code', 'password'] } };

test('where it is allowed, a client may send a password', async (t) => {
  const scene = await open(t, PASSWORDS);
  const client = await scene.register({ grant_types: ['authorization_code', 'password'], scope: 'xmpp openid' });
  const form = { grant_type: 'password', username: 'romeo', password: PASSWORD };
  const ask = (change: Record<string, string> = {}) =>
    scene.post('/oauth2/token', { ...form, ...change }, { as: client });
  const { status, json } = await ask({ scope: 'openid email admin' });
  assert.deepEqual([status, json['scope']], [200, 'openid']);
  assert.equal((await ask({ username: 'romeo@stage.example' })).json['scope'], 'xmpp openid');
  refused(await ask({ password: 'wrong' }), 'invalid_grant');
  refused(await ask({ username: 'nobody' }), 'invalid_grant');
  refused(await ask({ scope: 'email' }), 'invalid_scope');
  refused(await ask({ scope: 'a"b' }), 'invalid_scope');
  refused(await ask({ username: '' }), 'invalid_request');
});

test('a password alone gives nothing where the account asks for more', async (t) => {
  const asksForMore: Feature = {
    name: 'asksForMore',
    specs: [],
    setup(host) {
      const summary = { totp: true, passkeys: 0, recoveryCodes: 8, isRequired: true, refusesPasswords: false };
      const unused = () => Promise.reject(new Error('nobody asks'));
      host.provide(secondFactors, {
        of: async () => summary,
        names: unused,
        checkCode: unused,
        passkeyOptions: unused,
        checkPasskey: unused,
        remove: unused,
      });
    },
  };
  const { register, post } = await open(t, { ...PASSWORDS, features: [asksForMore] });
  const client = await register({ grant_types: ['authorization_code', 'password'] });
  const form = { grant_type: 'password', username: 'romeo', password: PASSWORD, scope: 'xmpp' };
  refused(await post('/oauth2/token', form, { as: client }), 'invalid_grant');
});

test('who guesses passwords has to wait', async (t) => {
  const address = { count: 2, perMs: MINUTE_MS };
  const { register, post } = await open(t, {
    ...PASSWORDS,
    rates: { address, account: null, accountFromAddress: null },
  });
  const client = await register({ grant_types: ['authorization_code', 'password'] });
  const form = { grant_type: 'password', username: 'romeo', password: 'wrong' };
  for (let count = 0; count < 2; count++) refused(await post('/oauth2/token', form, { as: client }), 'invalid_grant');
  const answer = await post('/oauth2/token', { ...form, password: PASSWORD }, { as: client });
  refused(answer, 'temporarily_unavailable', 429);
  assert.equal(answer.headers['retry-after'], '60');
});

test('nobody uses up what others have of a client without a secret', async (t) => {
  const { register, post } = await open(t);
  const { id } = await register({ token_endpoint_auth_method: 'none' });
  const ask = (address: string) => {
    const headers = { 'x-forwarded-for': address, 'x-forwarded-proto': 'https' };
    return post('/oauth2/token', { ...refreshForm('a'), client_id: id }, { headers });
  };
  for (let count = 0; count < 60; count++) await ask('2001:db8::1');
  refused(await ask('2001:db8::2'), 'temporarily_unavailable', 429);
  refused(await ask('2001:db8:0:1::1'), 'invalid_grant');
});

test('a client asks for tokens sixty times a minute', async (t) => {
  const { register, post } = await open(t);
  const [client, other] = [await register(), await register()];
  for (let count = 0; count < 60; count++) await post('/oauth2/token', refreshForm('a'), { as: client });
  const answer = await post('/oauth2/token', refreshForm('a'), { as: client });
  refused(answer, 'temporarily_unavailable', 429);
  assert.equal(answer.headers['retry-after'], '1');
  refused(await post('/oauth2/token', refreshForm('a'), { as: other }), 'invalid_grant');
});
