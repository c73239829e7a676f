import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openLevelStore } from '../../src/store/level.ts';
import type { Store } from '../../src/store/store.ts';
import { chance } from '../../src/util/ids.ts';

const WRITER = fileURLToPath(new URL(`store-writer${extname(import.meta.url)}`, import.meta.url));
const ROUNDS = 3;
/** The writer is killed after so many acknowledgements at most, in the middle of its work. */
const MAX_ACKNOWLEDGED = 4000;

test('a process that is killed loses no acknowledged write and leaves no part of a commit', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-crash-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const acknowledged = new Map<string, readonly number[]>();
  for (let i = 0; i < ROUNDS; i++) {
    const count = Math.ceil(chance() * MAX_ACKNOWLEDGED);
    acknowledged.set(`round ${i}`, await writeUntilKilled(directory, `round ${i}`, count));
    const store = await openLevelStore(directory);
    const found = await readAll(store, [...acknowledged.keys()]);
    await store.close();
    for (const [round, numbers] of acknowledged) assertKept(round, numbers, found.get(round));
  }
});

test('a full disk fails the writes until the store is opened again, and loses no acknowledged one', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-full-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const limited = ['-c', 'ulimit -f 256 && exec "$0" "$@"', process.execPath];
  const child = spawn('sh', [...limited, ...process.execArgv, WRITER, directory, 'full'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(line);
  assert.deepEqual(await closed, [0, null]);
  assert.deepEqual(lines.splice(-2), ['failed', 'failed']);
  assert(lines.length > 0);
  const store = await openLevelStore(directory);
  assertKept('full', lines.map(Number), (await readAll(store, ['full'])).get('full'));
  await store.close();
});

function assertKept(round: string, acknowledged: readonly number[], found: Found | undefined): void {
  assert(found !== undefined);
  const { records, entries, total } = found;
  const lost = acknowledged.filter((number) => !records.has(number));
  assert.deepEqual(lost, [], `${round}: acknowledged and lost`);
  assert.deepEqual(entries, records, `${round}: part of a commit`);
  assert.equal(total, records.size, `${round}: part of a commit`);
}

async function writeUntilKilled(directory: string, round: string, count: number): Promise<number[]> {
  const child = spawn(process.execPath, [...process.execArgv, WRITER, directory, round], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const numbers: number[] = [];
  for await (const line of createInterface(child.stdout)) {
    numbers.push(Number(line));
    if (numbers.length === count) child.kill('SIGKILL');
  }
  assert.deepEqual(await closed, [null, 'SIGKILL']);
  return numbers;
}

interface Found {
  readonly records: Set<number>;
  readonly entries: Set<number>;
  readonly total: number | undefined;
}

async function readAll(store: Store, rounds: readonly string[]): Promise<Map<string, Found>> {
  const table = store.table({ name: 'records', parse: Number });
  const journal = store.journal({ name: 'entries', parse: Number });
  const totals = store.table({ name: 'totals', parse: Number });
  const found = new Map<string, Found>();
  for (const round of rounds) {
    const records = new Set<number>();
    for await (const [, value] of table.list([round])) records.add(value);
    const { entries } = await journal.read([round], { limit: Number.POSITIVE_INFINITY });
    found.set(round, { records, entries: new Set(entries.map(({ value }) => value)), total: await totals.get(round) });
  }
  return found;
}
