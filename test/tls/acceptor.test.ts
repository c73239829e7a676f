import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { AcceptorOptions, TlsAcceptor } from '../../src/tls/acceptor.ts';
import { type CertificateOptions, Certificates } from '../../src/tls/certificates.ts';
import { verifiedPeerCertificate } from '../../src/tls/peer-certificate.ts';
import { systemClock } from '../../src/util/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { certificateFor, dial, dialRaw, failure, listen, secured, temporaryFolder, writePair } from './fixtures.ts';

const DAY_MS = 86_400_000;

async function open(t: TestContext, more: Partial<CertificateOptions> = {}) {
  const folder = await temporaryFolder(t);
  const options: CertificateOptions = {
    hosts: ['a.example', 'b.example'],
    dataDir: folder,
    defaults: await writePair(folder, 'a', await certificateFor('a.example')),
    perHost: new Map([['b.example', await writePair(folder, 'b', await certificateFor('b.example'))]]),
    clock: systemClock,
    ...more,
  };
  return { folder, options, certificates: await Certificates.open(options) };
}

async function start(t: TestContext, more: Partial<CertificateOptions> = {}, acceptor: Partial<AcceptorOptions> = {}) {
  const opened = await open(t, more);
  const tls = opened.certificates.acceptor({ requestCertificate: false, ...acceptor });
  return { ...opened, tls, ...(await listen(t, tls)) };
}

/** Connects, receives a session ticket, and returns the session for a later connection. */
async function sessionOf(t: TestContext, port: number, options: ConnectionOptions, server: () => Promise<TLSSocket>) {
  const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  t.after(() => socket.destroy());
  const session = once(socket, 'session');
  (await server()).write('x');
  await once(socket, 'data');
  const [ticket] = await session;
  socket.destroy();
  return ticket as Buffer;
}

test('bytes pass both ways after the handshake', async (t) => {
  const { port, next } = await start(t);
  const client = await dial(t, port);
  const server = secured(await next());
  client.write('ping');
  assert.equal(String((await once(server, 'data'))[0]), 'ping');
  server.write('pong');
  assert.equal(String((await once(client, 'data'))[0]), 'pong');
});

test('a connection that has carried clear text can be secured, as by STARTTLS', async (t) => {
  const { certificates } = await open(t);
  const tls = certificates.acceptor({ requestCertificate: false });
  const secured = new Promise<TLSSocket>((resolve, reject) => {
    const upgrading: TlsAcceptor = {
      accept(raw, done) {
        raw.once('data', () => {
          raw.write('<proceed/>');
          tls.accept(raw, (error, socket) => {
            done(error, socket);
            if (socket === undefined) reject(error);
            else resolve(socket);
          });
        });
      },
      close: () => tls.close(),
    };
    void listen(t, upgrading).then(async ({ port }) => {
      const { raw } = await dialRaw(t, port);
      raw.write('<starttls/>');
      assert.equal(String((await once(raw, 'data'))[0]), '<proceed/>');
      const client = connectTls({ socket: raw, rejectUnauthorized: false });
      client.on('error', reject);
      client.once('secureConnect', () => client.write('ping'));
    });
  });
  assert.equal(String((await once(await secured, 'data'))[0]), 'ping');
});

test('each host and its services show their certificate, unknown names the first host', async (t) => {
  const { port } = await start(t);
  const shown = async (servername: string) => {
    const client = await dial(t, port, servername === '' ? {} : { servername });
    return client.getPeerCertificate().subject.CN;
  };
  assert.equal(await shown('a.example'), 'a.example');
  assert.equal(await shown('b.example'), 'b.example');
  assert.equal(await shown('B.Example'), 'b.example');
  assert.equal(await shown('conference.b.example'), 'b.example');
  assert.equal(await shown('nowhere.example'), 'a.example');
  assert.equal(await shown('xb.example'), 'a.example');
  assert.equal(await shown(''), 'a.example');
});

test('a client that trusts the self-signed certificate verifies it', async (t) => {
  const { port } = await start(t);
  const { certificate } = await certificateFor('b.example');
  const client = await dial(t, port, { servername: 'b.example', ca: certificate, rejectUnauthorized: true });
  assert.equal(client.authorized, true);
});

test('a client may choose the offered protocol or none, but no other', async (t) => {
  const { port, next } = await start(t, {}, { alpn: ['xmpp-client'] });
  assert.equal((await dial(t, port, { ALPNProtocols: ['xmpp-client'] })).alpnProtocol, 'xmpp-client');
  assert.equal(secured(await next()).alpnProtocol, 'xmpp-client');
  assert.equal((await dial(t, port)).alpnProtocol, false);
  secured(await next());
  await assert.rejects(dial(t, port, { ALPNProtocols: ['http/1.1'] }), /no.application.protocol/i);
  assert.match(failure(await next()), /no.application.protocol|no shared application/i);
});

