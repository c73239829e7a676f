import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../src/metrics/metrics.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('a store tells how long its commits, pages and some of its reads took, and what failed', async (t) => {
  const metrics = new Metrics();
  const store = openMemoryStore({ clock: new ManualClock() });
  t.after(store.export(metrics));
  const table = store.table({ name: 'things', parse: String });
  await table.put(['a'], 'b');
  store.failNextCommit(new Error('full'));
  await assert.rejects(table.put(['c'], 'd'));
  for (let i = 0; i < 48; i++) assert.equal(await table.get('a'), 'b');
  for await (const [key] of table.list([])) assert.deepEqual(key, ['a']);
  const text = await metrics.text();
  assert.match(text, /^parley_store_commit_seconds_count 1$/m);
  assert.match(text, /^parley_store_commits_failed_total 1$/m);
  assert.match(text, /^parley_store_get_seconds_count 3$/m);
  assert.match(text, /^parley_store_page_seconds_count 1$/m);
  assert.match(text, /^parley_store_waiting_bytes 0$/m);
});
