import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sm } from '../../../../src/features/sm/index.ts';
import { type MemoryStore, openMemoryStore } from '../../../../src/store/memory.ts';
import { attr } from '../../../../src/xml/element.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { assertFailed, chat, managed, received, resumed, resuming } from '../../sm/scene.ts';
import {
  address,
  from,
  hold,
  items,
  open,
  pushed,
  type Scene,
  type SceneOptions,
  ScriptedSource,
  versionOf,
} from './serving-scene.ts';

interface Ground {
  readonly clock: ManualClock;
  readonly store: MemoryStore;
}

function ground(): Ground {
  const clock = new ManualClock();
  return { clock, store: openMemoryStore({ clock }) };
}

/** A stage with stream management, whose source knows nothing of an earlier one unless it is the same. */
function openOn(t: TestContext, on: Ground, options: SceneOptions = {}): Promise<Scene> {
  return open(t, { features: [sm], ...options, ...on });
}

test('a resumed session fetches nothing', async (t) => {
  const { stage, source } = await openOn(t, ground());
  source.befriend('john', 'marie');
  const { desk, ids } = await managed(stage, { desk: 'john' });
  assert.equal((await items(desk)).length, 1);
  desk.transport.break();
  const again = await resumed(stage, 'john', ids.desk, 0);
  assert.equal((await items(again)).length, 1);
  assert.equal(source.fetches.length, 1);
});

test('a hibernating session counts as there: the roster stays, and it is pushed what changes', async (t) => {
  const { stage, source, refresh } = await openOn(t, ground());
  const { desk, ids } = await managed(stage, { desk: 'john' });
  await items(desk);
  const h = (await received(desk)).length;
  desk.transport.break();
  source.befriend('john', 'marie');
  assert.deepEqual((await refresh('john')).updated, ['john']);
  const again = await resumed(stage, 'john', ids.desk, h + 1);
  const [pushOfMarie] = await received(again);
  assert.equal(pushOfMarie?.element.name, 'iq');
  assert.equal(source.fetches.length, 2);
});

test('after a restart the roster is fetched in the background; while it is the same, nobody notices', async (t) => {
  const on = ground();
  const before = await openOn(t, on);
  before.source.befriend('john', 'marie');
  const { desk, marie, ids } = await managed(before.stage, { desk: 'john', marie: 'marie' });
  const version = await versionOf(desk);
  const counts = [desk, marie].map(async (client) => (await received(client)).length);
  const [deskCount = 0, marieCount = 0] = await Promise.all(counts);
  await before.stage.close();

  const source = new ScriptedSource();
  source.befriend('john', 'marie');
  const after = await openOn(t, on, { source });
  assert.deepEqual(source.fetches.map(({ local }) => local).toSorted(), ['john', 'marie']);
  const again = await resumed(after.stage, 'john', ids.desk, deskCount + 1);
  const other = await resumed(after.stage, 'marie', ids.marie, marieCount);
  for (const client of [again, other]) await client.receivesNothing();
  assert.equal(await versionOf(again), version);
  // It is still interested, and marie is still told.
  source.contacts.set('john', { marie: { name: 'Marie' } });
  await after.refresh('john');
  assert.equal((await again.nextNamed('iq')).attrs['type'], 'set');
  await again.sends('<presence><show>away</show></presence>');
  await other.nextNamed('presence');
});

test('a roster that has changed over a restart and cannot be compared ends the session, so that its client logs in anew', async (t) => {
  for (const resumesFirst of [false, true]) {
    const on = ground();
    const before = await openOn(t, on);
    before.source.befriend('john', 'marie');
    const { desk, plain, marie, ids } = await managed(before.stage, { desk: 'john', plain: 'john', marie: 'marie' });
    await items(desk);
    await before.stage.close();

    const source = new ScriptedSource();
    source.contacts.set('marie', { john: {} });
    source.contacts.set('john', { ann: {} });
    const release = hold(source);
    const after = await openOn(t, on, { source });
    if (resumesFirst) {
      const again = await resumed(after.stage, 'john', ids.desk, 0);
      await again.forget();
      release();
      await again.isClosedWith('reset');
    } else {
      release();
      await after.stage.clock.advance(0);
      assertFailed((await resuming(after.stage, 'john', ids.desk, 0)).answer, 'item-not-found', 1);
    }
    assertFailed((await resuming(after.stage, 'john', ids.plain, 0)).answer, 'item-not-found', 0);
    assert.ok(plain.transport.isClosed && marie.transport.isClosed);
    const { phone } = await after.stage.connected({ phone: 'john' });
    assert.deepEqual(await items(phone), [[address('ann'), undefined, []]]);
    await after.stage.close();
  }
});

