import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { countActive, type Scanned } from '../../../src/features/active-users/scan.ts';
import { systemClock } from '../../../src/util/clock.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const DAY_MS = 86_400_000;

async function* users(count: number, now: number): AsyncIterable<readonly [local: string, at: number]> {
  for (let i = 0; i < count; i++) yield [`user${i}`, now - (i % 40) * DAY_MS];
}

function scanned(count: number, of: Partial<Scanned> = {}): Scanned {
  const clock = of.clock ?? new ManualClock();
  return {
    clock,
    users: users(count, clock.now()),
    isConnected: () => false,
    isLeftOut: async () => false,
    isStopped: () => false,
    ...of,
  };
}

test('a hundred thousand users are counted while others go on with their work', async () => {
  let isCounting = true;
  let turns = 0;
  let longestMs = 0;
  const counting = countActive(scanned(100_000, { clock: systemClock })).finally(() => {
    isCounting = false;
  });
  for (let before = performance.now(); isCounting; turns++) {
    await nextTurn();
    const now = performance.now();
    longestMs = Math.max(longestMs, now - before);
    before = now;
  }
  const { day, week, month } = (await counting) ?? {};
  assert.deepEqual([day, week, month], [2500, 17_500, 75_000]);
  assert.ok(turns >= 1000, `${turns} turns`);
  // Far above what it takes, because the machine that tests run on does other things too; the bench says what it takes.
  assert.ok(longestMs < 250, `${longestMs} ms`);
});

test('no more than 100 users are looked at in one turn', async () => {
  let inTurn = 0;
  let most = 0;
  let isCounting = true;
  const isConnected = (): boolean => {
    most = Math.max(most, ++inTurn);
    return false;
  };
  const counting = countActive(scanned(2000, { isConnected })).finally(() => {
    isCounting = false;
  });
  while (isCounting) {
    inTurn = 0;
    await nextTurn();
  }
  await counting;
  assert.equal(most, 100);
});

test('a turn ends early when users take long', async () => {
  const clock = new ManualClock();
  let turns = 0;
  let isCounting = true;
  const isConnected = (): boolean => {
    void clock.advance(3);
    return false;
  };
  const counting = countActive(scanned(100, { clock, isConnected })).finally(() => {
    isCounting = false;
  });
  for (; isCounting; turns++) await nextTurn();
  await counting;
  assert.ok(turns >= 49, `${turns} turns`);
});

test('a stop ends the counting at its next turn, without a result', async () => {
  let seen = 0;
  const counted = await countActive(
    scanned(10_000, {
      isConnected: () => {
        seen++;
        return false;
      },
      isStopped: () => seen > 300,
    }),
  );
  assert.equal(counted, undefined);
  assert.equal(seen, 400);
});

test('a failing store fails the counting', async () => {
  const isLeftOut = async (): Promise<boolean> => {
    throw new Error('the disk is gone');
  };
  await assert.rejects(countActive(scanned(1, { isLeftOut })), /the disk is gone/);
});
