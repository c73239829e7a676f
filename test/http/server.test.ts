import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { HttpError, jsonResponse, textResponse } from '../../src/http/message.ts';
import { settle } from '../support/manual-clock.ts';
import { dial, openServer, parseAnswer, request } from './fixtures.ts';

test('a route answers, with headers that keep browsers from making more of it', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('GET', '/hello', ({ query }) => textResponse(200, `Hello ${query.get('name')}`));
  const answer = await request(t, port, 'GET /hello?name=J%C3%BCrgen');
  assert.equal(answer.status, 200);
  assert.equal(Buffer.from(answer.body, 'latin1').toString(), 'Hello Jürgen\n');
  assert.equal(answer.headers['content-type'], 'text/plain; charset=utf-8');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.equal(answer.headers['referrer-policy'], 'no-referrer');
  assert.equal(answer.headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'");
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['access-control-allow-origin'], undefined);
  assert.equal(answer.headers['server'], undefined);
});

test('a page may load what comes from its own site, and a handler has the last word', async (t) => {
  const { routes, port } = await openServer(t);
  const page = { 'content-type': 'text/html; charset=utf-8' };
  routes.add('GET', '/page', () => ({ status: 200, headers: page, body: '<p>' }));
  routes.add('GET', '/own', () => ({ status: 200, headers: { 'cache-control': 'public' }, body: '' }));
  const answer = await request(t, port, 'GET /page');
  assert.equal(answer.headers['content-security-policy'], "default-src 'self'; frame-ancestors 'none'");
  assert.equal((await request(t, port, 'GET /own')).headers['cache-control'], 'public');
});

test('the request says where it came from and what it asks for', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add(
    'GET',
    '/a/',
    ({ method, path, host, secure, remoteAddress }) => jsonResponse(200, { method, path, host, secure, remoteAddress }),
    { prefix: true },
  );
  const ask = async (line: string, header: string) => JSON.parse((await request(t, port, line, [header])).body);
  const expected = { method: 'GET', path: '/a/b%20c', host: 'example.org', secure: false, remoteAddress: '127.0.0.1' };
  assert.deepEqual(await ask('GET /a/b%20c', 'Host: Example.ORG:5280'), expected);
  assert.deepEqual(await ask('GET http://example.org/a/b%20c', 'Host: example.org'), expected);
  assert.equal((await ask('GET /x/../a/y/%2e%2e/b', 'Host: [::1]:5280')).path, '/a/b');
});

test('unknown paths and methods are told apart', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('GET', '/a', () => textResponse(200, 'ok'));
  assert.equal((await request(t, port, 'GET /b')).status, 404);
  assert.equal((await request(t, port, 'DELETE /b')).status, 404);
  const answer = await request(t, port, 'DELETE /a');
  assert.equal(answer.status, 405);
  assert.equal(answer.headers['allow'], 'GET, HEAD, OPTIONS');
  assert.equal((await request(t, port, 'TRACE /a')).status, 405);
  assert.equal((await request(t, port, 'GET //a')).status, 404);
});

test('a route says in which form its errors are answered, also those that its handlers do not see', async (t) => {
  const { routes, port, log } = await openServer(t);
  const refuse = ({ status, message, headers }: HttpError) => jsonResponse(status, { message }, headers);
  const handlers = { a: () => Promise.reject(new HttpError(418, 'a teapot')), b: () => Promise.reject(new Error('x')) };
  for (const [name, handler] of Object.entries(handlers)) routes.add('POST', `/${name}`, handler, { refuse });
  const answers = await Promise.all(['POST /a', 'POST /b', 'PUT /a'].map((line) => request(t, port, line)));
  assert.deepEqual(
    answers.map(({ status, body, headers }) => [status, JSON.parse(body), headers['allow']]),
    [
      [418, { message: 'a teapot' }, undefined],
      [500, { message: 'Internal server error.' }, undefined],
      [405, { message: 'Method not allowed.' }, 'POST, OPTIONS'],
    ],
  );
  assert.deepEqual(
    log.records.map(({ event }) => event),
    ['http.handler_failed'],
  );
});

test('HEAD answers like GET, without the body', async (t) => {
  const { routes, port } = await openServer(t);
  let isDestroyed = false;
  const body = new Readable({
    read() {},
    destroy(error, callback) {
      isDestroyed = true;
      callback(error);
    },
  });
  routes.add('GET', '/a', () => textResponse(200, 'ok'));
  routes.add('GET', '/stream', () => ({ status: 200, body }));
  const answer = await request(t, port, 'HEAD /a');
  assert.deepEqual([answer.status, answer.headers['content-length'], answer.body], [200, '3', '']);
  assert.equal((await request(t, port, 'HEAD /stream')).body, '');
  assert.equal(isDestroyed, true);
});

