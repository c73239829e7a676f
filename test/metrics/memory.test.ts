import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heapInUse, Memory, type MemoryFigures } from '../../src/metrics/memory.ts';
import type { Clock } from '../../src/util/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** Counts how often the allocator is asked, and tells the count in each of the four figures. */
function counting(clock: Clock, intervalMs?: number) {
  const seen = { reads: 0, fails: false };
  const read = (): MemoryFigures => {
    seen.reads++;
    if (seen.fails) throw new Error('no figures');
    return { allocated: seen.reads, used: seen.reads, unused: seen.reads, returnable: seen.reads };
  };
  return { memory: new Memory(clock, intervalMs, read), seen };
}

test('the allocator is read at the first request, not in the 60 seconds after it, and once behind them', async () => {
  const clock = new ManualClock();
  const { memory, seen } = counting(clock);
  assert.deepEqual(memory.figures(), { allocated: 1, used: 1, unused: 1, returnable: 1 });
  for (let second = 1; second <= 60; second++) {
    await clock.advance(1000);
    assert.deepEqual(memory.figures(), { allocated: 1, used: 1, unused: 1, returnable: 1 });
  }
  await clock.advance(1000);
  assert.deepEqual(memory.figures(), { allocated: 2, used: 2, unused: 2, returnable: 2 });
  assert.equal(seen.reads, 2);
});

test('nobody asks: nothing is read', async () => {
  const clock = new ManualClock();
  const { seen } = counting(clock);
  await clock.advance(600_000);
  assert.equal(seen.reads, 0);
});

test("the machine's time set back an hour neither freezes the figures nor has them read more often", async () => {
  const clock = new ManualClock();
  let jump = 0;
  const jumping: Clock = {
    now: () => clock.now() + jump,
    monotonic: () => clock.monotonic(),
    after: () => ({ cancel() {} }),
  };
  const { memory, seen } = counting(jumping);
  memory.figures();
  jump = -3_600_000;
  await clock.advance(30_000);
  memory.figures();
  assert.equal(seen.reads, 1);
  await clock.advance(31_000);
  memory.figures();
  assert.equal(seen.reads, 2);
});

test('with an interval of 0 every tick reads', async () => {
  const clock = new ManualClock();
  const { memory, seen } = counting(clock, 0);
  for (let tick = 0; tick < 5; tick++) {
    memory.figures();
    await clock.advance(1000);
  }
  assert.equal(seen.reads, 5);
});

test('a failed read keeps what was read before and is tried again at the next request', async () => {
  const clock = new ManualClock();
  const { memory, seen } = counting(clock);
  seen.fails = true;
  assert.equal(memory.figures(), undefined);
  seen.fails = false;
  assert.equal(memory.figures()?.used, 2);
  seen.fails = true;
  await clock.advance(60_001);
  assert.equal(memory.figures()?.used, 2);
  seen.fails = false;
  assert.equal(memory.figures()?.used, 4);
});

test('the figures of this process are whole numbers of bytes', () => {
  const figures = new Memory(new ManualClock()).figures();
  assert.ok(figures);
  for (const [name, bytes] of Object.entries(figures)) assert.ok(Number.isInteger(bytes) && bytes >= 0, name);
  assert.ok(figures.allocated > 1_000_000 && figures.used > 1_000_000);
  assert.ok(heapInUse() > 1_000_000);
});
