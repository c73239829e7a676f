import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AuthorizeScene, alertOn, locationOf } from './authorize-scene.ts';
import { codeForm, DEVICE, open, type Scene } from './scene.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const JUMPS = { back: -DAY_MS, forward: DAY_MS };

async function userinfo({ http }: Scene, token: string): Promise<number> {
  return (await http('GET', '/oauth2/userinfo', { headers: { authorization: `Bearer ${token}` } })).status;
}

for (const [direction, jump] of Object.entries(JUMPS)) {
  describe(`When the clock is set ${direction} by a day`, () => {
    test('codes are good for ten minutes all the same', async (t) => {
      const scene = await open(t);
      const client = await scene.register();
      const [first, second] = [await scene.codeFor(client), await scene.codeFor(client)];
      scene.clock.set(jump);
      await scene.clock.advance(10 * MINUTE_MS - 1);
      assert.equal((await scene.post('/oauth2/token', codeForm(first), { as: client })).status, 200);
      await scene.clock.advance(1);
      const late = await scene.post('/oauth2/token', codeForm(second), { as: client });
      assert.equal(late.json['error'], 'invalid_grant');
    });

    test('devices wait for ten minutes all the same, and are not too fast', async (t) => {
      const { register, post, clock } = await open(t);
      const client = await register({ grant_types: [DEVICE], response_types: [], redirect_uris: undefined });
      const started = await post('/oauth2/device', {}, { as: client });
      const form = { grant_type: DEVICE, device_code: String(started.json['device_code']) };
      const poll = async () => (await post('/oauth2/token', form, { as: client })).json['error'];
      assert.equal(await poll(), 'authorization_pending');
      clock.set(jump);
      await clock.advance(5000);
      assert.equal(await poll(), 'authorization_pending');
      await clock.advance(10 * MINUTE_MS);
      assert.equal(await poll(), 'expired_token');
    });

    test('whoever is on the pages logs in once more', async (t) => {
      const scene = await AuthorizeScene.open(t);
      const url = scene.url((await scene.scene.register()).id);
      const page = await scene.logIn(url);
      scene.scene.clock.set(jump);
      const again = await scene.decide(url, page);
      assert.equal(again.status, 403);
      assert.match(alertOn(again), /too long/);
      assert.ok(locationOf(await scene.decide(url, await scene.logIn(url))).searchParams.get('code'));
    });
  });
}

test('when the clock is set forward tokens have expired, and refresh tokens bring others', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { access, refresh } = await scene.tokensFor(client, 'openid xmpp');
  scene.clock.set(DAY_MS);
  assert.equal(await userinfo(scene, access), 401);
  const { json } = await scene.post('/oauth2/introspect', { token: access }, { as: client });
  assert.deepEqual(json, { active: false });
  const form = { grant_type: 'refresh_token', refresh_token: refresh };
  const answer = await scene.post('/oauth2/token', form, { as: client });
  assert.equal(await userinfo(scene, String(answer.json['access_token'])), 200);
});

test('when the clock is set back tokens stay good, and their revocation does', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { access, refresh } = await scene.tokensFor(client, 'openid xmpp');
  scene.clock.set(-DAY_MS);
  assert.equal(await userinfo(scene, access), 200);
  const { json } = await scene.post('/oauth2/introspect', { token: access }, { as: client });
  assert.equal(json['active'], true);
  const form = { grant_type: 'refresh_token', refresh_token: refresh };
  const answer = await scene.post('/oauth2/token', form, { as: client });
  assert.equal(answer.status, 200, answer.body);
  const next = String(answer.json['refresh_token']);
  await scene.post('/oauth2/revoke', { token: next }, { as: client });
  assert.equal(await userinfo(scene, access), 401);
  assert.equal(await userinfo(scene, String(answer.json['access_token'])), 401);
  scene.clock.set(DAY_MS);
  assert.equal(await userinfo(scene, access), 401);
});

test('when the clock is set back a password that was set before lets in, on streams too', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { grantTypes: ['authorization_code', 'password'] } });
  const { register, stage, post } = scene.scene;
  const client = await register({ grant_types: ['authorization_code', 'password'] });
  await stage.host.users.setPassword('romeo', 'thy name');
  stage.clock.set(-DAY_MS);
  const url = scene.url(client.id);
  const page = await scene.logIn(url, 'romeo', 'thy name');
  const code = locationOf(await scene.decide(url, page)).searchParams.get('code') ?? '';
  const { json } = await scene.redeem(client, code);
  assert.equal(await userinfo(scene.scene, String(json['access_token'])), 200);
  const form = { grant_type: 'password', username: 'romeo', password: 'thy name', scope: 'openid' };
  assert.equal((await post('/oauth2/token', form, { as: client })).status, 200);
  const phone = stage.connect('orchard');
  await phone.logIn('romeo', 'thy name');
  await phone.bind('orchard');
  await phone.get('<list xmlns="urn:xmpp:cam:0"/>');
});

test('when the clock is set back another password still ends what was granted before', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { register, stage, tokensFor, post } = scene.scene;
  const client = await register();
  const { access, refresh } = await tokensFor(client, 'openid xmpp');
  stage.clock.set(-DAY_MS);
  const later = await tokensFor(client, 'openid xmpp', { authenticatedAt: stage.clock.now() + DAY_MS });
  await stage.host.users.setPassword('romeo', 'thy name');
  await stage.clock.advance(1000);
  for (const token of [access, later.access]) assert.equal(await userinfo(scene.scene, token), 401);
  const form = { grant_type: 'refresh_token', refresh_token: refresh };
  assert.equal((await post('/oauth2/token', form, { as: client })).json['error'], 'invalid_grant');
});
