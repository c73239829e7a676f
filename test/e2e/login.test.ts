import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveServer, PASSWORD } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

/** With the settings that allow a login without encryption. */
const IN_CLEAR_TEXT = { c2s: { requireEncryption: false } };

for (const over of ['tcp', 'tls', 'ws', 'wss'] as const) {
  for (const mechanism of ['SCRAM-SHA-1', 'PLAIN']) {
    if (over === 'ws' && mechanism === 'PLAIN') continue;
    test(`@xmpp/client logs in over ${over} with ${mechanism}`, async (t) => {
      const server = await LiveServer.start(t, over === 'ws' ? IN_CLEAR_TEXT : {});
      await server.addUsers('romeo');
      const romeo = await XmppClient.connect(server, 'romeo', { over, mechanism, resource: 'orchard' });
      assert.equal(romeo.jid, 'romeo@localhost/orchard');
      await romeo.settled();
      const line = await server.logged('login.succeeded');
      assert.equal(line['mechanism'], mechanism);
      assert.equal(line['transport'], over.startsWith('ws') ? 'websocket' : 'tcp');
      assert.deepEqual(romeo.errors, []);
    });
  }
}

for (const over of ['ws', 'wss'] as const) {
  test(`stanza logs in over ${over} with the best mechanism it knows`, async (t) => {
    const server = await LiveServer.start(t, over === 'ws' ? IN_CLEAR_TEXT : {});
    await server.addUsers('juliet');
    const juliet = await connectStanza(server, 'juliet', { over });
    assert.match(juliet.jid, /^juliet@localhost\/./);
    await juliet.ping('localhost');
    assert.equal((await server.logged('login.succeeded'))['mechanism'], 'SCRAM-SHA-256');
  });
}

test('a resource that the client leaves to the server is long and differs each time', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const one = await XmppClient.connect(server, 'romeo');
  const other = await XmppClient.connect(server, 'romeo');
  assert.match(one.jid, /^romeo@localhost\/.{8,}$/);
  assert.notEqual(one.jid, other.jid);
});

test('a wrong password and an unknown user are refused alike', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  for (const [username, password] of [
    ['romeo', 'wrong'],
    ['nobody', PASSWORD],
  ] as const) {
    for (const mechanism of ['SCRAM-SHA-1', 'PLAIN']) {
      const login = XmppClient.connect(server, username, { password, mechanism });
      await assert.rejects(login, { condition: 'not-authorized' });
    }
    await assert.rejects(connectStanza(server, username, { password }), /not authorized/);
  }
  assert.equal(server.log.filter(({ event }) => event === 'login.failed').length, 6);
});

test('nobody logs in without encryption', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const romeo = new XmppClient(server, 'romeo', { over: 'ws' });
  romeo.client.start().catch(() => undefined);
  assert.ok(!(await romeo.offers()).includes('mechanisms'));
});

test('PLAIN is offered in clear text only where the operator says so', async (t) => {
  const careful = await LiveServer.start(t, IN_CLEAR_TEXT);
  const careless = await LiveServer.start(t, { ...IN_CLEAR_TEXT, auth: { allowPlaintext: true } });
  for (const server of [careful, careless]) {
    await server.addUsers('romeo');
    const romeo = await XmppClient.connect(server, 'romeo', { over: 'ws' });
    assert.equal(romeo.mechanisms.includes('PLAIN'), server === careless);
  }
  await XmppClient.connect(careless, 'romeo', { over: 'ws', mechanism: 'PLAIN' });
});

test('who binds a resource that is in use replaces the session that has it', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const before = await XmppClient.connect(server, 'romeo', { resource: 'phone' });
  before.client.reconnect.stop();
  const ended = new Promise<{ condition: string }>((resolve) => before.client.once('error', resolve));
  const after = await XmppClient.connect(server, 'romeo', { resource: 'phone' });
  assert.equal((await ended).condition, 'conflict');
  await after.settled();
  await after.chat(after.jid, 'still here');
  assert.equal((await after.nextMessage()).getChildText('body'), 'still here');
});

test('Stream Management is offered, and the clients that know it use it', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const romeo = await XmppClient.online(server, 'romeo');
  const offered = await romeo.offers();
  assert.ok(offered.includes('bind'));
  assert.ok(offered.includes('sm'));
  assert.equal(Object(romeo.client).streamManagement.enabled, true);
  const laptop = await connectStanza(server, 'romeo');
  await laptop.ping();
  assert.deepEqual(romeo.errors, []);
});

test('a client that asks for what is not there gets an error and stays', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const romeo = await XmppClient.connect(server, 'romeo');
  assert.equal(await romeo.refused('get', xml('query', { xmlns: 'urn:example:none' })), 'service-unavailable');
  assert.equal(
    await romeo.refused('get', xml('query', { xmlns: 'urn:example:none' }), 'localhost'),
    'service-unavailable',
  );
  assert.equal(
    await romeo.refused('get', xml('ping', { xmlns: 'urn:xmpp:ping' }), 'elsewhere.example'),
    'remote-server-not-found',
  );
  await romeo.settled();
});
