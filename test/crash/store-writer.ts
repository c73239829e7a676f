import { openLevelStore } from '../../src/store/level.ts';

/*
 * Writes to the store in argv[2] as fast as it can, under the name argv[3], until it is killed; prints the number of each
 * write that has been acknowledged. Each write is a commit of a table record, a journal entry and a count.
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

await Promise.all(Array.from({ length: WRITERS }, write));
