import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Breaker } from '../../../../src/features/roster/delegated/breaker.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { failureOf, HttpScene } from './http-scene.ts';

/** Fails that many fetches, of as many users. */
async function fail(scene: HttpScene, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await scene.patiently(failureOf(scene.source.fetch(`user${i}`, 'login')));
}

test('after ten failures in a row nothing is asked for half a minute, then one request decides', async (t) => {
  const scene = await HttpScene.open(t);
  const { backend, source, clock } = scene;
  backend.contacts.set('john', {});
  backend.faults.set('*', { status: 500 });
  await fail(scene, 9);
  assert.equal(source.status().state, 'working');
  await fail(scene, 1);
  assert.equal(source.status().state, 'suspended');

  const asked = backend.requests.length;
  assert.equal(await failureOf(source.fetch('john', 'login')), 'suspended');
  assert.equal(await failureOf(source.fetch('john', 'refresh')), 'suspended');
  await clock.advance(28_000);
  assert.equal(await failureOf(source.fetch('john', 'login')), 'suspended');
  assert.equal(backend.requests.length, asked);

  await clock.advance(2_000);
  const trials = await Promise.all(['john', 'mary'].map((local) => failureOf(source.fetch(local, 'login'))));
  assert.deepEqual(trials, ['http_5xx', 'suspended']);
  assert.equal(backend.requests.length, asked + 1, 'the trial is not repeated');
  assert.equal(source.status().state, 'suspended');

  backend.faults.clear();
  await clock.advance(30_000);
  await source.fetch('john', 'login');
  assert.equal(source.status().state, 'working');
  await source.fetch('john', 'login');
});

test('an outage is a few lines in the log, however many users it has', async (t) => {
  const scene = await HttpScene.open(t);
  scene.backend.contacts.set('john', {});
  scene.backend.faults.set('*', { status: 500 });
  await fail(scene, 12);
  await scene.clock.advance(30_000);
  await fail(scene, 1);
  scene.backend.faults.clear();
  await scene.clock.advance(30_000);
  await scene.source.fetch('john', 'login');
  assert.deepEqual(scene.logged('warn'), ['roster.fetch-failed', 'roster.suspended']);
  assert.deepEqual(scene.logged('info'), ['roster.resumed', 'roster.fetch-works']);
});

test('users that the application does not know, and answers that are wrong, suspend nothing for the others', async (t) => {
  const scene = await HttpScene.open(t);
  scene.backend.contacts.set('john', {});
  await fail(scene, 15);
  scene.backend.faults.set('*', 'html');
  await fail(scene, 15);
  scene.backend.faults.clear();
  await scene.source.fetch('john', 'login');
});

test('failures that are not in a row suspend nothing', async (t) => {
  const scene = await HttpScene.open(t);
  scene.backend.contacts.set('john', {});
  for (let i = 0; i < 3; i++) {
    scene.backend.faults.set('*', { status: 500 });
    await fail(scene, 6);
    scene.backend.faults.clear();
    await scene.source.fetch('john', 'login');
  }
  assert.equal(scene.source.status().state, 'working');
});

test('a backend that hangs does not hold up those who wait: they are refused with the first that fail', async (t) => {
  const scene = await HttpScene.open(t, { options: { timeoutMs: 1000 } });
  const { backend, source, clock } = scene;
  backend.faults.set('*', 'hang');
  const fetches = Array.from({ length: 500 }, (_, i) => failureOf(source.fetch(`user${i}`, 'login')));
  await backend.requested(16);
  assert.equal(source.status().fetching, 16);
  assert.equal(source.status().waiting, 484);
  await clock.advance(1000);
  // Those who took the places of the first nine have begun already.
  await clock.advance(1000);
  const reasons = await Promise.all(fetches);
  assert.equal(reasons.filter((reason) => reason === 'timeout').length, 25);
  assert.equal(reasons.filter((reason) => reason === 'suspended').length, 475);
});

test('how it goes is counted', async (t) => {
  const scene = await HttpScene.open(t);
  scene.backend.contacts.set('john', {});
  await scene.source.fetch('john', 'login');
  await failureOf(scene.source.fetch('nobody', 'login'));
  scene.backend.faults.set('*', { status: 500 });
  await fail(scene, 10);
  const text = await scene.stage.metrics.text();
  assert.match(text, /parley_roster_fetches_total\{host="stage\.example",outcome="ok"\} 1\n/);
  assert.match(text, /parley_roster_fetches_total\{host="stage\.example",outcome="http_4xx"\} 1\n/);
  assert.match(text, /parley_roster_fetches_total\{host="stage\.example",outcome="http_5xx"\} 10\n/);
  assert.match(text, /parley_roster_fetch_seconds_count\{host="stage\.example"\} 12\n/);
  assert.match(text, /parley_roster_breaker_state\{host="stage\.example"\} 2\n/);
});

test('the half minute is one, and what began before it decides nothing unless it succeeds', async () => {
  const clock = new ManualClock();
  const states: string[] = [];
  const breaker = new Breaker(clock, (state) => states.push(state));
  for (let i = 0; i < 10; i++) breaker.settle('normal', 'failed');
  await clock.advance(29_999);
  breaker.settle('normal', 'failed');
  assert.equal(breaker.admit(), undefined);
  await clock.advance(1);
  assert.equal(breaker.isShut, false);
  assert.equal(breaker.admit(), 'probe');
  assert.equal(breaker.admit(), undefined);
  breaker.settle('normal', 'failed');
  breaker.settle('probe', 'unknown');
  assert.equal(breaker.admit(), 'probe', 'a trial that says nothing is followed by another');
  breaker.settle('normal', 'alive');
  breaker.settle('probe', 'failed');
  assert.equal(breaker.admit(), 'normal');
  assert.deepEqual(states, ['suspended', 'probing', 'suspended', 'probing', 'working']);
});
