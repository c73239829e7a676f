import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { carbons } from '../../../src/features/carbons/index.ts';
import { clientState } from '../../../src/features/csi/api.ts';
import { csi } from '../../../src/features/csi/index.ts';
import { ping } from '../../../src/features/ping.ts';
import { parseStanza } from '../../../src/stanza.ts';
import { child, el, serialize } from '../../../src/xml/element.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { NS_BIND2, NS_SASL2, open } from '../../c2s/sasl2-scene.ts';
import { settle } from '../../support/manual-clock.ts';
import { DOMAIN, PASSWORD, type Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { ASK } from '../sm/names.ts';
import { address, chat, enable, FEATURES, openStage, openStageWith, resumed, sessionOf } from '../sm/scene.ts';

const NS = 'urn:xmpp:csi:0';
const ACTIVE = `<active xmlns='${NS}'/>`;
const INACTIVE = `<inactive xmlns='${NS}'/>`;
const STATE = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";

function composing(to: string): string {
  return `<message to='${to}' type='chat'>${STATE}</message>`;
}

function openConfigured(t: TestContext, config: object): Promise<Stage> {
  return openStage(t, { features: [csi, ...FEATURES], config: { features: { csi: config } } });
}

/** Has presence of a contact elsewhere arrive for Romeo's phone. */
async function contactShows(stage: Stage, contact: string, show: string): Promise<void> {
  const xml = `<presence from='${contact}@elsewhere.example/x' to='${address('romeo', 'phone')}'><show>${show}</show></presence>`;
  stage.router.send(parseStanza(parseElement(xml), undefined));
  await settle();
}

/** What a client has received, in short: the text of bodies and shows, or the names of elements. */
async function heard(client: StageClient): Promise<string[]> {
  await client.sends('');
  return client.transport.received.splice(0).map((element) => {
    const [first] = element.children;
    if (typeof first !== 'object') return element.name;
    return first.name === 'body' || first.name === 'show' ? String(first.children[0]) : first.name;
  });
}

test('it is offered once the client has logged in', async (t) => {
  const stage = await openStageWith(t, csi);
  await stage.host.users.create('romeo', PASSWORD);
  const client = stage.connect('phone');
  const features = await client.logIn('romeo', PASSWORD);
  assert.ok(child(features, 'csi', NS), serialize(features));
  await client.bind('phone');
  for (const xml of [INACTIVE, INACTIVE, ACTIVE, ACTIVE]) await client.sends(xml);
  await client.receivesNothing();
  await client.sends(`<idle xmlns='${NS}'/>`);
  await client.isClosedWith('unsupported-stanza-type');
});

test('nobody can say so before the login', async (t) => {
  const stage = await openStageWith(t, csi);
  const client = stage.connect('phone');
  assert.equal(child(await client.open(), 'csi', NS), undefined);
  await client.sends(INACTIVE);
  await client.isClosedWith('unsupported-stanza-type');
});

test('a client that is inactive before it has a session begins active', async (t) => {
  const stage = await openStageWith(t, csi);
  await stage.host.users.create('romeo', PASSWORD);
  const client = stage.connect('phone');
  await client.logIn('romeo', PASSWORD);
  await client.sends(INACTIVE);
  await client.bind('phone');
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.isHolding, false);
});

test('an inactive client is left alone until something comes that is worth it, or until it is active', async (t) => {
  const stage = await openStageWith(t, csi);
  const { phone, nurse } = await stage.online({ phone: 'romeo', nurse: 'juliet' });
  const state = stage.host.services.use(clientState);
  const session = sessionOf(stage, 'romeo', 'phone');
  assert.ok(session);
  assert.equal(state.isInactive(session), false);
  await phone.sends(INACTIVE);
  assert.equal(state.isInactive(session), true);
  await contactShows(stage, 'friar', 'away');
  await nurse.sends(composing(address('romeo')));
  await contactShows(stage, 'tybalt', 'dnd');
  await contactShows(stage, 'friar', 'xa');
  await phone.receivesNothing();
  await nurse.sends(chat(address('romeo'), 'Romeo!'));
  assert.deepEqual(await heard(phone), ['composing', 'dnd', 'xa', 'Romeo!']);
  await contactShows(stage, 'friar', 'chat');
  await phone.receivesNothing();
  await phone.sends(ACTIVE);
  assert.equal(state.isInactive(session), false);
  assert.deepEqual(await heard(phone), ['chat']);
  await contactShows(stage, 'friar', 'away');
  assert.deepEqual(await heard(phone), ['away']);
});

