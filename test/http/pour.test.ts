import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { pourBody } from '../../src/http/pour.ts';
import type { HttpServerOptions } from '../../src/http/server.ts';
import { settle } from '../support/manual-clock.ts';
import { dial, openServer, parseAnswer } from './fixtures.ts';

interface PourOptions extends Partial<HttpServerOptions> {
  readonly take?: (piece: Buffer) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** Serves a path that takes bodies in piece by piece. */
async function open(t: TestContext, options: PourOptions = {}) {
  const opened = await openServer(t, options);
  const pieces: Buffer[] = [];
  const ended: unknown[] = [];
  const take = options.take ?? (async (piece: Buffer) => void pieces.push(piece));
  opened.routes.add('PUT', '/a', async ({ incoming }) => {
    const limits = { idleMs: 1000, totalMs: 5000, clock: opened.clock };
    const signal = options.signal ?? new AbortController().signal;
    await pourBody(incoming, take, { ...limits, signal }).catch((error: unknown) => {
      ended.push(error);
      throw error;
    });
    return { status: 201 };
  });
  const client = await dial(t, opened.port);
  const send = (length: number, body = ''): void =>
    void client.socket.write(`PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: ${length}\r\n\r\n${body}`);
  return { ...opened, client, send, pieces, ended, text: () => Buffer.concat(pieces).toString() };
}

/** Lets what was sent arrive, which takes turns of the event loop and no time. */
async function arrive(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await settle();
}

test('a body is handed on piece by piece', async (t) => {
  const { client, send, text } = await open(t);
  send(6, 'abc');
  await arrive();
  assert.equal(text(), 'abc');
  client.socket.write('def');
  assert.equal(parseAnswer(await client.until(/201/)).status, 201);
  assert.equal(text(), 'abcdef');
});

test('an empty body is one', async (t) => {
  const { client, send, text } = await open(t);
  send(0);
  assert.equal(parseAnswer(await client.until(/201/)).status, 201);
  assert.equal(text(), '');
});

test('no more is read than is taken', async (t) => {
  let bytes = 0;
  const { client, send } = await open(t, {
    take: (piece) => {
      bytes += piece.length;
      return new Promise(() => {});
    },
  });
  const total = 64 * 1024 * 1024;
  send(total);
  const chunk = Buffer.alloc(1024 * 1024);
  let sent = 0;
  while (sent < total && client.socket.write(chunk)) sent += chunk.length;
  await arrive();
  assert.ok(bytes > 0 && bytes <= 64 * 1024, `${bytes} bytes were taken`);
  assert.ok(client.socket.bytesWritten < total / 2, `${client.socket.bytesWritten} bytes left the client`);
});

test('a client that stops sending, or sends too slowly, is refused', async (t) => {
  const silent = await open(t);
  silent.send(10, 'a');
  await arrive();
  await silent.clock.advance(999);
  assert.deepEqual(silent.ended, []);
  await silent.clock.advance(1);
  assert.equal(parseAnswer(await silent.client.until(/408/)).status, 408);

  const slow = await open(t);
  slow.send(10, 'a');
  for (let s = 0; s < 4; s++) {
    await arrive();
    await slow.clock.advance(990);
    slow.client.socket.write('a');
  }
  await arrive();
  assert.deepEqual(slow.ended, []);
  await slow.clock.advance(990);
  slow.client.socket.write('a');
  await arrive();
  await slow.clock.advance(60);
  assert.equal(parseAnswer(await slow.client.until(/408/)).status, 408);
});

test('the time that we take is not counted against the client', async (t) => {
  let taken: () => void = () => {};
  const { clock, client, send, ended } = await open(t, {
    take: () =>
      new Promise((resolve) => {
        taken = resolve;
      }),
  });
  send(1, 'a');
  await arrive();
  await clock.advance(4000);
  assert.deepEqual(ended, []);
  taken();
  assert.equal(parseAnswer(await client.until(/201/)).status, 201);
});

test('a client that leaves in the middle is noticed, also while we are busy', async (t) => {
  for (const take of [async () => {}, () => new Promise<void>(() => {})]) {
    const { client, send, ended, log } = await open(t, { take });
    send(10, 'a');
    await arrive();
    client.socket.destroy();
    await once(client.socket, 'close');
    await arrive();
    assert.match(String(ended[0]), /incomplete/);
    assert.deepEqual(log.records, []);
  }
});

test('a body that came at once has been taken in when it is answered', async (t) => {
  let isTaken = false;
  const { client, send } = await open(t, {
    take: async () => {
      await arrive();
      isTaken = true;
    },
  });
  send(3, 'abc');
  await client.until(/201/);
  assert.equal(isTaken, true);

  const failing = await open(t, { take: async () => arrive().then(() => Promise.reject(new Error('full'))) });
  failing.send(3, 'abc');
  assert.equal(parseAnswer(await failing.client.until(/HTTP/)).status, 500);
});

test('what prevents the taking, or ends it, is told', async (t) => {
  const failure = await open(t, { take: async () => Promise.reject(new Error('full')) });
  failure.send(10, 'a');
  await failure.client.until(/500/);
  assert.match(String(failure.ended[0]), /full/);

  const aborting = new AbortController();
  const aborted = await open(t, { signal: aborting.signal });
  aborted.send(10, 'a');
  await arrive();
  aborting.abort(new Error('no more'));
  await aborted.client.until(/500/);
  assert.match(String(aborted.ended[0]), /no more/);

  const late = await open(t, { signal: AbortSignal.abort(new Error('too late')) });
  late.send(10, 'a');
  await late.client.until(/500/);
  assert.match(String(late.ended[0]), /too late/);
});
