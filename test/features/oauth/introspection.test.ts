import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ISSUER, open, refused } from './scene.ts';

test('a client is told about its own tokens, with times in seconds', async (t) => {
  const { register, post, tokensFor, clock } = await open(t);
  const client = await register();
  const { access, refresh } = await tokensFor(client, 'xmpp openid');
  const ask = async (token: string) => (await post('/oauth2/introspect', { token }, { as: client })).json;
  const { jti, ...told } = await ask(access);
  const now = Math.floor(clock.now() / 1000);
  const facts = {
    active: true,
    client_id: client.id,
    username: 'romeo',
    scope: 'xmpp openid',
    iat: now,
    sub: 'xmpp:romeo@stage.example',
    aud: client.id,
    iss: ISSUER,
  };
  assert.deepEqual(told, { ...facts, token_type: 'bearer', exp: now + 3600 });
  const { jti: other, ...ofRefresh } = await ask(refresh);
  assert.deepEqual(ofRefresh, { ...facts, exp: now + 604_800 }, 'a refresh token is no bearer token');
  assert.ok(typeof jti === 'string' && typeof other === 'string' && jti !== other);
  assert.ok(!access.includes(jti));
});

test('what is unknown, expired, revoked or of another client is not active, and no more is told', async (t) => {
  const { register, post, tokensFor, clock } = await open(t);
  const [client, other] = [await register(), await register()];
  const { access, refresh } = await tokensFor(client);
  const inactive = async (token: string, as = client): Promise<void> => {
    const { status, json } = await post('/oauth2/introspect', { token }, { as });
    assert.deepEqual([status, json], [200, { active: false }]);
  };
  await inactive('guessed');
  await inactive(access, other);
  await inactive(refresh, other);
  await clock.advance(3_600_000);
  await inactive(access);
  await post('/oauth2/revoke', { token: refresh });
  await inactive(refresh);
});

test('only clients that prove who they are may ask', async (t) => {
  const { register, post, http } = await open(t);
  const client = await register();
  const answer = await post('/oauth2/introspect', { token: 'a' });
  refused(answer, 'invalid_client', 401);
  assert.match(String(answer.headers['www-authenticate']), /^Basic /);
  const isPublic = {
    client_name: 'Garden diary',
    client_uri: 'https://garden.example/',
    redirect_uris: ['http://localhost/cb'],
    token_endpoint_auth_method: 'none',
  };
  const { json } = await http('POST', '/oauth2/register', { json: isPublic });
  const form = { token: 'a', client_id: String(json['client_id']) };
  refused(await post('/oauth2/introspect', form), 'invalid_client', 401);
  refused(await post('/oauth2/introspect', {}, { as: client }), 'invalid_request');
});
