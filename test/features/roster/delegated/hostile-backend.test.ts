import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { failureOf, HttpScene } from './http-scene.ts';

/** A source whose backend writes what it likes; `asked` resolves with each connection that has sent a request. */
async function open(t: TestContext, answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', () => answer(socket));
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return HttpScene.open(t, { options: { url: `http://127.0.0.1:${port}/%s`, maxBytes: 4096 } });
}

test('what is not HTTP is a failure that is not tried again', async (t) => {
  for (const answer of [
    'hello\r\n\r\n',
    'SSH-2.0-OpenSSH\r\n',
    `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(70_000)}\r\n\r\n`,
  ]) {
    let requests = 0;
    const scene = await open(t, (socket) => {
      requests++;
      socket.write(answer);
    });
    assert.equal(await failureOf(scene.source.fetch('john', 'login')), 'http_other');
    assert.equal(requests, 1);
  }
});

test('an answer that switches to another protocol is a failure', async (t) => {
  const upgrade = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n';
  const scene = await open(t, (socket) => socket.write(upgrade));
  assert.equal(await scene.patiently(failureOf(scene.source.fetch('john', 'login'))), 'refused');
});

test('an answer that is not delimited ends with its connection', async (t) => {
  const whole = 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"marie@example.org": {}}';
  const good = await open(t, (socket) => socket.end(whole));
  assert.equal((await good.source.fetch('john', 'login')).items.size, 1);
  const cut = await open(t, (socket) => socket.end(whole.slice(0, -2)));
  assert.equal(await failureOf(cut.source.fetch('john', 'login')), 'bad_json');
});

test('an answer that is announced as too large is not read', async (t) => {
  const scene = await open(t, (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n'));
  assert.equal(await failureOf(scene.source.fetch('john', 'login')), 'too_large');
});

test('a body that trickles, or a connection that is taken and left alone, ends with the time', async (t) => {
  for (const answer of [
    'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 2',
  ]) {
    let asked = (): void => {};
    const request = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const scene = await open(t, (socket) => socket.write(answer, asked));
    const fetching = failureOf(scene.source.fetch('john', 'login'));
    await request;
    await scene.clock.advance(10_000);
    assert.equal(await fetching, 'timeout');
  }
});
