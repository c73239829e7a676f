import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Element } from '@xmpp/xml';
import fc from 'fast-check';
import type { Agent } from 'stanza';
import { contactLists, type SeenContact } from '../support/contact-edits.ts';
import { ContactsExample } from '../support/contacts-example.ts';
import { DOMAIN, eventually, LiveServer, type Settings } from '../support/live-server.ts';
import { RosterBackend } from '../support/roster-backend.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const NS = 'jabber:iq:roster';

interface Scene {
  readonly server: LiveServer;
  readonly backend: RosterBackend;
}

/** A server with these users, whose contacts an application owns. */
async function open(t: TestContext, users: readonly string[], settings: Settings = {}): Promise<Scene> {
  const backend = await RosterBackend.start(t);
  const delegatedRoster = { url: backend.url, ...settings };
  const server = await LiveServer.start(t, { features: { roster: false, delegatedRoster } });
  await server.addUsers(...users);
  for (const user of users) backend.contacts.set(user, {});
  return { server, backend };
}

/** Tells the server whose contacts have changed, and returns what it answers. */
async function refresh(server: LiveServer, ...users: readonly string[]): Promise<unknown> {
  const url = `http://${DOMAIN}:${server.port('http')}/roster_admin/refresh`;
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(users) });
  assert.equal(answer.status, 200);
  return answer.json();
}

function refreshed(updated: number): unknown {
  return { status: 'ok', message: 'roster update complete', updated, errors: 0 };
}

/** The roster that a client asks for, each item as a line. */
async function rosterOf(client: XmppClient): Promise<string[]> {
  const query = await client.get(xml('query', { xmlns: NS }));
  return (query?.getChildElements() ?? []).map(line).sort();
}

function line(item: Element): string {
  const groups = item.getChildren('group').map((group) => group.text());
  const { jid, name, subscription } = item.attrs;
  return [jid, subscription, ...(name === undefined ? [] : [name]), ...groups.sort()].join(' | ');
}

/** The next item that a client is told of. */
async function pushed(client: XmppClient): Promise<string> {
  const push = await client.next((stanza) => stanza.getChild('query', NS) !== undefined);
  const items = push.getChild('query', NS)?.getChildElements() ?? [];
  assert.equal(items.length, 1);
  return items.map(line).join();
}

function presence(type: string | undefined, from: string): (stanza: Element) => boolean {
  return ({ name, attrs }) => name === 'presence' && attrs['type'] === type && attrs['from'] === from;
}

/** Asserts that a client has been told nothing that it was not asked for. */
async function hasNothing(client: XmppClient): Promise<void> {
  await client.settled();
  assert.deepEqual(client.received.map(String), []);
}

test('contacts are fetched once for all devices of a user, and no device can change them', async (t) => {
  const { server, backend } = await open(t, ['romeo']);
  backend.contacts.set('romeo', {
    'Juliet@LOCALHOST': { name: 'Júlia ❤', groups: { Verona: true, 'Chess & Go': true } },
    'friar@localhost': { groups: ['Church'] },
    'bot@localhost': {},
    'no address @': { name: 'Nobody' },
  });
  const expected = [
    'bot@localhost | both',
    'friar@localhost | both | Church',
    'juliet@localhost | both | Júlia ❤ | Chess & Go | Verona',
  ];
  const phone = await XmppClient.connect(server, 'romeo', { resource: 'phone' });
  const laptop = await XmppClient.connect(server, 'romeo', { resource: 'laptop', over: 'wss' });
  for (const client of [phone, laptop]) assert.deepEqual(await rosterOf(client), expected);
  assert.deepEqual(
    backend.requests.map(({ method, target }) => `${method} ${target}`),
    ['GET /contacts/romeo'],
  );

  const friend = xml('query', { xmlns: NS }, xml('item', { jid: 'nurse@localhost', name: 'Nurse' }));
  const removal = xml('query', { xmlns: NS }, xml('item', { jid: 'bot@localhost', subscription: 'remove' }));
  for (const change of [friend, removal]) assert.equal(await phone.refused('set', change), 'service-unavailable');
  assert.deepEqual(await rosterOf(laptop), expected);
  assert.equal(backend.requests.length, 1);

  await phone.stop();
  await laptop.stop();
  backend.contacts.set('romeo', {});
  assert.deepEqual(await rosterOf(await XmppClient.connect(server, 'romeo')), []);
  assert.equal(backend.requests.length, 2);
});

