import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { TcpTransport } from '../../src/stream/tcp.ts';
import { Certificates } from '../../src/tls/certificates.ts';
import { systemClock } from '../../src/util/clock.ts';
import { availability, feature, gate } from '../core/scene.ts';
import { settle } from '../support/manual-clock.ts';
import { PASSWORD, Stage, type StageOptions } from '../support/stage.ts';
import { temporaryFolder } from '../tls/fixtures.ts';
import { auth, bind, HEADER, TcpClient, until } from './tcp-client.ts';

const PLAIN = { c2s: { requireEncryption: false }, auth: { allowPlaintext: true } };
const STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const MESSAGE = '<message to="romeo@stage.example/b" id="1"><body>Grüße 🌹</body></message>';

async function open(t: TestContext, options: Partial<StageOptions> = {}) {
  const stage = await Stage.open(t, { features: [availability], config: PLAIN, ...options });
  for (const user of ['romeo', 'juliet']) await stage.host.users.create(user, PASSWORD);
  return { stage, port: await stage.listen() };
}

async function acceptor(t: TestContext) {
  const certificates = await Certificates.open({
    hosts: ['stage.example'],
    dataDir: await temporaryFolder(t),
    clock: systemClock,
  });
  const tls = certificates.acceptor({ requestCertificate: false });
  t.after(() => tls.close());
  return tls;
}

async function logIn(t: TestContext, port: number, user: string, resource: string): Promise<TcpClient> {
  const client = await TcpClient.connect(t, port);
  client.write(HEADER + auth(user, PASSWORD));
  await client.until(/<success[^>]*>/);
  client.write(HEADER + bind(resource));
  await client.until(/<iq [^>]*type="result".*<\/iq>/);
  return client;
}

async function gone(stage: Stage, left = 0): Promise<void> {
  await until(() => stage.connections <= left);
}

test('everything from the header to a message may come in one piece', async (t) => {
  const { port } = await open(t);
  const client = await TcpClient.connect(t, port);
  client.write(`${HEADER}${auth('romeo', PASSWORD)}${HEADER}${bind('b')}${MESSAGE}</stream:stream>`);
  const read = await client.rest();
  assert.match(read, /^<\?xml version='1\.0'\?><stream:stream [^>]+><stream:features>/);
  assert.match(read, /<success[^>]*\/><\?xml version='1\.0'\?><stream:stream/);
  assert.match(read, /<body>Grüße 🌹<\/body><\/message><\/stream:stream>$/);
});

test('or byte by byte', async (t) => {
  const { port } = await open(t);
  const client = await TcpClient.connect(t, port);
  const all = Buffer.from(`${HEADER}${auth('romeo', PASSWORD)}${HEADER}${bind('b')}${MESSAGE}</stream:stream>`);
  for (const byte of all) {
    if (!client.socket.write(Buffer.of(byte))) await once(client.socket, 'drain');
    await settle();
  }
  assert.match(await client.rest(), /<body>Grüße 🌹<\/body><\/message><\/stream:stream>$/);
});

test('our header says who we are, to whom we speak, and has an identifier of its own', async (t) => {
  const { port } = await open(t);
  const client = await TcpClient.connect(t, port);
  client.write(HEADER.replace('to=', "from='romeo@stage.example' xml:lang='it' to="));
  const header = await client.until(/<stream:stream [^>]+>/);
  const attributes = Object.fromEntries(
    [...header.matchAll(/ ([\w:]+)='([^']*)'/g)].map(([, name, value]) => [name, value]),
  );
  const { id, ...others } = attributes;
  assert.match(id ?? '', /^[\w-]{20}$/);
  assert.deepEqual(others, {
    xmlns: 'jabber:client',
    'xmlns:stream': 'http://etherx.jabber.org/streams',
    version: '1.0',
    from: 'stage.example',
    to: 'romeo@stage.example',
    'xml:lang': 'en',
  });
});

test('a thousand stanzas in one piece arrive in order', async (t) => {
  const { port } = await open(t);
  const romeo = await logIn(t, port, 'romeo', 'b');
  const juliet = await logIn(t, port, 'juliet', 'j');
  const numbers = Array.from({ length: 1000 }, (_, i) => String(i));
  juliet.write(numbers.map((id) => `<message to="romeo@stage.example/b" id="${id}"/>`).join('\n '));
  const read = await romeo.until(/id="999"\/>/);
  assert.deepEqual(
    [...read.matchAll(/id="(\d+)"/g)].map(([, id]) => id),
    numbers,
  );
});

