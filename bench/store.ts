import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLevelStore } from '../src/store/level.ts';
import type { Store } from '../src/store/store.ts';
import { type Bench, type Case, onCpu } from './runner.ts';

const OWNERS = 200;
const TEXT = 'x'.repeat(450);

/** The LevelDB store, all threads. One unit is one operation; how long it takes is the disk's affair. */
export const store: Bench = {
  name: 'store',
  rounds: 31,
  async open(defer) {
    const directory = await mkdtemp(join(tmpdir(), 'parley-bench-'));
    defer(() => rm(directory, { recursive: true }));
    const opened = await openLevelStore(directory, { sync: 'always' });
    defer(() => opened.close());
    return cases(opened);
  },
};

async function cases(opened: Store): Promise<Case[]> {
  const table = opened.table({ name: 'records', parse: plain });
  const journal = opened.journal({ name: 'entries', parse: plain });
  const put = (i: number): Promise<void> => table.put(keyOf(i), { at: i, text: TEXT });
  const append = (i: number): Promise<void> => journal.append(streamOf(i), { at: i, text: TEXT }).stored;
  const isKnown = async (i: number): Promise<void> => {
    if ((await table.get(...keyOf(i % (OWNERS * 100)))) === undefined) throw new Error('an entry is missing');
  };
  // What the cases that read find.
  await inFlight(OWNERS * 100, (i) => Promise.all([put(i), append(i)]));
  return [
    operations('append, 1 in flight', 1, append),
    operations('append, 200 in flight', 200, append),
    operations('put, 200 in flight', 200, put),
    operations('update, 200 in flight', 200, (i) => table.update(keyOf(i), (old) => old)),
    operations('get', 1, isKnown),
    operations('page of 50, backwards', 1, (i) => journal.read(streamOf(i), { limit: 50, reverse: true })),
    operations('listing of 100', 1, async (i) => {
      for await (const entry of table.list(streamOf(i), { limit: 100 })) void entry;
    }),
  ];
}

function operations(name: string, atOnce: number, run: (i: number) => Promise<unknown>): Case {
  let next = 0;
  return onCpu(name, async () => {
    const first = next;
    next += atOnce;
    return inFlight(atOnce, (i) => run(first + i));
  });
}

async function inFlight(count: number, run: (i: number) => Promise<unknown>): Promise<number> {
  await Promise.all(Array.from({ length: count }, (_, i) => run(i)));
  return count;
}

function streamOf(i: number): [string] {
  return [`user${i % OWNERS}@stage.example`];
}

function keyOf(i: number): [string, number] {
  return [`user${i % OWNERS}@stage.example`, Math.floor(i / OWNERS) % 100];
}

function plain(json: unknown): unknown {
  return json;
}
