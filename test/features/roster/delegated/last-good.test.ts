import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COPIES, type CopyRecord } from '../../../../src/features/roster/delegated/copy-record.ts';
import { DOMAIN } from '../../../support/stage.ts';
import { failureOf, HttpScene, until } from './http-scene.ts';

const DAY_MS = 86_400_000;
const CONTACTS = { 'marie@example.org': { name: 'Marie', groups: ['Family'] } };
const ON_DISK = { cacheOnDisk: true };

/** Another process with the same store, backend and time. */
function restart(t: Parameters<typeof HttpScene.open>[0], { backend, clock, stage }: HttpScene, options = {}) {
  return HttpScene.open(t, { backend, clock, store: stage.store, options: { ...ON_DISK, ...options } });
}

test('the last good roster outlives failures, for as long as it is to be kept', async (t) => {
  const { backend, source, clock } = await HttpScene.open(t);
  backend.contacts.set('john', CONTACTS);
  assert.equal(await source.lastGood('john'), undefined);
  const roster = await source.fetch('john', 'login');
  backend.contacts.clear();
  await failureOf(source.fetch('john', 'login'));
  assert.equal(await source.lastGood('john'), roster);
  assert.equal(source.status().copies, 1);
  clock.skipDays(7 - 1 / DAY_MS);
  assert.equal(await source.lastGood('john'), roster);
  clock.skipDays(1 / DAY_MS);
  assert.equal(await source.lastGood('john'), undefined);
});

test('the time begins anew with each answer, also with one that nothing has changed', async (t) => {
  const { backend, source, clock } = await HttpScene.open(t);
  backend.hasETags = true;
  backend.contacts.set('john', CONTACTS);
  await source.fetch('john', 'login');
  clock.skipDays(5);
  await source.fetch('john', 'login');
  clock.skipDays(5);
  assert.notEqual(await source.lastGood('john'), undefined);
});

test('nothing is kept where nothing is to be kept', async (t) => {
  const { backend, source } = await HttpScene.open(t, { options: { cacheDays: 0 } });
  backend.hasETags = true;
  backend.contacts.set('john', CONTACTS);
  await source.fetch('john', 'login');
  await source.fetch('john', 'login');
  assert.equal(await source.lastGood('john'), undefined);
  assert.equal(backend.requests[1]?.headers['if-none-match'], undefined);
});

test('there are at most so many copies in memory, of those who were asked for last', async (t) => {
  const { backend, source } = await HttpScene.open(t, { options: { cacheRosters: 10 } });
  for (let i = 0; i < 30; i++) {
    backend.contacts.set(`user${i}`, {});
    await source.fetch(`user${i}`, 'login');
  }
  assert.ok(source.status().copies <= 10);
  assert.notEqual(await source.lastGood('user29'), undefined);
  assert.equal(await source.lastGood('user0'), undefined);
});

test('a copy on disk outlives the process, with the means to ask whether it has changed', async (t) => {
  const first = await HttpScene.open(t, { options: ON_DISK });
  first.backend.hasETags = true;
  first.backend.contacts.set('john', CONTACTS);
  const { version } = await first.source.fetch('john', 'login');
  const { source, backend } = await restart(t, first);
  const copy = await source.lastGood('john');
  assert.equal(copy?.version, version);
  assert.deepEqual(copy?.items.get('marie@example.org')?.groups, ['Family']);
  assert.equal(await source.fetch('john', 'login'), copy);
  assert.notEqual(backend.requests.at(-1)?.headers['if-none-match'], undefined);
});

