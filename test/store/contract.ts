import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ManualClock } from '../support/manual-clock.ts';
import { testCommit, testUpdate } from './contract-commit.ts';
import { testJournals } from './contract-journals.ts';
import { testTables } from './contract-tables.ts';
import { counts, keysOf, notes, type Place, type Scene } from './scene.ts';

/** Runs every test of the store's contract; `place` is called once for each test and cleans up after it. */
export function testStore(name: string, place: (t: test.TestContext) => Place | Promise<Place>): void {
  const scene: Scene = (title, run) => {
    test(title, async (t) => {
      const here = await place(t);
      const clock = new ManualClock();
      const store = await here.open({ clock });
      try {
        await run(store, here, clock);
      } finally {
        await store.close();
      }
    });
  };
  describe(`${name}: tables`, () => testTables(scene));
  describe(`${name}: update`, () => testUpdate(scene));
  describe(`${name}: commit`, () => testCommit(scene));
  describe(`${name}: journals`, () => testJournals(scene));
  describe(`${name}: close`, () => testClose(scene));
}

function testClose(scene: Scene): void {
  const isClosed = { name: 'StoreError', reason: 'closed' };

  scene('close waits for what is pending', async (store, place, clock) => {
    const stored = store.table(counts).put(['a'], 1);
    await Promise.all([store.close(), store.close(), stored]);
    if (!place.isLasting) return;
    const again = await place.open({ clock });
    assert.equal(await again.table(counts).get('a'), 1);
    await again.close();
  });

  scene('every use after close is refused', async (store) => {
    const [table, journal] = [store.table(counts), store.journal(notes)];
    const closing = store.close();
    const refused = [
      table.put(['a'], 1),
      table.delete(['a']),
      table.get('a'),
      table.update(['a'], () => 1),
      keysOf(table, []),
      journal.append(['a'], '').stored,
      journal.get(['a'], ''),
      journal.read(['a'], { limit: 1 }),
      journal.remove(['a'], ['x']),
      journal.clear(['a']),
      store.commit((batch) => batch.put(table, ['a'], 1)),
    ];
    for (const use of refused) await assert.rejects(use, isClosed);
    await closing;
    await assert.rejects(table.get('a'), isClosed);
  });

  scene('a listing that the close interrupts ends with an error, not short', async (store) => {
    const table = store.table(counts);
    await Promise.all(Array.from({ length: 300 }, (_, i) => table.put([i], i)));
    const listing = (async () => {
      for await (const _ of table.list([])) await store.close();
    })();
    await assert.rejects(listing, isClosed);
  });
}
