import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sessionBound } from '../../src/core/points.ts';
import { StreamError } from '../../src/errors.ts';
import { message } from '../../src/stanza.ts';
import { child, text } from '../../src/xml/element.ts';
import { availability, feature, gate } from '../core/scene.ts';
import { PASSWORD, Stage, type StageOptions } from '../support/stage.ts';
import type { StageClient } from '../support/stage-client.ts';

const BIND = 'urn:ietf:params:xml:ns:xmpp-bind';

function request(resource?: string): string {
  return `<bind xmlns="${BIND}">${resource === undefined ? '' : `<resource>${resource}</resource>`}</bind>`;
}

async function open(t: TestContext, options: Partial<StageOptions> = {}) {
  const stage = await Stage.open(t, { features: [availability], ...options });
  for (const user of ['romeo', 'juliet']) await stage.host.users.create(user, PASSWORD);
  const logIn = async (user = 'romeo'): Promise<StageClient> => {
    const client = stage.connect(user);
    await client.logIn(user, PASSWORD);
    return client;
  };
  const resources = (user = 'romeo') => [...(stage.host.account(user)?.sessions.keys() ?? [])];
  return { stage, logIn, resources };
}

async function boundTo(client: StageClient, resource?: string): Promise<string> {
  const result = await client.set(request(resource));
  assert.ok(result);
  return text(child(result, 'jid', BIND));
}

test('binding is offered after login', async (t) => {
  const { stage } = await open(t);
  const client = stage.connect('romeo');
  const before = await client.open();
  assert.equal(child(before, 'bind', BIND), undefined);
  client.transport.break();
  const features = await stage.connect('romeo').logIn('romeo', PASSWORD);
  assert.ok(child(features, 'bind', BIND));
  assert.equal(child(features, 'mechanisms', 'urn:ietf:params:xml:ns:xmpp-sasl'), undefined);
});

test('the resource that a client wants, normalised', async (t) => {
  const { logIn, resources } = await open(t);
  assert.equal(await boundTo(await logIn(), 'Bal\u00a0con y'), 'romeo@stage.example/Bal con y');
  assert.deepEqual(resources(), ['Bal con y']);
});

test('the server makes a resource for a client that wants none', async (t) => {
  const { logIn } = await open(t);
  const made = [await boundTo(await logIn()), await boundTo(await logIn(), '')];
  for (const jid of made) assert.match(jid, /^romeo@stage\.example\/[\w-]{20}$/);
  assert.notEqual(made[0], made[1]);
});

test('a request that cannot be is refused, and the client may try again', async (t) => {
  const { logIn } = await open(t);
  const client = await logIn();
  assert.equal(await client.refused('set', request('x'.repeat(1024))), 'bad-request');
  assert.equal(await client.refused('set', request('a\u202eb')), 'bad-request');
  assert.equal(await client.refused('get', request('x')), 'bad-request');
  assert.equal(await client.refused('set', `${request('x')}<other xmlns="urn:x"/>`), 'bad-request');
  await client.sends(`<iq type="set">${request('x')}</iq>`);
  assert.equal((await client.next()).attrs['type'], 'error');
  await client.sends(`<iq type="set" id="">${request('x')}</iq>`);
  assert.equal((await client.next()).attrs['type'], 'error');
  await client.sends(`<iq type="result" id="1">${request('x')}</iq>`);
  await client.receivesNothing();
  assert.equal(await boundTo(client, 'x'), 'romeo@stage.example/x');
});

test('a second binding on one stream is refused', async (t) => {
  const { logIn, resources } = await open(t);
  const client = await logIn();
  await client.bind('a');
  assert.equal(await client.refused('set', request('b')), 'service-unavailable');
  assert.deepEqual(resources(), ['a']);
});

test('a resource that is taken goes to the newer session, the older one ends with conflict', async (t) => {
  const { logIn, resources } = await open(t);
  const [older, newer, juliet] = [await logIn(), await logIn(), await logIn('juliet')];
  await older.bind('x');
  await newer.bind('x');
  await older.isClosedWith('conflict');
  assert.deepEqual(resources(), ['x']);
  await juliet.bind('j');
  await juliet.sends('<message to="romeo@stage.example/x" id="1"/>');
  await newer.receives('<message to="romeo@stage.example/x" from="juliet@stage.example/j" id="1"/>');
});

