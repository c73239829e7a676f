import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Answer, codeForm, DEVICE, open, type Scene, type Sending } from './scene.ts';

const POSTS = ['/oauth2/register', '/oauth2/token', '/oauth2/device', '/oauth2/revoke', '/oauth2/introspect'];
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const MIB = 1_048_576;

/** Nothing is too much, so that what is tried is looked at. */
const OPEN_HANDED = {
  oauth: { registrationsPerMinute: 100_000, tokenRequestsPerMinute: 100_000, requireAuthRevoke: true },
};

/** What any endpoint must refuse. */
const HOSTILE: readonly (readonly [what: string, sending: Sending])[] = [
  ['no body', {}],
  ['no type', { body: 'grant_type=password', headers: { 'content-type': '' } }],
  ['XML', { body: '<a/>', headers: { 'content-type': 'application/xml' } }],
  ['a form with files', { body: '--a--', headers: { 'content-type': 'multipart/form-data; boundary=a' } }],
  ['a field twice', { body: 'token=a&token=b', headers: FORM }],
  ['a client twice', { body: 'client_id=a&client_id=a', headers: FORM }],
  ['no UTF-8', { body: Buffer.from('token=\xff\xfe', 'latin1'), headers: FORM }],
  ['no UTF-8, encoded', { body: 'token=%ff%fe', headers: FORM }],
  ['a broken encoding', { body: 'token=%', headers: FORM }],
  ['NULs', { body: 'token=%00&grant_type=%00&client_id=%00', headers: FORM }],
  ['a thousand fields', { body: Array.from({ length: 1000 }, (_, n) => `f${n}=a`).join('&'), headers: FORM }],
  ['deep JSON', { body: `${'['.repeat(20_000)}${']'.repeat(20_000)}` }],
  ['JSON with a prototype', { body: '{"__proto__":{"client_name":"a"},"constructor":1}' }],
  ['credentials that are no base64', { body: 'token=a', headers: { ...FORM, authorization: 'Basic %%%' } }],
  ['credentials that are no UTF-8', { body: 'token=a', headers: { ...FORM, authorization: 'Basic //4=' } }],
  ['credentials without colon', { body: 'token=a', headers: { ...FORM, authorization: 'Basic YQ==' } }],
  ['NULs as credentials', { body: 'token=a', headers: { ...FORM, authorization: 'Basic AAAAOgAA' } }],
  ['long credentials', { body: 'token=a', headers: { ...FORM, authorization: `Basic ${'YTph'.repeat(2500)}` } }],
];

function cleanly({ status, headers, body }: Answer, what: string): void {
  assert.ok(status >= 400 && status < 500, `${what}: ${status} ${body}`);
  assert.equal(headers['cache-control'], 'no-store', what);
}

test('hostile input is refused cleanly everywhere', async (t) => {
  const { http } = await open(t, OPEN_HANDED);
  for (const path of POSTS) {
    for (const [what, sending] of HOSTILE) {
      const answer = await http('POST', path, sending);
      cleanly(answer, `${what} to ${path}`);
      assert.match(String(answer.json['error']), /^invalid_(?:request|client|client_metadata)$/, `${what} to ${path}`);
    }
  }
});

/** Whatever can be asked for without a body. */
const GETS = [
  '/oauth2/authorize',
  '/oauth2/device',
  '/oauth2/register',
  '/oauth2/userinfo',
  '/oauth2/jwks',
  '/oauth2/style.css',
  '/oauth2/passkeys.js',
  '/oauth2/assets/',
  '/.well-known/oauth-authorization-server',
  '/.well-known/openid-configuration',
];

const QUERIES = [
  '?%ff',
  '?%',
  '?client_id=a&client_id=b',
  '?user_code=%00&user_code=a',
  '?__proto__=a&constructor=b',
  `?${'a=b&'.repeat(1000)}`,
  `?client_id=${'a'.repeat(9000)}`,
  '?client_id=%00&redirect_uri=javascript:alert(1)&state=%0d%0aset-cookie:a=b',
  '?user_code=%3Cscript%3Ealert(1)%3C/script%3E',
  '?access_token=a',
  '../../../../etc/passwd',
  '..%2f..%2f..%2fetc%2fpasswd',
  '%00',
  '%ff',
];

const HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { authorization: 'Bearer' },
  { authorization: `Bearer ${'a'.repeat(9000)}` },
  { authorization: 'Bearer \xff\xfe' },
  { 'accept-language': `${'x,'.repeat(2000)};q=%` },
  { origin: 'null', 'access-control-request-method': 'POST', 'sec-fetch-site': 'cross-site' },
  { 'if-none-match': '*', range: 'bytes=0-0,-1', 'if-modified-since': 'never' },
  { cookie: 'a=b', referer: 'javascript:' },
];

test('whatever is asked for is answered, and nothing of the request comes back as markup or as a header', async (t) => {
  const { http } = await open(t, OPEN_HANDED);
  for (const path of [...GETS, ...POSTS]) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      for (const query of method === 'GET' ? QUERIES : QUERIES.slice(0, 2)) {
        const { status, headers, body } = await http(method, path + query);
        const what = `${method} ${path}${query}`.slice(0, 100);
        assert.ok(status < 500, `${what}: ${status} ${body}`);
        assert.equal(headers['set-cookie'], undefined, what);
        assert.equal(headers.location, undefined, what);
        assert.doesNotMatch(body, /<script>|root:/, what);
      }
    }
    for (const headers of HEADERS) {
      const { status, body } = await http('GET', path, { headers });
      assert.ok(status < 500, `${path} ${JSON.stringify(headers).slice(0, 100)}: ${status} ${body}`);
    }
  }
});

