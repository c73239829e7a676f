import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  accountReceives,
  accountRemoved,
  presenceChanged,
  type SessionEvent,
  sessionBound,
  sessionEnded,
} from '../../src/core/points.ts';
import { StreamError } from '../../src/errors.ts';
import { JID } from '../../src/jid.ts';
import { presence } from '../../src/stanza.ts';
import { settle } from '../support/manual-clock.ts';
import { PASSWORD, Stage } from '../support/stage.ts';
import { availability, errorXml, feature, gate } from './scene.ts';

const FROM = 'romeo@stage.example/romeo';

test('what arrives while an account is loaded waits, in order, and is received then', async (t) => {
  const loading = gate<string>();
  const received: string[] = [];
  const slow = feature('slow', (host) => {
    const slot = host.accountSlot(({ jid }) => (jid.local === 'juliet' ? loading.promise : 'at once'));
    host.filter(accountReceives, ({ account, stanza }) => {
      if (stanza.type !== 'error') received.push(`${slot.of(account)} ${stanza.id}`);
    });
  });
  const stage = await Stage.open(t, { features: [availability, slow] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await stage.host.users.create('juliet', PASSWORD);
  for (const id of ['1', '2', '3']) await romeo.sends(`<message to="juliet@stage.example" id="${id}"/>`);
  assert.deepEqual(received, []);
  loading.open('loaded');
  await settle();
  assert.deepEqual(received.slice(0, 3), ['loaded 1', 'loaded 2', 'loaded 3']);
  for (const id of ['1', '2', '3']) {
    await romeo.receives(
      `<message type="error" from="juliet@stage.example" to="${FROM}" id="${id}">${errorXml('service-unavailable')}</message>`,
    );
  }
});

test('an account is loaded once, however many want it at once', async (t) => {
  let loads = 0;
  const counting = feature('counting', (host) => void host.accountSlot(async () => loads++));
  const stage = await Stage.open(t, { features: [availability, counting] });
  await stage.connected({ a: 'romeo', b: 'romeo', c: 'romeo' });
  assert.equal(loads, 1);
});

test('accounts that do not exist are not kept', async (t) => {
  const stage = await Stage.open(t, { features: [availability] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (let i = 0; i < 50; i++)
    await romeo.sends(`<message to="nobody${i}@stage.example"/><presence to="no${i}@stage.example"/>`);
  assert.deepEqual([...stage.host.accounts.keys()], ['romeo']);
});

test('an account that cannot be loaded answers with an error, and is loaded again for the next stanza', async (t) => {
  let isBroken = true;
  const fragile = feature('fragile', (host) => {
    host.accountSlot(({ jid }) => {
      if (jid.local === 'juliet' && isBroken) throw new Error('store');
    });
  });
  const stage = await Stage.open(t, { features: [availability, fragile] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await stage.host.users.create('juliet', PASSWORD);
  await romeo.sends('<message to="juliet@stage.example" id="1"/>');
  const from = 'juliet@stage.example';
  await romeo.receives(
    `<message type="error" from="${from}" to="${FROM}" id="1">${errorXml('internal-server-error', 'wait')}</message>`,
  );
  assert.equal(stage.bugs().length, 1);
  isBroken = false;
  await romeo.sends('<message to="juliet@stage.example" id="2"/>');
  await romeo.receives(
    `<message type="error" from="${from}" to="${FROM}" id="2">${errorXml('service-unavailable')}</message>`,
  );
});

test('a bounded number of stanzas waits for one account; beyond it senders are told to wait', async (t) => {
  const loading = gate();
  const slow = feature(
    'slow',
    (host) => void host.accountSlot(({ jid }) => (jid.local === 'juliet' ? loading.promise : undefined)),
  );
  const config = { limits: { queue: { laneLength: 16 } } };
  const stage = await Stage.open(t, { features: [availability, slow], config });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await stage.host.users.create('juliet', PASSWORD);
  const ids = Array.from({ length: 20 }, (_, i) => String(i));
  await romeo.sends(ids.map((id) => `<message to="juliet@stage.example" id="${id}"/>`).join(''));
  for (const id of ids.slice(16)) {
    await romeo.receives(
      `<message type="error" from="juliet@stage.example" to="${FROM}" id="${id}">${errorXml('resource-constraint', 'wait')}</message>`,
    );
  }
  await romeo.receivesNothing();
  loading.open();
  for (const id of ids.slice(0, 16)) assert.equal((await romeo.next()).attrs['id'], id);
  await romeo.receivesNothing();
});

test('accounts without sessions are kept for a while, and the longest idle are let go', async (t) => {
  let received = 0;
  const counter = feature('counter', (host) => host.filter(accountReceives, () => void received++));
  const stage = await Stage.open(t, { features: [availability, counter] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (let i = 0; i <= 1100; i++) await stage.usersTable.put(['stage.example', `u${i}`], { createdAt: 0, scram: {} });
  for (let i = 0; i < 1100; i++) romeo.transport.write(`<message to="u${i}@stage.example" type="headline"/>`);
  await romeo.receivesNothing();
  romeo.transport.write('<message to="u1100@stage.example" type="headline"/>');
  await romeo.receivesNothing();
  assert.equal(received, 1101);
  assert.ok(stage.host.accounts.size <= 1001, String(stage.host.accounts.size));
  assert.ok(stage.host.account('romeo'));
  assert.ok(stage.host.account('u1100'));
  assert.equal(stage.host.account('u50'), undefined);
});

test('a session is announced when it begins and ends, and a session that ended has no presence any more', async (t) => {
  const events: string[] = [];
  let late = (): void => {};
  const watcher = feature('watcher', (host) => {
    host.observe(sessionBound, ({ session }) => void events.push(`bound ${session.jid.resource}`));
    host.observe(sessionEnded, ({ account, session, reason }) => {
      events.push(`ended ${session.jid.resource} ${reason.kind} ${account.sessions.size}`);
    });
    host.observe(presenceChanged, ({ account, session, before, presence: now }) => {
      events.push(`${before?.type ?? 'none'} to ${now?.type ?? 'none'}`);
      late = () => host.setPresence(account, session, presence({ type: 'available' }));
    });
  });
  const stage = await Stage.open(t, { features: [availability, watcher] });
  const { phone } = await stage.online({ phone: 'romeo' });
  await phone.sends('<presence type="unavailable"/><presence/>');
  await phone.sends('</stream:stream>');
  late();
  assert.deepEqual(events, [
    'bound phone',
    'none to available',
    'available to none',
    'none to available',
    'ended phone closed 0',
  ]);
});

test('a user that is removed loses its sessions, and what is kept of it, before the removal is done', async (t) => {
  const clearing = gate();
  const cleared: string[] = [];
  const keeper = feature('keeper', (host) =>
    host.observe(accountRemoved, async ({ jid }) => {
      await clearing.promise;
      cleared.push(jid.toString());
    }),
  );
  const stage = await Stage.open(t, { features: [availability, keeper] });
  const { phone, laptop } = await stage.connected({ phone: 'romeo', laptop: 'romeo' });
  let isDone = false;
  const removal = stage.host.removeUser('Romeo').then(() => {
    isDone = true;
  });
  for (const client of [phone, laptop]) await client.isClosedWith('not-authorized');
  assert.equal(stage.host.account('romeo'), undefined);
  assert.ok(!isDone);
  clearing.open();
  await removal;
  assert.deepEqual(cleared, ['romeo@stage.example']);
  assert.equal(await stage.host.users.exists('romeo'), false);
});

test('all sessions of an account, and of no other, can be ended', async (t) => {
  const stage = await Stage.open(t, { features: [availability] });
  const { phone, laptop, juliet } = await stage.connected({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  stage.host.sessions.kickAll('romeo', new StreamError('policy-violation'));
  stage.host.sessions.kickAll('nobody', new StreamError('policy-violation'));
  for (const client of [phone, laptop]) await client.isClosedWith('policy-violation');
  assert.ok(!juliet.transport.isClosed);
});

test('an anonymous account goes with its session; what fails to be cleared is a bug and no more', async (t) => {
  const removed: string[] = [];
  const keeper = feature('keeper', (host) =>
    host.observe(accountRemoved, async ({ jid }) => {
      removed.push(jid.toString());
      throw new Error('store');
    }),
  );
  const stage = await Stage.open(t, { features: [availability, keeper] });
  const stream = { bufferedBytes: 0, bytesRead: 0, bytesWritten: 0, remoteAddress: '', secure: true };
  const link = { ...stream, send: () => {}, close: () => {} };
  let event: SessionEvent | undefined;
  await stage.host.sessions.bind(JID.parse('guest@stage.example/x'), link, true, (bound) => {
    event = bound;
  });
  assert.ok(event);
  const { account, session } = event;
  assert.equal(stage.host.account('guest'), account);
  stage.host.sessions.end(account, session, { kind: 'lost' });
  assert.equal(stage.host.account('guest'), undefined);
  await settle();
  assert.deepEqual(removed, ['guest@stage.example']);
  assert.equal(stage.bugs().length, 1);
});

test('what an account runs exclusively keeps everything else waiting, and may fail', async (t) => {
  const order: string[] = [];
  const watcher = feature('watcher', (host) =>
    host.filter(accountReceives, ({ stanza }) => void order.push(stanza.id ?? '')),
  );
  const stage = await Stage.open(t, { features: [availability, watcher] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const account = stage.host.account('romeo');
  assert.ok(account);
  const working = gate();
  const task = account.exclusively(async () => {
    await working.promise;
    order.push('task');
    throw new Error('its own');
  });
  await romeo.sends('<message to="romeo@stage.example" id="1"/>');
  assert.deepEqual(order, []);
  working.open();
  await assert.rejects(task, { message: 'its own' });
  await settle();
  assert.deepEqual(order.slice(0, 2), ['task', '1']);
});
