import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { Certificates } from '../../src/tls/certificates.ts';
import { systemClock } from '../../src/util/clock.ts';
import { settle } from '../support/manual-clock.ts';
import { temporaryFolder } from '../tls/fixtures.ts';
import { dial, dialRaw, frame, handshake, LIMITS, MAX_MESSAGE_BYTES, openServer } from './websocket-fixtures.ts';

const FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
const OPEN = `<open xmlns="${FRAMING}" to="example.org" version="1.0" xml:lang="en"/>`;
const CLOSE = `<close xmlns="${FRAMING}"/>`;
const MESSAGE = '<message xmlns="jabber:client" to="a@example.org"><body>hi</body></message>';

const HEADER =
  'header stream http://etherx.jabber.org/streams jabber:client {"to":"example.org","version":"1.0","xml:lang":"en"}';
const TOLD_MESSAGE = 'element <message to="a@example.org"><body>hi</body></message> <body>hi</body>';

test('<open/>, elements and <close/> are what a stream is told of', async (t) => {
  const { client, recorder, transport } = await dial(t);
  assert.equal(transport.kind, 'websocket');
  assert.equal(transport.remoteAddress, '127.0.0.1');
  assert.equal(transport.secure, false);
  assert.equal(transport.tlsSocket, undefined);
  for (const message of [OPEN, MESSAGE, CLOSE, MESSAGE]) client.send(message);
  await recorder.until(3);
  client.terminate();
  assert.deepEqual(await recorder.until(4), [HEADER, TOLD_MESSAGE, 'ended', 'closed']);
});

test('what is sent is one document per message', async (t) => {
  const { until, transport } = await dial(t);
  transport.openStream({ id: 'i"1', from: 'example.org', lang: 'en' });
  transport.sendStreamElement('features', '<bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/>');
  transport.send('<message to="a@example.org"><body>Grüße</body></message>');
  transport.send('<presence/>');
  transport.send('<iq id="1"/>');
  transport.send('<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>');
  transport.sendStreamElement('error', '<reset xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>');
  transport.closeStream();
  assert.deepEqual(await until(8), [
    `<open xmlns="${FRAMING}" version="1.0" id="i&quot;1" from="example.org" xml:lang="en"/>`,
    '<stream:features xmlns:stream="http://etherx.jabber.org/streams"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></stream:features>',
    '<message xmlns="jabber:client" to="a@example.org"><body>Grüße</body></message>',
    '<presence xmlns="jabber:client"/>',
    '<iq xmlns="jabber:client" id="1"/>',
    '<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>',
    '<stream:error xmlns:stream="http://etherx.jabber.org/streams"><reset xmlns="urn:ietf:params:xml:ns:xmpp-streams"/></stream:error>',
    `<close xmlns="${FRAMING}"/>`,
  ]);
});

test('messages of one turn leave in one write, and count until then', async (t) => {
  const { socket, transport } = await dialRaw(t);
  const reads: string[] = [];
  socket.on('data', (chunk) => reads.push(chunk.toString('latin1')));
  for (let n = 0; n < 5; n++) transport.send('<presence/>');
  assert.ok(transport.bufferedBytes >= 5 * '<presence/>'.length);
  while (!/(presence[\s\S]*){5}/.test(reads.join(''))) await once(socket, 'data');
  assert.equal(reads.length, 1);
  assert.equal(transport.bufferedBytes, 0);
});

test('after a restart the client opens the stream anew', async (t) => {
  const { client, recorder, transport } = await dial(t);
  recorder.onTold = (what) => {
    if (what.startsWith('element <auth')) transport.restart();
  };
  for (const message of [OPEN, '<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>', OPEN, MESSAGE]) client.send(message);
  assert.deepEqual((await recorder.until(4)).slice(2), [HEADER, TOLD_MESSAGE]);
});

test('each way to break the framing has its error, and nothing is heard after it', async (t) => {
  const cases: [message: string, condition: string][] = [
    [OPEN, 'bad-format'],
    [` ${MESSAGE}`, 'not-well-formed'],
    [' ', 'not-well-formed'],
    ['', 'not-well-formed'],
    ['<message xmlns="jabber:client">', 'not-well-formed'],
    [MESSAGE + MESSAGE, 'not-well-formed'],
    ['</message>', 'not-well-formed'],
    ['<!-- --><a/>', 'restricted-xml'],
    ['<?php ?><a/>', 'restricted-xml'],
    ['<!DOCTYPE a><a/>', 'restricted-xml'],
    ['<a>&b;</a>', 'restricted-xml'],
    [`<open xmlns="${FRAMING}">x</open>`, 'bad-format'],
    [`<other xmlns="${FRAMING}"/>`, 'bad-format'],
    [`<a>${'<b>'.repeat(70)}${'</b>'.repeat(70)}</a>`, 'policy-violation'],
  ];
  for (const [message, condition] of cases) {
    const { client, recorder } = await dial(t);
    for (const one of [OPEN, message, MESSAGE]) client.send(one);
    client.close();
    assert.deepEqual((await recorder.until(3)).slice(1), [`failed ${condition}`, 'closed'], message);
  }
});