test('what must be secret does not work as a part of an address', async (t) => {
  const { http, register, tokensFor, codeFor } = await open(t, OPEN_HANDED);
  const client = await register();
  const { access, refresh } = await tokensFor(client);
  const inAddress = (path: string, fields: Readonly<Record<string, string>>) =>
    http('POST', `${path}?${new URLSearchParams({ client_id: client.id, client_secret: client.secret, ...fields })}`, {
      body: '',
      headers: FORM,
    });
  cleanly(await inAddress('/oauth2/token', codeForm(await codeFor(client))), 'a code');
  cleanly(await inAddress('/oauth2/token', { grant_type: 'refresh_token', refresh_token: refresh }), 'a refresh token');
  cleanly(await inAddress('/oauth2/introspect', { token: access }), 'a token to introspect');
  cleanly(await inAddress('/oauth2/revoke', { token: access }), 'a token to revoke');
  assert.equal((await http('GET', `/oauth2/userinfo?access_token=${encodeURIComponent(access)}`)).status, 401);
  const authorization = `Bearer ${access}`;
  assert.equal((await http('GET', '/oauth2/userinfo', { headers: { authorization } })).status, 200, 'it is still good');
});

test('a body of a mebibyte is refused, whatever it is', async (t) => {
  const { http } = await open(t, OPEN_HANDED);
  const name = JSON.stringify({ client_name: 'a'.repeat(MIB) });
  for (const path of POSTS) {
    const sending = path.endsWith('register') ? { body: name } : { body: `token=${'a'.repeat(MIB)}`, headers: FORM };
    const answer = await http('POST', path, sending);
    assert.equal(answer.status, 413, path);
    assert.equal(answer.json['error'], 'invalid_request', path);
  }
});

test('headers that are too large are refused', async (t) => {
  const { http } = await open(t, OPEN_HANDED);
  const headers = { ...FORM, authorization: `Basic ${'YTph'.repeat(10_000)}` };
  assert.equal((await http('POST', '/oauth2/token', { body: 'a=b', headers })).status, 431);
});

test('two Authorization headers are one too many', async (t) => {
  const scene = await open(t, OPEN_HANDED);
  const client = await scene.register();
  const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
  const twice = { authorization: [basic, basic] as unknown as string };
  const { status, json } = await scene.post('/oauth2/introspect', { token: 'a' }, { headers: twice });
  assert.deepEqual([status, json['error']], [400, 'invalid_request']);
});

/** A client, and something of everything that it may be sent. */
async function ammunition(scene: Scene) {
  const grant_types = ['authorization_code', 'refresh_token', DEVICE];
  const client = await scene.register({ application_type: 'web', grant_types });
  const { access, refresh } = await scene.tokensFor(client);
  const code = codeForm(await scene.codeFor(client));
  return { client, texts: [access, refresh, code['code'] ?? '', client.id, client.secret] };
}

test('whatever the fields are, the answer is one that is meant', async (t) => {
  const scene = await open(t, OPEN_HANDED);
  const { client, texts } = await ammunition(scene);
  const names = fc.constantFrom(
    'grant_type',
    'code',
    'code_verifier',
    'redirect_uri',
    'refresh_token',
    'device_code',
    'user_code',
    'scope',
    'token',
    'token_type_hint',
    'client_id',
    'client_secret',
    '__proto__',
  );
  const values = fc.oneof(
    fc.constantFrom(
      'authorization_code',
      'refresh_token',
      DEVICE,
      'password',
      'implicit',
      'toString',
      'xmpp',
      ...texts,
    ),
    fc
      .constantFrom(...texts)
      .chain((text) => fc.nat(text.length).map((at) => `${text.slice(0, at)}A${text.slice(at + 1)}`)),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  const forms = fc.dictionary(names, values, { maxKeys: 6 });
  const property = fc.asyncProperty(fc.constantFrom(...POSTS), forms, fc.boolean(), async (path, form, isKnown) => {
    const { status, body } = await scene.post(path, form, isKnown ? { as: client } : {});
    assert.ok(status < 500, `${path} ${JSON.stringify(form)}: ${status} ${body}`);
  });
  await fc.assert(property, { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false });
});

test('whatever a registration is, the answer is one that is meant', async (t) => {
  const { http } = await open(t, OPEN_HANDED);
  const names = ['client_name', 'client_uri', 'redirect_uris', 'grant_types', 'response_types', 'scope', 'contacts'];
  const metadata = fc.dictionary(fc.constantFrom(...names, 'client_name#de', '__proto__'), fc.jsonValue());
  const property = fc.asyncProperty(fc.oneof(metadata, fc.jsonValue()), async (json) => {
    const { status, body } = await http('POST', '/oauth2/register', { json });
    assert.ok(status === 201 || status === 400, `${JSON.stringify(json)}: ${status} ${body}`);
  });
  await fc.assert(property, { interruptAfterTimeLimit: 2000, markInterruptAsFailure: false });
});