test('two at once want the same resource: one has it, the other ends', async (t) => {
  const loading = gate();
  const slow = feature('slow', (host) => void host.accountSlot(() => loading.promise));
  const { stage, logIn, resources } = await open(t, { features: [availability, slow] });
  const [first, second] = [await logIn(), await logIn()];
  for (const client of [first, second]) await client.sends(`<iq type="set" id="1">${request('x')}</iq>`);
  for (const client of [first, second]) await client.receivesNothing();
  loading.open();
  await second.nextNamed('iq');
  await first.isClosedWith('conflict');
  assert.deepEqual(resources(), ['x']);
  assert.equal(stage.connections, 1);
});

test('what is sent to a resource while it is being bound comes after the answer', async (t) => {
  const loading = gate();
  const slow = feature('slow', (host) => {
    host.accountSlot(({ jid }) => (jid.local === 'juliet' ? loading.promise : undefined));
    host.observe(sessionBound, ({ session }) => host.deliver(session, message({ type: 'headline', to: session.jid })));
  });
  const { stage, logIn } = await open(t, { features: [availability, slow] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const juliet = await logIn('juliet');
  await juliet.sends(`<iq type="set" id="1">${request('x')}</iq>`);
  await romeo.sends('<message to="juliet@stage.example/x" id="2"/>');
  loading.open();
  await juliet.nextNamed('iq');
  assert.equal((await juliet.nextNamed('message')).attrs['type'], 'headline');
  assert.equal((await juliet.nextNamed('message')).attrs['id'], '2');
});

test('a connection that breaks while its account is loaded leaves no session', async (t) => {
  for (const isClosed of [false, true]) {
    const loading = gate();
    const slow = feature('slow', (host) => void host.accountSlot(() => loading.promise));
    const { stage, logIn, resources } = await open(t, { features: [availability, slow] });
    const client = await logIn();
    await client.sends(`<iq type="set" id="1">${request('x')}</iq>`);
    if (isClosed) stage.shutDown();
    else client.transport.break();
    loading.open();
    await client.forget();
    assert.deepEqual(resources(), []);
    assert.equal(stage.connections, 0);
  }
});

test('an account has so many sessions and no more; one that ends makes room', async (t) => {
  const { logIn, resources } = await open(t, { config: { limits: { account: { sessions: 2 } } } });
  const clients = [await logIn(), await logIn(), await logIn()];
  await clients[0]?.bind('a');
  await clients[1]?.bind('b');
  const third = clients[2];
  assert.ok(third);
  assert.equal(await third.refused('set', request('c')), 'resource-constraint');
  // A resource that is taken makes no session more.
  await third.bind('b');
  await clients[0]?.sends('</stream:stream>');
  await (await logIn()).bind('c');
  assert.deepEqual(resources(), ['b', 'c']);
});

test('who was removed or disabled between login and binding gets no session', async (t) => {
  const { stage, logIn } = await open(t);
  const [romeo, juliet] = [await logIn(), await logIn('juliet')];
  await stage.host.removeUser('romeo');
  assert.match(await romeo.refused('set', request('x')), /^(service-unavailable|not-allowed)$/);
  assert.equal(stage.host.account('romeo'), undefined);
  await stage.host.users.setDisabled('juliet', true);
  stage.host.sessions.kickAll('juliet', new StreamError('policy-violation'));
  assert.equal(await juliet.refused('set', request('x')), 'not-allowed');
});

test('an account that cannot be loaded refuses the session, and the next one tries again', async (t) => {
  let isBroken = true;
  const fragile = feature('fragile', (host) => {
    host.accountSlot(() => {
      if (isBroken) throw new Error('store');
    });
  });
  const { stage, logIn } = await open(t, { features: [availability, fragile] });
  const client = await logIn();
  assert.equal(await client.refused('set', request('x')), 'internal-server-error');
  assert.equal(stage.bugs().length, 1);
  isBroken = false;
  await client.bind('x');
});
