import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JID } from '../../../src/jid.ts';
import { OUT_OF_BAND } from '../../../src/oauth/redirect-uris.ts';
import { DOMAIN } from '../../support/stage.ts';
import { AUTHORIZE, AuthorizeScene, headingOn, locationOf, onPage, type Query, toClient } from './authorize-scene.ts';
import { ISSUER, REDIRECT, VERIFIER, WEB } from './scene.ts';

const NATIVE = { redirect_uris: ['http://localhost/cb'], application_type: 'native' };

test('nobody is sent anywhere before the client and its redirect URI are known', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  onPage(await scene.get(AUTHORIZE), /Begin in the application/);
  onPage(await scene.get(`${AUTHORIZE}?client_id=`), /Begin in the application/);
  onPage(await scene.get(scene.url('nobody')), /not known here/);
  const altered = `${id.slice(0, -5)}${id.at(-5) === 'A' ? 'B' : 'A'}${id.slice(-4)}`;
  onPage(await scene.get(scene.url(altered)), /not known here/);
  for (const uri of [
    'https://evil.example/signed-in',
    `${REDIRECT}/`,
    `${REDIRECT}?a=b`,
    `${REDIRECT}#a`,
    'https://garden.example@evil.example/signed-in',
    'https://garden.example/signed-in/../../x',
    '//garden.example/signed-in',
    'javascript:alert(1)',
    OUT_OF_BAND,
  ]) {
    for (const error of [{}, { response_type: 'foo' }, { scope: '"' }]) {
      onPage(await scene.get(scene.url(id, { redirect_uri: uri, ...error })), /Nothing was sent there/);
    }
  }
  for (const name of ['client_id', 'redirect_uri', 'state', 'scope']) {
    onPage(await scene.get(`${scene.url(id)}&${name}=x`), /malformed/);
  }
  onPage(await scene.get(`${scene.url(id)}&x=%ff`), /malformed/);
  onPage(await scene.send(`${scene.url(id)}&state=x`, { username: 'romeo' }), /malformed/);
});

test('what is not a client of this host is refused: other hosts, no signature, tokens of pages', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  const [, payload] = id.split('.');
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const page = await scene.logIn(scene.url(id));
  const userToken = /name="user_token" value="([^"]*)"/.exec(page.body)?.[1] ?? '';
  const foreign =
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjbGllbnRfbmFtZSI6IkRlbW8iLCJpYXQiOjE3MDAwMDAwMDB9.Ji0ZlUObmgff2knkyPsxGAy9Y7Yj4ZpDri1MlM95PBQ';
  for (const forged of [`${none}.${payload}.`, userToken, foreign]) {
    assert.notEqual(forged, '');
    onPage(await scene.get(scene.url(forged)), /not known here/);
  }
});

test('a registration that has expired is none', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { registrationTtlMs: 60_000 } });
  const { id } = await scene.scene.register();
  assert.equal((await scene.get(scene.url(id))).status, 200);
  await scene.scene.clock.advance(60_000);
  onPage(await scene.get(scene.url(id)), /registration has expired/);
});

test('a redirect URI may be left out when there is one', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const one = await scene.scene.register();
  const location = await scene.allow(scene.url(one.id, { redirect_uri: undefined }));
  assert.equal(location.origin + location.pathname, REDIRECT);
  const two = await scene.scene.register({ redirect_uris: [REDIRECT, `${REDIRECT}/2`] });
  onPage(await scene.get(scene.url(two.id, { redirect_uri: undefined })), /Nothing was sent there/);
});

test('on the loopback interface any port and name will do, and no other path', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register(NATIVE);
  const location = await scene.allow(scene.url(id, { redirect_uri: 'http://127.0.0.1:53211/cb' }));
  assert.equal(location.origin + location.pathname, 'http://127.0.0.1:53211/cb');
  for (const uri of [
    'http://127.0.0.1:53211/cb2',
    'https://localhost/cb',
    'http://127.0.0.2/cb',
    'http://localhost/cb?x',
  ]) {
    onPage(await scene.get(scene.url(id, { redirect_uri: uri })), /Nothing was sent there/);
  }
});

test('the query of a redirect URI is kept', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register({ redirect_uris: [`${REDIRECT}?a=b%20c`] });
  const location = await scene.allow(scene.url(id, { redirect_uri: `${REDIRECT}?a=b%20c` }));
  assert.equal(location.searchParams.get('a'), 'b c');
  assert.match(location.searchParams.get('code') ?? '', /^[\w-]{24}$/);
});

