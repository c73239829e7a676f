import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const COMMANDS = 'http://jabber.org/protocol/commands';
const EXTDISCO = 'urn:xmpp:extdisco:2';
const DATA = 'jabber:x:data';

test('a client goes through the forms of a command, and another cannot go on with it', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const phone = await XmppClient.connect(server, 'romeo', { resource: 'phone' });
  const laptop = await XmppClient.connect(server, 'romeo', { resource: 'laptop' });
  const query = xml('query', { xmlns: 'http://jabber.org/protocol/disco#items', node: COMMANDS });
  const items = (await phone.get(query, DOMAIN))?.getChildren('item') ?? [];
  const node = 'urn:parley:account-password';
  assert.ok(items.some((item) => item.attrs['node'] === node));
  const begun = await phone.set(xml('command', { xmlns: COMMANDS, node }), DOMAIN);
  assert.equal(begun?.attrs['status'], 'executing');
  const { sessionid } = begun.attrs;
  const fields = ['password', 'password-verify'].map((name) =>
    xml('field', { var: name }, xml('value', {}, 'a new password')),
  );
  const next = () =>
    xml('command', { xmlns: COMMANDS, node, sessionid }, xml('x', { xmlns: DATA, type: 'submit' }, ...fields));
  await assert.rejects(laptop.set(next(), DOMAIN), { condition: 'bad-request' });
  assert.equal((await phone.set(next(), DOMAIN))?.attrs['status'], 'completed');
  await assert.rejects(phone.set(next(), DOMAIN), { condition: 'not-allowed' });
  await XmppClient.connect(server, 'romeo', { password: 'a new password' });
  await assert.rejects(XmppClient.connect(server, 'romeo', { password: PASSWORD }));
});

test('clients are told where to relay their calls', async (t) => {
  const turn = { type: 'turn', host: 'turn.localhost', port: 3478, transport: 'udp', secret: 'between us' };
  const server = await LiveServer.start(t, { features: { externalServices: { services: [turn] } } });
  await server.addUsers('romeo');
  const romeo = await XmppClient.connect(server, 'romeo');
  const answer = await romeo.get(xml('services', { xmlns: EXTDISCO, type: 'turn' }), DOMAIN);
  const { username, expires, password, host } = answer?.getChild('service')?.attrs ?? {};
  assert.equal(host, 'turn.localhost');
  assert.equal(Number(username?.split(':')[0]), Date.parse(expires ?? '') / 1000);
  assert.equal(password?.length, 28);
  const stun = { type: 'stun', host: 'turn.localhost' };
  await server.reload({ features: { externalServices: { services: [turn, stun] } } });
  const services = xml('services', { xmlns: EXTDISCO, type: 'turn' });
  assert.equal((await romeo.get(services, DOMAIN))?.getChildren('service').length, 1);
  assert.equal(romeo.received.length, 0);
  await server.reload({ features: { externalServices: { services: [stun] } } });
  const pushed = await romeo.next((stanza) => stanza.name === 'iq');
  const gone = pushed.getChild('services', EXTDISCO)?.getChild('service')?.attrs;
  assert.deepEqual([gone?.['action'], gone?.['host']], ['delete', 'turn.localhost']);
});

test('contacts see the photo that a client puts into its card, from all devices', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('juliet');
  const phone = await XmppClient.online(server, 'juliet', { resource: 'phone' });
  const laptop = await XmppClient.online(server, 'juliet', { resource: 'laptop' });
  const photo = Buffer.from('89504e470d0a1a0a00', 'hex');
  const binval = xml('PHOTO', {}, xml('TYPE', {}, 'image/png'), xml('BINVAL', {}, photo.toString('base64')));
  await phone.set(xml('vCard', { xmlns: 'vcard-temp' }, binval));
  const hash = createHash('sha1').update(photo).digest('hex');
  for (const client of [phone, laptop]) {
    for (const { jid } of [phone, laptop]) {
      const shown = await client.next(
        (stanza) =>
          stanza.attrs['from'] === jid && stanza.getChild('x', 'vcard-temp:x:update')?.getChildText('photo') === hash,
      );
      assert.equal(shown.name, 'presence');
    }
  }
});
