import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually, LiveServer, PASSWORD } from '../support/live-server.ts';
import { HEADER, RawClient } from '../support/raw-client.ts';
import { XmppClient } from '../support/xmpp-client.ts';

/** Documents that no stream may contain, and what is wrong with each. */
const BAD_XML: readonly (readonly [what: string, xml: string | Buffer, condition: string])[] = [
  ['a document type', '<!DOCTYPE lolz [<!ENTITY lol "lol">]>', 'restricted-xml'],
  [
    'an entity bomb',
    `<!DOCTYPE l [<!ENTITY a "ha">${bomb('a', 9)}]><message><body>&i;</body></message>`,
    'restricted-xml',
  ],
  ['an unknown entity', '<message><body>&lol;</body></message>', 'restricted-xml'],
  ['an external entity', '<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]>', 'restricted-xml'],
  ['a comment', '<!-- hello -->', 'restricted-xml'],
  ['a processing instruction', '<?php echo 1 ?>', 'restricted-xml'],
  ['tags that do not match', '<message><body></message>', 'not-well-formed'],
  ['a duplicate attribute', "<message to='a' to='b'/>", 'not-well-formed'],
  ['a control character', '<message><body>\u0000</body></message>', 'not-well-formed'],
  ['an undeclared prefix', '<evil:message/>', 'not-well-formed'],
  ['bytes that are not UTF-8', Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0xfe, 0xc0, 0x80]), 'unsupported-encoding'],
  ['an element nested too deep', '<message>'.repeat(10_000), 'policy-violation'],
  [
    'too many attributes',
    `<message ${Array.from({ length: 1000 }, (_, i) => `a${i}=''`).join(' ')}/>`,
    'policy-violation',
  ],
  ['a name without end', `<${'a'.repeat(1_000_000)}`, 'policy-violation'],
  ['an attribute without end', `<message to='${'a'.repeat(1_000_000)}`, 'policy-violation'],
  ['a text without end', `<message><body>${'a'.repeat(1_000_000)}`, 'policy-violation'],
];

function bomb(name: string, depth: number): string {
  let entities = '';
  for (let i = 1; i < depth; i++) {
    const [inner, outer] = [code(name, i - 1), code(name, i)];
    entities += `<!ENTITY ${outer} "${`&${inner};`.repeat(10)}">`;
  }
  return entities;
}

function code(name: string, offset: number): string {
  return String.fromCharCode(name.charCodeAt(0) + offset);
}

/** What is left in memory, in bytes, when all that is not in use is given back. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Asserts that the server still serves, promptly. */
async function assertServes(server: LiveServer): Promise<void> {
  await server.addUsers('witness');
  const witness = await XmppClient.connect(server, 'witness');
  await witness.settled();
  await witness.stop();
}

async function open(t: TestContext, settings = {}): Promise<LiveServer> {
  const server = await LiveServer.start(t, settings);
  await server.addUsers('mallory');
  return server;
}

test('whatever is not XML as XMPP wants it ends its stream with the right error, before login and after', async (t) => {
  const server = await open(t);
  for (const [what, xml, condition] of BAD_XML) {
    const stranger = await RawClient.connect(server, 'c2s');
    await stranger.open();
    const user = await RawClient.logIn(server, 'mallory');
    for (const client of [stranger, user]) {
      client.write(xml);
      assert.match(await client.closed(), new RegExp(`<${condition} .*</stream:stream>$`, 's'), what);
    }
  }
  await assertServes(server);
});

test('what does not even begin a stream is answered with an error and the end', async (t) => {
  const server = await open(t);
  const garbage = [
    'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'hello\n',
    Buffer.alloc(100_000, 0x80),
    Buffer.from('16030100', 'hex'),
    "<stream:stream xmlns='jabber:client' to='localhost'>",
    HEADER.replace('localhost', 'elsewhere.example'),
    HEADER.replace('localhost', '@@@'),
    HEADER.replace('jabber:client', 'jabber:server'),
    HEADER.replace("version='1.0'", "version='0.9'"),
    `<?xml version='1.0' encoding='UTF-16'?>${HEADER.slice(HEADER.indexOf('<stream'))}`,
    '<a/>',
    '\u0000',
  ];
  for (const bytes of garbage) {
    const client = await RawClient.connect(server, 'c2s');
    client.write(bytes);
    assert.match(await client.closed(), /<stream:error><[a-z-]+ .*<\/stream:stream>$/s, String(bytes).slice(0, 80));
  }
  await assertServes(server);
});

test('garbage in the place of a TLS handshake ends the connection alone', async (t) => {
  const server = await open(t);
  const garbage = [HEADER, Buffer.alloc(65_536, 0xff), Buffer.from('1603010200010001fc0303', 'hex'), '\r\n\r\n'];
  for (const bytes of garbage) {
    const direct = await RawClient.connect(server, 'c2sTls');
    direct.write(bytes);
    const starttls = await RawClient.connect(server, 'c2s');
    starttls.write(`${HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`);
    await starttls.until(/<proceed [^>]*>/);
    starttls.write(bytes);
    for (const client of [direct, starttls]) {
      client.socket.end();
      await client.closed();
    }
  }
  await assertServes(server);
});

