import assert from 'node:assert/strict';
import type { Key, Store } from '../../src/store/store.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { notes, type Scene } from './scene.ts';

/** What every journal does. */
export function testJournals(scene: Scene): void {
  const fill = async (store: Store, count: number) => {
    const journal = store.journal(notes);
    const appended = Array.from({ length: count }, (_, i) => journal.append(['romeo', 1], `note ${i}`));
    await Promise.all(appended.map(({ stored }) => stored));
    return { journal, ids: appended.map(({ id }) => id) };
  };

  scene('entries are read in the order appended, in both directions', async (store) => {
    const { journal, ids } = await fill(store, 5);
    const forth = await journal.read(['romeo', 1], { limit: 3 });
    assert.deepEqual(
      forth.entries,
      ids.slice(0, 3).map((id, i) => ({ id, value: `note ${i}` })),
    );
    assert.equal(forth.complete, false);
    const back = await journal.read(['romeo', 1], { limit: 3, reverse: true });
    assert.deepEqual(
      back.entries.map(({ id }) => id),
      [ids[4], ids[3], ids[2]],
    );
  });

  scene('pages follow each other by id, and the last says so', async (store) => {
    const { journal, ids } = await fill(store, 6);
    const idsOf = async (page: Parameters<typeof journal.read>[1]) => {
      const { entries, complete } = await journal.read(['romeo', 1], page);
      return [...entries.map(({ id }) => ids.indexOf(id)), complete];
    };
    assert.deepEqual(await idsOf({ limit: 2, after: ids[1] ?? '' }), [2, 3, false]);
    assert.deepEqual(await idsOf({ limit: 2, after: ids[3] ?? '' }), [4, 5, true]);
    assert.deepEqual(await idsOf({ limit: 2, after: ids[5] ?? '' }), [true]);
    assert.deepEqual(await idsOf({ limit: 2, before: ids[4] ?? '', reverse: true }), [3, 2, false]);
    assert.deepEqual(await idsOf({ limit: 4, before: ids[4] ?? '', reverse: true }), [3, 2, 1, 0, true]);
    assert.deepEqual(await idsOf({ limit: 9, after: ids[0] ?? '', before: ids[3] ?? '' }), [1, 2, true]);
    assert.deepEqual(await idsOf({ limit: 9, after: ids[3] ?? '', before: ids[0] ?? '' }), [true]);
    assert.deepEqual(await idsOf({ limit: 1, after: '' }), [0, false]);
    assert.deepEqual(await idsOf({ limit: 1, after: '\u{10FFFF}"/~' }), [true]);
    assert.deepEqual(await idsOf({ limit: 0 }), [false]);
  });

  scene('the size of streams is told, more or less', async (store) => {
    const { journal } = await fill(store, 3);
    const all = await journal.sizeOf([]);
    assert.ok(Number.isSafeInteger(all) && all >= 0);
    assert.ok((await journal.sizeOf(['romeo'])) <= all);
    assert.equal(await journal.sizeOf(['rome']), 0);
    assert.equal(await journal.sizeOf(['juliet']), 0);
  });

  scene('a stream does not see the entries of another', async (store) => {
    const { journal } = await fill(store, 3);
    await journal.append(['romeo'], 'shorter').stored;
    await journal.append(['romeo', 1, 'x'], 'longer').stored;
    const values = async (stream: Key) => (await journal.read(stream, { limit: 9 })).entries.map(({ value }) => value);
    assert.deepEqual(await values(['romeo']), ['shorter']);
    assert.deepEqual(await values(['romeo', 1, 'x']), ['longer']);
    assert.equal((await values(['romeo', 1])).length, 3);
    assert.deepEqual(await values(['nobody']), []);
  });

  scene('an entry is put in the place of another, or where its time is', async (store) => {
    const { journal, ids } = await fill(store, 3);
    await journal.put(['romeo', 1], ids[1] ?? '', 'another');
    await store.commit((batch) => batch.insert(journal, ['romeo', 1], ids[2] ?? '', 'a third'));
    const { entries } = await journal.read(['romeo', 1], { limit: 9 });
    assert.deepEqual(
      entries.map(({ id, value }) => [ids.indexOf(id), value]),
      [
        [0, 'note 0'],
        [1, 'another'],
        [2, 'a third'],
      ],
    );
    await journal.put(['romeo', 1], '000000000', 'from elsewhere');
    assert.equal((await journal.read(['romeo', 1], { limit: 1 })).entries[0]?.value, 'from elsewhere');
  });

  scene('one entry is read by its id, within its stream only', async (store) => {
    const { journal, ids } = await fill(store, 2);
    assert.equal(await journal.get(['romeo', 1], ids[1] ?? ''), 'note 1');
    assert.equal(await journal.get(['romeo'], ids[1] ?? ''), undefined);
    assert.equal(await journal.get(['romeo', 1], 'nothing\0\uD800'), undefined);
  });

  scene('a page of large entries is whole', async (store) => {
    const journal = store.journal(notes);
    const large = 'x'.repeat(300_000);
    await Promise.all(Array.from({ length: 9 }, () => journal.append(['s'], large).stored));
    assert.equal((await journal.read(['s'], { limit: 8 })).entries.length, 8);
    assert.equal((await journal.read(['s'], { limit: 9 })).complete, true);
  });

  scene('a whole stream is read at once if no limit is set', async (store) => {
    const { journal, ids } = await fill(store, 2500);
    const { entries, complete } = await journal.read(['romeo', 1], { limit: Number.POSITIVE_INFINITY });
    assert.deepEqual([entries.map(({ id }) => id), complete], [ids, true]);
  });

  scene('entries are removed one by one or all, and later ones stay', async (store) => {
    const { journal, ids } = await fill(store, 1200);
    await journal.remove(['romeo', 1], ids.slice(0, 2));
    assert.equal((await journal.read(['romeo', 1], { limit: 1 })).entries[0]?.id, ids[2]);
    await journal.append(['other'], 'kept').stored;
    void journal.append(['romeo', 1], 'before the clearing');
    const cleared = journal.clear(['romeo', 1]);
    const { id, stored } = journal.append(['romeo', 1], 'after it');
    await Promise.all([cleared, stored]);
    const { entries } = await journal.read(['romeo', 1], { limit: 9 });
    assert.deepEqual(entries, [{ id, value: 'after it' }]);
    assert.equal((await journal.read(['other'], { limit: 9 })).entries.length, 1);
  });

  scene('identifiers grow after a restart, even if the clock has stepped back', async (store, place, clock) => {
    if (!place.isLasting) return;
    const before = store.journal(notes).append(['s'], 'before');
    await before.stored;
    await store.close();
    const again = await place.open({ clock: new ManualClock(clock.now() - 3_600_000) });
    const journal = again.journal(notes);
    const after = journal.append(['s'], 'after');
    await after.stored;
    assert(after.id > before.id);
    const { entries } = await journal.read(['s'], { limit: 9 });
    assert.deepEqual(
      entries.map(({ value }) => value),
      ['before', 'after'],
    );
    await again.close();
  });
}
