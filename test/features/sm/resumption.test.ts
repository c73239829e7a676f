import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientStream } from '../../../src/core/client-stream.ts';
import { resumption } from '../../../src/core/resumption.ts';
import { attr, serialize } from '../../../src/xml/element.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { PASSWORD } from '../../support/stage.ts';
import { acknowledgement, NS } from './names.ts';
import {
  address,
  assertFailed,
  bodies,
  chat,
  handled,
  managed,
  openStage,
  received,
  resumed,
  resuming,
  sessionOf,
  timeOut,
} from './scene.ts';

test('a session whose connection broke stays available, and what is sent to it waits', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  for (const body of ['one', 'two', 'three']) await laptop.sends(chat(address('romeo'), body));
  assert.deepEqual(await bodies(phone), ['one', 'two', 'three']);
  await phone.sends(acknowledgement(1));
  phone.transport.break();
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.isHibernating, true);
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.isAvailable, true);
  for (const body of ['four', 'five']) await laptop.sends(chat(address('romeo'), body));
  await laptop.sends(chat(address('romeo', 'phone'), 'six', 'normal'));
  await laptop.receivesNothing();

  // The client has had two.
  const again = await resumed(stage, 'romeo', ids.phone, 2);
  const messages = await received(again);
  assert.deepEqual(
    messages.map(({ body }) => body),
    ['three', 'four', 'five', 'six'],
  );
  for (const { element } of messages) assert.doesNotMatch(serialize(element), /delay/);
  await again.sends(acknowledgement(6));
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.outbox?.length, 0);
  await again.sends(chat(address('juliet'), 'here again'));
  assert.deepEqual(await bodies(laptop), ['here again']);
  assert.equal(await handled(again), 1);
});

test('what was sent again is asked for again', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  await laptop.sends(chat(address('romeo'), 'one'));
  await stage.clock.advance(1000);
  phone.transport.break();
  const again = await resumed(stage, 'romeo', ids.phone, 0);
  assert.deepEqual(await bodies(again), ['one']);
  await stage.clock.advance(1000);
  await again.receives(`<r xmlns='${NS}'/>`);
});

test('a session that is resumed says how much of what its client sent was handled', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  for (let i = 0; i < 3; i++) await phone.sends(chat(address('juliet'), i));
  phone.transport.write(chat(address('juliet'), 'cut off in the midd').slice(0, -20));
  phone.transport.break();
  const { client, answer } = await resuming(stage, 'romeo', ids.phone, 0);
  assert.equal(attr(answer, 'h'), '3');
  await client.sends(chat(address('juliet'), 3));
  assert.deepEqual(await bodies(laptop), ['0', '1', '2', '3']);
});

test('a session may be resumed again and again, also when each stream breaks at once', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  phone.transport.break();
  for (let i = 0; i < 5; i++) {
    await laptop.sends(chat(address('romeo'), i));
    const again = await resumed(stage, 'romeo', ids.phone, 0);
    assert.equal((await bodies(again)).length, i + 1);
    again.transport.break();
  }
  const last = await resumed(stage, 'romeo', ids.phone, 5);
  await last.receivesNothing();
});

test('a session is taken off a stream that still seems to live, and its stanza in progress is not doubled', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  await stage.host.users.create('mercutio', PASSWORD);
  stage.store.hold();
  await phone.sends(chat(address('mercutio'), 'being stored'));
  const again = stage.connect('again');
  await again.logIn('romeo', PASSWORD);
  await again.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  await phone.isClosedWith('conflict');
  await again.receivesNothing();
  // What the old stream still says is not heard, and so not counted.
  await phone.sends(chat(address('juliet'), 'too late'));
  await laptop.sends(chat(address('romeo'), 'meanwhile'));
  stage.store.release();
  const answer = await again.nextNamed('resumed');
  assert.equal(attr(answer, 'h'), '1');
  assert.deepEqual(await bodies(again), ['meanwhile']);
  await laptop.receivesNothing();
  const { friar } = await stage.connected({ friar: 'mercutio' });
  await friar.sends('<presence/>');
  assert.deepEqual(await bodies(friar), ['being stored']);
});

