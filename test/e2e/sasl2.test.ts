import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { offerHash } from '../../src/sasl/downgrade.ts';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { ScramClient } from '../support/scram-client.ts';
import { XmppClient } from '../support/xmpp-client.ts';

const NS = 'urn:xmpp:sasl:2';
const CLIENT_ID = '8c2d7c1e-3f41-4a3f-9a63-6f2b0a4f9b10';
const AGENT = `<user-agent id='${CLIENT_ID}'><software>Pelican</software></user-agent>`;
const BIND = "<bind xmlns='urn:xmpp:bind:0'><tag>Pelican</tag><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>";

type Version = 'TLSv1.2' | 'TLSv1.3';

async function start(t: TestContext): Promise<LiveServer> {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  return server;
}

async function connect(server: LiveServer, version: Version = 'TLSv1.3') {
  const client = await RawClient.connectTls(server, 'c2sTls', { minVersion: version, maxVersion: version });
  const features = await client.open();
  const socket = client.socket as TLSSocket;
  const exporter = (): Buffer => socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
  const endPoint = (): Buffer => createHash('sha256').update(socket.getPeerCertificate().raw).digest();
  return { client, features, exporter, endPoint };
}

/** Everything of some name in the text, in order. */
function all(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? '');
}

function authenticate(mechanism: string, initial: Buffer, content = ''): string {
  const response = `<initial-response>${initial.toString('base64')}</initial-response>`;
  return `<authenticate xmlns='${NS}' mechanism='${mechanism}'>${response}${AGENT}${content}</authenticate>`;
}

/** Runs SCRAM and returns what the server says in the end, and in its first message. */
async function scram(
  client: RawClient,
  mechanism: string,
  options: { binding: 'n' | 'y' | { type: string; data: Buffer } },
  content = '',
) {
  const scramClient = new ScramClient({ hash: 'SHA-256', username: 'romeo', password: PASSWORD, ...options });
  client.write(authenticate(mechanism, scramClient.first(), content));
  const answer = await client.until(/<challenge .*?<\/challenge>|<failure .*?<\/failure>/s);
  const [challenge] = all(answer, /<challenge [^>]*>(.*)<\/challenge>/gs);
  if (challenge === undefined) return { outcome: answer, first: '' };
  const first = Buffer.from(challenge, 'base64');
  const final = scramClient.final(first).toString('base64');
  client.write(`<response xmlns='${NS}'>${final}</response>`);
  const outcome = await client.until(/<success .*?<\/success>|<failure .*?<\/failure>/s);
  const [data = ''] = all(outcome, /<additional-data>(.*)<\/additional-data>/g);
  assert.ok(!outcome.startsWith('<success') || scramClient.verify(Buffer.from(data, 'base64')));
  return { outcome, first: first.toString() };
}

function hashed(token: string, binding: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from('romeo\0'),
    createHmac('sha256', token).update('Initiator').update(binding).digest(),
  ]);
}