test('without protocols of its own the acceptor ignores those of the client', async (t) => {
  const { port, next } = await start(t);
  assert.equal((await dial(t, port, { ALPNProtocols: ['xmpp-client'] })).alpnProtocol, false);
  secured(await next());
});

test('TLS 1.1 is refused, and TLS 1.2 where the operator wants 1.3', async (t) => {
  const normal = await start(t);
  const old: ConnectionOptions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
  await assert.rejects(dial(t, normal.port, old));
  failure(await normal.next());
  assert.equal((await dial(t, normal.port, { maxVersion: 'TLSv1.2' })).getProtocol(), 'TLSv1.2');
  const strict = await start(t, { minVersion: 'TLSv1.3' });
  await assert.rejects(dial(t, strict.port, { maxVersion: 'TLSv1.2' }));
  failure(await strict.next());
});

test('a client cannot renegotiate', async (t) => {
  const { port, next } = await start(t);
  const client = await dial(t, port, { maxVersion: 'TLSv1.2' });
  secured(await next());
  const error = await new Promise((resolve) => {
    client.once('error', resolve);
    client.renegotiate({ rejectUnauthorized: false }, resolve);
  });
  assert.match(String(error), /renegotiation/i);
});

test('garbage instead of TLS ends with an error', async (t) => {
  const { port, next } = await start(t);
  const { raw, closed } = await dialRaw(t, port);
  raw.write('<stream:stream xmlns="jabber:client">');
  assert.match(failure(await next()), /wrong version number|packet length|http request|unsupported protocol/i);
  await closed;
});

test('a client that leaves during the handshake is forgotten', async (t) => {
  const { port, next } = await start(t);
  const { raw } = await dialRaw(t, port);
  raw.write(Buffer.from('160301', 'hex'));
  raw.destroy();
  assert.match(failure(await next()), /disconnected|ECONNRESET|hang up/i);
});

test('a connection reset during or after the handshake harms nobody', async (t) => {
  const { port, next } = await start(t);
  const { raw } = await dialRaw(t, port);
  raw.write(Buffer.from('160301', 'hex'));
  raw.resetAndDestroy();
  assert.match(failure(await next()), /disconnected|ECONNRESET|hang up/i);
  const { raw: carrier } = await dialRaw(t, port);
  const client = connectTls({ socket: carrier, rejectUnauthorized: false });
  client.on('error', () => {});
  await once(client, 'secureConnect');
  const server = secured(await next());
  const closed = new Promise((resolve) => server.once('close', resolve));
  carrier.resetAndDestroy();
  await closed;
});

test('a slow handshake is cut off at its deadline', async (t) => {
  const clock = new ManualClock(Date.now());
  const { port, next, outcomes } = await start(t, { clock }, { handshakeMs: 5_000 });
  const { raw, closed } = await dialRaw(t, port);
  raw.write(Buffer.from('16030100', 'hex'));
  await clock.advance(4_999);
  assert.equal(outcomes.length, 0);
  await clock.advance(1);
  assert.match(failure(await next()), /no TLS handshake within 5000 ms/);
  await closed;
});

test('the deadline ends with the handshake', async (t) => {
  const clock = new ManualClock(Date.now());
  const { port, next } = await start(t, { clock });
  const client = await dial(t, port);
  const server = secured(await next());
  await clock.advance(60_000);
  client.write('still here');
  assert.equal(String((await once(server, 'data'))[0]), 'still here');
});

test('handshakes beyond the bound are refused', async (t) => {
  const { port, next } = await start(t, {}, { maxHandshakes: 2 });
  for (let count = 0; count < 3; count++) await dialRaw(t, port);
  assert.equal(failure(await next()), 'too many TLS handshakes');
});

test('closing an acceptor ends the handshakes in progress and nothing else', async (t) => {
  const { port, next, tls } = await start(t);
  const client = await dial(t, port);
  const server = secured(await next());
  const { raw, closed } = await dialRaw(t, port);
  raw.write(Buffer.from('160301', 'hex'));
  const settled = next();
  await new Promise((resolve) => setImmediate(resolve));
  tls.close();
  assert.match(failure(await settled), /disconnected/);
  await closed;
  client.write('still here');
  assert.equal(String((await once(server, 'data'))[0]), 'still here');
});

