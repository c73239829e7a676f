import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, test } from 'node:test';
import type { CommitEvent } from '../../src/store/commit.ts';
import type { Key, Page, Store, StoreError, Table } from '../../src/store/store.ts';
import type { Clock } from '../../src/util/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** One place where data is kept, for the time of one test. */
export interface Place {
  open(options: { readonly clock: Clock }): Promise<Store>;
  /** Whether a second `open` finds what the first has stored. */
  readonly isLasting: boolean;
}

interface Profile {
  readonly name: string;
  readonly age: number;
}

function parseProfile(json: unknown): Profile {
  assert(typeof json === 'object' && json !== null && 'name' in json && 'age' in json);
  assert(typeof json.name === 'string' && typeof json.age === 'number');
  return { name: json.name, age: json.age };
}

const profiles = { name: 'profiles', parse: parseProfile };
const counts = { name: 'counts', parse: Number };
const notes = { name: 'notes', parse: String };

/** Runs every test of the store's contract; `place` is called once for each test and cleans up after it. */
export function testStore(name: string, place: (t: test.TestContext) => Place | Promise<Place>): void {
  const scene = (title: string, run: (store: Store, place: Place, clock: ManualClock) => Promise<void>): void => {
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

type Scene = (title: string, run: (store: Store, place: Place, clock: ManualClock) => Promise<void>) => void;

function testTables(scene: Scene): void {
  scene('a value put is read back, and undefined is read where nothing is', async (store) => {
    const table = store.table(profiles);
    await table.put(['romeo'], { name: 'Romeo', age: 16 });
    assert.deepEqual(await table.get('romeo'), { name: 'Romeo', age: 16 });
    assert.equal(await table.get('juliet'), undefined);
    assert.equal(await table.get(), undefined);
  });

  scene('the last of several puts of a key in one turn stays', async (store) => {
    const table = store.table(counts);
    await Promise.all([table.put(['a'], 1), table.put(['a'], 2), table.put(['b'], 3), table.delete(['b'])]);
    assert.equal(await table.get('a'), 2);
    assert.equal(await table.get('b'), undefined);
  });

  scene('deleting what is not there is no error', async (store) => {
    await store.table(counts).delete(['nobody']);
  });

  scene('a write is not seen before it is durable', async (store) => {
    const table = store.table(counts);
    const stored = table.put(['a'], 1);
    assert.equal(await table.get('a'), undefined);
    await stored;
    assert.equal(await table.get('a'), 1);
  });

  scene('tables do not see each other, even where one name begins with the other', async (store) => {
    const short = store.table({ name: 'a', parse: Number });
    const long = store.table({ name: 'a.b', parse: Number });
    await Promise.all([short.put(['x'], 1), long.put(['x'], 2)]);
    assert.deepEqual(await keysOf(short, []), [['x']]);
    assert.equal(await long.get('x'), 2);
  });

  scene('a name can be opened once, by a table or a journal, and must be a plain word', async (store) => {
    store.table(counts);
    assert.throws(() => store.table(counts), TypeError);
    assert.throws(() => store.journal(counts), TypeError);
    for (const bad of ['', 'A', 'a/b', '.a', '!schema']) {
      assert.throws(() => store.table({ name: bad, parse: Number }), TypeError);
    }
  });

  scene('a listing is ordered part by part: numbers by value, then strings by bytes', async (store) => {
    const table = store.table(counts);
    const sorted: Key[] = [[], [-20], [-3], [0], [9], [10], [1e12], [''], ['', 0], ['a'], ['a', 'b'], ['a\0'], ['ab']];
    sorted.push(['é'], ['\uFFFD'], ['\u{1F600}']);
    await Promise.all([...sorted].reverse().map((key, i) => table.put(key, i)));
    assert.deepEqual(await keysOf(table, []), sorted);
    assert.deepEqual(await keysOf(table, [], { reverse: true }), [...sorted].reverse());
  });

  scene('a listing takes whole parts of the prefix', async (store) => {
    const table = store.table(counts);
    for (const key of [['a'], ['a', 'x'], ['a', 1], ['ab'], ['ab', 'x'], ['a\0', 'x']]) void table.put(key, 1);
    await table.put(['A'], 1);
    assert.deepEqual(await keysOf(table, ['a']), [['a'], ['a', 1], ['a', 'x']]);
    assert.deepEqual(await keysOf(table, ['b']), []);
  });

  scene('a listing pages in both directions, bounds excluded', async (store) => {
    const table = store.table(counts);
    const keys = Array.from({ length: 700 }, (_, i) => ['u', i]);
    await Promise.all([...keys.map((key, i) => table.put(key, i)), table.put(['t'], 0), table.put(['v'], 0)]);
    assert.deepEqual(await keysOf(table, ['u']), keys);
    assert.deepEqual(await keysOf(table, ['u'], { reverse: true }), [...keys].reverse());
    assert.deepEqual(await keysOf(table, ['u'], { after: ['u', 9], limit: 2 }), keys.slice(10, 12));
    assert.deepEqual(await keysOf(table, ['u'], { before: ['u', 9], limit: 2, reverse: true }), [keys[8], keys[7]]);
    assert.deepEqual(await keysOf(table, ['u'], { after: ['u', 9], before: ['u', 12] }), keys.slice(10, 12));
    assert.deepEqual(await keysOf(table, ['u'], { after: ['u', 12], before: ['u', 9] }), []);
    assert.deepEqual(await keysOf(table, ['u'], { after: ['a'], limit: 1 }), [keys[0]]);
    assert.deepEqual(await keysOf(table, ['u'], { before: ['z'], limit: 1, reverse: true }), [keys[699]]);
    assert.deepEqual(await keysOf(table, ['u'], { limit: 0 }), []);
  });

  scene('a listing of large values is complete', async (store) => {
    const table = store.table(notes);
    const large = 'x'.repeat(300_000);
    await Promise.all(Array.from({ length: 9 }, (_, i) => table.put([i], large)));
    assert.equal((await keysOf(table, [])).length, 9);
    assert.equal((await keysOf(table, [], { reverse: true })).length, 9);
  });

  scene('a value of several megabytes and every character survives', async (store) => {
    const table = store.table(notes);
    const value = `${'é\u{1F600}\0"\\\uFFFD\uD800'.repeat(300_000)}end`;
    await table.put(['big'], value);
    assert(value === (await table.get('big')));
  });

  scene('a damaged value is reported with its table and key', async (store) => {
    const table = store.table({ name: 'strict', parse: () => assert.fail('not a profile') });
    await table.put(['romeo'], { name: 1 } as never);
    const isReport = (error: StoreError): boolean =>
      error.reason === 'damaged' && error.message.includes('strict') && error.message.includes('romeo');
    await assert.rejects(table.get('romeo'), isReport);
    await assert.rejects(keysOf(table, []), isReport);
    await assert.rejects(
      table.update(['romeo'], () => undefined),
      isReport,
    );
  });

  scene('what JSON or a key cannot hold is refused at once', async (store) => {
    const table = store.table(counts);
    assert.throws(() => table.put(['a'], undefined as never), TypeError);
    assert.throws(() => table.put([0.5], 1), TypeError);
    assert.throws(() => table.put([Number.MAX_VALUE], 1), TypeError);
    assert.equal(store.waitingBytes, 0);
  });
}

function testUpdate(scene: Scene): void {
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

function testCommit(scene: Scene): void {
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

function testJournals(scene: Scene): void {
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

async function keysOf<V>(table: Table<V>, prefix: Key, page?: Page): Promise<Key[]> {
  const keys: Key[] = [];
  for await (const [key] of table.list(prefix, page)) keys.push(key);
  return keys;
}

async function commitsDuring<T>(run: () => Promise<T>): Promise<{ events: CommitEvent[]; result: T }> {
  const events: CommitEvent[] = [];
  const note = (event: unknown): void => void events.push(event as CommitEvent);
  subscribe('xmpp.commit', note);
  try {
    return { result: await run(), events };
  } finally {
    unsubscribe('xmpp.commit', note);
  }
}
