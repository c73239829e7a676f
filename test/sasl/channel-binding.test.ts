import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, type TestContext, test } from 'node:test';
import { connect, createServer, type SecureVersion, type TLSSocket } from 'node:tls';
import { channelBindings, serverEndPoint } from '../../src/sasl/channel-binding.ts';
import { makeSelfSigned, type SelfSigned } from '../../src/tls/self-signed.ts';
import { SIGNED_WITH } from './certificates.ts';

let pair: Promise<SelfSigned> | undefined;

/** Both ends of one TLS connection. */
async function connection(t: TestContext, version: SecureVersion): Promise<{ server: TLSSocket; client: TLSSocket }> {
  pair ??= makeSelfSigned('localhost', Date.now());
  const { certificate, key } = await pair;
  const listener = createServer({ cert: certificate, key });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = new Promise<TLSSocket>((resolve) => listener.once('secureConnection', resolve));
  const address = listener.address();
  assert.ok(address !== null && typeof address === 'object');
  const { port } = address;
  const client = connect({
    host: '127.0.0.1',
    port,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  });
  const server = await accepted;
  t.after(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  return { server, client };
}

describe('Channel binding', () => {
  test('by exporter is the same at both ends of a TLS 1.3 connection', async (t) => {
    const { server, client } = await connection(t, 'TLSv1.3');
    const data = channelBindings(server)('tls-exporter');
    assert.equal(data?.length, 32);
    assert.deepEqual(data, client.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0)));
  });

  test('by exporter is not to be had on TLS 1.2', async (t) => {
    const { server } = await connection(t, 'TLSv1.2');
    assert.equal(channelBindings(server)('tls-exporter'), undefined);
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`by end point is the hash of the certificate that the client sees, on ${version}`, async (t) => {
      const { server, client } = await connection(t, version);
      const expected = createHash('sha256').update(client.getPeerCertificate().raw).digest();
      const binding = channelBindings(server);
      assert.deepEqual(binding('tls-server-end-point'), expected);
      assert.equal(binding('tls-server-end-point'), binding('tls-server-end-point'));
    });
  }

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`by tls-unique is the client's Finished message, on ${version}`, async (t) => {
      const { server, client } = await connection(t, version);
      const data = channelBindings(server)('tls-unique');
      assert.ok(data !== undefined && data.length > 0);
      assert.deepEqual(data, client.getFinished());
    });
  }

  for (const [algorithm, hash, base64] of SIGNED_WITH) {
    test(`by end point takes ${hash ?? 'nothing'} for a certificate signed with ${algorithm}`, () => {
      const der = Buffer.from(base64, 'base64');
      assert.deepEqual(serverEndPoint(der), hash && createHash(hash).update(der).digest());
    });
  }

  test('by end point is not to be had from a damaged certificate', () => {
    const [, , base64 = ''] = SIGNED_WITH[0] ?? [];
    const der = Buffer.from(base64, 'base64');
    for (let length = 0; length < der.length; length += 7) {
      assert.equal(serverEndPoint(der.subarray(0, length)), undefined);
    }
  });
});
