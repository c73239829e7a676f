import assert from 'node:assert/strict';
import { test } from 'node:test';
import { every, sleep, systemClock } from '../../src/util/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('every repeats until it is cancelled', async () => {
  const clock = new ManualClock();
  let runs = 0;
  const timer = every(clock, 10, () => runs++);
  await clock.advance(9);
  assert.equal(runs, 0);
  await clock.advance(21);
  assert.equal(runs, 3);
  timer.cancel();
  await clock.advance(100);
  assert.equal(runs, 3);
});

test('every can be cancelled from within', async () => {
  const clock = new ManualClock();
  let runs = 0;
  const timer = every(clock, 10, () => {
    if (++runs === 2) timer.cancel();
  });
  await clock.advance(100);
  assert.equal(runs, 2);
});

test('sleep resolves when the time has passed', async () => {
  const clock = new ManualClock();
  let isAwake = false;
  const asleep = sleep(clock, 10).then(() => {
    isAwake = true;
  });
  await clock.advance(9);
  assert.equal(isAwake, false);
  await clock.advance(1);
  await asleep;
});

test("the machine's clock runs a timer once, and not when it was cancelled", async () => {
  const started = systemClock.monotonic();
  const ran: string[] = [];
  systemClock.after(1, () => ran.push('cancelled')).cancel();
  const once = new Promise<void>((resolve) => {
    systemClock.after(5, resolve);
  });
  // Its timers keep no process alive; this one does.
  const alive = setTimeout(() => {}, 1000);
  await once;
  clearTimeout(alive);
  assert.deepEqual(ran, []);
  assert.ok(systemClock.monotonic() - started >= 4);
  assert.ok(Math.abs(systemClock.now() - Date.now()) < 1000);
});