test('a stream must be opened before anything else, with an <open/> of its namespace', async (t) => {
  for (const message of [MESSAGE, '<open xmlns="jabber:client"/>', `<open xmlns="${FRAMING}"><a/></open>`]) {
    const { client, recorder } = await dial(t);
    client.send(message);
    assert.deepEqual(await recorder.until(1), ['failed bad-format']);
  }
  const { socket, recorder } = await dialRaw(t);
  socket.write(frame("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"));
  assert.deepEqual(await recorder.until(1), ['failed not-well-formed']);
});

test('binary messages are refused', async (t) => {
  const { client, recorder } = await dial(t);
  client.send(OPEN);
  client.send(Buffer.from(MESSAGE), { binary: true });
  assert.deepEqual((await recorder.until(2)).slice(1), ['failed policy-violation']);
});

test('an error can still be told before the connection closes properly', async (t) => {
  const { client, recorder, transport, until, closed } = await dial(t);
  recorder.onTold = (what) => {
    if (!what.startsWith('failed')) return;
    transport.sendStreamElement('error', '<bad-format xmlns="urn:ietf:params:xml:ns:xmpp-streams"/>');
    transport.closeStream();
    transport.end();
  };
  client.send(MESSAGE);
  const received = await until(2);
  assert.match(received[0] ?? '', /^<stream:error .*<bad-format/);
  assert.equal(received[1], CLOSE);
  assert.equal(await closed, 1000);
  assert.deepEqual(await recorder.until(2), ['failed bad-format', 'closed']);
});

test('a paused transport hears nothing, not even the rest of the same read', async (t) => {
  const { socket, recorder, transport } = await dialRaw(t);
  recorder.onTold = (what) => {
    if (what.startsWith('element')) transport.pause();
  };
  socket.write(Buffer.concat([frame(OPEN), ...[1, 2, 3].map((n) => frame(`<a xmlns="x" n="${n}"/>`))]));
  await recorder.until(2);
  socket.write(frame(CLOSE));
  for (let turn = 0; turn < 10; turn++) await settle();
  assert.equal(recorder.told.length, 2);
  transport.resume();
  assert.equal(recorder.told.length, 3);
  transport.resume();
  transport.resume();
  assert.deepEqual(
    (await recorder.until(5)).slice(1),
    [1, 2, 3].map((n) => `element <a xmlns="x" n="${n}"/> `).concat('ended'),
  );
});

test('a paused transport can be ended', async (t) => {
  const { transport, closed, recorder } = await dial(t);
  transport.pause();
  transport.end();
  assert.equal(await closed, 1000);
  await recorder.until(1);
  transport.resume();
  transport.send('<presence/>');
  assert.deepEqual(recorder.told, ['closed']);
});

test('destroying closes at once', async (t) => {
  const { transport, closed, recorder } = await dial(t);
  transport.destroy();
  assert.equal(await closed, 1006);
  assert.deepEqual(await recorder.until(1), ['closed']);
});

test('a client that closes the WebSocket without closing the stream is gone', async (t) => {
  const { client, recorder } = await dial(t);
  client.send(OPEN);
  client.close(1001);
  assert.deepEqual((await recorder.until(2)).slice(1), ['closed']);
});

test('protocol pings are answered and heard, and can be sent', async (t) => {
  const { client, clock, transport } = await dial(t);
  const before = transport.heardAt;
  await clock.advance(1000);
  client.ping();
  await once(client, 'pong');
  assert.equal(transport.heardAt, before + 1000);
  const pinged = once(client, 'ping');
  transport.ping();
  await pinged;
});

test('a message over the limit is refused while it arrives, and the limit can be raised', async (t) => {
  const small = await dialRaw(t);
  small.socket.write(frame(OPEN));
  small.socket.write(frame('a'.repeat(11_000), { length: 90_000 }));
  assert.deepEqual((await small.recorder.until(2)).slice(1), ['failed policy-violation']);
  const large = await dial(t);
  large.transport.setLimits({ ...LIMITS, maxBytes: MAX_MESSAGE_BYTES });
  large.client.send(OPEN);
  large.client.send(MESSAGE.replace('hi', 'a'.repeat(90_000)));
  assert.match((await large.recorder.until(2))[1] ?? '', /^element <message/);
  large.client.send(MESSAGE.replace('hi', 'a'.repeat(MAX_MESSAGE_BYTES)));
  assert.equal((await large.recorder.until(3))[2], 'failed policy-violation');
});

