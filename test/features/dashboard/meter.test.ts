import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Meter, quantile } from '../../../src/features/dashboard/meter.ts';
import type { Distribution, Reading } from '../../../src/features/dashboard/readings.ts';
import { Recent } from '../../../src/features/dashboard/recent.ts';
import type { LiveSample } from '../../../src/features/dashboard/wire.ts';

const NOTHING: Reading = {
  at: 0,
  monotonic: 0,
  connections: null,
  sessions: null,
  messages: null,
  stanzas: null,
  handling: null,
  loopDelay: null,
  memory: null,
  heap: null,
  cpuSeconds: null,
  commits: null,
  reads: null,
  archiveBytes: null,
  uploadBytes: null,
};

function distribution(...counts: readonly (readonly [bound: number, count: number])[]): Distribution {
  return { buckets: counts, sum: 0, count: counts.at(-1)?.[1] ?? 0 };
}

test('rates are those since the reading before, by a clock that never jumps', () => {
  const meter = new Meter();
  assert.equal(meter.take({ ...NOTHING, messages: 100, cpuSeconds: 5 }).values.messages, null);
  const { values } = meter.take({ ...NOTHING, at: -3_600_000, monotonic: 2000, messages: 130, cpuSeconds: 5.5 });
  assert.deepEqual([values.messages, values.cpu, values.stanzas], [15, 0.25, null]);
  // A session that ended between two counts.
  assert.equal(meter.take({ ...NOTHING, monotonic: 4000, messages: 129 }).values.messages, 0);
});

test('times are those of what happened since the reading before', () => {
  const meter = new Meter();
  const before = distribution([0.001, 1000], [0.01, 1000], [Number.POSITIVE_INFINITY, 1000]);
  meter.take({ ...NOTHING, handling: before, commits: { ...before, sum: 1 } });
  const after = distribution([0.001, 1000], [0.01, 1100], [Number.POSITIVE_INFINITY, 1100]);
  const { values } = meter.take({ ...NOTHING, monotonic: 1000, handling: after, commits: { ...after, sum: 1.5 } });
  assert.ok(Math.abs((values.handlingMedian ?? 0) - 0.0055) < 1e-9);
  assert.ok(Math.abs((values.storeCommit ?? 0) - 0.005) < 1e-9);
  const idle = meter.take({ ...NOTHING, monotonic: 2000, handling: after, commits: after });
  assert.deepEqual([idle.values.handlingHigh, idle.values.storeCommit], [null, null]);
});

test('a quantile lies between the bounds of its bucket', () => {
  const all = distribution([0.001, 90], [0.01, 100], [Number.POSITIVE_INFINITY, 101]);
  assert.equal(quantile(all, 1), 0.01, 'nobody knows how far beyond the last bound');
  assert.equal(quantile(null, 0.5), null);
  fc.assert(
    fc.property(
      fc.array(fc.nat(1000), { minLength: 1, maxLength: 8 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (own, part) => {
        let sum = 0;
        const buckets = own.map((count, i) => {
          sum += count;
          return [2 ** i, sum] as const;
        });
        const value = quantile({ buckets, sum: 0, count: sum }, part);
        if (sum === 0) assert.equal(value, null);
        else assert.ok(value !== null && value >= 0 && value <= 2 ** own.length);
      },
    ),
  );
});

test('a clock that was set back leaves no samples of the future', () => {
  const recent = new Recent();
  const values = {} as LiveSample['values'];
  for (const at of [1000, 2000, 3000, 1500]) recent.add({ at, values });
  assert.deepEqual(recent.columns().at, [1000, 1500]);
  assert.equal(recent.newestAt, 1500);
});
