import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamError } from '../../../src/errors.ts';
import { attr, child, firstElement, serialize } from '../../../src/xml/element.ts';
import { PASSWORD, type Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { acknowledgement, NS } from './names.ts';
import {
  address,
  assertFailed,
  bodies,
  chat,
  enable,
  managed,
  openStage,
  received,
  resumed,
  resuming,
  sessionOf,
  timeOut,
} from './scene.ts';

const LIMITS = { limits: { queue: { outboxStanzas: 16, outboxBytes: 65_536 } } };

/** Comes online and returns what has waited, with the times at which it came. */
async function mail(stage: Stage, user: string): Promise<{ client: StageClient; texts: string[]; stamps: string[] }> {
  const { reader: client } = await stage.connected({ reader: user });
  await client.sends('<presence/>');
  const messages = (await received(client)).filter(({ element }) => element.name === 'message');
  const stamps = messages.map(({ element }) => {
    const notes = element.children.filter((node) => typeof node !== 'string' && node.name === 'delay');
    assert.equal(notes.length, 1, serialize(element));
    const note = child(element, 'delay', 'urn:xmpp:delay');
    return (note && attr(note, 'stamp')) ?? '';
  });
  return { client, texts: messages.map(({ body }) => body), stamps };
}

/** The conditions of the errors that a client has received, with the kinds of stanzas. */
async function errors(client: StageClient): Promise<string[]> {
  return (await received(client)).flatMap(({ element }) => {
    const error = child(element, 'error');
    return error === undefined ? [] : [`${element.name} ${firstElement(error)?.name}`];
  });
}

test('a session whose client does not come back ends, and its presence with it', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, ids } = await managed(stage, { phone: 'romeo', laptop: 'romeo' });
  phone.transport.break();
  await stage.clock.advance(59_000);
  assert.ok(sessionOf(stage, 'romeo', 'phone'));
  await laptop.forget();
  await stage.clock.advance(2000);
  assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
  const [gone] = (await received(laptop)).filter(({ element }) => element.name === 'presence');
  assert.equal(gone && attr(gone.element, 'from'), address('romeo', 'phone'));
  assert.equal(gone && attr(gone.element, 'type'), 'unavailable');
  assertFailed((await resuming(stage, 'romeo', ids.phone, 0)).answer, 'item-not-found', 0);
});

test('what a session did not acknowledge goes to the other sessions, with the time when it came', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  await laptop.sends(chat(address('romeo'), 'acknowledged'));
  await phone.sends(acknowledgement(1));
  await laptop.sends(chat(address('romeo'), 'sent'));
  phone.transport.break();
  const cameAt = new Date(stage.clock.now()).toISOString();
  await laptop.sends(chat(address('romeo', 'phone'), 'waiting'));
  const { tablet } = await stage.online({ tablet: 'romeo' });
  await timeOut(stage);
  const messages = (await received(tablet)).filter(({ element }) => element.name === 'message');
  assert.deepEqual(
    messages.map(({ body }) => body),
    ['sent', 'waiting'],
  );
  for (const { element } of messages) {
    const note = child(element, 'delay', 'urn:xmpp:delay');
    assert.equal(note && attr(note, 'stamp'), cameAt);
  }
  assert.deepEqual(await errors(laptop), []);
});

test('without another session it is stored, returned or answered, each once', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  const cameAt = new Date(stage.clock.now()).toISOString();
  const to = address('romeo', 'phone');
  phone.transport.break();
  await laptop.sends(chat(address('romeo'), 'to the account'));
  await laptop.sends(chat(to, 'to the session'));
  await laptop.sends(chat(to, 'of type normal', 'normal'));
  await laptop.sends(chat(to, 'of type groupchat', 'groupchat'));
  await laptop.sends(chat(to, 'of type headline', 'headline'));
  await laptop.sends(`<message to='${to}' type='error' id='e'><body>an error</body></message>`);
  await laptop.sends(`<iq type='get' id='1' to='${to}'><ping xmlns='urn:xmpp:ping'/></iq>`);
  await laptop.sends(`<iq type='set' id='2' to='${to}'><x xmlns='urn:example:x'/></iq>`);
  await laptop.sends(`<iq type='result' id='3' to='${to}'/>`);
  await laptop.sends(`<presence to='${to}'/>`);
  await laptop.receivesNothing();
  await timeOut(stage);
  assert.deepEqual((await errors(laptop)).sort(), [
    'iq service-unavailable',
    'iq service-unavailable',
    'message service-unavailable',
    'message service-unavailable',
  ]);
  const { texts, stamps } = await mail(stage, 'romeo');
  assert.deepEqual(texts, ['to the account', 'to the session']);
  assert.deepEqual(stamps, [cameAt, cameAt]);
});