test('errors of the request are told to the client, with its state and who tells them', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register({ scope: 'openid xmpp' });
  const fails = async (error: string, query: Parameters<AuthorizeScene['url']>[1]) =>
    toClient(await scene.get(scene.url(id, query)), error);
  await fails('invalid_request', { response_type: undefined });
  await fails('unsupported_response_type', { response_type: 'id_token' });
  await fails('invalid_scope', { scope: 'a"b' });
  await fails('invalid_scope', { scope: 'profile email' });
  await fails('invalid_scope', { scope: 'x'.repeat(1025) });
  await fails('invalid_request', { code_challenge: undefined, code_challenge_method: undefined });
  await fails('invalid_request', { code_challenge: 'short' });
  await fails('invalid_request', { code_challenge_method: 'plain' });
  await fails('invalid_request', { code_challenge_method: undefined });
  await fails('invalid_request', { response_mode: 'fragment' });
  await fails('invalid_request', { response_mode: 'form_post' });
  await fails('request_not_supported', { request: 'eyJ' });
  await fails('request_uri_not_supported', { request_uri: 'https://garden.example/request' });
  await fails('registration_not_supported', { registration: '{}' });
  await fails('invalid_request', { nonce: 'n'.repeat(1025) });
});

test('tokens in addresses are off, and for clients that did not register for them', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  toClient(await scene.get(scene.url(id, { response_type: 'token' })), 'invalid_client');
});

test('without the grant type that gives tokens away, the response type gives none either', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { responseTypes: ['code', 'token'] } });
  const { keys } = scene.scene.provider();
  const metadata = {
    client_name: 'Old diary',
    client_uri: 'https://garden.example/',
    redirect_uris: [REDIRECT],
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    grant_types: ['implicit'],
    response_types: ['token'],
  } as const;
  // It was registered when the operator still allowed it.
  const { id } = await keys.registration.sign(metadata);
  toClient(await scene.get(scene.url(id, { response_type: 'token' })), 'unsupported_response_type');
  const { json } = await scene.scene.http('GET', '/.well-known/oauth-authorization-server');
  assert.deepEqual([json['response_types_supported'], json['response_modes_supported']], [['code'], ['query']]);
  const { status } = await scene.scene.http('POST', '/oauth2/register', { json: metadata });
  assert.equal(status, 400);
});

test('where it is on, a token is given in the fragment, never in the query, and without a refresh token', async (t) => {
  const scene = await AuthorizeScene.open(t, {
    oauth: { responseTypes: ['code', 'token'], grantTypes: ['authorization_code', 'implicit', 'refresh_token'] },
  });
  const { id } = await scene.scene.register({
    grant_types: ['implicit', 'authorization_code', 'refresh_token'],
    response_types: ['token', 'code'],
  });
  const url = scene.url(id, { response_type: 'token', code_challenge: undefined, code_challenge_method: undefined });
  const { hash, search } = await scene.allow(url);
  assert.equal(search, '');
  const given = new URLSearchParams(hash.slice(1));
  assert.equal(given.get('token_type'), 'bearer');
  assert.equal(given.get('expires_in'), '3600');
  assert.equal(given.get('state'), 'af0ifjsldkj');
  assert.equal(given.get('iss'), ISSUER);
  assert.equal(given.get('refresh_token'), null);
  const headers = { authorization: `Bearer ${given.get('access_token')}` };
  assert.equal((await scene.scene.http('GET', '/oauth2/userinfo', { headers })).status, 200);
  const denied = locationOf(await scene.decide(url, await scene.logIn(url), { consent: 'denied' }));
  assert.equal(new URLSearchParams(denied.hash.slice(1)).get('error'), 'access_denied');
  const inQuery = locationOf(await scene.get(`${url}&response_mode=query`));
  assert.equal(new URLSearchParams(inQuery.hash.slice(1)).get('error'), 'invalid_request');
  const codeInFragment = await scene.allow(scene.url(id, { response_mode: 'fragment' }));
  assert.match(codeInFragment.hash, /^#code=/);
});

test('a code that is copied by hand is shown, and needs no challenge of a client with a secret', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const client = await scene.scene.register({ redirect_uris: [OUT_OF_BAND] });
  const none = { redirect_uri: OUT_OF_BAND, code_challenge: undefined, code_challenge_method: undefined };
  const url = scene.url(client.id, none);
  const page = await scene.decide(url, await scene.logIn(url));
  assert.equal(page.status, 200);
  assert.equal(headingOn(page), 'Your code');
  assert.equal(page.headers['cache-control'], 'no-store');
  const code = /<p class="secret mono big">([\w-]{24})<\/p>/.exec(page.body)?.[1] ?? '';
  assert.equal((await scene.redeem(client, code, {})).status, 200);

  const denied = await scene.decide(url, await scene.logIn(url), { consent: 'denied' });
  assert.deepEqual([denied.status, headingOn(denied)], [200, 'Denied']);
  onPage(await scene.get(scene.url(client.id, { ...none, response_type: 'foo' })), /cannot be given/);

  const open = await scene.scene.register({ redirect_uris: [OUT_OF_BAND], token_endpoint_auth_method: 'none' });
  onPage(await scene.get(scene.url(open.id, none)), /cannot be given/);
  const bound = scene.url(open.id, { redirect_uri: OUT_OF_BAND });
  const shown = await scene.decide(bound, await scene.logIn(bound));
  const openCode = /<p class="secret mono big">([\w-]{24})<\/p>/.exec(shown.body)?.[1] ?? '';
  const form = { grant_type: 'authorization_code', client_id: open.id, code: openCode };
  assert.equal((await scene.scene.post('/oauth2/token', form)).json['error'], 'invalid_grant');
});

