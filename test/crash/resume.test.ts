import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOMAIN, eventually, PASSWORD } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { ResumingClient } from '../support/resuming-client.ts';
import { ChildServer } from './child-server.ts';

const SETTINGS = {
  registration: { enabled: true, rateLimit: null },
  c2s: { requireEncryption: false },
  auth: { iterations: 4096, allowPlaintext: true },
  limits: { traffic: { stanzas: null, bytes: null } },
};

function chat(user: string, text: string | number): string {
  return `<message to='${user}@${DOMAIN}/it' type='chat'><body>${text}</body></message>`;
}

async function register(server: ChildServer, user: string): Promise<void> {
  const stranger = await RawClient.connect(server, 'c2s');
  await stranger.open();
  const query = `<username>${user}</username><password>${PASSWORD}</password>`;
  const answer = await stranger.ask(`<iq type='set' id='r'><query xmlns='jabber:iq:register'>${query}</query></iq>`);
  assert.match(answer, /type="result"/);
  stranger.socket.destroy();
}

test('a session goes on after SIGTERM; after SIGKILL it is unknown, never wrong', async (t) => {
  const server = await ChildServer.start(t, SETTINGS);
  const clients = ['romeo', 'juliet'].map((user) => new ResumingClient(server, user, 'it'));
  const [romeo, juliet] = clients;
  assert.ok(romeo && juliet);
  for (const { user } of clients) await register(server, user);
  for (const client of clients) await client.connect();
  for (let i = 0; i < 5; i++) romeo.client.say(chat('juliet', i));
  await eventually('the messages arrive', () => juliet.client.inbox.length === 5);
  juliet.break();
  for (let i = 5; i < 10; i++) romeo.client.say(chat('juliet', i));
  romeo.client.ask();
  await eventually('the messages are handled', () => romeo.client.waiting === 0);

  assert.deepEqual(await server.kill('SIGTERM'), [0, null]);
  romeo.client.say(chat('juliet', 10));
  await server.restart();
  for (const client of clients) await client.connect();
  await eventually('the messages arrive', () => juliet.client.inbox.length === 11);
  assert.deepEqual(juliet.client.inbox, [...Array(11).keys()].map(String));

  // The sessions of the first stop are not found again by who comes after a crash.
  assert.deepEqual(await server.kill('SIGKILL'), [null, 'SIGKILL']);
  await server.restart();
  for (const client of clients) {
    await assert.rejects(client.connect(), /item-not-found/);
    assert.deepEqual(client.refusals, ['item-not-found']);
    const anew = new ResumingClient(server, client.user, 'it');
    await anew.connect();
  }
  server.assertNoErrors();
});
