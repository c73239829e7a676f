import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { Devices } from '../../../src/features/oauth/devices.ts';
import { DEVICE, ISSUER, open, refused, type Scene, type SceneOptions } from './scene.ts';

const TV = { grant_types: [DEVICE, 'refresh_token'], response_types: [], redirect_uris: undefined };

/** A television that has asked for a code. */
async function waiting(t: TestContext, options: SceneOptions = {}) {
  const scene = await open(t, options);
  const client = await scene.register(TV);
  const { json: started } = await scene.post('/oauth2/device', { scope: 'xmpp openid' }, { as: client });
  const poll = (as = client, code = String(started['device_code'])) =>
    scene.post('/oauth2/token', { grant_type: DEVICE, device_code: code }, { as });
  return { scene, client, started, poll };
}

/** Somebody types the code of the device. */
async function claim({ provider }: Scene, userCode: unknown) {
  return (await provider().devices.claim(String(userCode), '192.0.2.1')) ?? assert.fail('the code is not good');
}

test('a device gets a code to show and one to ask with', async (t) => {
  const { started } = await waiting(t);
  const { device_code, user_code, ...rest } = started;
  assert.match(String(user_code), /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  assert.match(String(device_code), /^[\w-]{43}$/);
  assert.deepEqual(rest, {
    verification_uri: `${ISSUER}/oauth2/device`,
    verification_uri_complete: `${ISSUER}/oauth2/device?user_code=${user_code}`,
    expires_in: 600,
    interval: 5,
  });
});

test('a device waits until somebody lets it in, and is let in once', async (t) => {
  const { scene, client, started, poll } = await waiting(t);
  refused(await poll(), 'authorization_pending');
  const claimed = await claim(scene, ` ${String(started['user_code']).toLowerCase().replace('-', ' ')}`);
  assert.equal(claimed.clientId, client.id);
  const { devices } = scene.provider();
  const device = await devices.waiting(claimed.state, client.id);
  assert.deepEqual(device, { userCode: started['user_code'], scopes: ['xmpp', 'openid'] });
  assert.equal(await devices.waiting(claimed.state, 'another'), undefined);
  assert.equal(await devices.approve(claimed.state, client.id, await scene.approval('xmpp openid')), true);
  assert.equal(await devices.deny(claimed.state, client.id), false);
  const { status, json } = await poll();
  assert.deepEqual([status, json['scope'], typeof json['refresh_token']], [200, 'xmpp openid', 'string']);
  refused(await poll(), 'expired_token');
});

test('of two answers at once the first counts', async (t) => {
  const { scene, client, started, poll } = await waiting(t);
  const { state } = await claim(scene, started['user_code']);
  const { devices } = scene.provider();
  const approval = await scene.approval('xmpp');
  const answers = [devices.deny(state, client.id), devices.approve(state, client.id, approval)];
  assert.deepEqual(await Promise.all(answers), [true, false]);
  refused(await poll(), 'access_denied');
});

test('a device that asks too often has to wait longer each time', async (t) => {
  const { scene, poll } = await waiting(t);
  refused(await poll(), 'authorization_pending');
  await scene.clock.advance(4000);
  refused(await poll(), 'slow_down');
  await scene.clock.advance(6000);
  refused(await poll(), 'slow_down');
  await scene.clock.advance(15_000);
  refused(await poll(), 'authorization_pending');
});

test('a device that is turned away learns it for a minute', async (t) => {
  const { scene, client, started, poll } = await waiting(t);
  const { state } = await claim(scene, started['user_code']);
  assert.equal(await scene.provider().devices.deny(state, client.id), true);
  refused(await poll(), 'access_denied');
  await scene.clock.advance(59_000);
  refused(await poll(), 'access_denied');
  await scene.clock.advance(1000);
  refused(await poll(), 'expired_token');
});

test('codes expire after ten minutes, and are for one client', async (t) => {
  const { scene, started, poll } = await waiting(t);
  refused(await poll(await scene.register(TV)), 'expired_token');
  refused(await poll(undefined, 'guessed'), 'expired_token');
  const { state, clientId } = await claim(scene, started['user_code']);
  await scene.clock.advance(600_000);
  refused(await poll(), 'expired_token');
  assert.equal(await scene.provider().devices.approve(state, clientId, await scene.approval('xmpp')), false);
});

test('what was approved at the last moment can still be fetched', async (t) => {
  const { scene, client, started, poll } = await waiting(t);
  const { state } = await claim(scene, started['user_code']);
  await scene.clock.advance(599_000);
  await scene.provider().devices.approve(state, client.id, await scene.approval('xmpp'));
  await scene.clock.advance(30_000);
  assert.equal((await poll()).status, 200);
});

test('a code is typed once, and whoever guesses has to wait', async (t) => {
  const { scene, started } = await waiting(t);
  const { devices } = scene.provider();
  await claim(scene, started['user_code']);
  for (let count = 0; count < 5; count++) {
    assert.equal(await devices.claim(String(started['user_code']), '192.0.2.2'), undefined);
  }
  await assert.rejects(devices.claim('BCDF-GHJK', '192.0.2.2'), { status: 429 });
  assert.equal(await devices.claim('BCDF-GHJK', '192.0.2.3'), undefined);
  await scene.clock.advance(12_000);
  assert.equal(await devices.claim('BCDF-GHJK', '192.0.2.2'), undefined);
});

test('only clients that registered for it, and proved who they are, begin the flow', async (t) => {
  const { post, register, http } = await open(t);
  const client = await register();
  refused(await post('/oauth2/device', {}, { as: client }), 'unauthorized_client');
  refused(await post('/oauth2/device', {}), 'invalid_client', 401);
  refused(await post('/oauth2/device', { scope: 'a"b' }, { as: await register(TV) }), 'invalid_scope');
  refused(await http('POST', '/oauth2/device', { json: {}, as: client }), 'invalid_request');
});

test('what a client registered is all that its devices ask for', async (t) => {
  const scene = await open(t);
  const client = await scene.register({ ...TV, scope: 'xmpp:account:read' });
  for (const scope of ['xmpp xmpp:account:read', '']) {
    const { json } = await scene.post('/oauth2/device', { scope }, { as: client });
    const { state } = await claim(scene, json['user_code']);
    assert.deepEqual((await scene.provider().devices.waiting(state, client.id))?.scopes, ['xmpp:account:read']);
  }
});

test('so many devices may wait at the same time, and those that have expired make room', async (t) => {
  const scene = await open(t);
  const { id } = await scene.register(TV);
  const { keys } = scene.provider();
  const client = (await keys.registration.verify(id)) ?? assert.fail('no client');
  const devices = new Devices({ clock: scene.clock, keys, maxFlows: 2 });
  const full = (): void => assert.throws(() => devices.start(client, []), { code: 'temporarily_unavailable' });
  devices.start(client, []);
  await scene.clock.advance(1000);
  devices.start(client, []);
  full();
  await scene.clock.advance(599_000);
  devices.start(client, []);
  full();
});

test('devices begin the flow so often from one address', async (t) => {
  const { scene, client } = await waiting(t, { oauth: { tokenRequestsPerMinute: 2 } });
  assert.equal((await scene.post('/oauth2/device', {}, { as: client })).status, 200);
  const answer = await scene.post('/oauth2/device', {}, { as: client });
  refused(answer, 'temporarily_unavailable', 429);
  assert.equal(answer.headers['retry-after'], '30');
});
