import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offline } from '../../../src/features/offline/index.ts';
import { serialize } from '../../../src/xml/element.ts';
import { ownPresence } from '../../support/presence.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

const ROMEO = `romeo@${DOMAIN}`;
const JULIET = `juliet@${DOMAIN}/juliet`;
const START = '2026-01-01T00:00:00.000Z';

/** Juliet is online, and Romeo has an account. */
async function open(t: Parameters<typeof Stage.open>[0], options: Omit<StageOptions, 'features'> = {}) {
  const stage = await Stage.open(t, { features: [ownPresence, offline], ...options });
  if (!(await stage.host.users.exists('romeo'))) await stage.host.users.create('romeo', PASSWORD);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  return { stage, juliet };
}

function chat(body: string, extra = '', to = ROMEO): string {
  return `<message to="${to}" type="chat"><body>${body}</body>${extra}</message>`;
}

function kept(body: string, { extra = '', stamp = START, to = ROMEO } = {}): string {
  const delay = `<delay xmlns="urn:xmpp:delay" from="${DOMAIN}" stamp="${stamp}"/>`;
  return `<message from="${JULIET}" to="${to}" type="chat"><body>${body}</body>${extra}${delay}</message>`;
}

function refusal(to = ROMEO): string {
  const condition = '<service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>';
  return `<message from="${to}" to="${JULIET}" type="error"><error type="cancel">${condition}</error></message>`;
}

async function receivesBodies(client: StageClient, bodies: readonly string[], stamp = START): Promise<void> {
  for (const body of bodies) await client.receives(kept(body, { stamp }));
  await client.receivesNothing();
}

test('messages wait for the recipient and come in order, each with the time of its arrival', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one'));
  await stage.clock.advance(1500);
  await juliet.sends(chat('two'));
  await juliet.receivesNothing();
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.receivesNothing();
  await phone.sends('<presence/>');
  await phone.receives(kept('one'));
  await phone.receives(kept('two', { stamp: '2026-01-01T00:00:01.500Z' }));
  await phone.receivesNothing();
});

test('what was handed over is not handed over again', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one'));
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await phone.receives(kept('one'));
  await phone.sends('<presence><show>away</show></presence>');
  await phone.receivesNothing();
  const { tablet } = await stage.connected({ tablet: 'romeo' });
  await tablet.sends('<presence/>');
  await tablet.receivesNothing();
});

test('messages survive a restart', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one'));
  await stage.close();
  const { stage: again } = await open(t, { store: stage.store, clock: stage.clock });
  const { phone } = await again.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await receivesBodies(phone, ['one']);
});

test('a negative priority receives nothing until it rises', async (t) => {
  const { stage, juliet } = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence><priority>-1</priority></presence>');
  await juliet.sends(chat('one'));
  await phone.receivesNothing();
  await phone.sends('<presence><priority>0</priority></presence>');
  await receivesBodies(phone, ['one']);
});

test('a chat message to a resource that is gone waits as one to the account', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one', '', `${ROMEO}/gone`));
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await phone.receives(kept('one', { to: `${ROMEO}/gone` }));
});

test('a message that arrives during the delivery comes after those that waited', async (t) => {
  const { stage, juliet } = await open(t);
  for (let i = 0; i < 50; i++) await juliet.sends(chat(`old ${i}`));
  const { phone } = await stage.connected({ phone: 'romeo' });
  phone.transport.write('<presence/>');
  juliet.transport.write(chat('new'));
  for (let i = 0; i < 50; i++) await phone.receives(kept(`old ${i}`));
  await phone.receives(`<message from="${JULIET}" to="${ROMEO}" type="chat"><body>new</body></message>`);
});

test('a message that is still being stored when the recipient comes is not left behind', async (t) => {
  const { stage, juliet } = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo' });
  juliet.transport.write(chat('one'));
  phone.transport.write('<presence/>');
  await receivesBodies(phone, ['one']);
});

test('the first device to come has them all, and no other any', async (t) => {
  const { stage, juliet } = await open(t);
  for (let i = 0; i < 30; i++) await juliet.sends(chat(String(i)));
  const { phone, tablet } = await stage.connected({ phone: 'romeo', tablet: 'romeo' });
  phone.transport.write('<presence/>');
  tablet.transport.write('<presence/>');
  await receivesBodies(
    phone,
    Array.from({ length: 30 }, (_, i) => String(i)),
  );
  await tablet.receivesNothing();
});

test('content beside the body, and attributes of others, come through', async (t) => {
  const { stage, juliet } = await open(t);
  const extra = '<x xmlns="urn:example:x" a="&lt;&amp;&quot;">é&lt;<y/></x>';
  await juliet.sends(
    `<message to="${ROMEO}" type="chat" id="7" xml:lang="it" e:note="x" xmlns:e="urn:example:e"><body>one</body>${extra}</message>`,
  );
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  const message = await phone.next();
  assert.equal(message.attrs['id'], '7');
  assert.equal(message.attrs['xml:lang'], 'it');
  assert.equal(message.children.length, 3);
});

test('a delay that claims to be ours is forged; those of others stay', async (t) => {
  const { stage, juliet } = await open(t);
  const delay = (from: string): string => `<delay xmlns="urn:xmpp:delay" from="${from}" stamp="2020-01-01T00:00:00Z"/>`;
  await juliet.sends(chat('one', delay(DOMAIN) + delay('elsewhere.example')));
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await phone.receives(kept('one', { extra: delay('elsewhere.example') }));
});