test('clients are told at once when the application makes, renames and ends friendships, and see each other while they last', async (t) => {
  const { server, backend } = await open(t, ['romeo', 'juliet']);
  const phone = await XmppClient.online(server, 'romeo', { resource: 'phone' });
  const script = await XmppClient.online(server, 'romeo', { resource: 'script' });
  const juliet = await XmppClient.online(server, 'juliet', { resource: 'balcony', over: 'wss' });
  for (const client of [phone, juliet]) assert.deepEqual(await rosterOf(client), []);
  await phone.next(presence(undefined, script.jid));
  await script.next(presence(undefined, phone.jid));

  backend.contacts.set('romeo', { 'juliet@localhost': { name: 'Juliet' } });
  backend.contacts.set('juliet', { 'romeo@localhost': {} });
  assert.deepEqual(await refresh(server, 'romeo', 'juliet'), refreshed(2));
  assert.equal(await pushed(phone), 'juliet@localhost | both | Juliet');
  assert.equal(await pushed(juliet), 'romeo@localhost | both');
  for (const client of [phone, script]) {
    await client.next(presence(undefined, juliet.jid));
    await juliet.next(presence(undefined, client.jid));
  }

  backend.contacts.set('romeo', { 'juliet@localhost': { name: 'Júlia', groups: ['Verona'] } });
  assert.deepEqual(await refresh(server, 'romeo'), refreshed(1));
  assert.equal(await pushed(phone), 'juliet@localhost | both | Júlia | Verona');

  await juliet.send(xml('presence', {}, xml('show', {}, 'away')));
  await phone.next((stanza) => stanza.getChildText('show') === 'away');
  await script.next((stanza) => stanza.getChildText('show') === 'away');
  await juliet.next(presence(undefined, juliet.jid));
  for (const client of [phone, script, juliet]) client.received.length = 0;

  assert.deepEqual(await refresh(server, 'romeo', 'juliet'), refreshed(2));
  for (const client of [phone, script, juliet]) await hasNothing(client);

  backend.contacts.set('romeo', {});
  backend.contacts.set('juliet', {});
  assert.deepEqual(await refresh(server, 'romeo', 'juliet'), refreshed(2));
  assert.equal(await pushed(phone), 'juliet@localhost | remove');
  assert.equal(await pushed(juliet), 'romeo@localhost | remove');
  for (const client of [phone, script]) {
    await client.next(presence('unavailable', juliet.jid));
    await juliet.next(presence('unavailable', client.jid));
  }
  await juliet.send(xml('presence'));
  await juliet.next(presence(undefined, juliet.jid));
  for (const client of [phone, script]) {
    await client.settled();
    assert.equal(client.received.some(presence(undefined, juliet.jid)), false);
  }
});

test('presence that is sent before the roster is there reaches the contacts, and theirs comes back', async (t) => {
  const { server, backend } = await open(t, ['romeo', 'juliet']);
  backend.contacts.set('romeo', { 'juliet@localhost': {} });
  backend.contacts.set('juliet', { 'romeo@localhost': {} });
  const juliet = await XmppClient.online(server, 'juliet', { resource: 'balcony' });
  backend.faults.set('romeo', 'hold');
  const romeo = await XmppClient.connect(server, 'romeo', { resource: 'orchard' });
  await romeo.send(xml('presence'));
  await backend.requested(2);
  backend.release();
  await juliet.next(presence(undefined, romeo.jid));
  await romeo.next(presence(undefined, juliet.jid));
  assert.deepEqual(await rosterOf(romeo), ['juliet@localhost | both']);
});

test('nobody makes or ends a friendship by asking for it', async (t) => {
  const { server, backend } = await open(t, ['romeo', 'juliet', 'paris']);
  backend.contacts.set('romeo', { 'juliet@localhost': {} });
  backend.contacts.set('juliet', { 'romeo@localhost': {} });
  const romeo = await XmppClient.online(server, 'romeo', { resource: 'orchard' });
  const juliet = await XmppClient.online(server, 'juliet', { resource: 'balcony' });
  const paris = await XmppClient.online(server, 'paris', { resource: 'church' });
  await romeo.next(presence(undefined, juliet.jid));
  await juliet.next(presence(undefined, romeo.jid));
  const rosters = [await rosterOf(romeo), await rosterOf(juliet), await rosterOf(paris)];
  for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed']) {
    for (const to of ['juliet@localhost', juliet.jid, 'nobody@localhost']) {
      await paris.send(xml('presence', { to, type }));
      await romeo.send(xml('presence', { to, type }));
    }
  }
  for (const client of [romeo, juliet, paris]) await hasNothing(client);
  assert.deepEqual([await rosterOf(romeo), await rosterOf(juliet), await rosterOf(paris)], rosters);
});

