import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../../src/features/shared/turns.ts';
import { settle } from '../../support/manual-clock.ts';

/** A task that ends when the test says so. */
function task(log: string[], name: string) {
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const run = async (): Promise<string> => {
    log.push(`${name} begins`);
    await ended;
    log.push(`${name} ends`);
    return name;
  };
  return { run, end };
}

test('tasks of one name run one after the other, those of others meanwhile', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const [first, second, other] = [task(log, 'first'), task(log, 'second'), task(log, 'other')];
  const outcomes = [turns.take('a', first.run), turns.take('a', second.run), turns.take('b', other.run)];
  second.end();
  other.end();
  await settle();
  assert.deepEqual(log.sort(), ['first begins', 'other begins', 'other ends']);
  first.end();
  assert.deepEqual(await Promise.all(outcomes), ['first', 'second', 'other']);
  assert.deepEqual(log.slice(3), ['first ends', 'second begins', 'second ends']);
});

test('a task that fails tells its caller, and the next one runs', async () => {
  const turns = new Turns();
  const failed = turns.take('a', async () => {
    throw new Error('no');
  });
  const next = turns.take('a', async () => 'yes');
  await assert.rejects(failed, /no/);
  assert.equal(await next, 'yes');
});

test('whoever waits for a name goes on when all that was begun has ended', async () => {
  const turns = new Turns();
  const log: string[] = [];
  const first = task(log, 'first');
  const begun = turns.take('a', first.run);
  const waiting = turns.settled('a').then(() => log.push('settled'));
  await turns.settled('b');
  await settle();
  assert.deepEqual(log, ['first begins']);
  first.end();
  await Promise.all([begun, waiting]);
  assert.deepEqual(log, ['first begins', 'first ends', 'settled']);
});
