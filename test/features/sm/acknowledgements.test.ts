import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountSends } from '../../../src/core/points.ts';
import { attr, child, serialize } from '../../../src/xml/element.ts';
import { feature, gate } from '../../core/scene.ts';
import { PASSWORD } from '../../support/stage.ts';
import { ASK, acknowledgement, ENABLE, NS } from './names.ts';
import {
  address,
  assertFailed,
  bodies,
  chat,
  enable,
  handled,
  managed,
  openStage,
  openStageWith,
  received,
  sessionOf,
} from './scene.ts';

test('stream management is offered once the client has logged in', async (t) => {
  const stage = await openStage(t);
  await stage.host.users.create('romeo', PASSWORD);
  const client = stage.connect('phone');
  const features = await client.logIn('romeo', PASSWORD);
  assert.ok(child(features, 'sm', NS), serialize(features));
});

test('it can be enabled once, after a resource was bound, with resumption or without', async (t) => {
  const stage = await openStage(t, { config: { features: { sm: { location: 'xmpp.example:5222' } } } });
  await stage.host.users.create('romeo', PASSWORD);
  const early = stage.connect('early');
  await early.logIn('romeo', PASSWORD);
  await early.sends(ENABLE);
  assertFailed(await early.next(), 'unexpected-request');
  await early.bind('early');
  await early.sends(ENABLE);
  await early.receives(`<enabled xmlns='${NS}' id='*' resume='true' max='600' location='xmpp.example:5222'/>`);
  await early.sends(ENABLE);
  assertFailed(await early.next(), 'unexpected-request');
  await early.sends(`<resume xmlns='${NS}' previd='x' h='0'/>`);
  assertFailed(await early.next(), 'unexpected-request');

  const { plain, brief, long, never, odd } = await stage.connected({
    plain: 'romeo',
    brief: 'romeo',
    long: 'romeo',
    never: 'romeo',
    odd: 'romeo',
  });
  await plain.sends(`<enable xmlns='${NS}'/>`);
  await plain.receives(`<enabled xmlns='${NS}'/>`);
  const request = (max: string) => `<enable xmlns='${NS}' resume='1' max='${max}'/>`;
  const answer = (max: string) =>
    `<enabled xmlns='${NS}' id='*' resume='true' max='${max}' location='xmpp.example:5222'/>`;
  await brief.sends(request('30'));
  await brief.receives(answer('30'));
  await long.sends(request('9999999'));
  await long.receives(answer('600'));
  await odd.sends(request('soon'));
  await odd.receives(answer('600'));
  await never.sends(request('0'));
  await never.receives(`<enabled xmlns='${NS}'/>`);
});

test('without resumption a session ends with its stream', async (t) => {
  const stage = await openStage(t, { config: { features: { sm: { resumeMs: 0 } } } });
  const { phone } = await stage.online({ phone: 'romeo' });
  assert.equal(await enable(phone), '');
  phone.transport.break();
  assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
});

test('the server counts stanzas and nothing else, whatever becomes of them', async (t) => {
  const stage = await openStage(t);
  const { phone } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  assert.equal(await handled(phone), 0);
  const stanzas = [
    chat(address('juliet'), 'hi'),
    chat(address('nobody'), 'hi'),
    chat('juliet@elsewhere.example', 'hi'),
    chat('@@@', 'not an address'),
    '<presence><priority>3</priority></presence>',
    '<presence><priority>many</priority></presence>',
    "<presence type='nonsense'/>",
    "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
    "<iq type='get' id='2'/>",
    "<iq type='get'><query xmlns='jabber:iq:roster'/></iq>",
    "<iq type='nonsense' id='3'><query xmlns='jabber:iq:roster'/></iq>",
    "<iq type='set' id='4'><query xmlns='urn:example:unknown'/></iq>",
    "<iq type='result' id='5'/>",
    "<message type='error' to='@@@'/>",
  ];
  for (const [i, stanza] of stanzas.entries()) {
    await phone.sends(`${ASK} ${stanza}\n`);
    await phone.forget();
    assert.equal(await handled(phone), i + 1, stanza);
  }
});

test('a client that asks before it has enabled anything is told so', async (t) => {
  const stage = await openStage(t);
  const { phone } = await stage.online({ phone: 'romeo' });
  await phone.sends(ASK);
  assertFailed(await phone.next(), 'unexpected-request');
  await phone.sends(acknowledgement(5));
  await phone.receivesNothing();
  assert.equal(phone.transport.isClosed, false);
});

test('stanzas from before count no more than what was sent before', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop } = await stage.online({ phone: 'romeo', laptop: 'juliet' });
  await phone.sends(chat(address('juliet'), 'before'));
  await laptop.sends(chat(address('romeo'), 'before'));
  await enable(phone).catch(() => phone.nextNamed('enabled'));
  await phone.forget();
  assert.equal(await handled(phone), 0);
  await phone.sends(acknowledgement(0));
  await laptop.sends(chat(address('romeo'), 'after'));
  await phone.sends(acknowledgement(1));
  await phone.sends(acknowledgement(1));
  assert.equal(phone.transport.isClosed, false);
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.outbox?.length, 0);
});