test('OPTIONS answers for itself; scripts of other sites are let in only where a route says so', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('PUT', '/own', () => textResponse(200, 'ok'));
  routes.add('PUT', '/shared', () => textResponse(200, 'ok'), { crossOrigin: { headers: ['authorization'] } });
  const own = await request(t, port, 'OPTIONS /own');
  assert.deepEqual([own.status, own.headers['allow']], [204, 'PUT, OPTIONS']);
  assert.equal(own.headers['access-control-allow-origin'], undefined);
  const shared = (await request(t, port, 'OPTIONS /shared')).headers;
  assert.equal(shared['access-control-allow-origin'], '*');
  assert.equal(shared['access-control-allow-methods'], 'PUT, OPTIONS');
  assert.equal(shared['access-control-allow-headers'], 'content-type, authorization');
  assert.equal((await request(t, port, 'GET /shared')).headers['access-control-allow-origin'], '*');
});

test('a failing handler is answered without details and logged without the path', async (t) => {
  const { routes, port, log } = await openServer(t);
  routes.add('GET', '/files/', () => Promise.reject(new Error('the database is on fire')), { prefix: true });
  routes.add('GET', '/teapot', () => {
    throw new HttpError(418, 'I am a teapot.', { 'retry-after': '60' });
  });
  const answer = await request(t, port, 'GET /files/secret-token');
  assert.deepEqual([answer.status, answer.body], [500, 'Internal server error.\n']);
  assert.deepEqual(
    log.records.map(({ level, event, fields }) => [level, event, fields]),
    [['error', 'http.handler_failed', { method: 'GET', route: '/files/' }]],
  );
  const teapot = await request(t, port, 'GET /teapot');
  assert.deepEqual([teapot.status, teapot.body, teapot.headers['retry-after']], [418, 'I am a teapot.\n', '60']);
  assert.equal(log.records.length, 1);
});

test('an answer that HTTP cannot carry ends the connection and is logged', async (t) => {
  const { routes, port, log } = await openServer(t);
  routes.add('GET', '/a', () => ({ status: 200, headers: { 'x-bad': 'a\r\nb' } }));
  const client = await dial(t, port);
  client.socket.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
  await client.closed;
  assert.equal(client.received(), '');
  assert.equal(log.records[0]?.event, 'http.answer_failed');
});

test('a body is read up to its limit', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('POST', '/echo', async (r) => ({ status: 200, body: await r.body(10) }));
  const post = (headers: string[], body: string) => request(t, port, 'POST /echo', headers, body);
  assert.equal((await post(['Content-Length: 10'], '0123456789')).body, '0123456789');
  assert.equal((await post(['Transfer-Encoding: chunked'], '2\r\nab\r\n1\r\nc\r\n0\r\n\r\n')).body, 'abc');
  assert.equal((await post([], '')).body, '');
  assert.equal((await post(['Content-Length: 11'], '0123456789a')).status, 413);
  assert.equal((await post(['Transfer-Encoding: chunked'], 'b\r\n0123456789a\r\n0\r\n\r\n')).status, 413);
});

test('a body that does not arrive is given up', async (t) => {
  const { routes, port, clock } = await openServer(t, { bodyMs: 60_000 });
  routes.add('POST', '/echo', async (r) => ({ status: 200, body: await r.body(10) }));
  const client = await dial(t, port);
  client.socket.write('POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123');
  await untilCalled(clock);
  await clock.advance(59_999);
  assert.equal(client.received(), '');
  await clock.advance(1);
  assert.equal(parseAnswer(await client.until(/took too long/)).status, 408);
  await clock.advance(2000);
  await client.closed;
});

test('a client that leaves aborts the signal, and its half body is no bug', async (t) => {
  const { routes, port, log } = await openServer(t);
  let aborted: () => void = () => {};
  const wasAborted = new Promise<void>((resolve) => {
    aborted = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    routes.add('POST', '/echo', async (r) => {
      r.signal.addEventListener('abort', aborted);
      resolve();
      return { status: 200, body: await r.body(10) };
    });
  });
  const client = await dial(t, port);
  client.socket.write('POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n0123');
  await reached;
  client.socket.destroy();
  await wasAborted;
  await settle();
  assert.deepEqual(log.records, []);
});

