import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Element } from '@xmpp/xml';
import { LiveServer, PASSWORD } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const OPEN = { registration: { enabled: true, rateLimit: null } };

function registration(username: string, password: string): Element {
  return xml('query', { xmlns: 'jabber:iq:register' }, xml('username', {}, username), xml('password', {}, password));
}

test('a stranger registers, logs in, changes the password and leaves', async (t) => {
  const server = await LiveServer.start(t, OPEN);
  const stranger = await RawClient.connectTls(server, 'c2sTls');
  await stranger.open();
  const form = await stranger.ask(`<iq type='get' id='f'><query xmlns='jabber:iq:register'/></iq>`);
  assert.match(form, /<username\/>/);
  assert.match(await stranger.ask(`<iq type='set' id='r'>${registration('Mercutio', PASSWORD)}</iq>`), /type="result"/);
  assert.match(await stranger.ask(`<iq type='set' id='again'>${registration('mercutio', 'x')}</iq>`), /<conflict /);

  const mercutio = await XmppClient.connect(server, 'mercutio', { mechanism: 'SCRAM-SHA-1' });
  await mercutio.set(registration('mercutio', 'a plague on both'), 'localhost');
  await assert.rejects(XmppClient.connect(server, 'mercutio'), { condition: 'not-authorized' });
  for (const mechanism of ['SCRAM-SHA-1', 'PLAIN']) {
    await XmppClient.connect(server, 'mercutio', { password: 'a plague on both', mechanism });
  }

  mercutio.client.reconnect.stop();
  const ended = new Promise<{ condition: string }>((resolve) => mercutio.client.once('error', resolve));
  await mercutio.set(xml('query', { xmlns: 'jabber:iq:register' }, xml('remove')), 'localhost');
  assert.equal((await ended).condition, 'not-authorized');
  const login = XmppClient.connect(server, 'mercutio', { password: 'a plague on both' });
  await assert.rejects(login, { condition: 'not-authorized' });
});

test('registration is closed unless the operator opens it, and never without encryption', async (t) => {
  const closed = await LiveServer.start(t);
  const open = await LiveServer.start(t, OPEN);
  for (const [server, encrypted] of [
    [closed, true],
    [open, false],
  ] as const) {
    const stranger = encrypted ? await RawClient.connectTls(server, 'c2sTls') : await RawClient.connect(server, 'c2s');
    assert.doesNotMatch(await stranger.open(), /iq-register/);
    const answer = await stranger.ask(`<iq type='set' id='r'>${registration('tybalt', PASSWORD)}</iq>`);
    assert.match(answer, /type="error"/);
    assert.equal(await server.server.hosts.get('localhost')?.users.exists('tybalt'), false);
  }
});

test('one address registers only so many accounts', async (t) => {
  const server = await LiveServer.start(t, {
    registration: { enabled: true, rateLimit: { count: 2, perMs: 3_600_000 } },
  });
  const stranger = await RawClient.connectTls(server, 'c2sTls');
  await stranger.open();
  const register = (name: string) => stranger.ask(`<iq type='set' id='${name}'>${registration(name, PASSWORD)}</iq>`);
  assert.match(await register('one'), /type="result"/);
  assert.match(await register('two'), /type="result"/);
  assert.match(await register('three'), /<resource-constraint /);
});
