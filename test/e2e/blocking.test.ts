import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const NS = 'urn:xmpp:blocking';
const REPORT = { xmlns: 'urn:xmpp:reporting:1', reason: 'urn:xmpp:reporting:spam' };
const ROMEO = 'romeo@localhost';
const JULIET = 'juliet@localhost';

function presence(type: string | undefined, from: string) {
  return ({ name, attrs }: { name: string; attrs: Record<string, string> }): boolean =>
    name === 'presence' && attrs['type'] === type && attrs['from'] === from;
}

test('blocking holds for all devices, across a restart, and nobody is told', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.online(server, 'romeo', { resource: 'orchard' });
  const phone = await XmppClient.online(server, 'juliet', { resource: 'phone' });
  const laptop = await connectStanza(server, 'juliet');
  laptop.sendPresence();
  assert.deepEqual((await laptop.getBlocked()).jids, []);
  const told: string[] = [];
  laptop.on('block', ({ jids }) => void told.push(...jids));

  await romeo.send(xml('presence', { type: 'subscribe', to: JULIET }));
  await phone.next(presence('subscribe', ROMEO));
  await phone.send(xml('presence', { type: 'subscribed', to: ROMEO }));
  await romeo.next(presence(undefined, phone.jid));

  const item = xml('item', { jid: ROMEO }, xml('report', REPORT, xml('text', {}, 'every day')));
  await phone.set(xml('block', { xmlns: NS }, item));
  await romeo.next(presence('unavailable', phone.jid));
  await romeo.next(presence('unavailable', laptop.jid));
  await eventually('the laptop is told', () => told.includes(ROMEO));

  romeo.received.length = 0;
  await romeo.chat(JULIET, 'are you there?');
  await romeo.chat('nobody@localhost', 'are you there?');
  const [one, other] = [await romeo.next(isError), await romeo.next(isError)];
  const answer = one
    .toString()
    .replaceAll(JULIET, 'x')
    .replace(/ id="[^"]*"/, '');
  assert.equal(
    answer,
    other
      .toString()
      .replaceAll('nobody@localhost', 'x')
      .replace(/ id="[^"]*"/, ''),
  );
  await phone.chat(ROMEO, 'go away');
  const refused = (await phone.next(isError)).getChild('error');
  assert.ok(refused?.getChild('not-acceptable') && refused.getChild('blocked', 'urn:xmpp:blocking:errors'));

  laptop.disconnect();
  await phone.stop();
  await romeo.stop();
  await server.restart();
  const back = await XmppClient.online(server, 'romeo', { resource: 'street' });
  const tablet = await connectStanza(server, 'juliet');
  tablet.sendPresence();
  assert.deepEqual((await tablet.getBlocked()).jids, [ROMEO]);
  await back.settled();
  assert.ok(!back.received.some(({ attrs }) => attrs['from']?.startsWith(JULIET)), back.received.join('\n'));
  await tablet.unblock(ROMEO);
  await back.next(presence(undefined, tablet.jid));
  await back.chat(JULIET, 'and now?');
  assert.equal(await new Promise((resolve) => tablet.once('message', ({ body }) => resolve(body))), 'and now?');
});

function isError({ name, attrs }: { name: string; attrs: Record<string, string> }): boolean {
  return name === 'message' && attrs['type'] === 'error';
}