test('what follows <starttls/> in clear text is never interpreted', async (t) => {
  const server = await open(t);
  const client = await RawClient.connect(server, 'c2s');
  const injected = `${HEADER}<iq type='get' id='injected'><query xmlns='jabber:iq:register'/></iq>`;
  client.write(`${HEADER}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>${injected}`);
  const heard = await client.until(/<proceed [^>]*>/);
  assert.doesNotMatch(heard + client.received, /injected/);
});

test('who is slow on purpose is not waited for', async (t) => {
  const timeouts = { tlsHandshakeMs: 500, streamHeaderMs: 500, authenticationMs: 1000, bindMs: 500, closeMs: 500 };
  const server = await open(t, { limits: { timeouts } });
  const header = await RawClient.connect(server, 'c2s');
  const features = await RawClient.connect(server, 'c2s');
  await features.open();
  const handshake = await RawClient.connect(server, 'c2sTls');
  const unbound = await RawClient.connectTls(server, 'c2sTls');
  await unbound.open();
  const response = Buffer.from(`\0mallory\0${PASSWORD}`).toString('base64');
  unbound.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
  await unbound.until(/<success [^>]*>/);
  await unbound.open();

  const clients = [header, features, handshake, unbound];
  let at = 0;
  // White space keeps nobody from being timed out.
  const dribble = setInterval(() => {
    header.write(HEADER.charAt(at++));
    features.write(' ');
    handshake.write(Buffer.from([0x16]));
    unbound.write('\n');
  }, 20);
  t.after(() => clearInterval(dribble));
  for (const client of clients) {
    const said = await client.closed(4000);
    if (client !== handshake) assert.match(said, /<connection-timeout .*<\/stream:stream>$/s);
  }
  clearInterval(dribble);
  await assertServes(server);
});

test('a stanza of a gigabyte is cut off at the limit', async (t) => {
  const server = await open(t);
  const user = await RawClient.logIn(server, 'mallory');
  const megabyte = Buffer.alloc(1_048_576, 'a');
  user.write("<message to='localhost'><body>");
  let written = 0;
  while (written < 1024 && !user.isClosed) {
    written++;
    await user.push(megabyte);
  }
  await user.closed();
  assert.ok(written < 64, `${written} MB were taken`);
  await server.logged('stream.ended', ({ condition }) => condition === 'policy-violation');
  await assertServes(server);
});

test('one address has only so many connections that have not logged in', async (t) => {
  const server = await open(t, {
    limits: { connections: { unauthenticatedPerAddress: 20, attemptsPerAddress: { count: 500, perMs: 60_000 } } },
  });
  const sockets = await Promise.all(Array.from({ length: 300 }, () => RawClient.connect(server, 'c2s')));
  for (const client of sockets) client.write(HEADER);
  const admitted = [];
  for (const client of sockets) {
    const features = client.until(/<stream:features/);
    const isAdmitted = await features.then(
      () => true,
      () => false,
    );
    if (isAdmitted) admitted.push(client);
  }
  assert.equal(admitted.length, 20);
  admitted[0]?.socket.end('</stream:stream>');
  await admitted[0]?.closed();
  await assertServes(server);
  for (let i = 0; i < 250; i++) await RawClient.connect(server, 'c2s');
  const late = await RawClient.connect(server, 'c2s');
  late.write(HEADER);
  assert.equal(await late.closed(), '');
  await server.logged('connection.refused', ({ reason }) => reason === 'too-many-attempts');
});

test('a client that does not read is let go, and nobody else notices', async (t) => {
  const server = await open(t);
  await server.addUsers('sleeper', 'reader');
  const sleeper = await RawClient.logIn(server, 'sleeper', 'bed');
  sleeper.socket.pause();
  const reader = await XmppClient.connect(server, 'reader');
  const mallory = await RawClient.logIn(server, 'mallory');
  const { outboxBytes } = server.server.settings.current.limits.queue;
  const stanza = `<message to='sleeper@localhost/bed' type='headline'><body>${'z'.repeat(99_900)}</body></message>`;

  let largest = 0;
  const before = memoryInUse();
  for (let sent = 0; sent < 100_000_000; sent += stanza.length) {
    await mallory.push(stanza);
    for (const { bufferedBytes } of server.server.c2s.connections) largest = Math.max(largest, bufferedBytes);
    if (sent % 1_000_000 < stanza.length) await reader.settled();
  }
  await mallory.ask(`<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>`);
  assert.ok(largest <= outboxBytes + 2 * stanza.length, `${largest} bytes waited for one client`);
  // Buffers that nobody has any more are given back by another thread, some time after the collection that finds them.
  await eventually('no more memory is in use than is allowed', () => memoryInUse() - before < 50_000_000);
  await server.logged('session.overflow');
  await server.logged('stream.ended', ({ condition }) => condition === 'resource-constraint');
});
