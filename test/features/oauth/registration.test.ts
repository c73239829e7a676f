import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../support/manual-clock.ts';
import { ISSUER, open, refused, WEB } from './scene.ts';

const DAY_MS = 86_400_000;

test('a client is registered with what it said of itself, an identifier and a secret', async (t) => {
  const { http, clock } = await open(t);
  const answer = await http('POST', '/oauth2/register', { json: { ...WEB, jwks: {}, nonce: 'mine', iat: 1 } });
  assert.equal(answer.status, 201);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['pragma'], 'no-cache');
  const { client_id, client_secret, ...rest } = answer.json;
  assert.match(String(client_secret), /^[0-9a-f]{64}$/);
  assert.match(String(client_id), /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.deepEqual(rest, {
    ...WEB,
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    response_types: ['code'],
    client_id_issued_at: Math.floor(clock.now() / 1000),
    client_secret_expires_at: 0,
  });
});

test('a client without a secret gets none', async (t) => {
  const { http } = await open(t);
  const { json } = await http('POST', '/oauth2/register', { json: { ...WEB, token_endpoint_auth_method: 'none' } });
  assert.deepEqual([json['client_secret'], json['client_secret_expires_at']], [undefined, undefined]);
});

test('registering the same twice makes two clients, and nothing is stored', async (t) => {
  const { register, stage } = await open(t);
  const before = stage.store.dump();
  const [first, second] = [await register(), await register()];
  assert.notEqual(first.id, second.id);
  assert.notEqual(first.secret, second.secret);
  assert.deepEqual(stage.store.dump(), before);
});

const FAULTS: readonly (readonly [what: string, metadata: unknown, error: string])[] = [
  ['no object', [], 'invalid_request'],
  ['no name', { client_name: undefined }, 'invalid_client_metadata'],
  ['a website without TLS', { client_uri: 'http://garden.example/' }, 'invalid_client_metadata'],
  ['a website on this machine', { client_uri: 'https://localhost/' }, 'invalid_client_metadata'],
  ['a redirect to a stranger', { redirect_uris: ['https://weeds.example/signed-in'] }, 'invalid_redirect_uri'],
  ['a redirect with user information', { redirect_uris: ['https://a@garden.example/'] }, 'invalid_redirect_uri'],
  ['a relative redirect', { redirect_uris: ['/signed-in'] }, 'invalid_redirect_uri'],
  ['a redirect with a fragment', { redirect_uris: ['https://garden.example/#a'] }, 'invalid_redirect_uri'],
  ['no redirects', { redirect_uris: [] }, 'invalid_client_metadata'],
  ['a redirect twice', { redirect_uris: [...WEB.redirect_uris, ...WEB.redirect_uris] }, 'invalid_client_metadata'],
  ['an unknown grant', { grant_types: ['guess'] }, 'invalid_client_metadata'],
  ['a grant that is off', { grant_types: ['password'] }, 'invalid_client_metadata'],
  ['types that do not match', { response_types: [] }, 'invalid_client_metadata'],
  ['a logo elsewhere', { logo_uri: 'https://logos.example/' }, 'invalid_client_metadata'],
  ['a name as long as a book', { client_name: 'a'.repeat(5000) }, 'invalid_client_metadata'],
];

test('what breaks the rules is not registered, and every fault is told', async (t) => {
  const { http } = await open(t, { oauth: { registrationsPerMinute: 100 } });
  for (const [what, metadata, error] of FAULTS) {
    const json = Array.isArray(metadata) ? metadata : { ...WEB, ...Object(metadata) };
    const answer = await http('POST', '/oauth2/register', { json });
    assert.doesNotThrow(() => refused(answer, error), what);
    if (error !== 'invalid_request') assert.ok(Array.isArray(answer.json['errors']), what);
  }
});

test('a client whose identifier would be too long is refused', async (t) => {
  const { http } = await open(t);
  const redirects = Array.from({ length: 10 }, (_, index) => `https://garden.example/${'a'.repeat(500)}${index}`);
  refused(
    await http('POST', '/oauth2/register', { json: { ...WEB, redirect_uris: redirects } }),
    'invalid_client_metadata',
  );
});

