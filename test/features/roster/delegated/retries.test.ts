import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpFailure } from '../../../../src/features/roster/delegated/http-request.ts';
import { retryAfterMs, withRetries } from '../../../../src/features/roster/delegated/retries.ts';
import { WatchedClock } from './http-scene.ts';

const transient = (retryAfter?: string) => new HttpFailure('http_5xx', 'busy', { isTransient: true, retryAfter });

/** Runs work that fails so often; returns what was waited for, and how it ended. */
async function attempt(options: {
  readonly failures: readonly Error[];
  readonly random?: number;
  readonly timeoutMs?: number;
  readonly isWorthwhile?: boolean;
}) {
  const clock = new WatchedClock();
  const left = [...options.failures];
  let ended: unknown;
  const running = withRetries(
    async () => {
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      return 'done';
    },
    {
      clock,
      signal: new AbortController().signal,
      endsAt: clock.monotonic() + (options.timeoutMs ?? 10_000),
      isWorthwhile: () => options.isWorthwhile ?? true,
      random: () => options.random ?? 0.5,
    },
  ).then(
    (value) => {
      ended = value;
    },
    (error: unknown) => {
      ended = error;
    },
  );
  // In steps: the next wait begins when the promises of the last one have settled.
  for (let i = 0; i < 40; i++) await clock.advance(500);
  await running;
  return { waits: clock.waits, ended, left: left.length };
}

test('the waits between tries grow, and are random from nothing to their full length', async () => {
  const failures = [transient(), transient()];
  assert.deepEqual((await attempt({ failures, random: 0.5 })).waits, [250, 500]);
  assert.deepEqual((await attempt({ failures, random: 0 })).waits, [0, 0]);
  assert.deepEqual((await attempt({ failures, random: 0.999 })).waits, [499.5, 999]);
  assert.equal((await attempt({ failures })).ended, 'done');
});

test('there are three tries', async () => {
  const { ended, left, waits } = await attempt({ failures: [transient(), transient(), transient(), transient()] });
  assert.ok(ended instanceof HttpFailure);
  assert.equal(left, 1);
  assert.equal(waits.length, 2);
});

test('what is not transient, or is not worthwhile any more, is not tried again', async () => {
  assert.deepEqual((await attempt({ failures: [new HttpFailure('http_4xx', 'no')] })).waits, []);
  assert.deepEqual((await attempt({ failures: [new Error('a bug')] })).waits, []);
  assert.deepEqual((await attempt({ failures: [transient()], isWorthwhile: false })).waits, []);
});

test('the other side may ask for a longer wait, which is granted if it ends in time', async () => {
  assert.deepEqual((await attempt({ failures: [transient('3')] })).waits, [3000]);
  assert.deepEqual((await attempt({ failures: [transient('0')] })).waits, [250]);
  const { ended, waits } = await attempt({ failures: [transient('3')], timeoutMs: 3000 });
  assert.ok(ended instanceof HttpFailure);
  assert.deepEqual(waits, []);
});

test('a wait ends at once when the fetch does', async () => {
  const controller = new AbortController();
  const rules = { clock: new WatchedClock(), signal: controller.signal, endsAt: Number.POSITIVE_INFINITY };
  const running = withRetries(() => Promise.reject(transient('60')), { ...rules, isWorthwhile: () => true });
  await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new Error('over'));
  await assert.rejects(running, /over/);
});

test('Retry-After is in seconds or a date', () => {
  const now = Date.UTC(2026, 0, 1);
  assert.equal(retryAfterMs('120', now), 120_000);
  assert.equal(retryAfterMs('Thu, 01 Jan 2026 00:00:07 GMT', now), 7000);
  assert.equal(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
  for (const other of [undefined, '', 'soon', '-1']) assert.equal(retryAfterMs(other, now), 0, other);
});