test('messages that ask not to be stored are answered with an error', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one', '<no-store xmlns="urn:xmpp:hints"/>'));
  await juliet.receives(refusal());
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await phone.receivesNothing();
});

test('a chat state alone is dropped without a word, unless it asks to be stored', async (t) => {
  const { stage, juliet } = await open(t);
  const state = '<composing xmlns="http://jabber.org/protocol/chatstates"/>';
  const store = '<store xmlns="urn:xmpp:hints"/>';
  await juliet.sends(`<message to="${ROMEO}" type="chat">${state}</message>`);
  await juliet.sends(`<message to="${ROMEO}" type="chat">${state}${store}</message>`);
  await juliet.receivesNothing();
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await phone.receives(kept('', { extra: state + store }).replace('<body></body>', ''));
  await phone.receivesNothing();
});

test('headlines and errors are not stored, and groupchat is refused', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(`<message to="${ROMEO}" type="headline"><body>one</body></message>`);
  await juliet.sends(`<message to="${ROMEO}" type="error"><body>two</body></message>`);
  await juliet.receivesNothing();
  await juliet.sends(`<message to="${ROMEO}" type="groupchat"><body>three</body></message>`);
  await juliet.receives(refusal());
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await phone.receivesNothing();
});

test('a full mailbox refuses what is one too many, and takes messages again once it is read', async (t) => {
  const { stage, juliet } = await open(t, { config: { limits: { account: { offlineMessages: 2 } } } });
  for (const body of ['one', 'two', 'three']) await juliet.sends(chat(body));
  await juliet.receives(refusal());
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await receivesBodies(phone, ['one', 'two']);
  await phone.sends('<presence type="unavailable"/>');
  await juliet.sends(chat('four'));
  await juliet.receivesNothing();
});

test('a mailbox is full by bytes too', async (t) => {
  const { juliet } = await open(t, { config: { limits: { account: { offlineBytes: 2000 } } } });
  await juliet.sends(chat('x'.repeat(1500)));
  await juliet.receivesNothing();
  await juliet.sends(chat('y'.repeat(500)));
  await juliet.receives(refusal());
});

test('a limit of none keeps none', async (t) => {
  const { juliet } = await open(t, { config: { limits: { account: { offlineMessages: 0 } } } });
  await juliet.sends(chat('one'));
  await juliet.receives(refusal());
});

test('a client that does not read is not flooded, and the rest waits for the next presence', async (t) => {
  const { stage, juliet } = await open(t);
  for (let i = 0; i < 25; i++) await juliet.sends(chat(String(i)));
  const { phone } = await stage.connected({ phone: 'romeo' });
  phone.transport.bufferedBytes = 3_000_000;
  await phone.sends('<presence/>');
  await stage.clock.advance(29_000);
  await phone.receivesNothing();
  await stage.clock.advance(2000);
  phone.transport.bufferedBytes = 0;
  await phone.receivesNothing();
  await phone.sends('<presence><show>chat</show></presence>');
  await receivesBodies(
    phone,
    Array.from({ length: 25 }, (_, i) => String(i)),
  );
});

test('a client that reads slowly receives everything', async (t) => {
  const { stage, juliet } = await open(t);
  for (const body of ['one', 'two']) await juliet.sends(chat(body));
  const { phone } = await stage.connected({ phone: 'romeo' });
  phone.transport.bufferedBytes = 3_000_000;
  await phone.sends('<presence/>');
  await phone.receivesNothing();
  phone.transport.bufferedBytes = 0;
  await stage.clock.advance(200);
  await receivesBodies(phone, ['one', 'two']);
});

test('what a session was handed as it ended is kept for the next one', async (t) => {
  const { stage, juliet } = await open(t);
  for (const body of ['one', 'two']) await juliet.sends(chat(body));
  const { phone } = await stage.connected({ phone: 'romeo' });
  phone.transport.bufferedBytes = 3_000_000;
  await phone.sends('<presence/>');
  phone.transport.break();
  await stage.clock.advance(200);
  const { tablet } = await stage.connected({ tablet: 'romeo' });
  await tablet.sends('<presence/>');
  await receivesBodies(tablet, ['one', 'two']);
});

test('a session that withdrew before its turn came leaves the messages to the next one', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one'));
  const { phone, tablet } = await stage.connected({ phone: 'romeo', tablet: 'romeo' });
  const account = stage.host.account('romeo');
  let release = (): void => {};
  const held = account?.exclusively(() => new Promise<void>((resolve) => (release = resolve)));
  await phone.sends('<presence/>');
  await phone.sends('<presence type="unavailable"/>');
  release();
  await held;
  await phone.receivesNothing();
  await tablet.sends('<presence/>');
  await receivesBodies(tablet, ['one']);
});

test('an account that does not exist has no mailbox', async (t) => {
  const { juliet } = await open(t);
  const nobody = `nobody@${DOMAIN}`;
  await juliet.sends(chat('one', '', nobody));
  await juliet.receives(refusal(nobody));
});

test('the mailbox goes with the account', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one'));
  await stage.host.removeUser('romeo');
  await stage.host.users.create('romeo', PASSWORD);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<presence/>');
  await phone.receivesNothing();
});

test('the sender learns when the store cannot keep the message', async (t) => {
  const { stage, juliet } = await open(t);
  await juliet.sends(chat('one'));
  await stage.store.close();
  await juliet.sends(chat('two'));
  const answer = await juliet.nextNamed('message');
  assert.equal(answer.attrs['type'], 'error');
  assert.ok(serialize(answer).includes('<internal-server-error '));
});
