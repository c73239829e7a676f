import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { test } from 'node:test';
import type { Element } from '@xmpp/xml';
import { eventually, LiveServer } from '../support/live-server.ts';
import { RosterBackend } from '../support/roster-backend.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const NS = 'jabber:iq:roster';
const SECRET = 'what the application signs with';

/** What the application does after somebody's contacts have changed. */
function tell(server: LiveServer, locals: readonly string[]): Promise<{ status: number; body: string }> {
  const body = JSON.stringify(locals);
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex');
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: '127.0.0.1',
        port: server.port('http'),
        path: '/roster_admin/refresh',
        method: 'POST',
        headers: {
          host: 'localhost',
          'content-type': 'application/json',
          'x-timestamp': timestamp,
          'x-signature': `sha256=${signature}`,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

function isPresence(client: XmppClient, type?: string): (stanza: Element) => boolean {
  return ({ name, attrs }) => name === 'presence' && attrs['from'] === client.jid && attrs['type'] === type;
}

test('an application makes friends of two users and separates them, and their clients show it at once', async (t) => {
  const backend = await RosterBackend.start(t);
  const server = await LiveServer.start(t, {
    features: { roster: false, delegatedRoster: { url: backend.url, refresh: { hmacSecrets: [SECRET] } } },
  });
  await server.addUsers('john', 'marie');
  for (const local of ['john', 'marie']) backend.contacts.set(local, {});
  const john = await XmppClient.online(server, 'john', { resource: 'desk' });
  const marie = await XmppClient.online(server, 'marie', { resource: 'phone', over: 'wss' });
  for (const client of [john, marie]) {
    const query = await client.get(xml('query', { xmlns: NS }));
    assert.deepEqual(query?.getChildElements(), []);
  }

  backend.contacts.set('john', { 'marie@localhost': { name: 'Marie', groups: { 'Class 4b': true } } });
  backend.contacts.set('marie', { 'john@localhost': { groups: ['Class 4b'] } });
  const told = await tell(server, ['john', 'marie', 'nobody']);
  assert.equal(told.status, 200, told.body);
  assert.deepEqual(JSON.parse(told.body), {
    status: 'ok',
    message: 'roster update complete',
    updated: 3,
    errors: 0,
  });
  const pushed = await john.next((stanza) => stanza.getChild('query', NS) !== undefined);
  const item = pushed.getChild('query', NS)?.getChild('item');
  assert.deepEqual(
    [item?.attrs['jid'], item?.attrs['name'], item?.attrs['subscription'], item?.getChildText('group')],
    ['marie@localhost', 'Marie', 'both', 'Class 4b'],
  );
  await john.next(isPresence(marie));
  await marie.next(isPresence(john));

  const add = xml('query', { xmlns: NS }, xml('item', { jid: 'eve@localhost' }));
  assert.equal(await john.refused('set', add), 'service-unavailable');

  for (const local of ['john', 'marie']) backend.contacts.set(local, {});
  assert.equal((await tell(server, ['john', 'marie'])).status, 200);
  await john.next(isPresence(marie, 'unavailable'));
  await marie.next(isPresence(john, 'unavailable'));
  const left = await john.get(xml('query', { xmlns: NS }));
  assert.deepEqual(left?.getChildElements(), []);
});

test('while the application is away, nobody gets in; afterwards everybody does', async (t) => {
  const backend = await RosterBackend.start(t);
  const server = await LiveServer.start(t, {
    features: { roster: false, delegatedRoster: { url: backend.url, timeoutMs: 1000 } },
  });
  await server.addUsers('john');
  backend.faults.set('*', { status: 404 });
  const lost = await XmppClient.connect(server, 'john', { resource: 'desk' });
  const isTurnedAway = (error: Error) => 'condition' in error && error.condition === 'internal-server-error';
  await eventually('the client is turned away', () => lost.errors.some(isTurnedAway));
  backend.faults.clear();
  backend.contacts.set('john', { 'marie@localhost': {} });
  // The library goes on trying by itself.
  await eventually('the client is back', () => lost.client.status === 'online');
  const john = await XmppClient.connect(server, 'john', { resource: 'phone' });
  const query = await john.get(xml('query', { xmlns: NS }));
  assert.equal(query?.getChildElements().length, 1);
});
