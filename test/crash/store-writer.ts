import { openLevelStore } from '../../src/store/level.ts';
import { StoreError } from '../../src/store/store.ts';

/*
 * Writes to the store in argv[2] as fast as it can, under the name argv[3], until it is killed; prints the number of each
 * write that has been acknowledged. Each write is a commit of a table record, a journal entry and a count. When a write
 * fails, prints why, and why the next one fails, and ends.
 */
const [, , directory = '', round = ''] = process.argv;
const WRITERS = 32;

const store = await openLevelStore(directory);
const table = store.table({ name: 'records', parse: Number });
const journal = store.journal({ name: 'entries', parse: Number });
const totals = store.table({ name: 'totals', parse: Number });
let next = 0;

async function write(): Promise<void> {
  for (;;) {
    const number = next++;
    await store.commit((batch) => {
      batch.put(table, [round, number], number);
      batch.append(journal, [round], number);
      batch.update(totals, [round], (old) => (old ?? 0) + 1);
    });
    process.stdout.write(`${number}\n`);
  }
}

// The parent lets the disk seem full by a limit on the size of files; without a listener the signal would end this process.
process.on('SIGXFSZ', () => {});
const reasonOf = (error: unknown): unknown => (error instanceof StoreError ? error.reason : error);
await Promise.all(Array.from({ length: WRITERS }, write)).catch((error) => console.log(reasonOf(error)));
await totals.put(['afterwards'], 1).catch((error) => console.log(reasonOf(error)));
await store.close();