test('who logs in while the application is down is turned away, and let in when it is back', async (t) => {
  const { server, backend } = await open(t, ['romeo'], { timeoutMs: 300 });
  backend.faults.set('romeo', 'hang');
  const devices = ['phone', 'laptop'].map((resource) => new XmppClient(server, 'romeo', { resource }));
  for (const { client } of devices) {
    client.reconnect.stop();
    await client.start();
  }
  const refusals = devices.map((device) => device.refused('get', xml('query', { xmlns: NS })));
  assert.deepEqual(await Promise.all(refusals), ['internal-server-error', 'internal-server-error']);
  for (const { client, errors } of devices) {
    await eventually('the stream is closed', () => client.status === 'offline' || client.status === 'disconnect');
    assert.match(String(errors), /internal-server-error/);
  }
  backend.faults.clear();
  assert.deepEqual(await rosterOf(await XmppClient.connect(server, 'romeo')), []);
});

test('with stale lists allowed, who logs in while the application is down has the last one, and is told what has changed', async (t) => {
  const { server, backend } = await open(t, ['romeo', 'paris'], { timeoutMs: 300, onFailure: 'stale' });
  backend.contacts.set('romeo', { 'juliet@localhost': { name: 'Juliet' } });
  const before = await XmppClient.connect(server, 'romeo');
  assert.deepEqual(await rosterOf(before), ['juliet@localhost | both | Juliet']);
  await before.stop();

  backend.faults.set('*', { status: 503 });
  const romeo = await XmppClient.connect(server, 'romeo');
  assert.deepEqual(await rosterOf(romeo), ['juliet@localhost | both | Juliet']);
  const paris = new XmppClient(server, 'paris');
  paris.client.reconnect.stop();
  await paris.client.start();
  // Of whom there is no copy.
  await eventually('the stream is closed', () => /internal-server-error/.test(String(paris.errors)));

  backend.contacts.set('romeo', { 'juliet@localhost': { name: 'Júlia' } });
  backend.faults.clear();
  assert.deepEqual(await refresh(server, 'romeo'), refreshed(1));
  assert.equal(await pushed(romeo), 'juliet@localhost | both | Júlia');
});

test('with empty lists allowed, who logs in while the application is down gets the contacts when it is back', async (t) => {
  const { server, backend } = await open(t, ['romeo'], { timeoutMs: 300, onFailure: 'empty' });
  backend.contacts.set('romeo', { 'juliet@localhost': { name: 'Juliet' } });
  backend.faults.set('*', { status: 503 });
  const romeo = await XmppClient.connect(server, 'romeo');
  assert.deepEqual(await rosterOf(romeo), []);
  backend.faults.clear();
  assert.deepEqual(await refresh(server, 'romeo'), refreshed(1));
  assert.equal(await pushed(romeo), 'juliet@localhost | both | Juliet');
});

/** The roster as a client written with stanza keeps it: what it has asked for, and each change that it was told of. */
class KeptRoster {
  readonly #agent: Agent;
  readonly items = new Map<string, SeenContact>();

  constructor(agent: Agent) {
    this.#agent = agent;
    agent.on('roster:update', ({ roster }) => {
      if (roster.version !== undefined) agent.config.rosterVer = roster.version;
      for (const item of roster.items ?? []) this.#take(item);
    });
  }

  async load(): Promise<void> {
    const { items = [] } = await this.#agent.getRoster();
    for (const item of items) this.#take(item);
  }

  /** Resolves when everything that the server has sent is in here. */
  async settled(): Promise<void> {
    await this.#agent.ping(DOMAIN);
  }

  #take({
    jid,
    name = '',
    groups = [],
    subscription,
  }: {
    jid: string;
    name?: string;
    groups?: string[];
    subscription?: string;
  }) {
    if (subscription === 'remove') return void this.items.delete(jid);
    assert.equal(subscription, 'both');
    this.items.set(jid, { name, groups: [...groups].sort() });
  }
}

