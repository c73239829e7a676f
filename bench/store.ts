import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLevelStore } from '../src/store/level.ts';
import type { Store } from '../src/store/store.ts';

/*
 * Prices of the LevelDB store, in µs of wall time and of processor time (all threads) for one operation:
 *
 *   tsx bench/store.ts [DIRECTORY]
 *
 * DIRECTORY says which disk to measure; the default is the system's temporary directory.
 */
const OWNERS = 200;
const ENTRIES = 20_000;
const TEXT = 'x'.repeat(450);
const plain = (json: unknown): unknown => json;

const base = process.argv[2] ?? tmpdir();
for (const sync of ['always', 'none'] as const) {
  const directory = await mkdtemp(join(base, 'parley-bench-'));
  const store = await openLevelStore(directory, { sync });
  console.log(`sync: ${sync}`);
  await measureStore(store);
  await store.close();
  await rm(directory, { recursive: true });
}

async function measureStore(store: Store): Promise<void> {
  const table = store.table({ name: 'records', parse: plain });
  const journal = store.journal({ name: 'entries', parse: plain });
  const streamOf = (i: number): [string] => [`user${i % OWNERS}@stage.example`];
  const keyOf = (i: number): [string, number] => [`user${i % OWNERS}@stage.example`, i];
  const append = (i: number): Promise<void> => journal.append(streamOf(i), { at: i, text: TEXT }).stored;

  await measure('append, 1 in flight', 500, 1, append);
  await measure('append, 100 in flight', ENTRIES, 100, append);
  await measure('append, 1000 in flight', ENTRIES, 1000, append);
  await measure('put, 1 in flight', 500, 1, (i) => table.put(keyOf(i), { at: i, text: TEXT }));
  await measure('put, 100 in flight', ENTRIES, 100, (i) => table.put(keyOf(i), { at: i, text: TEXT }));
  await measure('update, 100 in flight', ENTRIES, 100, (i) => table.update(keyOf(i), (old) => old));
  await measure('get', ENTRIES, 1, (i) => table.get(...keyOf((i * 7919) % ENTRIES)));
  await measure('page of 50, backwards', 1000, 1, (i) => journal.read(streamOf(i), { limit: 50, reverse: true }));
  await measure('listing of 100', 1000, 1, async (i) => {
    for await (const entry of table.list(streamOf(i))) void entry;
  });
}

async function measure(
  name: string,
  count: number,
  inFlight: number,
  run: (i: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, worker));
  const wall = ((performance.now() - start) * 1000) / count;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `  ${name.padEnd(24)} ${wall.toFixed(1).padStart(8)} wall ${((user + system) / count).toFixed(1).padStart(8)} cpu`,
  );
}
