import assert from 'node:assert/strict';
import { commitsDuring, counts, keysOf, notes, type Scene } from './scene.ts';

/** What every update does, alone and among others. */
export function testUpdate(scene: Scene): void {
  const increment = (old: number | undefined): number => (old ?? 0) + 1;

  scene('concurrent updates of a key all take effect', async (store) => {
    const table = store.table(counts);
    const results = await Promise.all(Array.from({ length: 100 }, () => table.update(['n'], increment)));
    assert.deepEqual(
      results,
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.equal(await table.get('n'), 100);
  });

  scene('updates that begin while others are being written take effect too', async (store) => {
    const table = store.table(counts);
    const chains = Array.from({ length: 10 }, async () => {
      for (let i = 0; i < 10; i++) await table.update(['n'], increment);
    });
    await Promise.all(chains);
    assert.equal(await table.get('n'), 100);
  });

  scene('an update sees the put and the delete before it in the same turn', async (store) => {
    const table = store.table(counts);
    void table.put(['n'], 41);
    assert.equal(await table.update(['n'], increment), 42);
    void table.delete(['n']);
    assert.equal(await table.update(['n'], increment), 1);
  });

  scene('an update that returns undefined deletes', async (store) => {
    const table = store.table(counts);
    await table.put(['n'], 1);
    assert.equal(await table.update(['n'], () => undefined), undefined);
    assert.equal(await table.get('n'), undefined);
  });

  scene('a change that throws writes nothing, rejects with its error and harms no other write', async (store) => {
    const table = store.table(counts);
    const taken = new Error('taken');
    const refuse = (): never => {
      throw taken;
    };
    const [refused, ...others] = await Promise.allSettled([
      table.update(['n'], refuse),
      table.put(['m'], 1),
      table.update(['n'], increment),
    ]);
    assert.deepEqual(refused, { status: 'rejected', reason: taken });
    assert(others.every(({ status }) => status === 'fulfilled'));
    assert.equal(await table.get('n'), 1);
  });
}

/** What every commit does, and how writes are grouped. */
export function testCommit(scene: Scene): void {
  scene('a commit writes across tables and journals', async (store) => {
    const [table, journal] = [store.table(counts), store.journal(notes)];
    await table.put(['old'], 1);
    const { id: gone, stored } = journal.append(['s'], 'gone');
    await stored;
    let id = '';
    await store.commit((batch) => {
      batch.put(table, ['new'], 2);
      batch.delete(table, ['old']);
      batch.remove(journal, ['s'], gone);
      id = batch.append(journal, ['s'], 'kept');
    });
    assert.deepEqual(await keysOf(table, []), [['new']]);
    assert.deepEqual(await journal.read(['s'], { limit: 9 }), { entries: [{ id, value: 'kept' }], complete: true });
  });

  scene('a commit whose function throws writes nothing', async (store) => {
    const table = store.table(counts);
    const attempt = store.commit((batch) => {
      batch.put(table, ['a'], 1);
      throw new Error('no');
    });
    await assert.rejects(attempt, /no/);
    assert.equal(await table.get('a'), undefined);
  });

  scene('a change that throws withdraws its whole commit and no other', async (store) => {
    const table = store.table(counts);
    await table.put(['invite'], 1);
    const redeem = (user: string): Promise<void> =>
      store.commit((batch) => {
        batch.put(table, ['user', user], 1);
        batch.update(table, ['invite'], (left) => {
          if (left === undefined) throw new Error('used');
          return left > 1 ? left - 1 : undefined;
        });
      });
    const [first, second] = await Promise.allSettled([redeem('romeo'), redeem('juliet')]);
    assert.equal(first.status, 'fulfilled');
    assert.equal(second.status, 'rejected');
    assert.deepEqual(await keysOf(table, []), [['user', 'romeo']]);
  });

  scene('a change sees the earlier writes of its commit', async (store) => {
    const table = store.table(counts);
    await store.commit((batch) => {
      batch.put(table, ['n'], 1);
      batch.update(table, ['n'], (old) => (old ?? 0) + 1);
      batch.update(table, ['n'], (old) => (old ?? 0) + 1);
    });
    assert.equal(await table.get('n'), 3);
  });

  scene('an empty commit resolves', async (store) => {
    await store.commit(() => {});
  });

  scene('a table of another store is refused', async (store, place, clock) => {
    if (place.isLasting) return;
    const other = await place.open({ clock });
    const table = other.table(counts);
    await assert.rejects(
      store.commit((batch) => batch.put(table, ['a'], 1)),
      TypeError,
    );
    await other.close();
  });

  scene('10,000 writes of one turn are few rounds, each of 1 MiB at most', async (store) => {
    const table = store.table(notes);
    const value = 'x'.repeat(180);
    const { events, result } = await commitsDuring(async () => {
      const writes = Array.from({ length: 10_000 }, (_, i) => table.put([i], value));
      assert(store.waitingBytes > 1_800_000);
      return Promise.all(writes);
    });
    assert.equal(result.length, 10_000);
    assert.equal(store.waitingBytes, 0);
    assert.deepEqual(
      events.map(({ groups }) => groups).reduce((a, b) => a + b),
      10_000,
    );
    assert(events.length === 2 || events.length === 3, `${events.length} rounds`);
    assert(events.every(({ bytes }) => bytes <= 1024 * 1024));
  });

  scene('writes that arrive while a commit runs share the next', async (store) => {
    const table = store.table(counts);
    const { events } = await commitsDuring(async () => {
      const writers = Array.from({ length: 50 }, async (_, i) => {
        for (let n = 0; n < 4; n++) await table.put([i], n);
      });
      await Promise.all(writers);
    });
    assert(events.length <= 8, `${events.length} rounds`);
  });

  scene('a commit is not divided, however large', async (store) => {
    const table = store.table(notes);
    const large = 'x'.repeat(400_000);
    const { events } = await commitsDuring(async () => {
      void table.put(['before'], 'small');
      const whole = store.commit((batch) => {
        for (let i = 0; i < 5; i++) batch.put(table, [i], large);
      });
      await Promise.all([whole, table.put(['behind'], 'small')]);
    });
    assert.deepEqual(
      events.map(({ groups }) => groups),
      [1, 1, 1],
    );
    assert.equal((await keysOf(table, [])).length, 7);
  });
}