test('a reload is seen by new connections only', async (t) => {
  const { port, next, certificates, options, folder } = await start(t);
  const old = await dial(t, port, { servername: 'b.example' });
  const server = secured(await next());
  const before = old.getPeerCertificate().fingerprint256;
  await writePair(folder, 'a', await certificateFor('a.example', Date.now() - DAY_MS));
  await writePair(folder, 'b', await certificateFor('b.example', Date.now() - DAY_MS));
  assert.deepEqual(await certificates.reload(options), { changed: ['a.example', 'b.example'] });
  for (const name of ['a.example', 'b.example']) {
    const fresh = await dial(t, port, { servername: name });
    assert.equal(fresh.getPeerCertificate().fingerprint256, certificates.fingerprint(name));
  }
  assert.equal((await dial(t, port)).getPeerCertificate().fingerprint256, certificates.fingerprint('a.example'));
  assert.notEqual(certificates.fingerprint('b.example'), before);
  old.write('still here');
  assert.equal(String((await once(server, 'data'))[0]), 'still here');
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session ticket is good after a reload, ${maxVersion}`, async (t) => {
    const { port, next, certificates, options, folder } = await start(t);
    const client: ConnectionOptions = { servername: 'a.example', maxVersion };
    const session = await sessionOf(t, port, client, async () => secured(await next()));
    await writePair(folder, 'a', await certificateFor('a.example', Date.now() - DAY_MS));
    await certificates.reload(options);
    assert.equal((await dial(t, port, { ...client, session })).isSessionReused(), true);
  });
}

test('a ticket of one acceptor is nothing to another', async (t) => {
  const { port, next, certificates } = await start(t);
  const other = await listen(t, certificates.acceptor({ requestCertificate: true }));
  const session = await sessionOf(t, port, { servername: 'a.example' }, async () => secured(await next()));
  assert.equal((await dial(t, other.port, { servername: 'a.example', session })).isSessionReused(), false);
});

test('a client certificate is verified only against the given authorities', async (t) => {
  const known = await certificateFor('client.example');
  const stranger = await certificateFor('stranger.example');
  const authority = await writePair(await temporaryFolder(t), 'ca', known);
  const { port, next } = await start(
    t,
    { clientCertificates: { authorities: [authority.certificate] } },
    { requestCertificate: true },
  );
  await dial(t, port, { cert: known.certificate, key: known.key });
  const verified = secured(await next());
  assert.equal(
    verifiedPeerCertificate(verified)?.fingerprint256,
    new X509Certificate(known.certificate).fingerprint256,
  );
  await dial(t, port, { cert: stranger.certificate, key: stranger.key });
  const unverified = secured(await next());
  assert.equal(unverified.authorized, false);
  assert.equal(verifiedPeerCertificate(unverified), undefined);
  await dial(t, port);
  assert.equal(verifiedPeerCertificate(secured(await next())), undefined);
});

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a resumed session keeps its client certificate, and gains none, ${maxVersion}`, async (t) => {
    const known = await certificateFor('client.example');
    const authority = await writePair(await temporaryFolder(t), 'ca', known);
    const clientCertificates = { authorities: [authority.certificate] };
    const { port, next } = await start(t, { clientCertificates }, { requestCertificate: true });
    const resume = async (options: ConnectionOptions) => {
      const session = await sessionOf(t, port, options, async () => secured(await next()));
      assert.equal((await dial(t, port, { ...options, session })).isSessionReused(), true);
      return verifiedPeerCertificate(secured(await next()));
    };
    const anonymous: ConnectionOptions = { servername: 'a.example', maxVersion };
    assert.equal(await resume(anonymous), undefined);
    assert.notEqual(await resume({ ...anonymous, cert: known.certificate, key: known.key }), undefined);
  });
}

test('a session ends with the authorities that vouched for its client', async (t) => {
  const known = await certificateFor('client.example');
  const folder = await temporaryFolder(t);
  const clientCertificates = { authorities: [(await writePair(folder, 'ca', known)).certificate] };
  const { port, next, certificates, options } = await start(t, { clientCertificates }, { requestCertificate: true });
  const client: ConnectionOptions = { servername: 'a.example', cert: known.certificate, key: known.key };
  const session = await sessionOf(t, port, client, async () => secured(await next()));
  const other = await writePair(folder, 'other', await certificateFor('stranger.example'));
  await certificates.reload({ ...options, clientCertificates: { authorities: [other.certificate] } });
  assert.equal((await dial(t, port, { ...client, session })).isSessionReused(), false);
  assert.equal(verifiedPeerCertificate(secured(await next())), undefined);
});

test('authorities must be certificates', async (t) => {
  const folder = await temporaryFolder(t);
  const pair = await writePair(folder, 'ca', await certificateFor('client.example'));
  if (typeof pair.key !== 'string') return;
  await assert.rejects(open(t, { clientCertificates: { authorities: [pair.key] } }), /holds a private key/);
});