test('a question is answered once everything before it is handled', async (t) => {
  const held = gate();
  const stage = await openStageWith(
    t,
    feature('slow', (host) => {
      host.filter(accountSends, ({ stanza }) => (stanza.id === 'slow' ? held.promise : undefined));
    }),
  );
  const { phone, laptop } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  await phone.sends(chat(address('juliet'), 1));
  assert.equal(await handled(phone), 1);
  // Whoever holds a client's own stanza back holds everything after it back.
  await phone.sends(`<message id='slow' to='${address('juliet')}' type='chat'><body>2</body></message>${ASK}`);
  await phone.receivesNothing();
  assert.deepEqual(await bodies(laptop), ['1']);
  held.open();
  assert.equal(attr(await phone.nextNamed('a'), 'h'), '2');
  assert.deepEqual(await bodies(laptop), ['2']);
});

test('a message to somebody away is acknowledged when it is stored, and the next ones wait for it', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop } = await managed(stage, { phone: 'romeo', laptop: 'juliet' });
  await stage.host.users.create('mercutio', PASSWORD);
  stage.store.hold();
  await phone.sends(chat(address('mercutio'), 'one'));
  await phone.sends(chat(address('juliet'), 'two'));
  assert.deepEqual(await bodies(laptop), ['two']);
  await phone.sends(ASK);
  await phone.sends(chat(address('juliet'), 'three'));
  assert.deepEqual(await bodies(laptop), ['three']);
  // The second question stops the reading: questions cannot pile up.
  await phone.sends(ASK + ASK);
  await phone.sends(chat(address('juliet'), 'four'));
  assert.deepEqual(await bodies(laptop), []);
  await phone.receivesNothing();
  stage.store.release();
  const answers = await received(phone);
  assert.deepEqual(
    answers.map(({ element }) => attr(element, 'h')),
    ['3', '3', '3'],
  );
  assert.deepEqual(await bodies(laptop), ['four']);
  assert.equal(await handled(phone), 4);
});

test('a message that cannot be stored is answered with an error, and acknowledged', async (t) => {
  const stage = await openStage(t);
  const { phone } = await managed(stage, { phone: 'romeo' });
  await stage.host.users.create('mercutio', PASSWORD);
  stage.store.failNextCommit(new Error('the disk is full'));
  await phone.sends(chat(address('mercutio'), 'one'));
  const error = await phone.nextNamed('message');
  assert.equal(attr(error, 'type'), 'error');
  assert.equal(await handled(phone), 1);
});

test('a client that acknowledges more than it was sent loses its stream', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, tablet } = await managed(stage, { phone: 'romeo', laptop: 'juliet', tablet: 'romeo' });
  await laptop.sends(chat(address('romeo', 'phone'), 'hi'));
  assert.deepEqual(await bodies(phone), ['hi']);
  await phone.sends(acknowledgement(2));
  const error = await phone.nextNamed('error');
  assert.ok(child(error, 'undefined-condition', 'urn:ietf:params:xml:ns:xmpp-streams'), serialize(error));
  const detail = child(error, 'handled-count-too-high', NS);
  assert.equal(detail && attr(detail, 'h'), '2');
  assert.equal(detail && attr(detail, 'send-count'), '1');
  assert.ok(phone.transport.isClosed);
  // Its session is over, and what it had is with the other one.
  assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
  assert.deepEqual(await bodies(tablet), ['hi']);
});

test('a counter that is none ends the stream', async (t) => {
  const stage = await openStage(t);
  for (const h of ['', '-1', '1.5', 'x', '4294967296', '0x1', '99999999999']) {
    const { phone } = await managed(stage, { phone: 'romeo' });
    await phone.sends(acknowledgement(h));
    await phone.isClosedWith('bad-format');
  }
  const { phone } = await managed(stage, { phone: 'romeo' });
  await phone.sends(`<a xmlns='${NS}'/>`);
  await phone.isClosedWith('bad-format');
  const { other } = await managed(stage, { other: 'romeo' });
  await other.sends(`<unknown xmlns='${NS}'/>`);
  await other.isClosedWith('unsupported-stanza-type');
});

test('the client is asked after so many stanzas, and a second after the last, with resumption and without', async (t) => {
  const stage = await openStage(t, { config: { features: { sm: { requestAfterStanzas: 10 } } } });
  const { laptop } = await managed(stage, { laptop: 'juliet' });
  for (const request of [ENABLE, `<enable xmlns='${NS}'/>`]) {
    const { phone } = await stage.online({ phone: 'romeo' });
    await enable(phone, request);
    const questions = async (): Promise<number> =>
      (await received(phone)).filter(({ element }) => element.name === 'r').length;
    for (let i = 0; i < 9; i++) await laptop.sends(chat(address('romeo'), i));
    assert.equal(await questions(), 0);
    await laptop.sends(chat(address('romeo'), 10));
    assert.equal(await questions(), 1);
    for (let i = 0; i < 25; i++) await laptop.sends(chat(address('romeo'), i));
    assert.equal(await questions(), 2);
    await stage.clock.advance(1000);
    assert.equal(await questions(), 1);
    await stage.clock.advance(5000);
    assert.equal(await questions(), 0);
    phone.transport.write('</stream:stream>');
  }
});