test('only JSON in UTF-8 is a registration', async (t) => {
  const { http, post } = await open(t);
  refused(await post('/oauth2/register', { client_name: 'Garden diary' }), 'invalid_request');
  for (const body of ['{', '', Buffer.from([0xff, 0xfe]), '"text"', 'null']) {
    refused(await http('POST', '/oauth2/register', { body }), 'invalid_request');
  }
});

test('developers get a JSON Schema of what can be registered', async (t) => {
  const { http } = await open(t);
  const { status, headers, json } = await http('GET', '/oauth2/register');
  assert.deepEqual([status, headers['content-type']], [200, 'application/schema+json']);
  assert.deepEqual(json['required'], ['client_name', 'client_uri']);
});

test('ten clients a minute can be registered from one address', async (t) => {
  const { http, clock, register } = await open(t);
  for (let count = 0; count < 10; count++) await register();
  const answer = await http('POST', '/oauth2/register', { json: WEB });
  refused(answer, 'temporarily_unavailable', 429);
  assert.equal(answer.headers['retry-after'], '6');
  await clock.advance(6000);
  await register();
});

test('a client of another host, one that was altered and one that is signed with nothing are nobody', async (t) => {
  const { register, post, provider } = await open(t);
  const { id, secret } = await register();
  const [header = '', payload = '', signature = ''] = id.split('.');
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const altered = payload.startsWith('e') ? `f${payload.slice(1)}` : `e${payload.slice(1)}`;
  const flows = provider().keys.flows;
  const parse = () => ({});
  const state = await flows.issue({ name: 'device', parse }, { clientId: id, query: '' }, {});
  const strangers = [
    [none, payload, ''].join('.'),
    [none, payload, signature].join('.'),
    [header, altered, signature].join('.'),
    [header, payload, `${signature.slice(0, -1)}${signature.endsWith('A') ? 'B' : 'A'}`].join('.'),
    state,
    'nobody',
  ];
  for (const stranger of strangers) {
    const as = { id: stranger, secret };
    refused(
      await post('/oauth2/token', { grant_type: 'refresh_token', refresh_token: 'a' }, { as }),
      'invalid_client',
      401,
    );
    refused(await post('/oauth2/introspect', { token: 'a' }, { as }), 'invalid_client', 401);
    refused(await post('/oauth2/revoke', { token: 'a' }, { as }), 'invalid_client', 401);
    refused(await post('/oauth2/device', {}, { as }), 'invalid_client', 401);
  }
});

test('without a time to live a client that is a year old is known, also after a restart', async (t) => {
  const first = await open(t);
  const client = await first.register();
  const { store } = first.stage;
  await first.stage.close();
  const { post } = await open(t, { store, clock: new ManualClock(first.clock.now() + 366 * DAY_MS) });
  const form = { grant_type: 'refresh_token', refresh_token: 'a' };
  refused(await post('/oauth2/token', form, { as: client }), 'invalid_grant');
});

test('with a time to live a client ends, and its secret says so', async (t) => {
  const ttlMs = 600_000;
  const { http, register, post, tokensFor, clock } = await open(t, { oauth: { registrationTtlMs: ttlMs } });
  const { json } = await http('POST', '/oauth2/register', { json: WEB });
  assert.equal(json['client_secret_expires_at'], Number(json['client_id_issued_at']) + ttlMs / 1000);
  const client = await register();
  const { refresh } = await tokensFor(client);
  await clock.advance(ttlMs);
  const form = { grant_type: 'refresh_token', refresh_token: refresh };
  refused(await post('/oauth2/token', form, { as: client }), 'invalid_client', 401);
});

test('where nobody can be registered, that part is not there', async (t) => {
  const { http, post, stage } = await open(t, { oauth: { registrationKey: null } });
  for (const path of ['/oauth2/register', '/oauth2/device']) assert.equal((await post(path, {})).status, 404, path);
  const { json } = await http('GET', '/.well-known/oauth-authorization-server');
  for (const name of ['registration_endpoint', 'authorization_endpoint', 'device_authorization_endpoint']) {
    assert.equal(json[name], undefined, name);
  }
  assert.equal(json['issuer'], ISSUER);
  assert.equal(stage.log.records.filter(({ event }) => event === 'oauth.closed').length, 1);
});
