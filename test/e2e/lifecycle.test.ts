import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { makeSelfSigned } from '../../src/tls/self-signed.ts';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { HEADER, RawClient } from '../support/raw-client.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';
import { writePair } from '../tls/fixtures.ts';

const ROSTER = 'jabber:iq:roster';

test('clients that cannot resume come back after a restart and find what they left', async (t) => {
  const server = await LiveServer.start(t, { features: { sm: false } });
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.online(server, 'romeo', { resource: 'orchard' });
  const juliet = await XmppClient.online(server, 'juliet', { resource: 'balcony' });
  await romeo.set(xml('query', { xmlns: ROSTER }, xml('item', { jid: 'juliet@localhost', name: 'Giulietta' })));
  await romeo.set(xml('vCard', { xmlns: 'vcard-temp' }, xml('FN', {}, 'Romeo Montecchi')));
  await juliet.send(xml('presence', { to: 'romeo@localhost', type: 'subscribe' }));
  await juliet.settled();
  await juliet.stop();
  await romeo.chat('juliet@localhost', 'good night');
  await romeo.settled();

  const errors = new Promise<{ condition: string }>((resolve) => romeo.client.once('error', resolve));
  const back = new Promise<void>((resolve) => romeo.client.once('online', () => resolve()));
  await server.restart();
  assert.equal((await errors).condition, 'system-shutdown');
  await back;
  assert.equal(romeo.jid, 'romeo@localhost/orchard');

  const roster = await romeo.get(xml('query', { xmlns: ROSTER }));
  assert.equal(roster?.getChild('item')?.attrs['name'], 'Giulietta');
  const card = await romeo.get(xml('vCard', { xmlns: 'vcard-temp' }));
  assert.equal(card?.getChildText('FN'), 'Romeo Montecchi');
  romeo.received.length = 0;
  await romeo.send(xml('presence'));
  await romeo.next(({ name, attrs }) => name === 'presence' && attrs['type'] === 'subscribe');
  const again = await XmppClient.online(server, 'juliet');
  assert.equal((await again.nextMessage()).getChildText('body'), 'good night');
});

test('every client hears of a shutdown, on every transport', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const conditions: string[] = [];
  for (const over of ['tcp', 'tls', 'wss'] as const) {
    const romeo = await XmppClient.online(server, 'romeo', { over, resource: over });
    romeo.client.reconnect.stop();
    romeo.client.on('error', (error: { condition: string }) => conditions.push(error.condition));
  }
  const laptop = await connectStanza(server, 'romeo');
  laptop.on('raw:incoming', (xml) => {
    if (xml.includes('<system-shutdown ')) conditions.push('system-shutdown');
  });
  const stranger = await RawClient.connect(server, 'c2s');
  await stranger.open();

  const started = performance.now();
  await server.stop();
  assert.ok(performance.now() - started < 1500, 'clients that answer do not delay a shutdown');
  await eventually('all have heard', () => conditions.length === 4);
  assert.deepEqual(new Set(conditions), new Set(['system-shutdown']));
  assert.match(await stranger.closed(), /<system-shutdown .*<\/stream:stream>/);
});

test('clients that do not answer delay a shutdown no longer than configured', async (t) => {
  const server = await LiveServer.start(t, {
    limits: { timeouts: { shutdownMs: 800, closeMs: 60_000 }, traffic: { stanzas: { perSecond: 1, burst: 1 } } },
  });
  await server.addUsers('romeo');
  const silent = await RawClient.logIn(server, 'romeo', 'silent');
  silent.socket.pause();
  // The server has stopped reading from this one: it sends too fast.
  const hasty = await RawClient.logIn(server, 'romeo', 'hasty');
  hasty.write('<presence/>'.repeat(1000));
  const handshaking = await RawClient.connect(server, 'c2sTls');
  const nothingSaid = await RawClient.connect(server, 'https');
  await eventually('the presence arrives', () => hasty.received.includes('<presence'));

  const started = performance.now();
  await server.stop();
  const took = performance.now() - started;
  assert.ok(took < 2500, `the shutdown took ${took} ms`);
  for (const client of [hasty, handshaking, nothingSaid]) await client.closed();
});

test('what clients have begun is done before the store closes', async (t) => {
  const server = await LiveServer.start(t, { registration: { enabled: true } });
  await server.addUsers('romeo');
  const romeo = await RawClient.logIn(server, 'romeo');
  const query = `<username>romeo</username><password>changed</password>`;
  romeo.write(`<iq type='set' id='p' to='${DOMAIN}'><query xmlns='jabber:iq:register'>${query}</query></iq>`);
  await server.logged('stanza.received');
  await server.stop();
  await server.logged('account.password-changed');
});

test('a new certificate is shown to new connections, and the sessions go on', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const over = ['tcp', 'tls', 'wss'] as const;
  const sessions = [];
  for (const transport of over) sessions.push(await XmppClient.online(server, 'romeo', { over: transport }));
  const before = await certificates(server);

  const pair = await makeSelfSigned(DOMAIN, Date.now());
  await server.reload({ tls: await writePair(server.dataDir, 'renewed', pair) });

  const after = await certificates(server);
  assert.equal(new Set(before).size, 1);
  assert.equal(new Set(after).size, 1);
  assert.notEqual(after[0], before[0]);
  for (const session of sessions) {
    await session.settled();
    assert.deepEqual(session.errors, []);
  }
  for (const transport of over) await XmppClient.connect(server, 'romeo', { over: transport });
});

test('a bad certificate changes nothing', async (t) => {
  const server = await LiveServer.start(t);
  const before = await certificates(server);
  const missing = { certificate: `${server.dataDir}/none.pem`, key: `${server.dataDir}/none-key.pem` };
  await assert.rejects(server.reload({ tls: missing, registration: { enabled: true } }));
  assert.deepEqual(await certificates(server), before);
  const stranger = await RawClient.connectTls(server, 'c2sTls');
  assert.doesNotMatch(await stranger.open(), /iq-register/);
});

test('what can change while the server runs changes for the connections to come', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const romeo = await XmppClient.online(server, 'romeo');
  await server.reload({ auth: { mechanisms: ['SCRAM-SHA-1'] }, registration: { enabled: true } });
  const later = await XmppClient.connect(server, 'romeo');
  assert.deepEqual(later.mechanisms, ['SCRAM-SHA-1']);
  assert.ok((await later.offers()).includes('register'));
  await romeo.settled();
});

/** The fingerprints of the certificates that each port shows. */
async function certificates(server: LiveServer): Promise<string[]> {
  const starttls = await RawClient.connect(server, 'c2s');
  starttls.write(`${HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`);
  await starttls.until(/<proceed [^>]*>/);
  starttls.socket.removeAllListeners('data');
  const options = { servername: DOMAIN, rejectUnauthorized: false };
  const sockets = [
    connect({ ...options, socket: starttls.socket }),
    connect({ ...options, host: '127.0.0.1', port: server.port('c2sTls') }),
    connect({ ...options, host: '127.0.0.1', port: server.port('https') }),
  ];
  return Promise.all(sockets.map(fingerprint));
}

async function fingerprint(socket: TLSSocket): Promise<string> {
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.on('error', () => {});
  socket.destroy();
  return fingerprint256;
}
