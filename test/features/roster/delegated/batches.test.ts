import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { RosterBackend } from '../../../support/roster-backend.ts';
import { failureOf, HttpScene } from './http-scene.ts';

async function open(t: TestContext, options: Readonly<Record<string, unknown>> = {}): Promise<HttpScene> {
  const backend = await RosterBackend.start(t);
  return HttpScene.open(t, { backend, options: { batchUrl: backend.batchUrl, ...options } });
}

/** Asks for all at once, and lets the time pass for which names are collected. */
async function fetchAll(scene: HttpScene, locals: readonly string[], urgency: 'login' | 'refresh' = 'login') {
  const fetches = locals.map((local) => failureOf(scene.source.fetch(local, urgency)));
  await new Promise((resolve) => setImmediate(resolve));
  await scene.clock.advance(50);
  return Promise.all(fetches);
}

test('names that come within 50 ms are asked for in one request, each user gets the own part', async (t) => {
  const scene = await open(t, { auth: { hmacSecret: 'planted-for-signing' } });
  const { backend, source, clock } = scene;
  backend.contacts.set('john', { 'marie@example.org': {} });
  backend.contacts.set('aaron', {});
  const fetches = [source.fetch('john', 'login'), source.fetch('aaron', 'login')];
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(49);
  assert.equal(backend.requests.length, 0);
  await clock.advance(1);
  const [john, aaron] = await Promise.all(fetches);
  assert.deepEqual([...(john?.items.keys() ?? [])], ['marie@example.org']);
  assert.equal(aaron?.items.size, 0);
  const { method, target, body, headers } = backend.requests[0] ?? assert.fail();
  assert.deepEqual([method, target, body], ['POST', '/batch', '["john","aaron"]']);
  assert.equal(headers['content-type'], 'application/json');
  const signature = createHmac('sha256', 'planted-for-signing')
    .update(`${headers['x-timestamp']}./batch.${body}`)
    .digest('hex');
  assert.equal(headers['x-signature'], `sha256=${signature}`);
  assert.equal(backend.requests.length, 1);
});

test('there are at most 200 names in a request', async (t) => {
  const scene = await open(t);
  const names = Array.from({ length: 450 }, (_, i) => `user${i}`);
  for (const name of names) scene.backend.contacts.set(name, {});
  assert.deepEqual(new Set(await fetchAll(scene, names)), new Set(['none']));
  assert.deepEqual(scene.backend.requests.map(({ users }) => users.length).sort(), [200, 200, 50]);
});

test('a user who is left out, or whose part is wrong, fails alone', async (t) => {
  const scene = await open(t);
  scene.backend.contacts.set('john', {});
  for (const [name, contacts] of Object.entries({ listed: [], none: null, odd: 'marie' })) {
    scene.backend.faults.clear();
    scene.backend.faults.set('*', { body: JSON.stringify({ john: {}, [name]: contacts }) });
    assert.deepEqual(await fetchAll(scene, ['john', name]), ['none', 'bad_json']);
  }
  scene.backend.faults.clear();
  const names = ['john', 'missing', 'constructor', '__proto__', 'tostring'];
  assert.deepEqual(await fetchAll(scene, names), ['none', 'bad_json', 'bad_json', 'bad_json', 'bad_json']);
});

test('an answer that fails, fails for all that it was for', async (t) => {
  const scene = await open(t);
  for (const [fault, reason] of [
    ['html', 'bad_json'],
    [{ body: '[]' }, 'bad_json'],
    [{ status: 404 }, 'http_4xx'],
    ['redirect', 'http_other'],
  ] as const) {
    scene.backend.faults.set('*', fault);
    assert.deepEqual(await fetchAll(scene, ['john', 'aaron']), [reason, reason]);
  }
});

test('logins and refreshes are not in one batch', async (t) => {
  const scene = await open(t);
  for (const name of ['john', 'aaron']) scene.backend.contacts.set(name, {});
  await Promise.all([fetchAll(scene, ['john'], 'login'), fetchAll(scene, ['aaron'], 'refresh')]);
  assert.deepEqual(scene.backend.requests.map(({ users }) => users).sort(), [['aaron'], ['john']]);
});

test('a roster of a batch that is as before is the very one of before', async (t) => {
  const scene = await open(t);
  scene.backend.contacts.set('john', { 'marie@example.org': {} });
  await fetchAll(scene, ['john']);
  const before = await scene.source.lastGood('john');
  await fetchAll(scene, ['john']);
  assert.equal(await scene.source.lastGood('john'), before);
});

test('names that are being collected when the server stops are not asked for', async (t) => {
  const scene = await open(t);
  const fetching = failureOf(scene.source.fetch('john', 'login'));
  await new Promise((resolve) => setImmediate(resolve));
  await scene.source.close();
  assert.equal(await fetching, 'refused');
  assert.equal(scene.backend.requests.length, 0);
});
