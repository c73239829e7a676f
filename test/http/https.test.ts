import assert from 'node:assert/strict';
import { get } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { jsonResponse } from '../../src/http/message.ts';
import { Routes } from '../../src/http/routes.ts';
import { HttpServer } from '../../src/http/server.ts';
import { memoryLogger } from '../../src/log/log.ts';
import { listen } from '../../src/net/listen.ts';
import { Certificates } from '../../src/tls/certificates.ts';
import { systemClock } from '../../src/util/clock.ts';
import { temporaryFolder } from '../tls/fixtures.ts';

test('the same server serves connections that an acceptor has secured', async (t) => {
  const clock = systemClock;
  const dataDir = await temporaryFolder(t);
  const certificates = await Certificates.open({ hosts: ['localhost'], dataDir, clock });
  const acceptor = certificates.acceptor({ alpn: ['http/1.1'], requestCertificate: false });
  const routes = new Routes();
  const server = new HttpServer({ routes, log: memoryLogger(), clock });
  const sockets = new Set<Socket>();
  const listener = createServer((raw) => {
    sockets.add(raw);
    acceptor.accept(raw, (_error, socket) => socket && server.accept(socket, true));
  });
  const { port } = await listen(listener, { address: '127.0.0.1', port: 0 });
  t.after(() => {
    listener.close();
    acceptor.close();
    for (const socket of sockets) socket.destroy();
  });
  routes.add('GET', '/', ({ secure, remoteAddress }) => jsonResponse(200, { secure, remoteAddress }));
  for (const ALPNProtocols of [['http/1.1'], ['h2', 'http/1.1'], []]) {
    const body = await new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, rejectUnauthorized: false, agent: false, ALPNProtocols };
      get(options, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () => resolve(text));
      }).on('error', reject);
    });
    assert.deepEqual(JSON.parse(body), { secure: true, remoteAddress: '127.0.0.1' });
  }
});
