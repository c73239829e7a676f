import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REACHED_KEY } from '../../src/store/journal.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import type { StoreError } from '../../src/store/store.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { testStore } from './contract.ts';

testStore('memory', () => ({ open: async (options) => openMemoryStore(options), isLasting: false }));

const counts = { name: 'counts', parse: Number };
const increment = (old: number | undefined): number => (old ?? 0) + 1;

test('a commit that fails rejects all its waiters and writes nothing', async () => {
  const store = openMemoryStore();
  const [table, journal] = [store.table(counts), store.journal({ name: 'notes', parse: String })];
  const full = new Error('no space left on device');
  store.failNextCommit(full);
  const outcomes = await Promise.allSettled([
    table.put(['a'], 1),
    table.update(['b'], increment),
    journal.append(['s'], 'lost').stored,
    store.commit((batch) => batch.put(table, ['c'], 1)),
  ]);
  for (const outcome of outcomes) {
    assert(outcome.status === 'rejected');
    const error: StoreError = outcome.reason;
    assert.equal(error.reason, 'failed');
    assert.equal(error.cause, full);
    assert.match(error.message, /no space left/);
  }
  for (const key of ['a', 'b', 'c']) assert.equal(await table.get(key), undefined);
  assert.deepEqual(await journal.read(['s'], { limit: 1 }), { entries: [], complete: true });
  assert.equal(store.waitingBytes, 0);
  await table.put(['a'], 2);
  assert.equal(await table.get('a'), 2);
});

test('the time that journals have reached is stored with the next commit when one fails', async () => {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  const journal = store.journal({ name: 'notes', parse: String });
  store.failNextCommit(new Error('disk'));
  await assert.rejects(journal.append(['s'], 'lost').stored, { reason: 'failed' });
  await journal.append(['s'], 'stored').stored;
  assert.equal(store.dump().get(REACHED_KEY), String(clock.now()));
});

test('an update behind a failing commit builds on what is stored, not on what failed', async () => {
  const store = openMemoryStore();
  const table = store.table(counts);
  store.hold();
  store.failNextCommit(new Error('disk'));
  const first = assert.rejects(table.update(['n'], increment), { reason: 'failed' });
  await settle();
  const second = table.update(['n'], increment);
  store.release();
  await first;
  assert.equal(await second, 1);
});

test('a commit that hangs keeps its bytes waiting and is not seen', async () => {
  const store = openMemoryStore();
  const table = store.table(counts);
  store.hold();
  const stored = table.put(['a'], 1);
  await settle();
  assert.equal(await table.get('a'), undefined);
  assert(store.waitingBytes > 0);
  store.release();
  await stored;
  assert.equal(await table.get('a'), 1);
  assert.equal(store.waitingBytes, 0);
});

test('close waits for a commit that hangs', async () => {
  const store = openMemoryStore();
  store.hold();
  const stored = store.table(counts).put(['a'], 1);
  let isClosed = false;
  const closing = store.close().then(() => {
    isClosed = true;
  });
  await settle();
  assert.equal(isClosed, false);
  store.release();
  await Promise.all([stored, closing]);
});