test('what was held back leaves before the answer to what the client sends next', async (t) => {
  const stage = await openStageWith(t, csi, ping);
  const { phone } = await stage.online({ phone: 'romeo' });
  const PING = `<iq to='${DOMAIN}' id='ping1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>`;
  for (const xml of [ACTIVE + PING, PING]) {
    await phone.sends(INACTIVE);
    await contactShows(stage, 'friar', 'away');
    await phone.sends(xml);
    assert.deepEqual(await heard(phone), ['away', 'iq']);
  }
});

test('others see nothing of it', async (t) => {
  const stage = await openStageWith(t, csi);
  const { phone, laptop, nurse } = await stage.online({ phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
  await phone.sends(INACTIVE);
  await phone.sends(ACTIVE);
  await laptop.receivesNothing();
  await nurse.receivesNothing();
});

test('copies wait as the messages in them would', async (t) => {
  const stage = await openStageWith(t, carbons, csi);
  const { phone, laptop, nurse } = await stage.online({ phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
  await phone.set("<enable xmlns='urn:xmpp:carbons:2'/>");
  await phone.sends(INACTIVE);
  await laptop.sends(composing(address('juliet')));
  await nurse.sends(composing(address('romeo', 'laptop')));
  await phone.receivesNothing();
  await laptop.sends(chat(address('juliet'), 'here I am'));
  assert.deepEqual(await heard(phone), ['sent', 'received', 'sent']);
});

test('the operator says how much is held back, and whether group chats are', async (t) => {
  const strict = await openConfigured(t, { maxStanzas: 2, holdGroupchat: true });
  const { phone } = await strict.online({ phone: 'romeo' });
  await phone.sends(INACTIVE);
  const said = `<message type='groupchat' from='r@rooms.example/a' to='${address('romeo', 'phone')}'><body>hi</body></message>`;
  strict.router.send(parseStanza(parseElement(said), undefined));
  await contactShows(strict, 'friar', 'away');
  await contactShows(strict, 'friar', 'xa');
  await phone.receivesNothing();
  await contactShows(strict, 'tybalt', 'dnd');
  assert.deepEqual(await heard(phone), ['hi', 'xa', 'dnd']);

  const none = await openConfigured(t, { maxStanzas: 0 });
  const { phone: eager } = await none.online({ phone: 'romeo' });
  await eager.sends(INACTIVE);
  await contactShows(none, 'friar', 'away');
  assert.deepEqual(await heard(eager), ['away']);

  const small = await openConfigured(t, { maxBytes: 300 });
  const { phone: third } = await small.online({ phone: 'romeo' });
  await third.sends(INACTIVE);
  await contactShows(small, 'friar', 'away');
  await contactShows(small, 'tybalt', 'away');
  await third.receivesNothing();
  await contactShows(small, 'benvolio', 'away');
  assert.deepEqual(await heard(third), ['away', 'away', 'away']);
});

test('a client that asks what was handled has everything before the answer', async (t) => {
  const stage = await openStageWith(t, csi);
  const { phone } = await stage.online({ phone: 'romeo' });
  await enable(phone);
  await phone.sends(INACTIVE);
  await contactShows(stage, 'friar', 'away');
  await phone.receivesNothing();
  await phone.sends(ASK);
  assert.deepEqual(await heard(phone), ['away', 'a']);
  await contactShows(stage, 'friar', 'xa');
  assert.deepEqual(await heard(phone), []);
});

test('what is held back is not counted as sent, nor asked for', async (t) => {
  const stage = await openStageWith(t, csi);
  const { phone } = await stage.online({ phone: 'romeo' });
  await enable(phone);
  await phone.sends(INACTIVE);
  await contactShows(stage, 'friar', 'away');
  assert.equal(sessionOf(stage, 'romeo', 'phone')?.outbox?.sent, 0);
  await stage.clock.advance(2000);
  await phone.receivesNothing();
});

test('a client that comes back to its session is active, and has what was held back', async (t) => {
  const stage = await openStageWith(t, csi);
  const { phone, nurse } = await stage.online({ phone: 'romeo', nurse: 'juliet' });
  const id = await enable(phone);
  await phone.sends(INACTIVE);
  await contactShows(stage, 'friar', 'away');
  await nurse.sends(composing(address('romeo')));
  phone.transport.break();
  await contactShows(stage, 'friar', 'xa');
  await nurse.sends(chat(address('romeo'), 'Romeo!'));
  await contactShows(stage, 'friar', 'chat');
  const back = await resumed(stage, 'romeo', id, 0);
  assert.deepEqual(await heard(back), ['composing', 'xa', 'Romeo!', 'chat']);
  await contactShows(stage, 'friar', 'dnd');
  assert.deepEqual(await heard(back), ['dnd']);
});

test('what was held back is sent after a restart of the server', async (t) => {
  const before = await openStageWith(t, csi);
  const { phone, nurse } = await before.online({ phone: 'romeo', nurse: 'juliet' });
  const id = await enable(phone);
  await nurse.sends(chat(address('romeo'), 'first'));
  await phone.sends(INACTIVE);
  await contactShows(before, 'friar', 'away');
  await nurse.sends(composing(address('romeo')));
  await contactShows(before, 'friar', 'xa');
  assert.deepEqual(await heard(phone), ['first']);
  await before.close();

  const after = await openStage(t, { features: [csi, ...FEATURES], store: before.store, clock: before.clock });
  const back = await resumed(after, 'romeo', id, 1);
  assert.deepEqual(await heard(back), ['composing', 'xa']);
});

test('what was held back for a session that ends goes to the others, as everything else does', async (t) => {
  for (const isManaged of [true, false]) {
    const stage = await openConfigured(t, {});
    const { phone, laptop, nurse } = await stage.online({ phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
    if (isManaged) await enable(phone);
    await phone.sends(INACTIVE);
    await contactShows(stage, 'friar', 'away');
    await nurse.sends(composing(address('romeo', 'phone')));
    await laptop.receivesNothing();
    await phone.sends('</stream:stream>');
    assert.deepEqual(await heard(laptop), ['presence', 'composing']);
  }
});

test('a state that two inactive sessions have reaches the one that is left once', async (t) => {
  const stage = await openStageWith(t, csi);
  const { phone, laptop, nurse } = await stage.online({ phone: 'romeo', laptop: 'romeo', nurse: 'juliet' });
  for (const client of [phone, laptop]) await client.sends(INACTIVE);
  await nurse.sends(composing(address('romeo')));
  await phone.sends('</stream:stream>');
  await laptop.sends(ACTIVE);
  assert.deepEqual(await heard(laptop), ['composing', 'presence']);
});

test('it can be had along with the login', async (t) => {
  const { stage, connect } = await open(t, { features: [csi] });
  const client = await connect();
  const authentication = client.features && child(client.features, 'authentication', NS_SASL2);
  assert.ok(serialize(authentication ?? el('none')).includes(`<feature var="${NS}"/>`));
  for (const [request, isInactive] of [
    [INACTIVE, true],
    ['', false],
  ] as const) {
    const another = await connect();
    const success = await another.plain({ children: `<bind xmlns='${NS_BIND2}'>${request}</bind>` });
    const bound = child(success, 'bound', NS_BIND2);
    assert.equal(serialize(bound ?? el('none')), `<bound xmlns="${NS_BIND2}"/>`);
    const features = await another.stage.nextNamed('features');
    assert.ok(child(features, 'csi', NS));
    const last = [...(stage.host.account('romeo')?.sessions.values() ?? [])].at(-1);
    assert.equal(last?.isHolding, isInactive);
  }
});
