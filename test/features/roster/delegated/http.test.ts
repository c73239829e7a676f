import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { blocking } from '../../../../src/features/blocking/index.ts';
import { mam } from '../../../../src/features/mam/index.ts';
import { offline } from '../../../../src/features/offline/index.ts';
import { presence } from '../../../../src/features/presence/index.ts';
import { delegatedRosters } from '../../../../src/features/roster/api.ts';
import { delegatedRoster } from '../../../../src/features/roster/delegated/index.ts';
import { parseElement } from '../../../../src/xml/parser.ts';
import { matches } from '../../../support/compare.ts';
import { type Fault, RosterBackend } from '../../../support/roster-backend.ts';
import { PASSWORD, Stage } from '../../../support/stage.ts';
import type { StageClient } from '../../../support/stage-client.ts';
import { until } from './http-scene.ts';
import { address, conditionOf, from, items, push, pushed, QUERY } from './serving-scene.ts';

interface Scene {
  readonly stage: Stage;
  readonly backend: RosterBackend;
  refresh(...locals: readonly string[]): Promise<{ updated: readonly string[]; failed: ReadonlyMap<string, string> }>;
}

/** The whole feature over an application that is really asked. */
async function open(t: TestContext, options: Readonly<Record<string, unknown>> = {}): Promise<Scene> {
  const backend = await RosterBackend.start(t);
  const features = [delegatedRoster, blocking, presence, mam, offline];
  const config = { features: { delegatedRoster: { url: backend.url, ...options } } };
  const stage = await Stage.open(t, { features, config });
  const service = stage.host.services.use(delegatedRosters);
  return { stage, backend, refresh: (...locals) => service.refresh(new Set(locals)) };
}

/** Logs in and waits until the roster is there. */
async function online({ stage }: Scene, cast: Readonly<Record<string, string>>): Promise<Record<string, StageClient>> {
  const clients = await stage.connected(cast);
  for (const client of Object.values(clients)) {
    await items(client);
    await client.sends('<presence/>');
  }
  for (const client of Object.values(clients)) await client.forget();
  return clients;
}

/** Asserts that a client is sent this, among other things. */
async function receives(client: StageClient, expected: string): Promise<void> {
  const wanted = parseElement(expected);
  await until(() => client.transport.received.some((element) => matches(element, wanted)));
}

test('names and groups arrive, from an object of groups as from a list, and what is wrong costs nothing else', async (t) => {
  const scene = await open(t);
  scene.backend.contacts.set('john', {
    'Marie@Stage.example': { name: 'Old' },
    'marie@stage.example': { name: 'Marie', groups: { Family: true, 'Chess club': false } },
    'bot@stage.example': { groups: ['Bots'], subscription: 'none', ask: 'subscribe' },
    'john@stage.example': { name: 'Me' },
    '@@': {},
    'ann@stage.example/phone': {},
    'stage.example': {},
    'null@stage.example': null,
  });
  const { desk } = await scene.stage.connected({ desk: 'john' });
  assert.ok(desk);
  assert.deepEqual(await items(desk), [
    [address('bot'), undefined, ['Bots']],
    [address('marie'), 'Marie', ['Chess club', 'Family']],
    [address('null'), undefined, []],
  ]);
  assert.equal(scene.backend.requests.length, 1);
});

test('a user with an odd name makes exactly one request, correctly encoded, and three sessions make no more', async (t) => {
  const { stage, backend } = await open(t);
  const local = 'o\\27neil\\2fü';
  backend.contacts.set(local, { 'marie@stage.example': {} });
  await stage.host.users.create(local, PASSWORD);
  const clients = [];
  for (const resource of ['a', 'b', 'c']) {
    const client = stage.connect(resource);
    await client.logIn(local, PASSWORD);
    await client.bind(resource);
    clients.push(client);
  }
  for (const client of clients) assert.equal((await items(client)).length, 1);
  assert.deepEqual(
    backend.requests.map(({ target }) => target),
    [`/contacts/${encodeURIComponent(local)}`],
  );
});

test('the application makes friends and ends it: pushes and presence follow its word', async (t) => {
  const scene = await open(t);
  const { backend, refresh } = scene;
  backend.contacts.set('john', {});
  backend.contacts.set('marie', {});
  const { desk, marie } = await online(scene, { desk: 'john', marie: 'marie' });
  assert.ok(desk && marie);
  backend.contacts.set('john', { 'marie@stage.example': { name: 'Marie' } });
  backend.contacts.set('marie', { 'john@stage.example': {} });
  assert.deepEqual((await refresh('john', 'marie')).failed, new Map());
  // Who is fetched first is shown to the other before that one knows whom it sees.
  await receives(desk, push(desk, `<item jid='${address('marie')}' name='Marie' subscription='both'/>`));
  await receives(marie, pushed(marie, 'john'));
  await receives(desk, from(marie.jid));
  await receives(marie, from(desk.jid));
  for (const client of [desk, marie]) await client.forget();
  backend.contacts.set('john', {});
  await refresh('john');
  await desk.receives(pushed(desk, 'marie', 'remove'));
  await desk.receives(from(marie.jid, 'unavailable'));
  await marie.receives(from(desk.jid, 'unavailable'));
});

const FAULTS: readonly Fault[] = [
  'hang',
  'reset',
  'half',
  'html',
  'redirect',
  { status: 404 },
  { status: 204 },
  { status: 500 },
  { body: '{"marie@example.org": {' },
  { body: '[]' },
  { body: '' },
];

test('whatever goes wrong at login, the get is answered and the stream is closed, within the timeout', async (t) => {
  const scene = await open(t);
  const { stage, backend } = scene;
  backend.contacts.set('marie', {});
  for (const [i, fault] of FAULTS.entries()) {
    const user = `user${i}`;
    backend.faults.set(user, fault);
    const { desk } = await stage.connected({ desk: user });
    assert.ok(desk);
    await desk.sends(`<iq type='get' id='g'>${QUERY}</iq>`);
    const begunAt = stage.clock.now();
    // Time passes until it has failed for good.
    while (!desk.transport.isClosed) {
      await stage.clock.advance(100);
      await until(() => true);
    }
    assert.ok(stage.clock.now() - begunAt <= 11_000, JSON.stringify(fault));
    assert.equal(conditionOf(await desk.next()), 'cancel internal-server-error', JSON.stringify(fault));
    await desk.isClosedWith('internal-server-error');
    // So that it is not suspended.
    const { other } = await stage.connected({ other: 'marie' });
    assert.ok(other);
    await items(other);
    await other.sends('</stream:stream>');
  }
});

test('an unchanged roster that the application does not send again gives no push', async (t) => {
  const scene = await open(t);
  scene.backend.hasETags = true;
  scene.backend.contacts.set('john', { 'marie@stage.example': {} });
  const { desk } = await online(scene, { desk: 'john' });
  assert.ok(desk);
  assert.deepEqual((await scene.refresh('john')).updated, ['john']);
  assert.ok(scene.backend.requests[1]?.headers['if-none-match']);
  await desk.receivesNothing();
});

test('stale: in an outage users log in with what was good last', async (t) => {
  const scene = await open(t, { onFailure: 'stale' });
  scene.backend.contacts.set('john', { 'marie@stage.example': {} });
  const { desk } = await online(scene, { desk: 'john' });
  await desk?.sends('</stream:stream>');
  scene.backend.faults.set('*', { status: 404 });
  const { phone } = await scene.stage.connected({ phone: 'john' });
  assert.ok(phone);
  assert.equal((await items(phone)).length, 1);
});
