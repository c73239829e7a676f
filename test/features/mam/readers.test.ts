import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { Readers } from '../../../src/features/mam/readers.ts';
import { child, text } from '../../../src/xml/element.ts';
import { Stage } from '../../support/stage.ts';
import { JULIET, openStage, ROMEO, search } from './scene.ts';

const hi = (body: string, more = ''): string =>
  `<message to="${JULIET}" type="chat"><body>${body}</body>${more}</message>`;

test('a client that reads the archive is not sent the same messages by offline storage', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(hi('one'));
  await romeo.sends(hi('two'));
  assert.deepEqual((await search(juliet)).bodies, ['one', 'two']);
  await juliet.sends('<presence/>');
  assert.deepEqual(
    juliet.transport.received.filter(({ name }) => name === 'message'),
    [],
  );
});

test('a client that reads one conversation is sent what it has missed all the same', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(hi('one'));
  assert.deepEqual((await search(juliet, { fields: { with: ROMEO } })).bodies, ['one']);
  await juliet.sends('<presence/>');
  assert.equal(juliet.transport.received.filter(({ name }) => name === 'message').length, 1);
});

test('what is not in the archive is sent to everybody', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(hi('one'));
  await romeo.sends(hi('two', '<no-permanent-store xmlns="urn:xmpp:hints"/>'));
  await romeo.sends(hi('three'));
  assert.deepEqual((await search(juliet)).bodies, ['one', 'three']);
  await juliet.sends('<presence/>');
  const messages = juliet.transport.received.filter(({ name }) => name === 'message');
  assert.deepEqual(
    messages.map((message) => text(child(message, 'body'))),
    ['two'],
  );
});

test('a client that knows of no archive has its messages from offline storage, and nobody has them again', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(hi('one'));
  await juliet.sends('<presence/>');
  const messages = juliet.transport.received.splice(0).filter(({ name }) => name === 'message');
  assert.deepEqual(
    messages.map((message) => text(child(message, 'body'))),
    ['one'],
  );
  const { other } = await stage.connected({ other: 'juliet' });
  await other.sends('<presence/>');
  assert.deepEqual(
    other.transport.received.filter(({ name }) => name === 'message'),
    [],
  );
});

test('a client is known again by its resource, also after a restart, before it has asked for anything', async (t) => {
  const stage = await openStage(t);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  await search(juliet);
  await stage.close();
  const after = await openStage(t, { store: stage.store, clock: stage.clock });
  const { romeo } = await after.connected({ romeo: 'romeo' });
  await romeo.sends(hi('one'));
  const clients = await after.connected({ juliet: 'juliet', stranger: 'juliet' });
  await clients.juliet.sends('<presence/>');
  assert.deepEqual(
    clients.juliet.transport.received.filter(({ name }) => name === 'message'),
    [],
  );
  assert.deepEqual((await search(clients.juliet)).bodies, ['one']);
});

test('an archive can be read where nothing can be written any more', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(hi('one'));
  stage.store.failNextCommit(new Error('the disk is full'));
  assert.deepEqual((await search(juliet)).bodies, ['one']);
});

test('what has gone from the archive meanwhile is handed out by offline storage', async (t) => {
  const stage = await openStage(t, { config: { features: { mam: { keepDays: 3 } } } });
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await search(juliet);
  juliet.transport.break();
  await romeo.sends(hi('one'));
  await stage.clock.advance(3 * 86_400_000);
  await stage.clock.advance(86_400_000 / 2);
  const clients = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await clients.romeo.sends(hi('two'));
  assert.deepEqual((await search(clients.juliet)).bodies, ['two']);
  await clients.juliet.sends('<presence/>');
  const messages = clients.juliet.transport.received.filter(({ name }) => name === 'message');
  assert.deepEqual(
    messages.map((message) => text(child(message, 'body'))),
    ['one'],
  );
});

test('a reading that ends after its account was removed is not remembered for the next one of its name', async (t) => {
  const made: Readers[] = [];
  const feature: Feature = { name: 'readers', specs: [], setup: (host) => void made.push(new Readers(host)) };
  const stage = await Stage.open(t, { features: [feature] });
  await stage.connected({ juliet: 'juliet' });
  const account = stage.host.account('juliet');
  const [session] = account?.sessions.values() ?? [];
  const [readers] = made;
  assert.ok(account && session && readers);
  const remembered = readers.remember(session);
  stage.host.sessions.end(account, session, { kind: 'lost' });
  await Promise.all([remembered, readers.remove(account.jid)]);
  await stage.connected({ juliet: 'juliet' });
  const [next] = stage.host.account('juliet')?.sessions.values() ?? [];
  assert.ok(next);
  assert.equal(await readers.has(next), false);
});