test('a message that several sessions had is stored when none of them has acknowledged it, and only once', async (t) => {
  for (const acknowledging of [[], ['phone'], ['laptop'], ['phone', 'laptop']]) {
    const stage = await openStage(t);
    const { nurse, ...sessions } = await managed(stage, { phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
    await nurse.sends(chat(address('romeo'), 'hello'));
    for (const name of ['phone', 'laptop'] as const) {
      const messages = await received(sessions[name]);
      const h = messages.filter(({ element }) => element.name !== 'r').length;
      if (acknowledging.includes(name)) await sessions[name].sends(acknowledgement(h));
      sessions[name].transport.break();
    }
    await timeOut(stage);
    assert.equal(stage.host.account('romeo')?.sessions.size, 0);
    const { texts } = await mail(stage, 'romeo');
    assert.deepEqual(texts, acknowledging.length === 0 ? ['hello'] : [], `acknowledged by ${acknowledging}`);
  }
});

test('a message that a session without stream management had as well has arrived', async (t) => {
  const stage = await openStage(t);
  const { phone, nurse } = await managed(stage, { phone: 'romeo', nurse: 'juliet' });
  const { plain } = await stage.online({ plain: 'romeo' });
  await nurse.sends(chat(address('romeo'), 'hello'));
  assert.deepEqual(await bodies(plain), ['hello']);
  await plain.sends('</stream:stream>');
  phone.transport.break();
  await timeOut(stage);
  assert.deepEqual((await mail(stage, 'romeo')).texts, []);
});

test('stored messages that a session did not acknowledge come back once, with the time when they first came', async (t) => {
  const stage = await openStage(t);
  const { nurse } = await stage.online({ nurse: 'juliet' });
  await stage.host.users.create('romeo', PASSWORD);
  const cameAt = new Date(stage.clock.now()).toISOString();
  for (const body of ['one', 'two', 'three']) await nurse.sends(chat(address('romeo'), body));
  for (let round = 0; round < 3; round++) {
    await stage.clock.advance(60_000);
    const { phone } = await stage.connected({ phone: 'romeo' });
    await enable(phone);
    await phone.sends('<presence/>');
    assert.deepEqual(await bodies(phone), ['one', 'two', 'three']);
    phone.transport.break();
    await timeOut(stage);
  }
  const { texts, stamps } = await mail(stage, 'romeo');
  assert.deepEqual(texts, ['one', 'two', 'three']);
  assert.deepEqual(stamps, [cameAt, cameAt, cameAt]);
  assert.deepEqual((await mail(stage, 'romeo')).texts, []);
});

test('a session that ends while its mail is read loses none of it', async (t) => {
  const stage = await openStage(t);
  const { nurse } = await stage.online({ nurse: 'juliet' });
  await stage.host.users.create('romeo', PASSWORD);
  for (let i = 0; i < 30; i++) await nurse.sends(chat(address('romeo'), i));
  const { phone } = await stage.connected({ phone: 'romeo' });
  await enable(phone);
  phone.transport.write('<presence/>');
  // In the same turn, before the store has answered.
  phone.transport.write('</stream:stream>');
  const { texts } = await mail(stage, 'romeo');
  assert.deepEqual(
    texts.toSorted((a, b) => Number(a) - Number(b)),
    [...Array(30).keys()].map(String),
  );
  assert.deepEqual((await mail(stage, 'romeo')).texts, []);
});

for (const state of ['that never acknowledges', 'that waits for its client'] as const) {
  test(`a session ${state} ends when too much is kept for it, and nothing of that is lost`, async (t) => {
    const stage = await openStage(t, { config: LIMITS });
    const { phone, nurse, ids } = await managed(stage, { phone: 'romeo', nurse: 'juliet' });
    if (state === 'that waits for its client') phone.transport.break();
    for (let i = 0; i < 20; i++) {
      await nurse.sends(chat(address('romeo'), i));
      assert.ok((sessionOf(stage, 'romeo', 'phone')?.outbox?.length ?? 0) <= 16);
    }
    assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
    if (state === 'that never acknowledges') await phone.isClosedWith('resource-constraint');
    assertFailed((await resuming(stage, 'romeo', ids.phone, 0)).answer, 'item-not-found', 0);
    assert.deepEqual(await errors(nurse), []);
    assert.deepEqual((await mail(stage, 'romeo')).texts, [...Array(20).keys()].map(String));
  });
}

test('too many bytes are as bad as too many stanzas, and what is too much for one session reaches the other', async (t) => {
  const stage = await openStage(t, { config: LIMITS });
  const { phone, laptop, nurse } = await managed(stage, { phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
  phone.transport.break();
  await laptop.forget();
  await laptop.sends(acknowledgement(sessionOf(stage, 'romeo', 'laptop')?.outbox?.sent ?? 0));
  const body = 'x'.repeat(20_000);
  for (let i = 1; i <= 4; i++) {
    await nurse.sends(chat(address('romeo'), body + i));
    const h = sessionOf(stage, 'romeo', 'laptop')?.outbox?.sent ?? 0;
    await laptop.sends(acknowledgement(h));
  }
  assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
  assert.deepEqual(
    (await bodies(laptop)).map((text) => text.slice(20_000)),
    ['1', '2', '3', '4'],
  );
});

test('a message that is passed on to a session that is full already goes on to offline storage', async (t) => {
  const stage = await openStage(t, { config: LIMITS });
  const { phone, nurse } = await managed(stage, { phone: 'romeo', nurse: 'juliet' });
  phone.transport.break();
  const long = (body: string): string => body + '.'.repeat(1000);
  for (const body of ['one', 'two']) await nurse.sends(chat(address('romeo'), long(body)));
  const { tablet } = await stage.online({ tablet: 'romeo' });
  // There is room for the presence of the session that ends.
  tablet.transport.bufferedBytes = 65_000;
  await timeOut(stage);
  assert.equal(sessionOf(stage, 'romeo', 'tablet'), undefined);
  assert.deepEqual((await mail(stage, 'romeo')).texts.sort(), ['one', 'two'].map(long));
  assert.deepEqual(await errors(nurse), []);
});

test('a new session takes the place of the one that has waited longest', async (t) => {
  const stage = await openStage(t, { config: { limits: { account: { sessions: 3 } } } });
  const { first, second, third, nurse } = await managed(stage, {
    first: 'romeo',
    second: 'romeo',
    third: 'romeo',
    nurse: 'juliet',
  });
  second.transport.break();
  await stage.clock.advance(1000);
  first.transport.break();
  await nurse.sends(chat(address('romeo', 'second'), 'to the second'));
  await stage.connected({ fourth: 'romeo' });
  const account = stage.host.account('romeo');
  assert.deepEqual([...(account?.sessions.keys() ?? [])], ['first', 'third', 'fourth']);
  assert.deepEqual((await bodies(third)).slice(-1), ['to the second']);
  await stage.connected({ fifth: 'romeo' });
  const late = stage.connect('sixth');
  await late.logIn('romeo', PASSWORD);
  const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>sixth</resource></bind>`;
  assert.equal(await late.refused('set', bind), 'resource-constraint');
});

test('another client that takes the resource ends the session that waits, and has its messages', async (t) => {
  const stage = await openStage(t);
  const { phone, nurse, ids } = await managed(stage, { phone: 'romeo', nurse: 'juliet' });
  phone.transport.break();
  await nurse.sends(chat(address('romeo', 'phone'), 'to the session'));
  await nurse.sends(chat(address('romeo'), 'to the account'));
  const { phone: other } = await stage.connected({ phone: 'romeo' });
  await other.sends('<presence/>');
  assert.deepEqual((await bodies(other)).toSorted(), ['to the account', 'to the session']);
  assertFailed((await resuming(stage, 'romeo', ids.phone, 0)).answer, 'item-not-found', 0);
  assert.deepEqual(await errors(nurse), []);
});

test('a session that is ended by an administrator cannot be resumed, and its messages are stored', async (t) => {
  const stage = await openStage(t);
  const { phone, nurse, ids } = await managed(stage, { phone: 'romeo', nurse: 'juliet' });
  phone.transport.break();
  await nurse.sends(chat(address('romeo'), 'hello'));
  stage.host.sessions.kickAll('romeo', new StreamError('policy-violation'));
  assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
  assertFailed((await resuming(stage, 'romeo', ids.phone, 0)).answer, 'item-not-found', 0);
  assert.deepEqual((await mail(stage, 'romeo')).texts, ['hello']);
});

test('when an account is removed, the senders of what it has not read are told', async (t) => {
  const stage = await openStage(t);
  const { phone, nurse } = await managed(stage, { phone: 'romeo', nurse: 'juliet' });
  phone.transport.break();
  await nurse.sends(chat(address('romeo'), 'hello'));
  await nurse.sends(`<iq type='get' id='1' to='${address('romeo', 'phone')}'><x xmlns='urn:example:x'/></iq>`);
  await stage.host.removeUser('romeo');
  assert.deepEqual(await errors(nurse), ['message service-unavailable', 'iq service-unavailable']);
  await stage.host.users.create('romeo', PASSWORD);
  assert.deepEqual((await mail(stage, 'romeo')).texts, []);
});

test('a message that cannot be stored when the session ends is answered with an error', async (t) => {
  const stage = await openStage(t, { config: { limits: { account: { offlineMessages: 1 } } } });
  const { phone, nurse } = await managed(stage, { phone: 'romeo', nurse: 'juliet' });
  phone.transport.break();
  for (const body of ['one', 'two', 'three']) await nurse.sends(chat(address('romeo'), body));
  await timeOut(stage);
  assert.deepEqual(await errors(nurse), ['message service-unavailable', 'message service-unavailable']);
  assert.deepEqual((await mail(stage, 'romeo')).texts, ['one']);
});

test('a message that is passed on is kept by the next session until that acknowledges it', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, nurse, ids } = await managed(stage, { phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
  await laptop.sends('<presence><priority>-1</priority></presence>');
  phone.transport.break();
  await nurse.sends(chat(address('romeo'), 'hello'));
  await laptop.sends('<presence><priority>1</priority></presence>');
  await laptop.forget();
  await timeOut(stage);
  assert.deepEqual(await bodies(laptop), ['hello']);
  laptop.transport.break();
  const again = await resumed(stage, 'romeo', ids.laptop, 0);
  assert.ok((await bodies(again)).includes('hello'));
  again.transport.break();
  await timeOut(stage);
  assert.deepEqual((await mail(stage, 'romeo')).texts, ['hello']);
});

test('a session without resumption gives its unacknowledged messages back when its stream ends', async (t) => {
  const stage = await openStage(t);
  const { nurse } = await stage.online({ nurse: 'juliet' });
  for (const leave of ['break', 'close'] as const) {
    const { phone } = await stage.online({ phone: 'romeo' });
    await phone.sends(`<enable xmlns='${NS}'/>`);
    await phone.forget();
    await nurse.sends(chat(address('romeo'), 'read'));
    await phone.sends(acknowledgement(1));
    await nurse.sends(chat(address('romeo'), leave));
    if (leave === 'break') phone.transport.break();
    else await phone.sends('</stream:stream>');
    const { client, texts } = await mail(stage, 'romeo');
    assert.deepEqual(texts, [leave]);
    await client.sends('</stream:stream>');
  }
});
