import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { accountReceives } from '../../../src/core/points.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import type { Table } from '../../../src/store/store.ts';
import { attr, type Element } from '../../../src/xml/element.ts';
import { feature, gate } from '../../core/scene.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { PASSWORD, type Stage } from '../../support/stage.ts';
import { acknowledgement } from './names.ts';
import {
  address,
  assertFailed,
  bodies,
  chat,
  enable,
  FEATURES,
  handled,
  managed,
  openStage,
  received,
  resumed,
  resuming,
  sessionOf,
  timeOut,
} from './scene.ts';

type Act = (restart: () => Promise<Stage>, stage: Stage) => Promise<void>;

/** A stage that can be struck and set again, with the same store. */
async function withRestart(t: TestContext, act: Act): Promise<void> {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  let stage = await openStage(t, { clock, store });
  await act(async () => {
    await stage.close();
    stage = await openStage(t, { clock, store });
    return stage;
  }, stage);
}

function kinds(elements: readonly { element: Element }[]): string[] {
  return elements.map(({ element }) => element.name);
}

test('a session goes on after a restart: counters, what waits, and in which order', (t) =>
  withRestart(t, async (restart, before) => {
    const { phone, nurse, ids } = await managed(before, { phone: 'romeo', nurse: 'juliet' });
    for (let i = 0; i < 5; i++) await nurse.sends(chat(address('romeo'), i));
    for (let i = 0; i < 3; i++) await phone.sends(chat(address('juliet'), i));
    await phone.sends(acknowledgement(2));
    const romeo = sessionOf(before, 'romeo', 'phone');
    phone.transport.break();
    await nurse.sends(chat(address('romeo'), 5));

    const after = await restart();
    const session = sessionOf(after, 'romeo', 'phone');
    assert.equal(session?.isHibernating, true);
    assert.equal(session?.boundAt, romeo?.boundAt);
    assert.ok(romeo?.login);
    // Where somebody was is not stored.
    const { address: _, ...login } = romeo.login;
    assert.deepEqual(session?.login, login);
    const { client, answer } = await resuming(after, 'romeo', ids.phone, 4);
    assert.equal(attr(answer, 'h'), '3');
    assert.deepEqual(await bodies(client), ['4', '5']);
    await client.sends(acknowledgement(6));
    assert.equal(await handled(client), 3);
    assert.equal(sessionOf(after, 'romeo', 'phone')?.outbox?.length, 0);
    // The other one was cut off by the stop itself.
    const again = await resumed(after, 'juliet', ids.nurse, 3);
    await again.receivesNothing();
    await again.sends(chat(address('romeo'), 'and on'));
    assert.deepEqual(await bodies(client), ['and on']);
  }));

