import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { ecPem, rsaPem } from '../../oauth/fixtures.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type Credentials, open, type Scene } from './scene.ts';

const DAY_MS = 86_400_000;
const KEY = 'a registration key of more than 32 characters';

async function isKnown({ post }: Scene, client: Credentials): Promise<boolean> {
  return (await post('/oauth2/introspect', { token: 'a' }, { as: client })).status === 200;
}

async function published({ http }: Scene): Promise<unknown[]> {
  const { json } = await http('GET', '/oauth2/jwks');
  return (json['keys'] as { kid: string }[]).map(({ kid }) => kid);
}

test('the server makes keys once and keeps them', async (t) => {
  const first = await open(t);
  const client = await first.register();
  const keys = await published(first);
  const { store } = first.stage;
  await first.stage.close();
  const second = await open(t, { store, clock: first.clock });
  assert.ok(await isKnown(second, client));
  assert.deepEqual(await published(second), keys);
});

test('after a rotation clients stay known and keys published for some time', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { keys } = scene.provider();
  const [before] = await published(scene);
  await keys.rotate('registration', 2 * DAY_MS);
  await keys.rotate('signing', 2 * DAY_MS);
  await keys.reopen();
  const [now, ...others] = await published(scene);
  assert.notEqual(now, before);
  assert.deepEqual(others, [before]);
  assert.ok(await isKnown(scene, client));
  const { store } = scene.stage;
  const clock = new ManualClock(scene.clock.now() + 2 * DAY_MS);
  await scene.stage.close();
  const later = await open(t, { store, clock });
  assert.deepEqual(await published(later), [now]);
  assert.equal(await isKnown(later, client), false);
});

test('a rotation without overlap makes all clients unknown at once', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { keys } = scene.provider();
  await keys.rotate('registration', 0);
  await keys.reopen();
  assert.equal(await isKnown(scene, client), false);
  assert.ok(await isKnown(scene, await scene.register()));
});

test('keys can be set, and those of before go on', async (t) => {
  const old = await open(t, { oauth: { registrationKey: KEY } });
  const client = await old.register();
  const fresh = await open(t, { oauth: { registrationKey: `new: ${KEY}`, previousRegistrationKeys: [KEY] } });
  assert.ok(await isKnown(fresh, client));
  const stranger = await open(t, { oauth: { registrationKey: `new: ${KEY}` } });
  assert.equal(await isKnown(stranger, client), false);
  assert.equal(fresh.provider().keys.isConfigured('registration'), true);
  assert.equal(fresh.provider().keys.isConfigured('signing'), false);
});

test('registrations can be signed with a private key, those of before by a text', async (t) => {
  const old = await open(t, { oauth: { registrationKey: KEY } });
  const client = await old.register();
  const oauth = { registrationKey: ecPem(), registrationAlgorithm: 'ES256', previousRegistrationKeys: [KEY] };
  const scene = await open(t, { oauth });
  assert.ok(await isKnown(scene, client));
  assert.ok(await isKnown(scene, await scene.register()));
});

test('ID tokens can be signed with an RSA key, and a key of before stays published', async (t) => {
  const scene = await open(t, { oauth: { signingKey: rsaPem(), previousSigningKeys: [ecPem()] } });
  assert.equal((await published(scene)).length, 2);
  const { json } = await scene.http('GET', '/.well-known/openid-configuration');
  assert.deepEqual(json['id_token_signing_alg_values_supported'], ['RS256', 'HS256']);
});

test('keys that are none are problems of the configuration', async (t) => {
  const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await assert.rejects(open(t, { oauth: { registrationKey: 'short' } }), /at least 32 characters/);
  await assert.rejects(open(t, { oauth: { signingKey: ed25519 } }), /features\.oauth\.signingKey: the key is neither/);
  await assert.rejects(open(t, { oauth: { registrationAlgorithm: 'ES256' } }), /needs a registrationKey/);
});
