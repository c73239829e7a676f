import assert from 'node:assert/strict';
import { test } from 'node:test';
import { portability } from '../../src/features/portable/api.ts';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

async function documentOf({ server }: LiveServer, local: string): Promise<string> {
  const host = server.hosts.get(DOMAIN);
  assert.ok(host);
  async function* account() {
    yield { host: host ?? assert.fail(), local };
  }
  let document = '';
  for await (const piece of host.services.use(portability).write(account(), () => {})) document += piece;
  return document;
}

async function takeUp({ server }: LiveServer, document: string): Promise<void> {
  const { hosts } = server;
  async function* chunks() {
    yield Buffer.from(document);
  }
  const source = { chunks: chunks(), include: () => assert.fail() };
  const options = { hosts, replacePasswords: false, keepAdmins: false, progress: () => {} };
  const summary = await hosts.get(DOMAIN)?.services.use(portability).read(source, options);
  assert.deepEqual([summary?.added, summary?.faults, summary?.notes], [1, [], []]);
}

test('who has moved logs in at the new server with the old password, and finds contacts and archive', async (t) => {
  const [old, fresh] = [await LiveServer.start(t), await LiveServer.start(t)];
  await old.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.connect(old, 'romeo');
  const item = xml('item', { jid: `juliet@${DOMAIN}`, name: 'Juliet' });
  await romeo.set(xml('query', { xmlns: 'jabber:iq:roster' }, item));
  await romeo.send(xml('message', { to: `juliet@${DOMAIN}`, type: 'chat' }, xml('body', {}, 'wherefore')));
  await romeo.get(xml('ping', { xmlns: 'urn:xmpp:ping' }), DOMAIN);

  await takeUp(fresh, await documentOf(old, 'romeo'));
  const moved = await XmppClient.connect(fresh, 'romeo');
  const roster = await moved.get(xml('query', { xmlns: 'jabber:iq:roster' }));
  assert.equal(roster?.getChild('item')?.attrs['name'], 'Juliet');
  const metadata = await moved.get(xml('metadata', { xmlns: 'urn:xmpp:mam:2' }));
  assert.ok(metadata?.getChild('start'));
});
