import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atEndOfTurn } from '../../src/util/turn.ts';
import { settle } from '../support/manual-clock.ts';

test('calls run in order, after the turn that asked for them', async () => {
  const ran: number[] = [];
  for (const n of [1, 2, 3]) atEndOfTurn(() => ran.push(n));
  await Promise.resolve();
  assert.deepEqual(ran, []);
  await settle();
  assert.deepEqual(ran, [1, 2, 3]);
});

test('what is asked for while they run belongs to the next turn', async () => {
  const ran: string[] = [];
  atEndOfTurn(() => {
    ran.push('first');
    atEndOfTurn(() => ran.push('next'));
  });
  atEndOfTurn(() => ran.push('second'));
  await settle();
  assert.deepEqual(ran, ['first', 'second']);
  await settle();
  assert.deepEqual(ran, ['first', 'second', 'next']);
});

test('one that throws keeps no other from running', async (t) => {
  const errors: unknown[] = [];
  const note = (error: unknown): void => void errors.push(error);
  const before = process.rawListeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', note);
  t.after(() => {
    process.off('uncaughtException', note);
    for (const listener of before) process.on('uncaughtException', listener as NodeJS.UncaughtExceptionListener);
  });
  let ran = 0;
  const failure = new Error('of one');
  atEndOfTurn(() => ran++);
  atEndOfTurn(() => {
    throw failure;
  });
  atEndOfTurn(() => ran++);
  await settle();
  await settle();
  assert.equal(ran, 2);
  assert.deepEqual(errors, [failure]);
});
