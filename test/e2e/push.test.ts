import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attr, child, children, type Element, serialize, text } from '../../src/xml/element.ts';
import { AppServer, NS, NS_PUBSUB, nodeOf, summaryOf } from '../features/push/scene.ts';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const APP = `push.${DOMAIN}`;

/** The server, with an app server in the place where another server or a component will be. */
async function start(t: Parameters<typeof LiveServer.start>[0]) {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const app = new AppServer();
  const { router } = server.server;
  app.send = (stanza) => router.send(stanza);
  router.mount(APP, { deliver: (stanza) => app.take(stanza) });
  return { server, app };
}

function optionsOf(request: Element): Record<string, string> {
  const pubsub = child(request, 'pubsub', NS_PUBSUB);
  const options = pubsub && child(pubsub, 'publish-options');
  const form = options && child(options, 'x', 'jabber:x:data');
  assert.ok(form, serialize(request));
  return Object.fromEntries(
    children(form, 'field').map((field) => [attr(field, 'var') ?? '', text(child(field, 'value'))]),
  );
}

test('a telephone made with stanza sleeps and is woken, while a computer made with @xmpp/client is in use', async (t) => {
  const { server, app } = await start(t);
  const juliet = await XmppClient.online(server, 'juliet');
  const laptop = await XmppClient.online(server, 'romeo', { resource: 'laptop' });
  const account = await laptop.get(xml('query', { xmlns: 'http://jabber.org/protocol/disco#info' }));
  assert.ok(account?.getChildren('feature').some((feature) => feature.attrs['var'] === NS));
  await laptop.set(xml('enable', { xmlns: NS, jid: APP, node: 'laptop' }));

  const phone = await connectStanza(server, 'romeo');
  await phone.enableNotifications(APP, 'phone', [{ name: 'secret', value: 'eruio234vzxc2kla-91' }]);
  phone.sendPresence();
  await juliet.chat(`romeo@${DOMAIN}`, 'both are here');
  await laptop.nextMessage();
  assert.deepEqual(app.requests(), []);

  phone.disconnect();
  await eventually('one session is left', () => server.server.hosts.get(DOMAIN)?.account('romeo')?.sessions.size === 1);
  for (let i = 0; i < 3; i++) await juliet.chat(`romeo@${DOMAIN}`, `where art thou? ${i}`);
  for (let i = 0; i < 3; i++) await laptop.nextMessage();
  await laptop.settled();
  const requests = app.requests();
  assert.deepEqual(requests.map(nodeOf), ['phone']);
  const [request] = requests;
  assert.ok(request);
  assert.equal(attr(request, 'from'), DOMAIN);
  assert.deepEqual(summaryOf(request), {});
  assert.equal(optionsOf(request)['secret'], 'eruio234vzxc2kla-91');

  const again = await connectStanza(server, 'romeo');
  await again.disableNotifications(APP);
  again.disconnect();
  await laptop.stop();
  await eventually('nobody is left', () => server.server.hosts.get(DOMAIN)?.account('romeo')?.sessions.size === 0);
  await juliet.chat(`romeo@${DOMAIN}`, 'gone');
  await juliet.settled();
  assert.deepEqual(app.requests(), []);
});

test('a registration outlives the server, and nothing that it holds is in the log', async (t) => {
  const { server, app } = await start(t);
  const phone = await connectStanza(server, 'romeo');
  await phone.enableNotifications(APP, 'node-4711', [{ name: 'secret', value: 'planted-secret' }]);
  phone.disconnect();
  await server.restart();
  const { router } = server.server;
  app.send = (stanza) => router.send(stanza);
  app.reaction = { condition: 'item-not-found' };
  router.mount(APP, { deliver: (stanza) => app.take(stanza) });
  const juliet = await XmppClient.online(server, 'juliet');
  await juliet.chat(`romeo@${DOMAIN}`, 'hello');
  const [request] = await eventually('the app server is asked', () => {
    const requests = app.requests();
    return requests.length > 0 && requests;
  });
  assert.ok(request);
  assert.equal(nodeOf(request), 'node-4711');
  const { jid, service, condition } = await server.logged('push.disabled');
  assert.deepEqual([jid, service, condition], [`romeo@${DOMAIN}`, APP, 'item-not-found']);
  assert.ok(!server.lines.some((line) => line.includes('planted-secret') || line.includes('node-4711')));
});