test('a copy of another source, or one that is damaged, is not used and goes', async (t) => {
  const first = await HttpScene.open(t, { options: ON_DISK });
  first.backend.contacts.set('john', CONTACTS);
  await first.source.fetch('john', 'login');
  await new Promise((resolve) => setImmediate(resolve));
  const table = first.stage.table(COPIES);
  const good = (await table.get(DOMAIN, 'john')) ?? assert.fail();
  const damaged: readonly CopyRecord[] = [
    { ...good, contacts: [['no address@', null, []]] },
    { ...good, source: 'elsewhere' },
    { ...good, at: first.clock.now() - 8 * DAY_MS },
  ];
  for (const record of damaged) {
    await table.put([DOMAIN, 'john'], record);
    const { source } = await restart(t, first);
    assert.equal(await source.lastGood('john'), undefined);
    assert.equal(await table.get(DOMAIN, 'john'), undefined);
  }
  const shapes: unknown[] = [
    null,
    1,
    [],
    {},
    { ...good, etag: 'a\nb' },
    { ...good, contacts: [['a@example.org', 1, []]] },
    { ...good, contacts: [['a@example.org', null, [1]]] },
    { ...good, contacts: {} },
    { ...good, at: 'now' },
  ];
  for (const shape of shapes) assert.equal(COPIES.parse(shape), null, JSON.stringify(shape));
  assert.notEqual(COPIES.parse(good), null);
});

test('what nobody will use any more is removed from the store within the hour, also when it is not to be there', async (t) => {
  const first = await HttpScene.open(t, { options: ON_DISK });
  const { backend, clock, stage, source } = first;
  const table = stage.table(COPIES);
  for (const name of ['john', 'mary']) backend.contacts.set(name, CONTACTS);
  await source.fetch('john', 'login');
  clock.skipDays(6);
  await source.fetch('mary', 'login');
  clock.skipDays(1);
  await clock.advance(3_600_000);
  assert.equal(await table.get(DOMAIN, 'john'), undefined);
  assert.notEqual(await table.get(DOMAIN, 'mary'), undefined);
  await restart(t, first, { cacheOnDisk: false });
  await clock.advance(3_600_000);
  assert.equal(await table.get(DOMAIN, 'mary'), undefined);
});

test('a copy that says the same is written once a day, not at each login', async (t) => {
  const { backend, source, clock, stage } = await HttpScene.open(t, { options: ON_DISK });
  const table = stage.table(COPIES);
  backend.contacts.set('john', CONTACTS);
  const writtenAt = async () => {
    await source.fetch('john', 'login');
    await new Promise((resolve) => setImmediate(resolve));
    return (await table.get(DOMAIN, 'john'))?.at;
  };
  const at = await writtenAt();
  clock.skipDays(0.5);
  assert.equal(await writtenAt(), at);
  clock.skipDays(0.5);
  assert.equal(await writtenAt(), clock.now());
});

test('nothing is kept of an account that is gone, not even what is being fetched', async (t) => {
  const { backend, source, stage } = await HttpScene.open(t, { options: ON_DISK });
  const table = stage.table(COPIES);
  backend.contacts.set('john', CONTACTS);
  await source.fetch('john', 'login');
  await source.forget('john');
  assert.equal(await source.lastGood('john'), undefined);
  assert.equal(await table.get(DOMAIN, 'john'), undefined);

  backend.faults.set('john', 'hold');
  const fetching = source.fetch('john', 'login');
  await until(() => backend.open === 1);
  await source.forget('john');
  backend.release();
  await fetching;
  assert.equal(await source.lastGood('john'), undefined);
  assert.equal(await table.get(DOMAIN, 'john'), undefined);
});

test('a copy that is being read when its account is removed does not come back', async (t) => {
  const { backend, source, stage } = await HttpScene.open(t, { options: ON_DISK });
  backend.contacts.set('john', CONTACTS);
  await source.fetch('john', 'login');
  await new Promise((resolve) => setImmediate(resolve));
  const next = await HttpScene.open(t, { options: ON_DISK, backend, store: stage.store });
  const reading = next.source.lastGood('john');
  await Promise.all([reading, next.source.forget('john')]);
  assert.equal(await next.source.lastGood('john'), undefined);
});
