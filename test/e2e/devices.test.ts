import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Element } from '@xmpp/xml';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const NS_CARBONS = 'urn:xmpp:carbons:2';
const NS_CSI = 'urn:xmpp:csi:0';
const ROMEO = `romeo@${DOMAIN}`;
const JULIET = `juliet@${DOMAIN}`;

/** What a device knows of a conversation: who said what, be it its own, received, or a copy. */
function conversation(client: XmppClient): string[] {
  const said: string[] = [];
  for (const stanza of client.received) {
    const message = copied(stanza) ?? stanza;
    const body = message.getChildText('body');
    if (message.name === 'message' && body !== null) said.push(`${message.attrs['from'].split('/')[0]}: ${body}`);
  }
  return said;
}

function copied(stanza: Element): Element | undefined {
  const wrapper = stanza.getChild('sent', NS_CARBONS) ?? stanza.getChild('received', NS_CARBONS);
  return wrapper?.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message', 'jabber:client');
}

async function withCarbons(server: LiveServer, user: string, resource: string): Promise<XmppClient> {
  const client = await XmppClient.online(server, user, { resource });
  await client.set(xml('enable', { xmlns: NS_CARBONS }));
  return client;
}

test('three devices see the same conversation, whichever of them takes part in it', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const devices = [
    await withCarbons(server, 'romeo', 'phone'),
    await withCarbons(server, 'romeo', 'laptop'),
    await withCarbons(server, 'romeo', 'web'),
  ] as const;
  const juliet = await XmppClient.online(server, 'juliet');
  const expected: string[] = [];
  for (const [i, device] of devices.entries()) {
    await device.chat(JULIET, `from device ${i}`);
    await juliet.nextMessage();
    await juliet.chat(device.jid, `to device ${i}`);
    await juliet.chat(ROMEO, `to all, ${i}`);
    await juliet.settled();
    expected.push(`${ROMEO}: from device ${i}`, `${JULIET}: to device ${i}`, `${JULIET}: to all, ${i}`);
  }
  for (const [i, device] of devices.entries()) {
    await device.settled();
    // What it has said itself it knows.
    const others = expected.filter((line) => line !== `${ROMEO}: from device ${i}`);
    await eventually(`device ${i} has all of it`, () => conversation(device).length >= others.length);
    assert.deepEqual(conversation(device), others);
  }
});

test('the library stanza enables carbons by itself and reads them', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const web = await connectStanza(server, 'romeo');
  await web.enableCarbons();
  const copies: string[] = [];
  web.on('carbon:sent', ({ carbon }) => void copies.push(`sent ${carbon.forward.message?.body}`));
  web.on('carbon:received', ({ carbon }) => void copies.push(`received ${carbon.forward.message?.body}`));
  const phone = await XmppClient.online(server, 'romeo', { resource: 'phone' });
  const juliet = await XmppClient.online(server, 'juliet');
  await phone.chat(JULIET, 'wherefore');
  await juliet.nextMessage();
  await juliet.chat(phone.jid, 'art thou');
  await eventually('both copies are there', () => copies.length === 2);
  assert.deepEqual(copies, ['sent wherefore', 'received art thou']);
});

test('a phone in a pocket hears nothing but what is worth it, and has missed nothing when it is looked at', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const phone = await withCarbons(server, 'romeo', 'phone');
  const laptop = await withCarbons(server, 'romeo', 'laptop');
  const juliet = await XmppClient.online(server, 'juliet');
  assert.ok((await phone.offers()).includes('csi'));
  await phone.settled();
  phone.received.length = 0;
  await phone.send(xml('inactive', { xmlns: NS_CSI }));
  for (const show of ['away', 'xa', 'dnd']) await laptop.send(xml('presence', {}, xml('show', {}, show)));
  await juliet.send(
    xml('message', { to: ROMEO, type: 'chat' }, xml('composing', { xmlns: 'http://jabber.org/protocol/chatstates' })),
  );
  await laptop.next((stanza) => stanza.getChild('composing') !== undefined);
  assert.equal(phone.received.length, 0);
  await juliet.chat(ROMEO, 'Romeo!');
  assert.equal((await phone.nextMessage()).getChildText('body'), 'Romeo!');
  assert.deepEqual(
    phone.received.map((stanza) => stanza.getChildText('show') ?? stanza.getChildElements()[0]?.name),
    ['dnd', 'composing'],
  );
  phone.received.length = 0;
  await laptop.send(xml('presence', {}, xml('show', {}, 'chat')));
  await laptop.next((stanza) => stanza.getChildText('show') === 'chat');
  assert.equal(phone.received.length, 0);
  await phone.send(xml('active', { xmlns: NS_CSI }));
  await phone.next((stanza) => stanza.getChildText('show') === 'chat');
});