test('a message far over every limit is cut off by its announced length', async (t) => {
  const { socket, recorder } = await dialRaw(t);
  socket.write(frame('<a', { length: 2 ** 31 }));
  socket.end();
  assert.match((await recorder.until(1))[0] ?? '', /^closed Max payload size exceeded/);
});

test('a large message may come in many small reads', async (t) => {
  const { socket, recorder, transport } = await dialRaw(t);
  transport.setLimits({ ...LIMITS, maxBytes: MAX_MESSAGE_BYTES });
  socket.setNoDelay(true);
  socket.write(frame(OPEN));
  const bytes = frame(MESSAGE.replace('hi', 'a'.repeat(90_000)));
  for (let at = 0; at < bytes.length; at += 600) {
    socket.write(bytes.subarray(at, at + 600));
    await settle();
  }
  assert.match((await recorder.until(2))[1] ?? '', /^element <message/);
});

test('a few fragments make a message, many are an attack', async (t) => {
  const few = await dialRaw(t);
  few.socket.write(frame(OPEN.slice(0, 20), { fin: false }));
  few.socket.write(frame(OPEN.slice(20, 30), { opcode: 0, fin: false }));
  few.socket.write(frame(OPEN.slice(30), { opcode: 0 }));
  assert.deepEqual(await few.recorder.until(1), [HEADER]);
  const many = await dialRaw(t);
  many.socket.write(frame('<', { fin: false }));
  for (let n = 0; n < 100; n++) many.socket.write(frame('a', { opcode: 0, fin: false }));
  many.socket.end();
  assert.match((await many.recorder.until(1))[0] ?? '', /^closed Too many message fragments/);
});

test('what is no WebSocket, or no UTF-8, ends the connection', async (t) => {
  const garbage = await dialRaw(t);
  garbage.socket.write('<open/>');
  garbage.socket.end();
  assert.match((await garbage.recorder.until(1))[0] ?? '', /^closed /);
  const unmasked = await dialRaw(t);
  unmasked.socket.write(Buffer.from([0x81, 1, 0x3c]));
  unmasked.socket.end();
  assert.match((await unmasked.recorder.until(1))[0] ?? '', /^closed .*MASK/);
  const latin1 = await dialRaw(t);
  latin1.socket.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xfc]));
  latin1.socket.end();
  assert.match((await latin1.recorder.until(1))[0] ?? '', /^closed .*UTF-8/);
});

test('a handshake without the subprotocol xmpp is refused in HTTP', async (t) => {
  const { port } = await openServer(t);
  const refused: [more: string[], status: RegExp][] = [
    [[], /^HTTP\/1\.1 400 Bad Request\r\n[\s\S]*The WebSocket subprotocol "xmpp" is required\.\n$/],
    [['Sec-WebSocket-Protocol: chat, xmpp2'], /^HTTP\/1\.1 400 /],
    [['Sec-WebSocket-Protocol: xmpp, a b'], /^HTTP\/1\.1 400 /],
  ];
  for (const [more, status] of refused) {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.write(handshake(more));
    await new Promise((resolve) => socket.once('close', resolve));
    assert.match(answer, status);
  }
});

test('among several subprotocols xmpp is chosen, and no extension', async (t) => {
  const { port, transport } = await openServer(t);
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, ['chat', 'xmpp'], { origin: 'https://elsewhere.example' });
  t.after(() => client.terminate());
  await once(client, 'open');
  await transport();
  assert.equal(client.protocol, 'xmpp');
  assert.equal(client.extensions, '');
});

test('over TLS the transport is secure and knows its TLS socket', async (t) => {
  const dataDir = await temporaryFolder(t);
  const certificates = await Certificates.open({ hosts: ['localhost'], dataDir, clock: systemClock });
  const tls = certificates.acceptor({ alpn: ['http/1.1'], requestCertificate: false });
  t.after(() => tls.close());
  const { port, recorder, transport } = await openServer(t, tls);
  const client = new WebSocket(`wss://127.0.0.1:${port}/ws`, 'xmpp', { rejectUnauthorized: false });
  t.after(() => client.terminate());
  await once(client, 'open');
  const { secure, tlsSocket } = await transport();
  assert.equal(secure, true);
  assert.equal(tlsSocket?.encrypted, true);
  client.send(OPEN);
  assert.deepEqual(await recorder.until(1), [HEADER]);
});

test('what is thrown while a message is interpreted is told the stream, and reaches nobody else', async (t) => {
  const { client, recorder } = await dial(t);
  recorder.onTold = (what) => {
    if (what.startsWith('header')) throw new TypeError('a bug');
  };
  client.send(OPEN);
  client.send(MESSAGE);
  assert.deepEqual(await recorder.until(2), [HEADER, 'failed TypeError: a bug']);
  client.terminate();
  assert.deepEqual((await recorder.until(3)).slice(2), ['closed']);
});
