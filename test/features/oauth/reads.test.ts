import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PASSWORD } from '../../support/stage.ts';
import { AUTHORIZE, AuthorizeScene } from './authorize-scene.ts';
import { type Answer, codeForm, DEVICE, refused } from './scene.ts';

const TTL_MS = 600_000;

test('a registration, and a client that is unknown or has expired, take nothing from the store', async (t) => {
  const pages = await AuthorizeScene.open(t, { oauth: { registrationTtlMs: TTL_MS } });
  const { register, tokensFor, http, post, clock, stage } = pages.scene;
  const expired = await register();
  const { access, refresh } = await tokensFor(expired);
  await clock.advance(TTL_MS);
  const before = stage.store.reads();
  const known = await register();
  const strangers = [
    expired,
    { id: 'nobody', secret: 'guessed' },
    { ...known, secret: expired.secret },
    { id: `${known.id.slice(0, -1)}${known.id.endsWith('A') ? 'B' : 'A'}`, secret: known.secret },
  ];
  const forms = [
    codeForm('guessed'),
    { grant_type: 'refresh_token', refresh_token: refresh },
    { grant_type: DEVICE, device_code: 'guessed' },
    { grant_type: 'password', username: 'romeo', password: PASSWORD },
  ];
  for (const as of strangers) {
    for (const form of forms) refused(await post('/oauth2/token', form, { as }), 'invalid_client', 401);
    refused(await post('/oauth2/introspect', { token: access }, { as }), 'invalid_client', 401);
    refused(await post('/oauth2/revoke', { token: access }, { as }), 'invalid_client', 401);
    refused(await post('/oauth2/device', {}, { as }), 'invalid_client', 401);
  }
  const isRefused = ({ status }: Answer): void => assert.equal(status, 400);
  for (const { id } of strangers.filter(({ id }) => id !== known.id)) {
    isRefused(await pages.get(pages.url(id)));
    isRefused(await pages.logIn(pages.url(id)));
  }
  isRefused(await http('GET', AUTHORIZE));
  assert.equal(stage.store.reads(), before);
});

test('a text that is no token of ours takes nothing from the store', async (t) => {
  const { register, tokensFor, http, post, stage } = (await AuthorizeScene.open(t)).scene;
  const client = await register();
  const { access } = await tokensFor(client);
  const altered = `${access.slice(0, 40)}${access.at(40) === 'A' ? 'B' : 'A'}${access.slice(41)}`;
  const before = stage.store.reads();
  for (const token of ['guessed', 'secret-token:AAAA', altered, `${access}AAAA`]) {
    const { status } = await http('GET', '/oauth2/userinfo', { headers: { authorization: `Bearer ${token}` } });
    assert.equal(status, 401);
    assert.deepEqual((await post('/oauth2/introspect', { token }, { as: client })).json, { active: false });
    assert.equal((await post('/oauth2/revoke', { token })).status, 200);
    const form = { grant_type: 'refresh_token', refresh_token: token };
    refused(await post('/oauth2/token', form, { as: client }), 'invalid_grant');
  }
  assert.equal(stage.store.reads(), before);
  await stage.host.users.get('juliet');
  assert.ok(stage.store.reads() > before, 'reads are counted');
});
