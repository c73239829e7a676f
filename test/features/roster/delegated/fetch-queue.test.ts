import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FetchQueue } from '../../../../src/features/roster/delegated/fetch-queue.ts';
import { sleep } from '../../../../src/util/clock.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { failureOf } from './http-scene.ts';

/** A queue whose jobs take a second each and note that they have begun. */
function queueOf(bounds: { readonly maxConcurrent: number; readonly maxWaiting: number }) {
  const clock = new ManualClock();
  const queue = new FetchQueue(clock, bounds);
  const begun: string[] = [];
  let atOnce = 0;
  const most = { atOnce: 0 };
  const job = (name: string) => async () => {
    begun.push(name);
    most.atOnce = Math.max(most.atOnce, ++atOnce);
    await sleep(clock, 1000);
    atOnce--;
    return name;
  };
  const add = (name: string, urgency: 'login' | 'refresh', users = 1) => queue.run(urgency, users, job(name));
  return { clock, queue, begun, most, add };
}

test('ten thousand who log in at once to a backend that takes a second each are all served, in order, few at once', async () => {
  const { clock, queue, begun, most, add } = queueOf({ maxConcurrent: 16, maxWaiting: 10_000 });
  const names = Array.from({ length: 10_000 }, (_, i) => `user${i}`);
  let served = 0;
  const all = Promise.all(names.map((name) => add(name, 'login').then(() => served++)));
  assert.equal(queue.running, 16);
  assert.equal(queue.waiting, 9_984);
  for (let seconds = 0; seconds < 625; seconds += 25) {
    assert.equal(served, seconds * 16);
    // Seconds one by one: a clock that is moved on far has nobody come in between.
    for (let i = 0; i < 25; i++) await clock.advance(1000);
  }
  await all;
  assert.equal(most.atOnce, 16);
  assert.deepEqual(begun, names);
  assert.equal(queue.waiting + queue.running, 0);
});

test('logins are served before refreshes that came earlier, and each kind in order', async () => {
  const { clock, begun, add } = queueOf({ maxConcurrent: 1, maxWaiting: 10 });
  const all = [
    add('first', 'refresh'),
    add('r1', 'refresh'),
    add('l1', 'login'),
    add('r2', 'refresh'),
    add('l2', 'login'),
  ];
  for (let i = 0; i < all.length; i++) await clock.advance(1000);
  await Promise.all(all);
  assert.deepEqual(begun, ['first', 'l1', 'l2', 'r1', 'r2']);
});

test('refreshes are refused when as many wait as may, logins later', async () => {
  const { queue, add } = queueOf({ maxConcurrent: 1, maxWaiting: 3 });
  add('running', 'login');
  add('batch', 'refresh', 2);
  assert.equal(queue.isOverloaded, false);
  add('one', 'refresh');
  assert.equal(queue.isOverloaded, true);
  assert.equal(await failureOf(add('two', 'refresh')), 'overloaded');
  for (let i = 0; i < 9; i++) add(`login${i}`, 'login');
  assert.equal(queue.waiting, 12);
  assert.equal(await failureOf(add('last', 'login')), 'overloaded');
});

test('nobody waits for ever: a refresh three quarters of a minute, a login a quarter of an hour', async () => {
  const clock = new ManualClock();
  const queue = new FetchQueue(clock, { maxConcurrent: 1, maxWaiting: 10 });
  const never = () => new Promise<string>(() => {});
  void queue.run('login', 1, never);
  const outcomes: string[] = [];
  const wait = (name: string, urgency: 'login' | 'refresh') =>
    failureOf(queue.run(urgency, 1, never)).then((reason) => outcomes.push(`${name} ${reason}`));
  void wait('r1', 'refresh');
  await clock.advance(30_000);
  void wait('r2', 'refresh');
  void wait('l1', 'login');
  await clock.advance(14_999);
  assert.deepEqual(outcomes, []);
  await clock.advance(1);
  assert.deepEqual(outcomes, ['r1 overloaded']);
  await clock.advance(30_000);
  assert.deepEqual(outcomes, ['r1 overloaded', 'r2 overloaded']);
  await clock.advance(855_000);
  assert.deepEqual(outcomes, ['r1 overloaded', 'r2 overloaded', 'l1 overloaded']);
  assert.equal(queue.waiting, 0);
});

test('a job that fails, or throws at once, makes room for the next', async () => {
  const { clock, queue, add } = queueOf({ maxConcurrent: 1, maxWaiting: 10 });
  const thrown = queue.run('login', 1, () => {
    throw new TypeError('at once');
  });
  const rejected = queue.run('login', 1, () => Promise.reject(new TypeError('later')));
  const good = add('good', 'login');
  await assert.rejects(thrown, /at once/);
  await assert.rejects(rejected, /later/);
  await clock.advance(1000);
  assert.equal(await good, 'good');
});