describe('Over TLS', () => {
  test('SCRAM-SHA-256-PLUS + bind + SM + token completes in one SASL exchange and one `<success>`; features follow', async (t) => {
    const server = await start(t);
    const { client, exporter } = await connect(server);
    const binding = { type: 'tls-exporter', data: exporter() };
    const request = "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>";
    const { outcome } = await scram(client, 'SCRAM-SHA-256-PLUS', { binding }, BIND + request);
    const [identifier] = all(outcome, /<authorization-identifier>(.*)<\/authorization-identifier>/g);
    assert.match(identifier ?? '', /^romeo@localhost\/Pelican\/[\w-]{12}$/);
    assert.match(
      outcome,
      /<bound xmlns="urn:xmpp:bind:0">.*<enabled xmlns="urn:xmpp:sm:3"[^>]*resume="true".*<\/bound>/,
    );
    assert.match(outcome, /<token xmlns="urn:xmpp:fast:0" token="secret-token:fast-[\w-]{36}" expiry="/);
    await client.until(/<stream:features(\/>|>.*<\/stream:features>)/s);
    await client.ask(`<iq type='get' id='1' to='${DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>`);
  });

  test('a token for `HT-SHA-256-EXPR` is refused by `HT-SHA-256-NONE`, and works with its own mechanism', async (t) => {
    const server = await start(t);
    for (const [mechanism, type] of [
      ['HT-SHA-256-EXPR', 'exporter'],
      ['HT-SHA-256-ENDP', 'endPoint'],
    ] as const) {
      const first = await connect(server);
      const request = `<request-token xmlns='urn:xmpp:fast:0' mechanism='${mechanism}'/>`;
      const { outcome } = await scram(first.client, 'SCRAM-SHA-256', { binding: 'n' }, request);
      const [token = ''] = all(outcome, /token="([^"]+)"/g);
      const { client, ...bindings } = await connect(server);
      const use = "<fast xmlns='urn:xmpp:fast:0'/>";
      client.write(authenticate('HT-SHA-256-NONE', hashed(token, Buffer.alloc(0)), use));
      assert.match(await client.until(/<failure .*?<\/failure>/s), /<not-authorized /);
      const data = bindings[type]();
      client.write(authenticate(mechanism, hashed(token, data), use));
      const success = await client.until(/<success .*?<\/success>/s);
      const [proof] = all(success, /<additional-data>(.*)<\/additional-data>/g);
      assert.equal(proof, createHmac('sha256', token).update('Responder').update(data).digest('base64'));
    }
  });

  test('gs2 `y` with PLUS offered fails; a client checking `h` and `t` accepts them', async (t) => {
    const server = await start(t);
    const { client, features } = await connect(server);
    assert.match((await scram(client, 'SCRAM-SHA-256', { binding: 'y' })).outcome, /<malformed-request /);
    const { first, outcome } = await scram(client, 'SCRAM-SHA-256', { binding: 'n' });
    assert.match(outcome, /^<success/);
    const [offer = ''] = all(features, /<authentication [^>]*>(.*?)<inline>/gs);
    const mechanisms = all(offer, /<mechanism>(.*?)<\/mechanism>/g);
    const types = all(features, /<channel-binding type="(.*?)"\/>/g);
    assert.equal(/,h=([^,]+)/.exec(first)?.[1], offerHash('SHA-256', mechanisms, types));
    assert.equal(/,t=([^,]+)/.exec(first)?.[1], '0304');
  });

  test('`tls-exporter` is offered on TLS 1.3 only; `tls-server-end-point` always on direct TLS', async (t) => {
    const server = await start(t);
    const offered: Readonly<Record<Version, readonly string[]>> = {
      'TLSv1.2': ['tls-server-end-point'],
      'TLSv1.3': ['tls-exporter', 'tls-server-end-point'],
    };
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { client, features, endPoint } = await connect(server, version);
      assert.deepEqual(all(features, /<channel-binding type="(.*?)"\/>/g), offered[version]);
      assert.equal(features.includes('<mechanism>HT-SHA-256-EXPR</mechanism>'), version === 'TLSv1.3');
      assert.ok(features.includes('<mechanism>HT-SHA-256-ENDP</mechanism>'));
      const binding = { type: 'tls-server-end-point', data: endPoint() };
      const { outcome, first } = await scram(client, 'SCRAM-SHA-256-PLUS', { binding });
      assert.match(outcome, /^<success/);
      assert.ok(first.endsWith(version === 'TLSv1.3' ? ',t=0304' : ',t=0303'));
    }
  });

  test('a stream that begins in clear text offers neither before STARTTLS', async (t) => {
    const server = await start(t);
    const features = await (await RawClient.connect(server, 'c2s')).open();
    assert.ok(!features.includes(NS) && !features.includes('sasl-channel-binding'));
  });

  test('WebSocket has no channel binding', async (t) => {
    const server = await start(t);
    const romeo = await XmppClient.connect(server, 'romeo', { over: 'wss', inline: true });
    const features = romeo.features.map(String).join('');
    assert.ok(features.includes(NS) && !features.includes('sasl-channel-binding') && !features.includes('-PLUS'));
  });
});

describe('@xmpp/client', () => {
  for (const over of ['tcp', 'tls', 'wss'] as const) {
    test(`logs in by SASL2 with Bind 2 over ${over}, gets a token, and comes back with it`, async (t) => {
      const server = await start(t);
      const options = { over, inline: true, resource: 'Pelican', clientId: CLIENT_ID };
      const romeo = await XmppClient.connect(server, 'romeo', options);
      const { jid } = romeo;
      assert.match(jid, /^romeo@localhost\/Pelican\/[\w-]{12}$/);
      await romeo.settled();
      await romeo.stop();
      await romeo.client.start();
      assert.equal(romeo.jid, jid);
      await romeo.settled();
      const logins = server.log.filter(({ event }) => event === 'login.succeeded');
      assert.deepEqual(
        logins.map((line) => line['mechanism']),
        ['PLAIN', 'HT-SHA-256-NONE'],
      );
      assert.deepEqual(romeo.errors, []);
    });
  }

  test('falls back on the password when its token is of no use any more', async (t) => {
    const server = await start(t);
    const romeo = await XmppClient.connect(server, 'romeo', { over: 'tls', inline: true, clientId: CLIENT_ID });
    await romeo.stop();
    await server.server.hosts.get(DOMAIN)?.grants.revokeAll('romeo', 'revoked');
    await romeo.client.start();
    await romeo.settled();
    const failed = await server.logged('login.failed');
    assert.equal(failed['mechanism'], 'HT-SHA-256-NONE');
    assert.equal(failed['condition'], 'not-authorized');
  });
});