test('with a copy of the roster that the session was told, the difference is told', async (t) => {
  const on = ground();
  const before = await openOn(t, on);
  before.source.befriend('john', 'marie');
  before.source.contacts.set('ann', { john: {} });
  const { desk, marie, ann, ids } = await managed(before.stage, { desk: 'john', marie: 'marie', ann: 'ann' });
  await items(desk);
  const [deskCount = 0, marieCount = 0, annCount = 0] = await Promise.all(
    [desk, marie, ann].map(async (client) => (await received(client)).length),
  );
  await before.stage.close();

  const source = new ScriptedSource();
  for (const local of ['john', 'marie', 'ann'])
    source.copies.set(local, Promise.resolve(before.source.rosterOf(local)));
  source.contacts.set('john', { ann: {} });
  source.contacts.set('marie', { john: {} });
  source.contacts.set('ann', { john: {} });
  const release = hold(source);
  const after = await openOn(t, on, { source });
  const again = await resumed(after.stage, 'john', ids.desk, deskCount + 1);
  const other = await resumed(after.stage, 'marie', ids.marie, marieCount);
  const third = await resumed(after.stage, 'ann', ids.ann, annCount);
  release();
  await again.receives(pushed(desk, 'marie', 'remove'));
  await again.receives(pushed(desk, 'ann'));
  await again.receivesAll([from(marie.jid, 'unavailable'), from(ann.jid)]);
  await other.receives(from(desk.jid, 'unavailable'));
  await third.receives(from(desk.jid));
  assert.equal(await versionOf(again), source.rosterOf('john').version);
});

test('close, after a restart: nothing that is left unread is lost', async (t) => {
  const on = ground();
  const before = await openOn(t, on);
  before.source.befriend('john', 'marie');
  const { marie, ids } = await managed(before.stage, { desk: 'john', marie: 'marie' });
  await marie.sends(chat(address('john'), 'hello'));
  await before.stage.close();
  const source = new ScriptedSource();
  source.failure = 'refused';
  const after = await openOn(t, on, { source });
  await after.stage.clock.advance(0);
  assertFailed((await resuming(after.stage, 'john', ids.desk, 0)).answer, 'item-not-found', 0);
  source.failure = undefined;
  const { phone } = await after.stage.connected({ phone: 'john' });
  await phone.sends('<presence/>');
  assert.ok((await received(phone)).some(({ body }) => body === 'hello'));
});

test('empty, after a restart: the session keeps what it has until the roster is there', async (t) => {
  const on = ground();
  const before = await openOn(t, on, { onFailure: 'empty' });
  before.source.befriend('john', 'marie');
  const { desk, ids } = await managed(before.stage, { desk: 'john', other: 'john' });
  await items(desk);
  const h = (await received(desk)).length + 1;
  await before.stage.close();
  const source = new ScriptedSource();
  source.failure = 'refused';
  const after = await openOn(t, on, { onFailure: 'empty', source });
  const again = await resumed(after.stage, 'john', ids.desk, h);
  await again.receivesNothing();
  source.failure = undefined;
  source.befriend('john', 'marie');
  await after.stage.clock.advance(5000);
  await again.receivesNothing();
  assert.equal((await items(again)).length, 1);
});

test('a session that was told a roster of the server itself is ended', async (t) => {
  const on = ground();
  const before = await openOn(t, on);
  const { desk, ids } = await managed(before.stage, { desk: 'john' });
  await items(desk);
  await before.stage.close();
  const table = before.stage.table<Record<string, unknown>>({ name: 'sm.sessions', parse: (json) => Object(json) });
  for await (const [key, record] of table.list([])) {
    const { 'roster.version': version, ...state } = Object(record['state']);
    assert.equal(typeof version, 'string');
    await table.put(key, { ...record, state });
  }
  const after = await openOn(t, on);
  await after.stage.clock.advance(0);
  const { answer } = await resuming(after.stage, 'john', ids.desk, 0);
  assert.equal(answer.name, 'failed');
  assert.notEqual(attr(answer, 'h'), undefined);
});
