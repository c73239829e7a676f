import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { DOMAIN, eventually, LiveServer, PASSWORD } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';

const OPEN = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="${DOMAIN}" version="1.0"/>`;
const TRUSTING = { http: { trustedProxies: ['127.0.0.0/8', '::1'] } };
const CLIENT = { 'X-Forwarded-For': '198.51.100.7, 192.0.2.1', 'X-Forwarded-Proto': 'https' };

type Headers = Readonly<Record<string, string>>;

/** A WebSocket as a reverse proxy opens it for a client, with what has come over it. */
async function connectThrough(server: LiveServer, headers: Headers, over: 'ws' | 'wss' = 'ws') {
  const socket = new WebSocket(server.urls[over], 'xmpp', { headers, rejectUnauthorized: false });
  server.beforeEnd(() => socket.terminate());
  let received = '';
  socket.on('message', (data) => {
    received += String(data);
  });
  await once(socket, 'open');
  socket.send(OPEN);
  const until = (wanted: RegExp): Promise<string> =>
    eventually(`the server says ${wanted}; it has said ${received}`, () => wanted.exec(received)?.[0]);
  return { socket, until, features: await until(/<stream:features.*(?:\/>|<\/stream:features>)/) };
}

test('behind a trusted proxy a client logs in over the plain listener, with its own address', async (t) => {
  const server = await LiveServer.start(t, TRUSTING);
  await server.addUsers('romeo');
  const { socket, until, features } = await connectThrough(server, CLIENT);
  assert.match(features, /<mechanism>PLAIN<\/mechanism>/);
  assert.doesNotMatch(features, /-PLUS|channel-binding/);
  const response = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
  socket.send(`<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="PLAIN">${response}</auth>`);
  await until(/<success/);
  assert.equal((await server.logged('login.succeeded'))['address'], '192.0.2.1');
});

test('a proxy whose client is not encrypted offers no login', async (t) => {
  const server = await LiveServer.start(t, TRUSTING);
  for (const over of ['ws', 'wss'] as const) {
    const { features } = await connectThrough(server, { ...CLIENT, 'X-Forwarded-Proto': 'http' }, over);
    assert.doesNotMatch(features, /<mechanism>/);
  }
});

test('whoever is no trusted proxy is not believed', async (t) => {
  const server = await LiveServer.start(t, { http: { trustedProxies: ['127.0.0.2', '192.0.2.0/24'] } });
  assert.doesNotMatch((await connectThrough(server, CLIENT)).features, /<mechanism>/);
  assert.equal((await server.logged('stream.accepted'))['address'], '127.0.0.1');
  await server.reload(TRUSTING);
  assert.match((await connectThrough(server, CLIENT)).features, /<mechanism>/);
});

test('the clients of a proxy are counted one by one', async (t) => {
  const connections = { unauthenticatedPerAddress: 1, attemptsPerAddress: null };
  const server = await LiveServer.start(t, { ...TRUSTING, limits: { connections } });
  await connectThrough(server, CLIENT);
  await connectThrough(server, { ...CLIENT, 'X-Forwarded-For': '192.0.2.2' });
  await assert.rejects(connectThrough(server, { ...CLIENT, 'X-Forwarded-For': '203.0.113.9, 192.0.2.1' }), /429/);
  assert.equal((await server.logged('connection.refused'))['address'], '192.0.2.1');
});

test('host-meta names the public URL, as it is after a reload', async (t) => {
  const server = await LiveServer.start(t, { http: { publicUrl: 'https://chat.example.org' } });
  const page = async (): Promise<string> => {
    const client = await RawClient.connect(server, 'http');
    client.write(`GET /.well-known/host-meta.json HTTP/1.1\r\nHost: ${DOMAIN}\r\nConnection: close\r\n\r\n`);
    return client.closed();
  };
  assert.match(await page(), /"wss:\/\/chat\.example\.org\/xmpp-websocket"/);
  await server.reload({ http: { publicUrl: 'https://example.org/chat/' } });
  assert.match(await page(), /"wss:\/\/example\.org\/chat\/xmpp-websocket"/);
});
