import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Receipt, Receipts, releaseAfter } from '../../src/core/receipts.ts';
import { settle } from '../support/manual-clock.ts';
import { gate } from './scene.ts';

const MODULUS = 2 ** 32;

test('a stanza is handled when it and all before it are, in whatever order that happens', () => {
  const orders = fc
    .integer({ min: 1, max: 30 })
    .chain((count) => fc.shuffledSubarray([...Array(count).keys()], { minLength: count }));
  fc.assert(
    fc.property(orders, fc.constantFrom(0, 7, MODULUS - 1, MODULUS - 15), (order, first) => {
      const receipts = new Receipts(first);
      const all = order.map(() => receipts.begin());
      const done = new Set<number>();
      for (const index of order) {
        all[index]?.release();
        done.add(index);
        let inOrder = 0;
        while (done.has(inOrder)) inOrder++;
        assert.equal(receipts.handled, (first + inOrder) % MODULUS);
        assert.equal(receipts.isSettled, inOrder === order.length);
      }
    }),
    { numRuns: 200 },
  );
});

test('a stanza that waits for several things is handled with the last', async () => {
  const receipts = new Receipts();
  const receipt = receipts.begin();
  const write = gate();
  receipt.hold();
  receipt.holdUntil(write.promise);
  receipt.release();
  receipt.release();
  assert.equal(receipts.handled, 0);
  write.fail(new Error('the disk is full'));
  await settle();
  assert.equal(receipts.handled, 1);
});

test('a stanza counts as handled when its handling is done or has failed', async () => {
  const receipts = new Receipts();
  void releaseAfter(receipts.begin(), undefined);
  assert.equal(receipts.handled, 1);
  const handling = gate();
  const released = releaseAfter(receipts.begin(), handling.promise);
  assert.equal(receipts.handled, 1);
  handling.fail(new Error('no'));
  await assert.rejects(async () => released);
  assert.equal(receipts.handled, 2);
});

test('who waits for what has arrived does not wait for what arrives later', async () => {
  const receipts = new Receipts();
  let told: number[] = [];
  const wait = (name: number): void => void receipts.settled().then(() => told.push(name));
  wait(0);
  await settle();
  assert.deepEqual(told, [0]);
  told = [];
  const waiting: Receipt[] = [];
  for (let i = 1; i <= 3; i++) {
    waiting.push(receipts.begin());
    wait(i);
  }
  waiting[1]?.release();
  await settle();
  assert.deepEqual(told, []);
  waiting[0]?.release();
  await settle();
  assert.deepEqual(told, [1, 2]);
  assert.equal(receipts.isSettled, false);
  waiting[2]?.release();
  await settle();
  assert.deepEqual(told, [1, 2, 3]);
});
