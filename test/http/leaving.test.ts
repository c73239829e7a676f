import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { dial, openServer } from './fixtures.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: example.org\r\n\r\n';

/** A body that never ends, and notes when it is let go of. */
function endless(): Readable & { readonly released: Promise<unknown> } {
  const body = new Readable({
    read() {
      this.push(Buffer.alloc(65_536));
    },
  });
  return Object.assign(body, { released: once(body, 'close') });
}

test('a body that is there only when its client has gone is let go of', async (t) => {
  const { routes, port } = await openServer(t);
  const body = endless();
  let answer = (): void => {};
  const asked = new Promise<AbortSignal>((resolve) => {
    routes.add('GET', '/x', ({ signal }) => {
      resolve(signal);
      return new Promise((respond) => {
        answer = () => respond({ status: 200, body });
      });
    });
  });
  const client = await dial(t, port);
  client.socket.write(GET);
  const signal = await asked;
  client.socket.destroy();
  if (!signal.aborted) await once(signal, 'abort');
  answer();
  await body.released;
});

test('a client that leaves is told of to all of its requests, and the bodies of all of them are let go of', async (t) => {
  const { routes, port } = await openServer(t);
  const bodies: ReturnType<typeof endless>[] = [];
  const signals: AbortSignal[] = [];
  let whenAll = (): void => {};
  const all = new Promise<void>((resolve) => {
    whenAll = resolve;
  });
  routes.add('GET', '/x', ({ signal }) => {
    signals.push(signal);
    const body = endless();
    if (bodies.push(body) === 5) whenAll();
    return { status: 200, body };
  });
  const client = await dial(t, port);
  client.socket.pause();
  client.socket.write(GET.repeat(5));
  await all;
  client.socket.destroy();
  await Promise.all(bodies.map(({ released }) => released));
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, true, true, true, true],
  );
});

test('an answer that is shorter than it said ends the connection', async (t) => {
  const { routes, port } = await openServer(t);
  routes.add('GET', '/x', () => ({
    status: 200,
    headers: { 'content-length': '10' },
    body: Readable.from([Buffer.from('12345')]),
  }));
  const client = await dial(t, port);
  client.socket.write(GET);
  await client.closed;
});