test('the challenge can be made optional, and plain be let in', async (t) => {
  const scene = await AuthorizeScene.open(t, {
    oauth: { requireCodeChallenge: false, codeChallengeMethods: ['S256', 'plain'] },
  });
  const client = await scene.scene.register();
  const none = { code_challenge: undefined, code_challenge_method: undefined };
  const code = async (query: Query) => (await scene.allow(scene.url(client.id, query))).searchParams.get('code') ?? '';
  assert.equal((await scene.redeem(client, await code(none), {})).status, 200);
  assert.equal((await scene.redeem(client, await code(none))).json['error'], 'invalid_grant');
  const plain = { code_challenge: VERIFIER, code_challenge_method: undefined };
  assert.equal((await scene.redeem(client, await code(plain))).status, 200);
});

test('a code is bound to its client, its redirect URI and its challenge, and good once', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const client = await scene.scene.register();
  const other = await scene.scene.register({ client_name: 'Other' });
  const code = async () => (await scene.allow(scene.url(client.id))).searchParams.get('code') ?? '';
  const fails = async (answer: Awaited<ReturnType<AuthorizeScene['redeem']>>) =>
    assert.deepEqual([answer.status, answer.json['error']], [400, 'invalid_grant']);
  await fails(await scene.redeem(other, await code()));
  await fails(await scene.redeem(client, await code(), {}));
  await fails(await scene.redeem(client, await code(), { code_verifier: 'x'.repeat(43) }));
  await fails(await scene.redeem(client, await code(), { code_verifier: VERIFIER, redirect_uri: `${REDIRECT}/2` }));
  const good = await code();
  const answer = await scene.redeem(client, good, { code_verifier: VERIFIER, redirect_uri: REDIRECT });
  assert.equal(answer.status, 200);
  assert.equal(answer.json['scope'], 'openid xmpp');
  await fails(await scene.redeem(client, good));
});

test('too many codes that wait are told to the client', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const client = await scene.scene.register();
  const url = scene.url(client.id);
  const page = await scene.logIn(url);
  const { codes } = scene.scene.provider();
  const approval = await scene.scene.approval('xmpp');
  for (let i = 0; i < 10_000; i++) {
    const of = { ...approval, jid: JID.parse(`user${i}@${DOMAIN}`) };
    codes.issue({ clientHash: 'x', approval: of, challenge: undefined, redirectUri: '' });
  }
  toClient(await scene.decide(url, page), 'temporarily_unavailable');
});

test('requests that are huge are refused or answered, never with 500', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register(WEB);
  const state = 's'.repeat(6000);
  const location = await scene.allow(scene.url(id, { state }));
  assert.equal(location.searchParams.get('state'), state);
  const tooLarge = await scene.get(scene.url(id, { state: 's'.repeat(100_000) })).catch(() => ({ status: 431 }));
  assert.ok(tooLarge.status >= 400 && tooLarge.status < 500);
  onPage(await scene.get(scene.url('x'.repeat(8000))), /not known here/);
  const many = Array.from({ length: 200 }, (_, index) => `&p${index}=x`).join('');
  onPage(await scene.get(scene.url(id) + many), /malformed/);
  for (const body of [Buffer.from([0xff]), '%ff=x', 'username=a&username=b', 'x='.padEnd(1_048_576, 'y')]) {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await scene.scene.http('POST', scene.url(id), { headers, body });
    assert.ok(answer.status === 400 || answer.status === 413, String(answer.status));
    assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  }
  onPage(await scene.scene.http('POST', scene.url(id), { json: { username: 'romeo' } }), /malformed/);
});
