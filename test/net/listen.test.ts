import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { formatEndpoint, listen } from '../../src/net/listen.ts';

function newServer(t: TestContext): Server {
  const server = createServer();
  t.after(() => server.close());
  return server;
}

/** A server whose first attempt to listen fails as the system would let it. */
function failing(t: TestContext, code: string): Server {
  const server = newServer(t);
  const listenAsUsual = server.listen.bind(server);
  let first = true;
  server.listen = ((options: { host: string; port: number }) => {
    if (!first) return listenAsUsual({ ...options, host: '127.0.0.1' });
    first = false;
    queueMicrotask(() => server.emit('error', Object.assign(new Error(code), { code })));
    return server;
  }) as Server['listen'];
  return server;
}

test('port 0 is any free port, and the answer says which', async (t) => {
  const listening = await listen(newServer(t), { address: '127.0.0.1', port: 0 });
  assert.equal(listening.address, '127.0.0.1');
  assert.ok(listening.port > 0);
  assert.equal(listening.warning, undefined);
});

test('a port in use is reported in one line that says what to do', async (t) => {
  const { port } = await listen(newServer(t), { address: '127.0.0.1', port: 0 });
  await assert.rejects(listen(newServer(t), { address: '127.0.0.1', port }), {
    name: 'ListenError',
    message: `cannot listen on 127.0.0.1:${port}: the port is in use; stop the program that uses it or choose another port`,
  });
});

test('an address of another machine is reported', async (t) => {
  await assert.rejects(listen(newServer(t), { address: '192.0.2.1', port: 0 }), {
    message: 'cannot listen on 192.0.2.1:0: this machine has no address 192.0.2.1',
  });
});

test('a privileged port is reported', async (t) => {
  await assert.rejects(listen(failing(t, 'EACCES'), { address: '::1', port: 443 }), {
    message: 'cannot listen on [::1]:443: ports below 1024 need a permission of their own; choose a higher port',
  });
});

for (const code of ['EAFNOSUPPORT', 'EADDRNOTAVAIL']) {
  test(`without IPv6 all IPv4 addresses take the place of ::, ${code}`, async (t) => {
    const listening = await listen(failing(t, code), { address: '::', port: 0 });
    assert.equal(listening.warning, 'IPv6 is not available: listening on 0.0.0.0 instead of ::');
  });
}

test('without IPv6 a certain IPv6 address is an error', async (t) => {
  await assert.rejects(listen(failing(t, 'EAFNOSUPPORT'), { address: '::1', port: 0 }), /this machine has no IPv6/);
});

test('a server that could not listen may try elsewhere', async (t) => {
  const { port } = await listen(newServer(t), { address: '127.0.0.1', port: 0 });
  const server = newServer(t);
  await assert.rejects(listen(server, { address: '127.0.0.1', port }));
  await listen(server, { address: '127.0.0.1', port: 0 });
});

test('an endpoint is written as in a URL', () => {
  assert.equal(formatEndpoint({ address: '127.0.0.1', port: 5222 }), '127.0.0.1:5222');
  assert.equal(formatEndpoint({ address: '::', port: 5222 }), '[::]:5222');
});
