import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { TcpTransport } from '../../src/stream/tcp.ts';
import { Certificates } from '../../src/tls/certificates.ts';
import { systemClock } from '../../src/util/clock.ts';
import { temporaryFolder } from '../tls/fixtures.ts';
import { HEADER, TcpClient, until } from './tcp-client.ts';

test('the bytes of a connection are counted on when it turns to TLS', async (t) => {
  const certificates = await Certificates.open({
    hosts: ['stage.example'],
    dataDir: await temporaryFolder(t),
    clock: systemClock,
  });
  const tls = certificates.acceptor({ requestCertificate: false });
  t.after(() => tls.close());
  const limits = { maxBytes: 10_000, maxDepth: 10, maxAttributes: 10, maxChildren: 10 };
  const options = { secure: false, limits, clock: systemClock, remoteAddress: '127.0.0.1' };
  const transports: TcpTransport[] = [];
  let isClosed = false;
  const server = createServer((socket) => {
    const transport = new TcpTransport(socket, options);
    const ignore = (): void => {};
    const closed = (): void => {
      isClosed = true;
    };
    transport.handler = { header: ignore, element: ignore, ended: ignore, failed: ignore, closed };
    transports.push(transport);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const client = await TcpClient.connect(t, (server.address() as AddressInfo).port);
  client.write(HEADER);
  await until(() => transports[0]?.bytesRead === HEADER.length);
  const [transport] = transports;
  assert.ok(transport);
  transport.startTls(tls, '<proceed/>', () => {});
  await client.until(/<proceed\/>/);
  const written = transport.bytesWritten;
  await client.secure();
  await until(() => transport.secure);
  assert.ok(transport.bytesRead >= HEADER.length, String(transport.bytesRead));
  assert.ok(transport.bytesWritten >= written, String(transport.bytesWritten));
  const { bytesRead } = transport;
  client.write(HEADER);
  await until(() => transport.bytesRead >= bytesRead + HEADER.length);
  transport.destroy();
  await until(() => isClosed);
  assert.ok(transport.bytesRead >= bytesRead + HEADER.length);
});
