import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Archive, type ArchiveTables } from '../../../src/features/mam/archive.ts';
import type { Query } from '../../../src/features/mam/query.ts';
import { ARCHIVES, CONVERSATIONS, MESSAGES } from '../../../src/features/mam/records.ts';
import { search } from '../../../src/features/mam/search.ts';
import { JID } from '../../../src/jid.ts';
import { entryIdAt } from '../../../src/store/entry-ids.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const PEERS = ['romeo@stage.example', 'nurse@stage.example', 'stage.example'] as const;
const KEY = ['stage.example', 'juliet'];

interface Kept {
  readonly id: string;
  readonly peer: string;
}

/** An archive, and the list that it should be. */
class Scene {
  readonly clock = new ManualClock();
  readonly kept: Kept[] = [];
  archive: Archive;
  readonly #tables: ArchiveTables;

  constructor() {
    const store = openMemoryStore({ clock: this.clock });
    this.#tables = {
      store,
      messages: store.journal(MESSAGES),
      archives: store.table(ARCHIVES),
      conversations: store.table(CONVERSATIONS),
    };
    this.archive = new Archive(this.#tables, KEY);
  }

  /** Begins anew with what is stored, as after a restart. */
  async reopen(): Promise<void> {
    while (this.archive.isBusy) await new Promise((resolve) => setImmediate(resolve));
    this.archive = new Archive(this.#tables, KEY);
    await this.archive.load();
  }

  /** Puts a message in where its time is, twice. */
  async insert(peer: string, ago: number): Promise<void> {
    const id = entryIdAt(this.clock.now() - ago, this.kept.length, 2 ** 31);
    const xml = `<message from="${peer}/r" to="juliet@stage.example"/>`;
    assert.equal(await this.archive.insert(id, peer, xml), true);
    assert.equal(await this.archive.insert(id, peer, xml), false);
    this.kept.push({ id, peer });
    this.kept.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async append(peer: string, count: number): Promise<void> {
    await this.clock.advance(1);
    await this.archive.load();
    const stored: Promise<void>[] = [];
    for (let i = 0; i < count; i++) {
      const appended = this.archive.append(peer, `<message from="${peer}/r" to="juliet@stage.example"/>`);
      this.kept.push({ id: appended.id, peer });
      stored.push(appended.stored);
    }
    await Promise.all(stored);
  }
}

const LIMITS = { usual: 7, max: 50, maxSize: 1_000_000 };
const EVERYTHING: Query = {
  queryId: undefined,
  with: undefined,
  start: undefined,
  end: undefined,
  afterId: undefined,
  beforeId: undefined,
  ids: undefined,
  page: { max: undefined, after: undefined, before: undefined },
  isFlipped: false,
};

interface Asked {
  readonly peer: number;
  readonly after: number;
  readonly before: number;
  readonly pageAt: number;
  readonly direction: 'after' | 'before' | 'first' | 'last';
  readonly max: number;
}

const asked: fc.Arbitrary<Asked> = fc.record({
  peer: fc.integer({ min: -2, max: PEERS.length - 1 }),
  after: fc.double({ min: -0.5, max: 1, noNaN: true }),
  before: fc.double({ min: -0.5, max: 1, noNaN: true }),
  pageAt: fc.double({ min: 0, max: 1, noNaN: true }),
  direction: fc.constantFrom('after', 'before', 'first', 'last'),
  max: fc.integer({ min: 0, max: 12 }),
});

type Step =
  | { readonly do: 'append'; readonly peer: number; readonly count: number }
  | { readonly do: 'prune'; readonly part: number }
  | { readonly do: 'reopen' }
  | { readonly do: 'insert'; readonly peer: number; readonly ago: number }
  | { readonly do: 'search'; readonly asked: Asked };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        peer: fc.nat(PEERS.length - 1),
        count: fc.integer({ min: 1, max: 90 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('prune' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('insert' as const),
        peer: fc.nat(PEERS.length - 1),
        ago: fc.integer({ min: 0, max: 5 }),
      }),
    },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('search' as const), asked }) },
  ),
  { maxLength: 30 },
);

test('every page of every query is what a plain list would give, with its count and its place', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const scene = new Scene();
      for (const step of all) {
        if (step.do === 'append') await scene.append(PEERS[step.peer] ?? '', step.count);
        else if (step.do === 'reopen') await scene.reopen();
        else if (step.do === 'insert') await scene.insert(PEERS[step.peer] ?? '', step.ago);
        else if (step.do === 'prune') await prune(scene, step.part);
        else await compare(scene, step.asked);
      }
    }),
    { numRuns: 200 },
  );
});