test('of two streams that resume a session at once, one gets it', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  await stage.host.users.create('mercutio', PASSWORD);
  stage.store.hold();
  await phone.sends(chat(address('mercutio'), 'being stored'));
  phone.transport.break();
  await laptop.sends(chat(address('romeo'), 'hello'));
  const [first, second] = [stage.connect('first'), stage.connect('second')];
  for (const client of [first, second]) await client.logIn('romeo', PASSWORD);
  for (const client of [first, second]) await client.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  stage.store.release();
  assertFailed(await second.next(), 'conflict');
  await first.nextNamed('resumed');
  assert.deepEqual(await bodies(first), ['hello']);
  // Who lost can bind another resource, or try later and take the session over.
  await second.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='1'/>`);
  await second.nextNamed('resumed');
  await first.isClosedWith('conflict');
  await second.receivesNothing();
});

test('a stream that breaks while it resumes a session does not keep it from the next', async (t) => {
  const stage = await openStage(t);
  const { phone, ids } = await managed(stage, { phone: 'romeo' });
  await stage.host.users.create('mercutio', PASSWORD);
  stage.store.hold();
  await phone.sends(chat(address('mercutio'), 'being stored'));
  phone.transport.break();
  const [first, second] = [stage.connect('first'), stage.connect('second')];
  for (const client of [first, second]) await client.logIn('romeo', PASSWORD);
  await first.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  first.transport.break();
  await second.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  await second.receivesNothing();
  stage.store.release();
  assert.equal(attr(await second.nextNamed('resumed'), 'h'), '1');
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.isHibernating, false);
});

test('a session whose last stanzas take too long to handle is not resumed yet, and not lost', async (t) => {
  const stage = await openStage(t);
  const { phone, ids } = await managed(stage, { phone: 'romeo' });
  await stage.host.users.create('mercutio', PASSWORD);
  stage.store.hold();
  await phone.sends(chat(address('mercutio'), 'being stored'));
  phone.transport.break();
  const client = stage.connect('phone');
  await client.logIn('romeo', PASSWORD);
  await client.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  await stage.clock.advance(10_000);
  assertFailed(await client.next(), 'resource-constraint');
  stage.store.release();
  await client.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  assert.equal(attr(await client.nextNamed('resumed'), 'h'), '1');
});

test('a session that ends between the answer and the take-over leaves no stream without a session', async (t) => {
  const stage = await openStage(t);
  const { phone, ids } = await managed(stage, { phone: 'romeo' });
  phone.transport.break();
  const client = stage.connect('phone');
  await client.logIn('romeo', PASSWORD);
  const session = sessionOf(stage, 'romeo', 'phone');
  const account = stage.host.account('romeo');
  assert.ok(session && account);
  const closed: (string | undefined)[] = [];
  const stream = {
    jid: account.jid,
    login: undefined,
    stream: { isOpen: true, close: (error?: { condition: string }) => void closed.push(error?.condition) },
  } as unknown as ClientStream;
  const request = parseElement(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  const answer = await stage.host.services.use(resumption).resume(stream, request);
  assert.ok(answer.isResumed);
  assert.equal(answer.jid.toString(), address('romeo', 'phone'));
  // It cannot time out while it is being resumed.
  await timeOut(stage);
  assert.equal(session.hasEnded, false);
  stage.host.sessions.end(account, session, { kind: 'closed' });
  answer.complete();
  assert.deepEqual(closed, ['reset']);
});

test('only the account of a session may resume it, and nobody else learns anything', async (t) => {
  const stage = await openStage(t);
  const { phone, spy, ids } = await managed(stage, { phone: 'romeo', spy: 'juliet' });
  await phone.sends(chat(address('juliet'), 'hi'));
  phone.transport.break();
  assertFailed((await resuming(stage, 'juliet', ids.phone, 0)).answer, 'item-not-found');
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.isHibernating, true);
  await timeOut(stage);
  assertFailed((await resuming(stage, 'juliet', ids.phone, 0)).answer, 'item-not-found');
  assertFailed((await resuming(stage, 'romeo', ids.phone, 0)).answer, 'item-not-found', 1);
  assertFailed((await resuming(stage, 'romeo', 'unknown', 0)).answer, 'item-not-found');
  spy.transport.break();
});

test('a client that is refused can bind a resource on the same stream', async (t) => {
  const stage = await openStage(t);
  await managed(stage, { phone: 'romeo' });
  const { client, answer } = await resuming(stage, 'romeo', 'unknown', 0);
  assertFailed(answer, 'item-not-found');
  await client.bind('anew');
  assert.equal(client.jid, address('romeo', 'anew'));
});

test('a resume that is malformed, or counts more than was sent, does not harm the session', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  await laptop.sends(chat(address('romeo'), 'hi'));
  for (const [h, condition] of [
    ['', 'bad-request'],
    ['-1', 'bad-request'],
    ['x', 'bad-request'],
    ['2', 'undefined-condition'],
    ['4294967295', 'undefined-condition'],
  ] as const) {
    assertFailed((await resuming(stage, 'romeo', ids.phone, h)).answer, condition);
  }
  // Not even the stream that has the session.
  assert.deepEqual(await bodies(phone), ['hi']);
  await laptop.sends(chat(address('romeo'), 'again'));
  assert.deepEqual(await bodies(phone), ['again']);
  const again = await resumed(stage, 'romeo', ids.phone, 1);
  assert.deepEqual(await bodies(again), ['again']);
});

test('a resume before the login, and a second session for a stream, are refused', async (t) => {
  const stage = await openStage(t);
  const { phone, other, ids } = await managed(stage, { phone: 'romeo', other: 'romeo' });
  phone.transport.break();
  await other.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  assertFailed(await other.next(), 'unexpected-request');
  const stranger = stage.connect('stranger');
  await stranger.open();
  await stranger.sends(`<resume xmlns='${NS}' previd='${ids.phone}' h='0'/>`);
  await stranger.isClosedWith('unsupported-stanza-type');
});

test('a client may close the stream, and its session is over at once', async (t) => {
  const stage = await openStage(t);
  const { phone, ids } = await managed(stage, { phone: 'romeo' });
  await phone.sends('</stream:stream>');
  assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
  assertFailed((await resuming(stage, 'romeo', ids.phone, 0)).answer, 'item-not-found', 0);
});

test('a stream that is silent for too long leaves its session waiting, one that breaks a rule ends it', async (t) => {
  const stage = await openStage(t);
  const { phone, tablet, ids } = await managed(stage, { phone: 'romeo', tablet: 'romeo' });
  await tablet.sends('<not-xml');
  await tablet.sends('<<');
  await tablet.isClosedWith('not-well-formed');
  assert.equal(sessionOf(stage, 'romeo', 'tablet'), undefined);
  await stage.clock.advance(361_000);
  await phone.isClosedWith('connection-timeout');
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.isHibernating, true);
  await resumed(stage, 'romeo', ids.phone, 0);
});

test('a counter that is asked for while the last stanzas of an ended session are handled is the final one', async (t) => {
  const stage = await openStage(t);
  const { phone, ids } = await managed(stage, { phone: 'romeo' });
  await stage.host.users.create('mercutio', PASSWORD);
  stage.store.hold();
  await phone.sends(chat(address('mercutio'), 'being stored'));
  await phone.sends('</stream:stream>');
  stage.store.release();
  assertFailed((await resuming(stage, 'romeo', ids.phone, 0)).answer, 'item-not-found', 1);
});