test('a session is as available after a restart as before, and nobody is told otherwise', (t) =>
  withRestart(t, async (restart, before) => {
    const { phone, laptop, nurse, ids } = await managed(before, { phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
    await phone.sends("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    await phone.sends('<presence><show>away</show><priority>7</priority></presence>');
    await phone.sends(`<presence to='${address('juliet', 'nurse')}'/>`);
    const counts = new Map([phone, laptop, nurse].map((client) => [client, 0]));
    for (const client of counts.keys()) {
      const elements = await received(client);
      counts.set(client, kinds(elements).filter((name) => name !== 'r').length);
    }

    const after = await restart();
    const session = sessionOf(after, 'romeo', 'phone');
    assert.equal(session?.priority, 7);
    const [one, two, three] = [
      await resumed(after, 'romeo', ids.phone, counts.get(phone) ?? 0),
      await resumed(after, 'romeo', ids.laptop, counts.get(laptop) ?? 0),
      await resumed(after, 'juliet', ids.nurse, counts.get(nurse) ?? 0),
    ];
    for (const client of [one, two, three]) await client.receivesNothing();
    // Only a client that has asked for the roster is told of changes.
    const item = "<query xmlns='jabber:iq:roster'><item jid='mercutio@stage.example'/></query>";
    await one.set(item);
    assert.deepEqual(kinds(await received(one)), ['iq']);
    await two.receivesNothing();
    // Whoever was sent directed presence learns when it is over.
    await one.sends('</stream:stream>');
    for (const client of [two, three]) {
      const [gone] = await received(client);
      assert.equal(gone && attr(gone.element, 'type'), 'unavailable');
      assert.equal(gone && attr(gone.element, 'from'), address('romeo', 'phone'));
    }
  }));

test('copies of a message stay copies of one over a restart', (t) =>
  withRestart(t, async (restart, before) => {
    const { phone, laptop, nurse } = await managed(before, { phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
    await nurse.sends(chat(address('romeo'), 'acknowledged by one'));
    const h = kinds(await received(phone)).filter((name) => name !== 'r').length;
    await phone.sends(acknowledgement(h));
    await nurse.sends(chat(address('romeo'), 'acknowledged by none'));
    laptop.transport.break();
    const after = await restart();
    assert.equal(after.host.account('romeo')?.sessions.size, 2);
    await timeOut(after);
    assert.equal(after.host.account('romeo')?.sessions.size, 0);
    const { reader } = await after.connected({ reader: 'romeo' });
    await reader.sends('<presence/>');
    assert.deepEqual(await bodies(reader), ['acknowledged by none']);
  }));

test('a session is saved again by every stop, and by none before it', (t) =>
  withRestart(t, async (restart, before) => {
    const { phone, ids } = await managed(before, { phone: 'romeo' });
    await phone.sends(chat(address('romeo', 'phone'), 'to myself'));
    await restart();
    const third = await restart();
    // What a process has taken over is not in the store while it runs: were it killed, the session would be unknown.
    assert.deepEqual(await saved(third), []);
    const { client, answer } = await resuming(third, 'romeo', ids.phone, 0);
    assert.equal(attr(answer, 'h'), '1');
    assert.deepEqual(await bodies(client), ['to myself']);
  }));

test('a client that acknowledges nothing and a session that cannot be resumed leave nothing behind', (t) =>
  withRestart(t, async (restart, before) => {
    const { plain, nurse } = await before.online({ plain: 'romeo', nurse: 'juliet' });
    await enable(plain, "<enable xmlns='urn:xmpp:sm:3'/>");
    await nurse.sends(chat(address('romeo'), 'hello'));
    const after = await restart();
    assert.equal(after.host.account('romeo'), undefined);
    const { reader } = await after.connected({ reader: 'romeo' });
    await reader.sends('<presence/>');
    assert.deepEqual(await bodies(reader), ['hello']);
  }));

test('sessions of accounts that were removed or disabled meanwhile are not put back, and nothing of them is lost', (t) =>
  withRestart(t, async (restart, before) => {
    const { phone, cell, nurse, ids } = await managed(before, { phone: 'romeo', cell: 'mercutio', nurse: 'juliet' });
    for (const client of [phone, cell]) client.transport.break();
    await nurse.sends(chat(address('romeo'), 'to a disabled account'));
    await nurse.sends(chat(address('mercutio'), 'to a removed account'));
    await nurse.sends(`<iq type='get' id='1' to='${address('mercutio', 'cell')}'><x xmlns='urn:example:x'/></iq>`);
    await before.close();
    await before.host.users.setDisabled('romeo', true);
    await before.host.users.beginRemoval('mercutio');
    const after = await restart();
    assert.equal(after.host.account('romeo')?.sessions.size, 0);
    assert.equal(after.host.account('mercutio'), undefined);
    const again = await resumed(after, 'juliet', ids.nurse, 0);
    assert.deepEqual(kinds(await received(again)), ['message', 'iq']);
    await after.host.users.setDisabled('romeo', false);
    assertFailed((await resuming(after, 'romeo', ids.phone, 0)).answer, 'item-not-found');
    const { reader } = await after.connected({ reader: 'romeo' });
    await reader.sends('<presence/>');
    assert.deepEqual(await bodies(reader), ['to a disabled account']);
  }));

test('a new account does not inherit the sessions of a removed one of its name', (t) =>
  withRestart(t, async (restart, before) => {
    const { phone, nurse, ids } = await managed(before, { phone: 'romeo', nurse: 'juliet' });
    phone.transport.break();
    await nurse.sends(chat(address('romeo'), 'secret'));
    await before.close();
    // As a command does while the server is stopped.
    const offline = await openStage(t, { store: before.store, clock: before.clock, isOffline: true });
    await offline.host.removeUser('romeo');
    await offline.host.users.create('romeo', PASSWORD);
    await offline.close();
    const after = await restart();
    assertFailed((await resuming(after, 'romeo', ids.phone, 0)).answer, 'item-not-found');
    await resumed(after, 'juliet', ids.nurse, 0);
    const { reader } = await after.connected({ reader: 'romeo' });
    await reader.sends('<presence/>');
    assert.deepEqual(await bodies(reader), []);
  }));

test('a saved session that cannot be read is dropped, and the others are put back', (t) =>
  withRestart(t, async (restart, before) => {
    const { ids } = await managed(before, { phone: 'romeo', nurse: 'juliet' });
    await before.close();
    const records = await saved(before);
    assert.equal(records.length, 2);
    const [[key, record]] = records as [[string[], Record<string, unknown>]];
    const owner = String(record['jid']).startsWith('romeo') ? 'romeo' : 'juliet';
    const damages: unknown[] = [
      null,
      'text',
      {},
      { ...record, entries: 1 },
      { ...record, entries: [['<message', 1, null]] },
      { ...record, unacknowledged: 1 },
      { ...record, presence: '<iq' },
      { ...record, jid: '@@' },
      { ...record, login: { role: 'king' } },
      { ...record, state: { 'presence.directed': 1 } },
    ];
    for (const [i, damage] of damages.entries()) {
      await tableOf(before).put([...key.slice(0, -1), `damaged${i}`], damage);
    }
    await tableOf(before).delete(key);
    const after = await restart();
    const [gone, other] = owner === 'romeo' ? (['romeo', 'juliet'] as const) : (['juliet', 'romeo'] as const);
    assert.equal(after.host.account(gone)?.sessions.size ?? 0, 0);
    await resumed(after, other, other === 'romeo' ? ids.phone : ids.nurse, 0);
    assert.deepEqual(await saved(after), []);
  }));

test('what is being stored when the server stops is waited for: the message is in the session, the counter is right', async (t) => {
  const written = gate();
  const slow = feature('slow', (host) => {
    host.filter(accountReceives, (passage) => {
      if (passage.stanza.kind === 'message') passage.waitUntil(written.promise);
    });
  });
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  const before = await openStage(t, { clock, store, features: [slow, ...FEATURES] });
  const { phone, ids } = await managed(before, { phone: 'romeo', nurse: 'juliet' });
  await phone.sends(chat(address('juliet'), 'being stored'));
  const closed = before.close();
  written.open();
  await closed;
  const after = await openStage(t, { clock, store });
  assert.deepEqual(await bodies(await resumed(after, 'juliet', ids.nurse, 0)), ['being stored']);
  const { answer } = await resuming(after, 'romeo', ids.phone, 0);
  assert.equal(attr(answer, 'h'), '1');
});

test('a session whose last stanza is not handled in time is not saved, and loses nothing that it was to have', async (t) => {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  const never = gate();
  const slow = feature('slow', (host) => {
    host.filter(accountReceives, (passage) => {
      if (passage.account.jid.local === 'juliet') passage.waitUntil(never.promise);
    });
  });
  const before = await openStage(t, { clock, store, features: [slow, ...FEATURES] });
  const { phone, nurse, ids } = await managed(before, { phone: 'romeo', nurse: 'juliet' });
  await nurse.sends(chat(address('romeo'), 'hello'));
  await phone.sends(chat(address('juliet'), 'never stored'));
  let isClosed = false;
  void before.close().then(() => {
    isClosed = true;
  });
  for (let i = 0; i < 10 && !isClosed; i++) await clock.advance(500);
  assert.ok(isClosed);
  const after = await openStage(t, { clock, store });
  assertFailed((await resuming(after, 'romeo', ids.phone, 0)).answer, 'item-not-found');
  const { reader } = await after.connected({ reader: 'romeo' });
  await reader.sends('<presence/>');
  assert.deepEqual(await bodies(reader), ['hello']);
});

/** The table of saved sessions. */
function tableOf(stage: Stage): Table<unknown> {
  return stage.table({ name: 'sm.sessions', parse: (json) => json });
}

async function saved(stage: Stage): Promise<(readonly [key: readonly (string | number)[], value: unknown])[]> {
  const all: (readonly [readonly (string | number)[], unknown])[] = [];
  for await (const entry of tableOf(stage).list([])) all.push(entry);
  return all;
}
