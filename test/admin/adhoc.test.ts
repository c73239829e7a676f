import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { type Client, client, xml } from '@xmpp/client';
import type { Element } from '@xmpp/xml';
import { acceptAnyCertificate } from '../support/unverified-tls.ts';
import { CLIENT_PATIENCE_MS } from '../support/xmpp-client.ts';
import { makePlace, parley, ServerProcess } from './running.ts';

const NS = 'http://jabber.org/protocol/commands';

acceptAnyCertificate();

test('administrators run the commands of the server with their clients', async (t) => {
  const place = await makePlace(t, { log: { format: 'json' } });
  const server = await ServerProcess.start(t, place);
  for (const user of [['carol', '--admin'], ['dave']] as const) {
    const [name, ...flags] = user;
    assert.equal((await parley(place, ['user', 'add', `${name}@localhost`, ...flags], 'secret\n')).code, 0);
  }
  const line = server.output.find((one) => one.includes('server.listening') && one.includes('"c2s"'));
  const { port } = JSON.parse(line ?? assert.fail('it does not listen'));
  const clients: Client[] = [];
  const connect = async (username: string) => {
    const service = `xmpp://127.0.0.1:${port}`;
    const connected = client({
      service,
      domain: 'localhost',
      timeout: CLIENT_PATIENCE_MS,
      credentials: (authenticate) =>
        authenticate({ username, password: 'secret' }, 'SCRAM-SHA-1', xml('user-agent', { id: randomUUID() })),
    });
    connected.on('error', () => {});
    // A client that is left alone connects again and again.
    t.after(() => connected.reconnect.stop());
    clients.push(connected);
    await connected.start();
    return async (node: string): Promise<Element> => {
      const request = xml('iq', { type: 'set', to: 'localhost' }, xml('command', { xmlns: NS, node }));
      return (await connected.iqCaller.request(request)).getChild('command', NS) ?? assert.fail('no command');
    };
  };
  const carol = await connect('carol');
  const status = await carol('urn:parley:status');
  assert.equal(status.attrs['status'], 'completed');
  assert.match(status.toString(), /<value>Running +for /);
  assert.equal((await carol('urn:parley:user-list')).attrs['status'], 'executing');
  const dave = await connect('dave');
  await assert.rejects(dave('urn:parley:status'), { condition: 'forbidden' });
  for (const connected of clients) await connected.stop();
});
