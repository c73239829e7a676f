import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const TEXTS = {
  'of many scripts': 'Привет, 世界! שלום مرحبا नमस्ते 👩‍👩‍👧‍👦 🇵🇱 e\u0301 \u{10ffff}',
  'full of markup': '<body>&amp; ]]> "quoted" \'too\' </body>',
  'with white space of all kinds': ' line\nbreak\ttab  two \u00a0 \u2028 end ',
};

test('messages reach full addresses, and bare ones on the device of the highest priority', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.connect(server, 'romeo', { over: 'tls' });
  const phone = await XmppClient.connect(server, 'juliet', { resource: 'phone', over: 'wss' });
  const laptop = await XmppClient.connect(server, 'juliet', { resource: 'laptop' });
  const negative = await XmppClient.connect(server, 'juliet', { resource: 'bot' });
  for (const [client, priority] of [
    [phone, '1'],
    [laptop, '5'],
    [negative, '-1'],
  ] as const) {
    await client.send(xml('presence', {}, xml('priority', {}, priority)));
    await client.settled();
  }

  for (const client of [phone, laptop, negative]) {
    await romeo.chat(client.jid, `for ${client.jid}`);
    const message = await client.nextMessage();
    assert.equal(message.getChildText('body'), `for ${client.jid}`);
    assert.equal(message.attrs['from'], romeo.jid);
    assert.equal(message.attrs['type'], 'chat');
  }
  await romeo.chat('juliet@localhost', 'to whom it may concern');
  await romeo.settled();
  for (const client of [phone, laptop, negative]) await client.settled();
  const reached = (client: XmppClient) => client.received.filter(({ name }) => name === 'message').length;
  assert.equal(reached(laptop), 1);
  assert.equal(reached(negative), 0);
});

for (const [what, body] of Object.entries(TEXTS)) {
  test(`a text ${what} arrives as it was sent, over every transport`, async (t) => {
    const server = await LiveServer.start(t, { c2s: { requireEncryption: false } });
    await server.addUsers('romeo', 'juliet');
    const romeo = await XmppClient.connect(server, 'romeo', { over: 'ws' });
    const stanza = await connectStanza(server, 'romeo');
    const received: (string | undefined)[] = [];
    stanza.on('message', (message) => void received.push(message.body));
    for (const over of ['tcp', 'tls', 'ws', 'wss'] as const) {
      const juliet = await XmppClient.connect(server, 'juliet', { over, resource: over });
      await romeo.chat(juliet.jid, body);
      assert.equal((await juliet.nextMessage()).getChildText('body'), body);
      stanza.sendMessage({ to: juliet.jid, type: 'chat', body });
      assert.equal((await juliet.nextMessage()).getChildText('body'), body);
      await juliet.chat(stanza.jid, body);
      await eventually('the answer arrives', () => received.length > 0);
      assert.deepEqual(received.splice(0), [body]);
    }
  });
}

test('messages for who is away are kept in order, with the time of their sending', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.online(server, 'romeo');
  const bodies = Array.from({ length: 20 }, (_, i) => `message ${i} ❤`);
  const before = Date.now();
  for (const body of bodies) await romeo.chat('juliet@localhost', body);
  await romeo.send(
    xml(
      'message',
      { to: 'juliet@localhost', type: 'chat' },
      xml('body', {}, 'fleeting'),
      xml('no-store', { xmlns: 'urn:xmpp:hints' }),
    ),
  );
  await romeo.settled();

  const juliet = await XmppClient.online(server, 'juliet');
  for (const body of bodies) {
    const message = await juliet.nextMessage();
    assert.equal(message.getChildText('body'), body);
    assert.equal(message.attrs['from'], romeo.jid);
    const delay = message.getChild('delay', 'urn:xmpp:delay');
    assert.equal(delay?.attrs['from'], 'localhost');
    const stamp = Date.parse(String(delay?.attrs['stamp']));
    assert.ok(stamp >= before - 1000 && stamp <= Date.now(), delay?.attrs['stamp']);
  }
  await juliet.settled();
  assert.deepEqual(juliet.received, []);
  await juliet.stop();
  const again = await XmppClient.online(server, 'juliet');
  await again.settled();
  assert.deepEqual(again.received, []);
});

test('a message for nobody comes back as an error', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const romeo = await XmppClient.connect(server, 'romeo');
  for (const [to, condition] of [
    ['nobody@localhost', 'service-unavailable'],
    ['juliet@capulet.example', 'remote-server-not-found'],
  ] as const) {
    await romeo.chat(to, 'anyone?');
    const error = await romeo.next(({ name }) => name === 'message');
    assert.equal(error.attrs['type'], 'error');
    assert.equal(error.attrs['from'], to);
    assert.ok(error.getChild('error')?.getChild(condition), error.toString());
  }
});

test('a stanza just within the limit is delivered, and one beyond it ends the stream', async (t) => {
  const server = await LiveServer.start(t, { limits: { stanza: { bytes: 100_000 } } });
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.connect(server, 'romeo');
  const juliet = await XmppClient.connect(server, 'juliet', { over: 'wss' });
  const body = 'ü'.repeat(49_900);
  await romeo.chat(juliet.jid, body);
  assert.equal((await juliet.nextMessage()).getChildText('body'), body);
  await juliet.chat(romeo.jid, body);
  assert.equal((await romeo.nextMessage()).getChildText('body'), body);

  for (const client of [romeo, juliet]) {
    client.client.reconnect.stop();
    await client.chat('localhost', 'ü'.repeat(50_000));
    await eventually('the stream has ended', () => client.errors.length > 0);
    assert.equal(Object(client.errors[0]).condition, 'policy-violation');
  }
});
