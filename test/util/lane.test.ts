import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Lane } from '../../src/util/lane.ts';
import { settle } from '../support/manual-clock.ts';

function noFailure(error: unknown): never {
  throw error;
}

function gate(): { readonly promise: Promise<void>; open(): void; fail(error: Error): void } {
  let open = (): void => {};
  let fail = (_error: Error): void => {};
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

test('an item that need not wait runs within push', () => {
  const ran: number[] = [];
  const lane = new Lane<number>({ run: (item) => void ran.push(item), failed: noFailure });
  lane.push(1);
  lane.push(2);
  assert.deepEqual(ran, [1, 2]);
  assert.ok(lane.isIdle);
});

test('what is pushed while an item waits runs after it, in order', async () => {
  const first = gate();
  const ran: number[] = [];
  const lane = new Lane<number>({
    run: (item) => {
      ran.push(item);
      return item === 1 ? first.promise : undefined;
    },
    failed: noFailure,
  });
  for (const item of [1, 2, 3]) lane.push(item);
  await settle();
  assert.deepEqual(ran, [1]);
  assert.equal(lane.length, 2);
  assert.ok(!lane.isIdle);
  first.open();
  await settle();
  assert.deepEqual(ran, [1, 2, 3]);
  assert.equal(lane.length, 0);
  assert.ok(lane.isIdle);
});

test('what an item pushes runs behind what waits already', () => {
  const ran: string[] = [];
  const lane = new Lane<string>({
    run: (item) => {
      ran.push(item);
      if (item === 'a') for (const next of ['b', 'c']) lane.push(next);
      if (item === 'b') lane.push('d');
    },
    failed: noFailure,
  });
  lane.push('a');
  assert.deepEqual(ran, ['a', 'b', 'c', 'd']);
});

test('a failure is told with its item and stops nothing', async () => {
  const failures: string[] = [];
  const ran: number[] = [];
  const lane = new Lane<number>({
    run: (item) => {
      ran.push(item);
      if (item === 1) throw new Error('at once');
      return item === 2 ? Promise.reject(new Error('later')) : undefined;
    },
    failed: (error, item) => void failures.push(`${item} ${error instanceof Error ? error.message : ''}`),
  });
  for (const item of [1, 2, 3]) lane.push(item);
  await settle();
  assert.deepEqual(failures, ['1 at once', '2 later']);
  assert.deepEqual(ran, [1, 2, 3]);
  assert.ok(lane.isIdle);
});

test('a hundred thousand items that waited do not grow the stack', async () => {
  const first = gate();
  let ran = 0;
  const lane = new Lane<number>({
    run: (item) => {
      ran++;
      return item === 0 ? first.promise : undefined;
    },
    failed: noFailure,
  });
  for (let item = 0; item < 100_000; item++) lane.push(item);
  first.open();
  await settle();
  assert.equal(ran, 100_000);
});

test('whatever waits, fails or pushes, items run one at a time and in order', async () => {
  const item = fc.record({ turns: fc.integer({ min: 0, max: 3 }), fails: fc.boolean(), pushes: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 20 }), async (items) => {
      let running = 0;
      let pushed = 0;
      const started: number[] = [];
      const lane = new Lane<{ number: number; index: number }>({
        run: ({ number, index }) => {
          assert.equal(running++, 0, 'two items at a time');
          started.push(number);
          const { turns = 0, fails = false, pushes = false } = items[index] ?? {};
          if (pushes) lane.push({ number: pushed++, index: -1 });
          const end = (): void => {
            running--;
            if (fails) throw new Error('fails');
          };
          if (turns === 0) return end();
          return (async () => {
            for (let turn = 0; turn < turns; turn++) await null;
            end();
          })();
        },
        failed: () => {},
      });
      for (let index = 0; index < items.length; index++) {
        lane.push({ number: pushed++, index });
        if (index % 3 === 0) await null;
      }
      while (!lane.isIdle) await settle();
      assert.deepEqual(
        started,
        Array.from({ length: pushed }, (_, i) => i),
      );
    }),
    { numRuns: 100 },
  );
});
