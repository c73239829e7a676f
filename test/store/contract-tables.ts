import assert from 'node:assert/strict';
import type { Key, StoreError } from '../../src/store/store.ts';
import { counts, keysOf, notes, type Scene } from './scene.ts';

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

/** What every table does. */
export function testTables(scene: Scene): void {
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
