import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Level } from 'level';
import { justAfter, rangeOf, tablePrefix } from '../../src/store/keys.ts';
import { openLevelStore } from '../../src/store/level.ts';
import { baseline } from '../../src/store/migrations/0001-baseline.ts';
import { migrations } from '../../src/store/migrations/list.ts';
import type { Migration, RawStore } from '../../src/store/schema.ts';

const counts = { name: 'counts', parse: Number };
const TOTAL = 10;
const BATCH = 3;

/** Doubles every count, three at a time; running a batch twice would show. */
function doubling(beforeBatch: (batch: number) => void = () => {}): Migration & { runs: number } {
  const everything = rangeOf(tablePrefix('counts'));
  return {
    version: 2,
    what: 'doubled counts',
    runs: 0,
    async run(raw: RawStore) {
      this.runs++;
      for (let batch = 0; ; batch++) {
        const from = raw.position === undefined ? everything.from : justAfter(raw.position);
        const { entries } = await raw.read({ from, to: everything.to }, BATCH);
        const last = entries.at(-1)?.[0];
        if (last === undefined) return;
        beforeBatch(batch);
        await raw.write(new Map(entries.map(([key, text]) => [key, String(Number(text) * 2)])), last);
      }
    },
  };
}

test('the migrations of the program are numbered without gaps', () => {
  assert.deepEqual(
    migrations.map(({ version }) => version),
    migrations.map((_, i) => i + 1),
  );
});

test('a new store begins with the newest schema and runs no migration', async (t) => {
  const directory = await temporary(t);
  const second = doubling();
  await (await openLevelStore(directory, { migrations: [baseline, second] })).close();
  assert.equal(second.runs, 0);
  assert.equal(await schemaOf(directory), '2');
});

test('an older store runs what it lacks, once', async (t) => {
  const directory = await filled(t);
  const second = doubling();
  for (let i = 0; i < 2; i++) await (await openLevelStore(directory, { migrations: [baseline, second] })).close();
  assert.equal(second.runs, 1);
  assert.equal(await schemaOf(directory), '2');
  assert.deepEqual(await read(directory, [baseline, second]), doubled());
});

test('a migration that breaks off in the middle is resumed where it stopped', async (t) => {
  const directory = await filled(t);
  const broken = doubling((batch) => {
    if (batch === 2) throw new Error('power cut');
  });
  const opening = openLevelStore(directory, { migrations: [baseline, broken] });
  await assert.rejects(opening, {
    reason: 'failed',
    message: /schema 2 \(doubled counts\): power cut; the next start resumes/,
  });
  assert.equal(await schemaOf(directory), '1');
  assert.deepEqual(await read(directory, [baseline, doubling()]), doubled());
});

test('the next migration does not begin where the last one ended', async (t) => {
  const directory = await filled(t);
  const positions: unknown[] = [];
  const third: Migration = { version: 3, what: 'nothing', run: async (raw) => void positions.push(raw.position) };
  await (await openLevelStore(directory, { migrations: [baseline, doubling(), third] })).close();
  assert.deepEqual(positions, [undefined]);
  assert.equal(await schemaOf(directory), '3');
});

test('a store of a newer program is refused and not touched', async (t) => {
  const directory = await temporary(t);
  await (await openLevelStore(directory, { migrations: [baseline, doubling()] })).close();
  const expected = {
    reason: 'newer',
    message: /has schema 2, and this version of Parley knows schemas up to 1: install/,
  };
  await assert.rejects(openLevelStore(directory, { migrations: [baseline] }), expected);
  assert.equal(await schemaOf(directory), '2');
});

test("another program's LevelDB is refused", async (t) => {
  const directory = await temporary(t);
  const level = new Level(directory);
  await level.put('key', 'value');
  await level.close();
  await assert.rejects(openLevelStore(directory), { reason: 'damaged', message: /not a store of Parley/ });
});

test('an unreadable schema version is damage', async (t) => {
  const directory = await temporary(t);
  const level = new Level(directory);
  await level.put('!schema', 'one');
  await level.close();
  await assert.rejects(openLevelStore(directory), { reason: 'damaged', message: /unreadable schema version/ });
});

function doubled(): number[] {
  return Array.from({ length: TOTAL }, (_, i) => i * 2);
}

async function filled(t: test.TestContext): Promise<string> {
  const directory = await temporary(t);
  const store = await openLevelStore(directory, { migrations: [baseline] });
  const table = store.table(counts);
  await Promise.all(Array.from({ length: TOTAL }, (_, i) => table.put([i], i)));
  await store.close();
  return directory;
}

async function read(directory: string, migrations: readonly Migration[]): Promise<(number | undefined)[]> {
  const store = await openLevelStore(directory, { migrations });
  const table = store.table(counts);
  const values = await Promise.all(Array.from({ length: TOTAL }, (_, i) => table.get(i)));
  await store.close();
  return values;
}

async function schemaOf(directory: string): Promise<string | undefined> {
  const level = new Level(directory);
  try {
    return await level.get('!schema');
  } finally {
    await level.close();
  }
}

async function temporary(t: test.TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-schema-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