test('STARTTLS: required, negotiated, and not offered again', async (t) => {
  const { port } = await open(t, { config: {}, startTls: await acceptor(t) });
  const client = await TcpClient.connect(t, port);
  client.write(HEADER);
  const features = await client.until(/<\/stream:features>/);
  assert.match(features, /<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"><required\/><\/starttls>/);
  assert.doesNotMatch(features, /mechanisms/);
  client.write(auth('romeo', PASSWORD));
  await client.until(/<failure xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><encryption-required\/><\/failure>/);
  client.write(STARTTLS);
  assert.equal(await client.until(/<proceed[^>]*\/>/), '<proceed xmlns="urn:ietf:params:xml:ns:xmpp-tls"/>');
  await client.secure();
  client.write(HEADER);
  const secured = await client.until(/<\/stream:features>/);
  assert.doesNotMatch(secured, /starttls/);
  assert.match(secured, /<mechanism>SCRAM-SHA-256-PLUS<\/mechanism>/);
  client.write(auth('romeo', PASSWORD));
  await client.until(/<success/);
  client.write(HEADER + bind('b') + MESSAGE);
  await client.until(/Grüße 🌹/);
  client.write(`${STARTTLS}`);
  assert.match(await client.rest(), /<unsupported-stanza-type /);
});

test('what is sent in clear text behind <starttls/> is never interpreted', async (t) => {
  const { stage, port } = await open(t, { config: {}, startTls: await acceptor(t) });
  const client = await TcpClient.connect(t, port);
  client.write(HEADER);
  await client.until(/<\/stream:features>/);
  const injected = `${HEADER}${auth('romeo', PASSWORD)}<bogus xmlns='urn:b'/>`;
  client.write(STARTTLS + injected);
  assert.equal(await client.until(/<proceed[^>]*\/>/), '<proceed xmlns="urn:ietf:params:xml:ns:xmpp-tls"/>');
  await client.secure();
  client.write(HEADER);
  await client.until(/<\/stream:features>/);
  client.write(auth('juliet', PASSWORD));
  await client.until(/^<success[^>]*>/);
  assert.equal(stage.connections, 1);
});

test('clear text instead of a handshake ends the connection', async (t) => {
  const { stage, port } = await open(t, { config: {}, startTls: await acceptor(t) });
  const client = await TcpClient.connect(t, port);
  client.write(HEADER + STARTTLS);
  await client.until(/<proceed[^>]*\/>/);
  client.write(`${HEADER}${auth('romeo', PASSWORD)}`);
  assert.doesNotMatch(await client.rest(), /stream:|success/);
  await gone(stage);
});

test('STARTTLS right behind a failed login in the same piece', async (t) => {
  const { port } = await open(t, { startTls: await acceptor(t) });
  const client = await TcpClient.connect(t, port);
  client.write(`${HEADER}${auth('romeo', 'wrong')}${STARTTLS}`);
  await client.until(/<\/failure><proceed[^>]*\/>/);
  await client.secure();
  client.write(HEADER + auth('romeo', PASSWORD));
  await client.until(/<success/);
});

test('a stream that is closed while TLS is negotiated stays closed', async (t) => {
  const { stage, port } = await open(t, { config: {}, startTls: await acceptor(t) });
  const client = await TcpClient.connect(t, port);
  client.write(HEADER + STARTTLS);
  await client.until(/<proceed[^>]*\/>/);
  const over = stage.shutDown();
  client.socket.destroy();
  await over;
  assert.equal(stage.connections, 0);
});

test('direct TLS', async (t) => {
  const { stage } = await open(t, { config: {} });
  const port = await stage.listen(await acceptor(t));
  const client = await TcpClient.connect(t, port);
  await client.secure();
  client.write(`${HEADER}${auth('romeo', PASSWORD)}${HEADER}${bind('b')}${MESSAGE}`);
  const read = await client.until(/Grüße 🌹/);
  assert.doesNotMatch(read, /starttls/);
  const stranger = await TcpClient.connect(t, port);
  stranger.write(HEADER);
  assert.doesNotMatch(await stranger.rest(), /stream/);
  await gone(stage, 1);
});

test('a client that ends its half of the connection is gone', async (t) => {
  const { stage, port } = await open(t);
  const client = await logIn(t, port, 'romeo', 'b');
  client.socket.end();
  await client.rest();
  await gone(stage);
  assert.equal(stage.host.account('romeo')?.sessions.size, 0);
});

test('a connection that is reset ends its session only', async (t) => {
  const { stage, port } = await open(t);
  const romeo = await logIn(t, port, 'romeo', 'b');
  const juliet = await logIn(t, port, 'juliet', 'j');
  romeo.socket.resetAndDestroy();
  await gone(stage, 1);
  juliet.write('<message to="romeo@stage.example/b" id="1"/>');
  await juliet.until(/service-unavailable/);
});

test('what is sent to a client that has closed its stream is not lost, though its connection lives', async (t) => {
  const { stage, port } = await open(t);
  const romeo = await logIn(t, port, 'romeo', 'b');
  const juliet = await logIn(t, port, 'juliet', 'j');
  romeo.write('</stream:stream>');
  await romeo.until(/<\/stream:stream>/);
  assert.equal(stage.connections, 2);
  juliet.write('<message to="romeo@stage.example/b" id="1"/>');
  await juliet.until(/service-unavailable/);
});

test('an error reaches a client that goes on sending, and its connection ends without delay', async (t) => {
  const { stage, port } = await open(t);
  const client = await TcpClient.connect(t, port);
  client.write(`${HEADER}<bogus xmlns='urn:b'/>${'<a/>'.repeat(100_000)}`);
  assert.match(await client.rest(), /<unsupported-stanza-type [^>]*\/><\/stream:error><\/stream:stream>$/);
  client.socket.end();
  await gone(stage);
  const other = await TcpClient.connect(t, port);
  other.write(`${HEADER}<a></b>${'x'.repeat(100_000)}`);
  assert.match(await other.rest(), /<not-well-formed [^>]*\/>.*<\/stream:stream>$/);
  other.socket.end();
  await gone(stage);
});

test('a client that does not read loses its session, and slows nobody', async (t) => {
  const { stage, port } = await open(t, {
    config: { ...PLAIN, limits: { queue: { outboxBytes: 65_536 }, traffic: { stanzas: null, bytes: null } } },
  });
  const romeo = await logIn(t, port, 'romeo', 'b');
  const juliet = await logIn(t, port, 'juliet', 'j');
  romeo.socket.pause();
  const large = `<message to="romeo@stage.example/b" id="x"><body>${'a'.repeat(60_000)}</body></message>`;
  let sent = 0;
  let isRefused = false;
  const refusal = juliet.until(/service-unavailable/).then(() => {
    isRefused = true;
  });
  while (!isRefused && sent++ < 1000) {
    juliet.write(large);
    await settle();
  }
  await refusal;
  const [record] = stage.log.records.filter(({ event }) => event === 'session.overflow');
  assert.ok(Number(record?.fields['bytes']) <= 65_536);
  assert.equal(stage.host.account('romeo')?.sessions.size, 0);
  juliet.write('<message to="juliet@stage.example/j" id="me"/>');
  await juliet.until(/id="me"/);
  // It does not even have to read to be gone at last.
  await stage.clock.advance(6000);
  await gone(stage, 1);
});

test('who sends and does not read its answers is not kept in memory', async (t) => {
  const limits = { queue: { outboxBytes: 65_536 }, traffic: { stanzas: null, bytes: null } };
  const { stage, port } = await open(t, { config: { ...PLAIN, limits } });
  const floods: [name: string, xml: string, client: TcpClient][] = [
    ['malformed addresses', `<message id="${'a'.repeat(9000)}" to="@"/>`, await logIn(t, port, 'romeo', 'b')],
    ['unbound', bind('a'.repeat(2000)).replace("id='bind'", `id='${'a'.repeat(7000)}'`), await unbound(t, port)],
  ];
  for (const [name, xml, client] of floods) {
    client.socket.pause();
    const before = stage.connections;
    for (let i = 0; i < 3000 && stage.connections === before; i++) {
      if (!client.socket.write(xml))
        await Promise.race([once(client.socket, 'drain'), settle(), once(client.socket, 'close')]);
      await settle();
      await stage.clock.advance(5);
    }
    assert.ok(stage.connections < before, name);
    const ends = stage.log.records.filter(({ event }) => event === 'stream.ended');
    assert.equal(ends.at(-1)?.fields['condition'], 'resource-constraint', name);
  }
});

test('what is thrown while bytes are interpreted is told the stream, and reaches nobody else', async (t) => {
  const told: unknown[] = [];
  const failure = new TypeError('a bug');
  const server = createServer((socket) => {
    const limits = { maxBytes: 1000, maxDepth: 8, maxAttributes: 8, maxChildren: 8 };
    const options = { secure: false, limits, clock: systemClock, remoteAddress: '127.0.0.1' };
    const transport = new TcpTransport(socket, options);
    const unexpected = (): void => assert.fail();
    transport.handler = {
      header() {
        throw failure;
      },
      element: unexpected,
      ended: unexpected,
      failed(error) {
        told.push(error);
        transport.end();
      },
      closed: () => told.push('closed'),
    };
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const client = await TcpClient.connect(t, (server.address() as AddressInfo).port);
  client.write(`${HEADER}<a/>`);
  assert.equal(await client.rest(), '');
  client.socket.end();
  await until(() => told.length === 2);
  assert.deepEqual(told, [failure, 'closed']);
});

async function unbound(t: TestContext, port: number): Promise<TcpClient> {
  const client = await TcpClient.connect(t, port);
  client.write(HEADER + auth('romeo', PASSWORD) + HEADER);
  await client.until(/<bind[^>]*>/);
  return client;
}

test('who sends too fast is read more slowly, and nothing is lost', async (t) => {
  const limits = { traffic: { stanzas: { perSecond: 10, burst: 10 }, bytes: null } };
  const { stage, port } = await open(t, { config: { ...PLAIN, limits } });
  const romeo = await logIn(t, port, 'romeo', 'b');
  const juliet = await logIn(t, port, 'juliet', 'j');
  const numbers = Array.from({ length: 50 }, (_, i) => String(i));
  juliet.write(`${numbers.map((id) => `<message to="romeo@stage.example/b" id="${id}"/>`).join('')}</stream:stream>`);
  let read = await romeo.until(/id="10"\/>/);
  for (let i = 0; i < 10; i++) await settle();
  romeo.write('<message to="romeo@stage.example/b" id="now"/>');
  read += await romeo.until(/id="now"\/>/);
  assert.doesNotMatch(read, /id="11"/);
  for (let seconds = 0; seconds < 5; seconds++) await stage.clock.advance(1000);
  read += await romeo.until(/id="49"\/>/);
  assert.deepEqual(
    [...read.matchAll(/id="(\d+)"/g)].map(([, id]) => id),
    numbers,
  );
  await juliet.until(/<\/stream:stream>/);
});

test('requests are answered in the order of asking, however long each takes (RFC 6120 §10.1)', async (t) => {
  const gates = [gate(), gate(), gate()];
  const slow = feature('slow', (host) => {
    host.handle({ type: 'get', ns: 'urn:slow', name: 'q', to: 'host' }, ({ iq }) => gates[Number(iq.id)]?.promise);
  });
  const { port } = await open(t, { features: [slow] });
  const client = await logIn(t, port, 'romeo', 'b');
  const ask = (id: string) => `<iq type="get" id="${id}" to="stage.example"><q xmlns="urn:slow"/></iq>`;
  client.write(`${['0', '1', '2'].map(ask).join('')}<message to="romeo@stage.example/b" id="3"/>`);
  for (const { open } of gates.toReversed()) open();
  const read = await client.until(/id="3"/);
  assert.deepEqual(
    [...read.matchAll(/id="(\d)"/g)].map(([, id]) => id),
    ['0', '1', '2', '3'],
  );
});

test('a shutdown tells every client, and waits until they are gone', async (t) => {
  const { stage, port } = await open(t);
  const romeo = await logIn(t, port, 'romeo', 'b');
  const stranger = await TcpClient.connect(t, port);
  await until(() => stage.connections === 2);
  const over = stage.shutDown();
  for (const client of [romeo, stranger]) {
    assert.match(await client.rest(), /<system-shutdown [^>]*\/><\/stream:error><\/stream:stream>$/);
    client.socket.end();
  }
  await over;
  assert.equal(stage.connections, 0);
});

test('connections beyond what an address may have are refused, and counted no longer than they live', async (t) => {
  const limits = { connections: { unauthenticatedPerAddress: 2, attemptsPerAddress: null } };
  const { stage, port } = await open(t, { config: { ...PLAIN, limits } });
  const strangers = [await TcpClient.connect(t, port), await TcpClient.connect(t, port)];
  await until(() => stage.connections === 2);
  const refused = await TcpClient.connect(t, port);
  assert.equal(await refused.rest(), '');
  assert.equal(stage.connections, 2);
  for (const { socket } of strangers) socket.destroy();
  await gone(stage);
  // Who has logged in is no stranger.
  for (let i = 0; i < 4; i++) await logIn(t, port, 'romeo', `r${i}`);
  assert.equal(stage.connections, 4);
});