test('a body that nobody reads ends the connection with the answer, when the client has had time to read it', async (t) => {
  const { routes, port, clock } = await openServer(t);
  routes.add('POST', '/a', () => textResponse(200, 'ok'));
  const head = 'POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n';
  const waiting = await dial(t, port);
  waiting.socket.write(`${head}0123`);
  const answer = parseAnswer(await waiting.until(/ok/));
  assert.deepEqual([answer.status, answer.headers['connection']], [200, 'close']);
  await settle();
  assert.equal(waiting.socket.readyState, 'open');
  await clock.advance(2000);
  await waiting.closed;

  const sending = await dial(t, port);
  sending.socket.write(`${head}0123`);
  await sending.until(/ok/);
  sending.socket.write('a'.repeat(996));
  await sending.closed;
});

test('of a body that nobody reads no more than so much is discarded', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('POST', '/a', () => textResponse(200, 'ok'));
  const client = await dial(t, port);
  client.socket.write(`POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
  const piece = Buffer.alloc(2 ** 20);
  const send = (): void => {
    while (client.socket.writable && client.socket.write(piece));
  };
  client.socket.on('drain', send);
  send();
  await client.closed;
  assert.ok(client.socket.bytesWritten >= 2 ** 26);
});

test('a connection that sends no header, or sends it slowly, ends', async (t) => {
  const { port, clock, server } = await openServer(t);
  const silent = await dial(t, port);
  const slow = await dial(t, port);
  slow.socket.write('GET / HTTP/1.1\r\nHost: h\r\nX-A: ');
  await untilCalled(clock);
  for (let s = 0; s < 9; s++) {
    await clock.advance(1000);
    slow.socket.write('a');
    await settle();
  }
  assert.equal(server.connections, 2);
  await clock.advance(1000);
  await Promise.all([silent.closed, slow.closed]);
  assert.equal(server.connections, 0);
});

test('a connection is kept for the next request, for a while', async (t) => {
  const { routes, port, clock } = await openServer(t);
  routes.add('GET', '/a', () => textResponse(200, 'ok'));
  const client = await dial(t, port);
  client.socket.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
  await client.until(/ok\n$/);
  await clock.advance(64_000);
  client.socket.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n');
  await client.until(/(ok\n[\s\S]*){3}$/);
  await settle();
  await clock.advance(65_000);
  await client.closed;
});

test('an answer that is not taken is given up, a streamed one when it stops moving', async (t) => {
  const { routes, port, clock } = await openServer(t);
  const body = new Readable({ read() {} });
  routes.add('GET', '/stream', () => ({ status: 200, body }));
  const client = await dial(t, port);
  client.socket.write('GET /stream HTTP/1.1\r\nHost: h\r\n\r\n');
  for (const part of ['one', 'two', 'three']) {
    body.push(part);
    await client.until(new RegExp(part));
    await clock.advance(59_000);
  }
  await clock.advance(1000);
  await client.closed;
  assert.equal(body.destroyed, true);
});

test('headers too large and requests that are none are refused', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('GET', '/a', () => textResponse(200, 'ok'));
  assert.equal((await request(t, port, 'GET /a', [`X-Long: ${'a'.repeat(20_000)}`])).status, 431);
  assert.equal((await request(t, port, `GET /${'a'.repeat(20_000)}`)).status, 431);
  assert.equal((await request(t, port, 'GET /a', ['Host: a b'])).status, 400);
  assert.equal((await request(t, port, 'GET *')).status, 400);
  assert.equal((await request(t, port, 'GET ftp://example.org/a')).status, 400);
  for (const text of ['\x16\x03\x01\x02\x00\x01\x00\r\n\r\n', 'GET /a HTTP/1.1\r\n\r\n', "<stream:stream to='h'>"]) {
    const client = await dial(t, port);
    client.socket.write(text);
    await client.closed;
    assert.equal(parseAnswer(client.received()).status, 400);
  }
});

test('a request smuggled behind two lengths is refused', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('POST', '/a', async (r) => ({ status: 200, body: await r.body(100) }));
  const headers = ['Content-Length: 4', 'Transfer-Encoding: chunked'];
  assert.equal((await request(t, port, 'POST /a', headers, '0\r\n\r\n')).status, 400);
});

test('requests pipelined without end end the connection', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('GET', '/slow', () => new Promise(() => {}));
  const client = await dial(t, port);
  client.socket.write('GET /slow HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(17));
  await client.closed;
  assert.equal(client.received(), '');
});

test('connections beyond the bound are closed', async (t) => {
  const { port, server } = await openServer(t, { maxConnections: 2 });
  const clients = [await dial(t, port), await dial(t, port), await dial(t, port)];
  await Promise.race(clients.map(({ closed }) => closed));
  assert.equal(server.connections, 2);
});

const UPGRADE = ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='];

async function upgrading(t: TestContext, headers: readonly string[], line = 'GET /ws') {
  const opened = await openServer(t);
  opened.server.onUpgrade('/ws', ({ socket, remoteAddress, secure }) => {
    socket.end(`upgraded ${remoteAddress} ${secure}`);
  });
  const client = await dial(t, opened.port);
  client.socket.write(`${line} HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n${headers.join('\r\n')}\r\n\r\n`);
  await client.closed;
  return { ...opened, received: client.received() };
}

test('an upgrade to WebSocket is handed over, and is no connection of ours any more', async (t) => {
  const { received, server, clock } = await upgrading(t, UPGRADE);
  assert.equal(received, 'upgraded 127.0.0.1 false');
  assert.equal(server.connections, 0);
  await clock.advance(100_000);
});

test('an upgrade elsewhere, or to something else, is an ordinary request', async (t) => {
  assert.equal(parseAnswer((await upgrading(t, UPGRADE, 'GET /other')).received).status, 404);
  const h2c = parseAnswer((await upgrading(t, ['Upgrade: h2c'])).received);
  assert.deepEqual(
    [h2c.status, h2c.headers['upgrade'], h2c.headers['connection']],
    [426, 'websocket', 'upgrade, close'],
  );
  const post = await upgrading(t, ['Upgrade: h2c', 'Content-Length: 3'], 'POST /ws');
  assert.equal(parseAnswer(post.received).status, 400);
});

test('a WebSocket path asked for without upgrade says so', async (t) => {
  const { server, port } = await openServer(t);
  const remove = server.onUpgrade('/ws', () => {});
  assert.equal((await request(t, port, 'GET /ws')).status, 426);
  assert.throws(() => server.onUpgrade('/ws', () => {}), /two upgrade handlers/);
  remove();
  assert.equal((await request(t, port, 'GET /ws')).status, 404);
});

test('closing answers what is in progress and ends what is idle', async (t) => {
  const { routes, port, server } = await openServer(t);
  let finish: () => void = () => {};
  const reached = new Promise<void>((resolve) => {
    routes.add('GET', '/a', async () => {
      resolve();
      await new Promise<void>((go) => {
        finish = go;
      });
      return textResponse(200, 'ok');
    });
  });
  const idle = await dial(t, port);
  const busy = await dial(t, port);
  busy.socket.write('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
  await reached;
  const closing = server.close(10_000);
  await idle.closed;
  finish();
  await busy.closed;
  const answer = parseAnswer(busy.received());
  assert.deepEqual([answer.status, answer.headers['connection']], [200, 'close']);
  await closing;
  const late = await dial(t, port);
  await late.closed;
});

test('closing waits no longer than it is told', async (t) => {
  const { routes, port, server, clock } = await openServer(t);
  const reached = new Promise<void>((resolve) => {
    routes.add('GET', '/slow', () => {
      resolve();
      return new Promise(() => {});
    });
  });
  const client = await dial(t, port);
  client.socket.write('GET /slow HTTP/1.1\r\nHost: h\r\n\r\n');
  await reached;
  const closing = server.close(10_000);
  await clock.advance(10_000);
  await closing;
  await client.closed;
  await (await openServer(t)).server.close(10_000);
});

test('closing ends at once what would never end by itself', async (t) => {
  const { routes, port, server } = await openServer(t);
  const body = new Readable({ read() {} });
  body.push('first');
  routes.add('GET', '/endless', () => ({ status: 200, body, isEndless: true }));
  const client = await dial(t, port);
  client.socket.write('GET /endless HTTP/1.1\r\nHost: h\r\n\r\n');
  while (!client.received().includes('first')) await settle();
  await server.close(10_000);
  await client.closed;
  assert.equal(body.destroyed, true);
});

/** Waits until what was sent to the server has been read by it. */
async function untilCalled(clock: { advance(ms: number): Promise<void> }): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await clock.advance(0);
}
