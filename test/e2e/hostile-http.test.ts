import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { frame, handshake } from '../stream/websocket-fixtures.ts';
import { LiveServer } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { XmppClient } from '../support/xmpp-client.ts';

const OPEN = `<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" to="localhost" version="1.0"/>`;
const IN_CLEAR_TEXT = { c2s: { requireEncryption: false } };

async function assertServes(server: LiveServer): Promise<void> {
  await server.addUsers('witness');
  const witness = await XmppClient.connect(server, 'witness', { over: 'wss' });
  await witness.settled();
  await witness.stop();
}

/** Connects and switches to WebSocket by hand. */
async function upgrade(server: LiveServer): Promise<RawClient> {
  const client = await RawClient.connect(server, 'http');
  client.socket.setEncoding('latin1');
  client.write(handshake(['Sec-WebSocket-Protocol: xmpp']).replace('/ws', '/xmpp-websocket'));
  await client.until(/^HTTP\/1\.1 101 .*?\r\n\r\n/s);
  return client;
}

test('garbage on the HTTP ports is answered with an error or the end', async (t) => {
  const server = await LiveServer.start(t);
  const garbage: readonly (readonly [bytes: string | Buffer, answer: RegExp])[] = [
    ['hello\r\n\r\n', /^HTTP\/1\.1 400 /],
    [Buffer.alloc(10_000, 0xff), /^HTTP\/1\.1 400 /],
    [`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    [`GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, /^HTTP\/1\.1 4\d\d /],
    ['GET http:// HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 40\d /],
    ['GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 404 /],
    ['GET /healthz HTTP/1.1\r\nHost: [\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['BREW /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 4\d\d /],
    ['DELETE /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 405 /],
    [
      'POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 40\d /,
    ],
    ['GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', /^HTTP\/1\.1 426 /],
    ["<stream:stream to='localhost'>", /^HTTP\/1\.1 400 /],
  ];
  for (const [bytes, answer] of garbage) {
    const plain = await RawClient.connect(server, 'http');
    const secure = await RawClient.connectTls(server, 'https');
    for (const client of [plain, secure]) {
      client.write(bytes);
      assert.match(await client.closed(), answer, String(bytes).slice(0, 80));
    }
  }
  const noTls = await RawClient.connect(server, 'https');
  noTls.write('GET / HTTP/1.1\r\n\r\n');
  assert.doesNotMatch(await noTls.closed(), /HTTP/);
  await assertServes(server);
});

test('a WebSocket without the subprotocol xmpp is refused', async (t) => {
  const server = await LiveServer.start(t);
  for (const protocols of [[], ['chat'], ['XMPP2', 'xmpp-framing']]) {
    const socket = new WebSocket(server.urls.wss, protocols, { rejectUnauthorized: false });
    const [response] = await new Promise<unknown[]>((resolve) => {
      socket.on('error', () => {});
      socket.once('unexpected-response', (_request, refusal) => resolve([refusal.statusCode]));
      socket.once('open', () => resolve(['open']));
    });
    assert.equal(response, 400, protocols.join());
    socket.terminate();
  }
  for (const bad of ['Sec-WebSocket-Version: 12', 'Sec-WebSocket-Key: short']) {
    const client = await RawClient.connect(server, 'http');
    const lines = handshake(['Sec-WebSocket-Protocol: xmpp']).replace('/ws', '/xmpp-websocket').split('\r\n');
    const name = bad.slice(0, bad.indexOf(':'));
    client.write(lines.map((line) => (line.startsWith(`${name}:`) ? bad : line)).join('\r\n'));
    assert.match(await client.closed(), /^HTTP\/1\.1 4\d\d /);
  }
  await assertServes(server);
});

test('a WebSocket that breaks the rules of its framing or of XMPP is closed', async (t) => {
  const server = await LiveServer.start(t, { ...IN_CLEAR_TEXT, limits: { timeouts: { closeMs: 100 } } });
  const abuses: readonly (readonly [what: string, bytes: Buffer | string])[] = [
    ['binary messages', frame(OPEN, { opcode: 2 })],
    ['a frame of exabytes', frame('', { length: 2 ** 40 })],
    ['a frame without a mask', Buffer.from([0x81, 0x01, 0x20])],
    ['reserved bits', Buffer.from([0xf1, 0x80, 0, 0, 0, 0])],
    ['a continuation of nothing', frame('x', { opcode: 0 })],
    ['a control frame too long', frame('x'.repeat(200), { opcode: 9 })],
    ['text that is not UTF-8', Buffer.concat([frame('', { length: 2 }), Buffer.from([0xc3, 0x28])])],
    ['no opening', frame('<presence/>')],
    ['a stream header of TCP', frame("<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>")],
    ['half an element', frame(OPEN.slice(0, 20))],
    ['two elements in one message', Buffer.concat([frame(OPEN), frame('<a/><b/>')])],
    ['a second opening out of turn', Buffer.concat([frame(OPEN), frame(OPEN)])],
    ['an entity', Buffer.concat([frame(OPEN), frame('<message><body>&lol;</body></message>')])],
    [
      'many tiny fragments',
      Buffer.concat([frame('<', { fin: false }), ...Array<Buffer>(5000).fill(frame('a', { opcode: 0, fin: false }))]),
    ],
    ['a message too long', Buffer.concat([frame(OPEN), frame(`<message><body>${'a'.repeat(300_000)}`)])],
  ];
  for (const [what, bytes] of abuses) {
    const client = await upgrade(server);
    client.write(bytes);
    await client.closed(3000).catch((error: unknown) => assert.fail(`${what}: ${error}`));
  }
  await assertServes(server);
});

test('a flood of pings over a WebSocket that does not read is bounded', async (t) => {
  const server = await LiveServer.start(t, IN_CLEAR_TEXT);
  const client = await upgrade(server);
  client.socket.pause();
  const flood = Buffer.concat(Array<Buffer>(10_000).fill(frame('p'.repeat(100), { opcode: 9 })));
  for (let i = 0; i < 20 && !client.isClosed; i++) {
    await client.push(flood, 50);
    for (const { bufferedBytes } of server.server.c2s.connections) {
      assert.ok(bufferedBytes < 5_000_000, `${bufferedBytes} bytes wait for the client`);
    }
  }
  await assertServes(server);
});
