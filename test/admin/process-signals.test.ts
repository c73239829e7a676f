import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { ProcessSignals } from '../../src/admin/process-signals.ts';
import { CommandError } from '../../src/core/commands.ts';
import { memoryLogger } from '../../src/log/log.ts';
import { ManualClock } from '../support/manual-clock.ts';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

function scene(parts: { stop?: () => Promise<void>; reload?: () => Promise<void> } = {}) {
  const process = new FakeProcess();
  const log = memoryLogger();
  const clock = new ManualClock();
  const calls: string[] = [];
  const signals = new ProcessSignals({
    process,
    log,
    clock,
    stopMs: () => 5000,
    stop: async () => {
      calls.push('stop');
      await parts.stop?.();
    },
    reload: async () => {
      calls.push('reload');
      await parts.reload?.();
    },
  });
  return { process, log, clock, calls, signals, bugs: () => log.records.filter(({ event }) => event === 'bug') };
}

const never = (): Promise<void> => new Promise(() => {});

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} stops the server, with exit code 0`, async () => {
    const { process, calls, signals } = scene();
    process.emit(signal);
    assert.equal(await signals.ended, 0);
    assert.deepEqual(calls, ['stop']);
    assert.deepEqual(process.exits, []);
  });
}

test('a second signal ends the process at once', () => {
  const { process, calls } = scene({ stop: never });
  process.emit('SIGTERM');
  process.emit('SIGINT');
  assert.deepEqual(process.exits, [1]);
  assert.deepEqual(calls, ['stop']);
});

test('a stop that takes too long is forced, with exit code 1', () => {
  const { process, clock } = scene({ stop: never });
  process.emit('SIGTERM');
  clock.advance(4999);
  assert.deepEqual(process.exits, []);
  clock.advance(1);
  assert.deepEqual(process.exits, [1]);
});

test('a stop that fails is logged, with exit code 1', async () => {
  const { process, log, signals } = scene({ stop: () => Promise.reject(new Error('no')) });
  process.emit('SIGTERM');
  assert.equal(await signals.ended, 1);
  assert.equal(log.records.at(-1)?.event, 'server.stop_failed');
});

test('SIGHUP reloads, and not while the server stops', async () => {
  const { process, calls } = scene({ stop: never });
  process.emit('SIGHUP');
  process.emit('SIGTERM');
  process.emit('SIGHUP');
  assert.deepEqual(calls, ['reload', 'stop']);
});

test('a reload that is refused is no bug, and one that breaks is', async () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const refused = scene({ reload: () => Promise.reject(new CommandError('bad configuration')) });
  refused.process.emit('SIGHUP');
  await turn();
  assert.equal(refused.bugs().length, 0);
  const broken = scene({ reload: () => Promise.reject(new TypeError('oops')) });
  broken.process.emit('SIGHUP');
  await turn();
  assert.equal(broken.bugs().length, 1);
});

test('a rejection that nobody handles is logged and counted, and the server goes on', () => {
  const { process, calls, signals, bugs } = scene();
  process.emit('unhandledRejection', new Error('forgotten'));
  assert.equal(bugs()[0]?.fields['where'], 'unhandledRejection');
  assert.equal(signals.uncaughtErrors, 1);
  assert.deepEqual(calls, []);
});

test('an exception that nobody caught stops the server in good order, with exit code 1', async () => {
  const { process, calls, signals, bugs } = scene();
  process.emit('uncaughtException', new Error('thrown'));
  process.emit('uncaughtException', new Error('thrown again'));
  assert.equal(await signals.ended, 1);
  assert.deepEqual(calls, ['stop']);
  assert.equal(bugs().length, 2);
});

test('after its release nothing is answered', () => {
  const { process, calls, signals } = scene();
  signals.release();
  process.emit('SIGTERM');
  assert.deepEqual(calls, []);
  assert.deepEqual(process.eventNames(), []);
});