test('a page that takes several reads is as long as was asked for, or as large as it may be', async () => {
  const scene = new Scene();
  for (let i = 0; i < 200; i++) await scene.append(PEERS[i % 2] ?? '', 1);
  const ids = scene.kept.map(({ id }) => id);
  const find = async (page: Partial<Query['page']>, maxSize: number, address?: string) => {
    const peer = address === undefined ? undefined : JID.parse(address);
    const query = { ...EVERYTHING, with: peer, page: { ...EVERYTHING.page, max: 150, ...page } };
    const { messages, complete, count } = await search(scene.archive, query, { usual: 7, max: 150, maxSize });
    return { ids: messages.map(({ id }) => id), complete, count };
  };
  const all = 1_000_000;
  assert.deepEqual(await find({}, all), { ids: ids.slice(0, 150), complete: false, count: 200 });
  assert.deepEqual(await find({ before: '' }, all), { ids: ids.slice(50), complete: false, count: 200 });
  assert.deepEqual(await find({ after: ids[99] }, all), { ids: ids.slice(100), complete: true, count: 200 });
  const size = '<message from="romeo@stage.example/r" to="juliet@stage.example"/>'.length;
  assert.deepEqual(await find({}, 130 * size), { ids: ids.slice(0, 130), complete: false, count: 200 });
  assert.deepEqual(await find({ before: '' }, 20 * size), { ids: ids.slice(180), complete: false, count: 200 });
  const romeo = ids.filter((_, i) => i % 2 === 0);
  const resource = `${PEERS[0]}/r`;
  assert.deepEqual(await find({}, all, resource), { ids: romeo, complete: true, count: undefined });
  assert.deepEqual(await find({}, 70 * size, resource), { ids: romeo.slice(0, 70), complete: false, count: undefined });
});

test('a resource is looked for among so many messages, and no more', async () => {
  const scene = new Scene();
  await scene.append('room@stage.example', 9000);
  await scene.archive.load();
  await scene.archive.append('room@stage.example', '<message from="room@stage.example/bard"/>').stored;
  await scene.append('room@stage.example', 1500);
  const find = (address: string, page: Partial<Query['page']>) => {
    const query = { ...EVERYTHING, with: JID.parse(address), page: { ...EVERYTHING.page, max: 5, ...page } };
    return search(scene.archive, query, LIMITS);
  };
  const first = await find('room@stage.example/bard', {});
  assert.deepEqual([first.messages.length, first.complete, first.count], [1, false, undefined]);
  const rest = await find('room@stage.example/bard', { after: first.messages[0]?.id });
  assert.deepEqual([rest.messages.length, rest.complete], [0, true]);
  const last = await find('room@stage.example/bard', { before: '' });
  assert.deepEqual([last.messages.length, last.complete], [1, false]);
  await assert.rejects(find('room@stage.example/nobody', {}), { condition: 'policy-violation' });
  const counted = await find('room@stage.example/r', { max: 0 });
  assert.deepEqual([counted.messages, counted.complete], [[], false]);
});

test('what a conversation has is found while its index is written', async () => {
  const scene = new Scene();
  await scene.archive.load();
  for (let i = 0; i < 400; i++) {
    void scene.append(PEERS[i % 2] ?? '', 1);
    if (i % 7 !== 0) continue;
    const found = await search(scene.archive, { ...EVERYTHING, with: JID.parse(PEERS[0]) }, { ...LIMITS, usual: 50 });
    const expected = scene.kept.filter(({ peer }) => peer === PEERS[0]).map(({ id }) => id);
    assert.deepEqual(
      found.messages.map(({ id }) => id),
      expected.slice(0, found.messages.length),
    );
    assert.equal(found.messages.length, Math.min(50, expected.length));
  }
});

async function prune(scene: Scene, part: number): Promise<void> {
  const count = Math.floor(scene.kept.length * part);
  const before = scene.kept[count]?.id;
  if (before === undefined) return;
  await scene.archive.load();
  assert.equal(await scene.archive.prune(before), count);
  scene.kept.splice(0, count);
}

async function compare(scene: Scene, asked: Asked): Promise<void> {
  await scene.archive.load();
  const { kept } = scene;
  const idAt = (part: number): string | undefined => (part < 0 ? undefined : kept[Math.floor(part * kept.length)]?.id);
  const [afterId, beforeId] = [idAt(asked.after), idAt(asked.before)];
  const peer = PEERS[asked.peer];
  const set = kept.filter(
    (one) =>
      (peer === undefined || one.peer === peer) &&
      (afterId === undefined || one.id > afterId) &&
      (beforeId === undefined || one.id < beforeId),
  );
  const at = idAt(asked.pageAt);
  const { direction, max } = asked;
  const page = {
    max,
    after: direction === 'after' ? at : undefined,
    before: direction === 'before' ? at : direction === 'last' ? '' : undefined,
  };
  const isBackwards = page.before !== undefined;
  const onSide = set.filter(({ id }) =>
    isBackwards ? page.before === '' || id < (page.before ?? '') : page.after === undefined || id > page.after,
  );
  const expected = isBackwards ? onSide.slice(Math.max(0, onSide.length - max)) : onSide.slice(0, max);
  const query = { ...EVERYTHING, with: peer === undefined ? undefined : JID.parse(peer), afterId, beforeId, page };
  const found = await search(scene.archive, query, LIMITS);
  assert.deepEqual(
    found.messages.map(({ id }) => id),
    expected.map(({ id }) => id),
  );
  assert.equal(found.complete, expected.length === onSide.length);
  assert.equal(found.count, set.length);
  const [first] = expected;
  assert.equal(found.index, first && !isBackwards ? set.indexOf(first) : undefined);
}
