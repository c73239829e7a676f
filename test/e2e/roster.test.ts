import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Element } from '@xmpp/xml';
import { eventually, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const NS = 'jabber:iq:roster';

function item(jid: string, attrs: Record<string, string> = {}, ...groups: string[]): Element {
  return xml('query', { xmlns: NS }, xml('item', { jid, ...attrs }, ...groups.map((name) => xml('group', {}, name))));
}

function presence(type: string | undefined, from: string): (stanza: Element) => boolean {
  return ({ name, attrs }) => name === 'presence' && attrs['type'] === type && attrs['from'] === from;
}

async function rosterOf(client: XmppClient): Promise<Element[]> {
  return (await client.get(xml('query', { xmlns: NS })))?.getChildElements() ?? [];
}

test('a roster is kept, and every device that asked for it is told of changes', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const phone = await XmppClient.connect(server, 'romeo', { resource: 'phone' });
  const laptop = await XmppClient.connect(server, 'romeo', { resource: 'laptop', over: 'wss' });
  const uninterested = await XmppClient.connect(server, 'romeo', { resource: 'script' });
  for (const client of [phone, laptop]) assert.deepEqual(await rosterOf(client), []);

  await phone.set(item('juliet@localhost', { name: 'Júlia ❤' }, 'Friends', 'Verona'));
  for (const client of [phone, laptop]) {
    const push = await client.next(({ name }) => name === 'iq');
    const pushed = push.getChild('query', NS)?.getChild('item');
    assert.equal(pushed?.attrs['name'], 'Júlia ❤');
    assert.deepEqual(
      pushed
        ?.getChildren('group')
        .map((group) => group.text())
        .sort(),
      ['Friends', 'Verona'],
    );
  }
  const [kept] = await rosterOf(laptop);
  assert.equal(kept?.attrs['jid'], 'juliet@localhost');
  assert.equal(kept?.attrs['subscription'], 'none');

  await laptop.set(item('juliet@localhost', { subscription: 'remove' }));
  assert.deepEqual(await rosterOf(phone), []);
  assert.equal(await phone.refused('set', item('juliet@localhost', { subscription: 'remove' })), 'item-not-found');
  await uninterested.settled();
  assert.deepEqual(uninterested.received, []);
});

test('a subscription is asked for, approved, seen in presence both ways, and ended', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.online(server, 'romeo', { resource: 'orchard' });
  const juliet = await XmppClient.online(server, 'juliet', { resource: 'balcony', over: 'tls' });
  // Only who has asked for the roster is told of changes to it. RFC 6121 §2.1.6.
  for (const client of [romeo, juliet]) await rosterOf(client);

  for (const [from, to] of [
    [romeo, juliet],
    [juliet, romeo],
  ] as const) {
    const [asking, asked] = [bare(from), bare(to)];
    await from.send(xml('presence', { to: asked, type: 'subscribe' }));
    await to.next(presence('subscribe', asking));
    await to.send(xml('presence', { to: asking, type: 'subscribed' }));
    await from.next(presence('subscribed', asked));
    await from.next(presence(undefined, to.jid));
  }
  for (const client of [romeo, juliet]) {
    const [contact] = await rosterOf(client);
    assert.equal(contact?.attrs['subscription'], 'both');
  }

  await juliet.send(xml('presence', {}, xml('show', {}, 'away'), xml('status', {}, '…at the ball')));
  const away = await romeo.next((stanza) => stanza.getChildText('show') === 'away');
  assert.equal(away.attrs['from'], juliet.jid);
  assert.equal(away.getChildText('status'), '…at the ball');

  await juliet.stop();
  await romeo.next(presence('unavailable', juliet.jid));

  await romeo.set(item(bare(juliet), { subscription: 'remove' }));
  const back = await XmppClient.online(server, 'juliet');
  const [contact] = await rosterOf(back);
  assert.equal(contact?.attrs['subscription'], 'none');
});

test('a request for subscription waits for who is away', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.online(server, 'romeo');
  await romeo.send(xml('presence', { to: 'juliet@localhost', type: 'subscribe' }));
  await romeo.settled();
  const juliet = await XmppClient.online(server, 'juliet');
  await juliet.next(presence('subscribe', 'romeo@localhost'));
});

test('a presence that is lost with its connection is taken back, when its client has not come back in time', async (t) => {
  const server = await LiveServer.start(t, { features: { sm: { resumeMs: 500 } } });
  await server.addUsers('romeo');
  const phone = await XmppClient.online(server, 'romeo', { resource: 'phone' });
  const laptop = await XmppClient.online(server, 'romeo', { resource: 'laptop' });
  phone.client.reconnect.stop();
  // The library's way to break a connection off without closing the stream.
  Object(phone.client).socket.socket.destroy();
  await laptop.next(presence('unavailable', phone.jid));
});

test('stanza and @xmpp/client see each other', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const juliet = await connectStanza(server, 'juliet');
  await juliet.getRoster();
  juliet.sendPresence();
  const requests: string[] = [];
  juliet.on('subscribe', ({ from }) => {
    requests.push(from);
    juliet.acceptSubscription(from);
    juliet.subscribe(from);
  });
  const seen: string[] = [];
  juliet.on('available', ({ from }) => void seen.push(from));

  const romeo = await XmppClient.online(server, 'romeo', { resource: 'orchard' });
  await rosterOf(romeo);
  await romeo.send(xml('presence', { to: 'juliet@localhost', type: 'subscribe' }));
  await romeo.next(presence('subscribed', 'juliet@localhost'));
  await romeo.next(presence('subscribe', 'juliet@localhost'));
  await romeo.send(xml('presence', { to: 'juliet@localhost', type: 'subscribed' }));
  await eventually('juliet sees romeo', () => seen.includes(romeo.jid));
  assert.deepEqual(requests, ['romeo@localhost']);
  const { items } = await juliet.getRoster();
  assert.equal(items?.[0]?.subscription, 'both');
});

function bare(client: XmppClient): string {
  return client.jid.replace(/\/.*/, '');
}