test('after a refresh the rosters that clients made with stanza keep are the application’s, whatever it has changed', async (t) => {
  const { server, backend } = await open(t, ['romeo'], { refresh: { namesPerMinute: 100_000 } });
  const agents = [await connectStanza(server, 'romeo'), await connectStanza(server, 'romeo')];
  const kept = agents.map((agent) => new KeptRoster(agent));
  for (const roster of kept) await roster.load();
  agents[0]?.sendPresence();
  const lists = fc.array(contactLists(DOMAIN, 'romeo'), { minLength: 1, maxLength: 8 });
  const property = fc.asyncProperty(lists, async (edits) => {
    for (const { json, seen } of edits) {
      backend.contacts.set('romeo', json);
      assert.deepEqual(await refresh(server, 'romeo'), refreshed(1));
      for (const roster of kept) {
        await roster.settled();
        assert.deepEqual(roster.items, seen);
      }
    }
    // With the version of the last push, the server says that nothing is new.
    const again = await agents[0]?.getRoster();
    assert.deepEqual(again?.items, []);
  });
  await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 4000 });
});

test('the example application and the server work together as the README says', async (t) => {
  const backend = await ContactsExample.start(t);
  const server = await LiveServer.start(t, Object(backend.advice));
  await backend.stop();
  const environment = { PARLEY_URL: `http://127.0.0.1:${server.port('http')}`, PORT: new URL(backend.origin).port };
  const example = await ContactsExample.start(t, environment, backend.dataDir);

  await server.addUsers('alice', 'bob');
  for (const [person, name] of Object.entries({ alice: 'Alice', bob: 'Bob' })) {
    await example.edit('add-person', { person, name });
  }
  const alice = await XmppClient.online(server, 'alice', { resource: 'phone' });
  const bob = await XmppClient.online(server, 'bob', { resource: 'laptop' });
  for (const client of [alice, bob]) assert.deepEqual(await rosterOf(client), []);

  await example.edit('befriend', { person: 'alice', other: 'bob' });
  assert.equal(await pushed(alice), 'bob@localhost | both | Bob');
  assert.equal(await pushed(bob), 'alice@localhost | both | Alice');
  await alice.next(presence(undefined, bob.jid));
  await bob.next(presence(undefined, alice.jid));
  assert.match(await (await example.get('/')).text(), /Parley was told of alice, bob\./);

  await example.edit('add-group', { group: 'Chess club' });
  for (const person of ['alice', 'bob']) await example.edit('join', { group: 'Chess club', person });
  assert.equal(await pushed(alice), 'bob@localhost | both | Bob | Chess club');
  await example.edit('rename-person', { person: 'bob', name: 'Robert' });
  assert.equal(await pushed(alice), 'bob@localhost | both | Robert | Chess club');

  // A call that somebody has overheard, or made without the secret, is worth nothing.
  const url = `http://${DOMAIN}:${server.port('http')}/roster_admin/refresh`;
  const body = '["alice"]';
  const timestamp = String(Math.floor(Date.now() / 1000) + 60);
  const sign = (key: string) => `sha256=${createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex')}`;
  const call = async (headers: Record<string, string>) => (await fetch(url, { method: 'POST', headers, body })).status;
  const signed = { 'x-timestamp': timestamp, 'x-signature': sign(await example.secret()) };
  assert.equal(await call({}), 401);
  assert.equal(await call({ ...signed, 'x-signature': sign('another') }), 401);
  assert.equal(await call(signed), 200);
  assert.equal(await call(signed), 401);

  await example.edit('remove-person', { person: 'bob' });
  assert.equal(await pushed(alice), 'bob@localhost | remove');
  await alice.next(presence('unavailable', bob.jid));
});

test('the example application answers for many at once, and only who has the token', async (t) => {
  const token = 'open sesame';
  const example = await ContactsExample.start(t, { CONTACTS_TOKEN: token });
  for (const person of ['alice', 'bob', 'carol']) await example.edit('add-person', { person, name: '' });
  await example.edit('add-group', { group: 'Chess' });
  for (const person of ['alice', 'bob', 'carol']) await example.edit('join', { group: 'Chess', person });
  const delegatedRoster = { url: example.url, batchUrl: `${example.origin}/contacts`, auth: { bearer: token } };
  const server = await LiveServer.start(t, { features: { roster: false, delegatedRoster } });
  await server.addUsers('alice', 'bob', 'carol');
  const clients = await Promise.all(['alice', 'bob', 'carol'].map((user) => XmppClient.connect(server, user)));
  assert.deepEqual(await Promise.all(clients.map(rosterOf)), [
    ['bob@localhost | both | bob | Chess', 'carol@localhost | both | carol | Chess'],
    ['alice@localhost | both | alice | Chess', 'carol@localhost | both | carol | Chess'],
    ['alice@localhost | both | alice | Chess', 'bob@localhost | both | bob | Chess'],
  ]);
});
