import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, refused } from './scene.ts';

test('a token that nobody knows is as good as revoked', async (t) => {
  const { register, post, tokensFor } = await open(t);
  const client = await register();
  const { access } = await tokensFor(client);
  for (const token of ['a', 'secret-token:a', 'secret-token:Mjs=', `${access.slice(0, -8)}AAAAAAA=`]) {
    for (const as of [client, undefined]) {
      const answer = await post('/oauth2/revoke', { token }, as === undefined ? {} : { as });
      assert.deepEqual([answer.status, answer.body], [200, ''], token);
    }
  }
  refused(await post('/oauth2/revoke', {}, { as: client }), 'invalid_request');
  refused(await post('/oauth2/revoke', { token: '' }), 'invalid_request');
});

test('an access token ends alone, a refresh token with all of its grant', async (t) => {
  const { register, post, tokensFor, provider } = await open(t);
  const { tokens } = provider();
  const client = await register();
  const first = await tokensFor(client);
  const hint = { token: first.access, token_type_hint: 'refresh_token' };
  assert.equal((await post('/oauth2/revoke', hint, { as: client })).status, 200);
  assert.equal(await tokens.verify(first.access), undefined);
  const form = { grant_type: 'refresh_token', refresh_token: first.refresh };
  const { json } = await post('/oauth2/token', form, { as: client });
  const [access, refresh] = [String(json['access_token']), String(json['refresh_token'])];
  assert.ok(await tokens.verify(access));
  assert.equal((await post('/oauth2/revoke', { token: refresh }, { as: client })).status, 200);
  assert.equal(await tokens.verify(access), undefined);
  refused(await post('/oauth2/token', { ...form, refresh_token: refresh }, { as: client }), 'invalid_grant');
});

test('whoever finds a token may revoke it, unless configured otherwise', async (t) => {
  const { register, post, tokensFor, provider, stage } = await open(t);
  const { access, refresh } = await tokensFor(await register());
  assert.equal((await post('/oauth2/revoke', { token: refresh })).status, 200);
  assert.equal(await provider().tokens.verify(access), undefined);
  const record = stage.log.records.find(({ event }) => event === 'oauth.token-revoked');
  assert.equal(record?.fields['anonymous'], true);
});

test('where clients must say who they are, a finder may not', async (t) => {
  const { register, post, tokensFor, provider } = await open(t, { oauth: { requireAuthRevoke: true } });
  const { access } = await tokensFor(await register());
  refused(await post('/oauth2/revoke', { token: access }), 'invalid_client', 401);
  assert.ok(await provider().tokens.verify(access));
});

test('a client that says who it is proves it, and cannot revoke what another has', async (t) => {
  const { register, post, tokensFor, provider } = await open(t);
  const [client, other] = [await register(), await register()];
  const { access } = await tokensFor(client);
  const wrong = await post('/oauth2/revoke', { token: access }, { as: { ...client, secret: other.secret } });
  refused(wrong, 'invalid_client', 401);
  assert.match(String(wrong.headers['www-authenticate']), /^Basic /);
  refused(await post('/oauth2/revoke', { token: access, client_id: client.id }), 'invalid_client', 401);
  refused(await post('/oauth2/revoke', { token: access }, { as: other }), 'unauthorized_client', 403);
  assert.ok(await provider().tokens.verify(access));
});
