import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sleep } from '../../src/util/clock.ts';
import { DeadlineError, deadline } from '../../src/util/deadline.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('what settles in time is the outcome, and the timer is called off', async () => {
  const clock = new ManualClock();
  assert.equal(await deadline(Promise.resolve(1), 10, clock), 1);
  await assert.rejects(deadline(Promise.reject(new Error('no')), 10, clock), { message: 'no' });
  await clock.advance(20);
});

test('what comes too late is dropped, a failure too', async () => {
  const clock = new ManualClock();
  const late = sleep(clock, 20).then(() => Promise.reject(new Error('late')));
  const outcome = assert.rejects(deadline(late, 10, clock), DeadlineError);
  await clock.advance(10);
  await outcome;
  await clock.advance(20);
});

test('whichever is earlier wins; the outcome is in order of time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { maxLength: 10 }), async (pairs) => {
      const clock = new ManualClock();
      const outcomes = Promise.all(
        pairs.map(([workMs, ms]) => {
          const work = sleep(clock, workMs).then(() => 'done');
          return deadline(work, ms, clock).catch((error: unknown) => (error instanceof DeadlineError ? 'late' : 'no'));
        }),
      );
      await clock.advance(100);
      // At the same moment, the one that was set first: the work.
      assert.deepEqual(
        await outcomes,
        pairs.map(([workMs, ms]) => (workMs <= ms ? 'done' : 'late')),
      );
    }),
    { numRuns: 20 },
  );
});
