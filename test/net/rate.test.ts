import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from '../../src/net/rate.ts';

test('a burst passes at once and then the rate holds', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => bucket.take(1, 0)),
    [true, true, true, false],
  );
  assert.equal(bucket.take(1, 99), false);
  assert.equal(bucket.take(1, 100), true);
  assert.equal(bucket.take(1, 101), false);
});

test('a bucket never holds more than its burst', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, 0);
  assert.equal(bucket.take(4, 1_000_000), false);
  assert.equal(bucket.take(3, 1_000_000), true);
});

test('spending on credit says how long to wait until the debt is paid', () => {
  const bucket = new TokenBucket({ perSecond: 1000, burst: 500 }, 0);
  assert.equal(bucket.spend(500, 0), 0);
  assert.equal(bucket.spend(250, 0), 250);
  assert.equal(bucket.spend(0, 249), 1);
  assert.equal(bucket.spend(0, 250), 0);
});

test('a clock that stands still or goes back gives nothing', () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 1 }, 1000);
  assert.equal(bucket.take(1, 1000), true);
  assert.equal(bucket.take(1, 0), false);
  assert.equal(bucket.take(1, 1000), false);
});

test('a changed rate holds from then on', () => {
  const bucket = new TokenBucket({ perSecond: 1, burst: 100 }, 0);
  bucket.change({ perSecond: 1000, burst: 2 }, 0);
  assert.equal(bucket.take(3, 0), false);
  assert.equal(bucket.take(2, 0), true);
  assert.equal(bucket.take(1, 1), true);
});

test('over any time no more passes than rate and burst allow', () => {
  const steps = fc.array(fc.record({ afterMs: fc.nat(500), amount: fc.nat(50) }), { maxLength: 60 });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 200 }),
      (list, perSecond, burst) => {
        const bucket = new TokenBucket({ perSecond, burst }, 0);
        let now = 0;
        let taken = 0;
        for (const { afterMs, amount } of list) {
          now += afterMs;
          if (bucket.take(amount, now)) taken += amount;
        }
        assert.ok(taken <= burst + (now * perSecond) / 1000 + 1e-6);
      },
    ),
    { numRuns: 300 },
  );
});
