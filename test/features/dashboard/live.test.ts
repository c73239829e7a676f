import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOMAIN, PASSWORD } from '../../support/stage.ts';
import { Scene } from './scene.ts';

/** Counts how often somebody asks for the metrics, and for the memory. */
function countReadings({ stage }: Scene): { readonly metrics: number; readonly memory: number } {
  const counts = { metrics: 0, memory: 0 };
  stage.metrics.onCollect(() => void counts.metrics++);
  const { memory } = stage.metrics;
  const figures = memory.figures.bind(memory);
  memory.figures = () => {
    counts.memory++;
    return figures();
  };
  return counts;
}

test('whoever looks is told of the last hour, and then every two seconds what is going on', async (t) => {
  const scene = await Scene.open(t);
  const look = (await scene.look({ cookie: await scene.logIn() })).flow();
  await scene.pass(0);
  assert.deepEqual(
    look.events.map(([name]) => name),
    ['recent', 'sample'],
  );
  assert.equal(look.recent?.at.length, 1);
  await scene.pass(2000);
  await scene.pass(2000);
  assert.equal(look.samples.length, 3);
  const [first, second] = look.samples;
  assert.equal(first?.values.messages, null, 'there is no rate yet');
  assert.equal((second?.at ?? 0) - (first?.at ?? 0), 2000);
  assert.ok((second?.values.heap ?? 0) > 0);
});

test('nothing is read before somebody looks, and next to nothing afterwards', async (t) => {
  const scene = await Scene.open(t);
  const counts = countReadings(scene);
  await scene.pass(600_000);
  assert.deepEqual(counts, { metrics: 0, memory: 0 });
  const look = await scene.look({ cookie: await scene.logIn() });
  await scene.pass(2000);
  assert.deepEqual(counts, { metrics: 2, memory: 2 });
  look.body.destroy();
  for (let minute = 0; minute < 10; minute++) await scene.pass(60_000);
  assert.ok(counts.metrics <= 13, `${counts.metrics} readings`);
  assert.equal(counts.memory, 2, 'the memory is not read for nobody');
  const later = (await scene.look({ cookie: await scene.logIn() })).flow();
  await scene.pass(0);
  assert.ok((later.recent?.at.length ?? 0) >= 10, 'but there is something to show');
});

test('the last hour is kept, and no more', async (t) => {
  const scene = await Scene.open(t);
  const { body } = await scene.look({ cookie: await scene.logIn() });
  body.resume();
  for (let i = 0; i < 60 * 36; i++) await scene.stage.clock.advance(2000);
  const look = (await scene.look({ cookie: await scene.logIn() })).flow();
  await scene.pass(0);
  const times = look.recent?.at ?? [];
  assert.ok(times.length > 300 && times.length <= 400, `${times.length} samples`);
  assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) <= 3_600_000);
});

test('messages and sessions of one host, or of all, are counted', async (t) => {
  const scene = await Scene.open(t);
  const { stage } = scene;
  // The server exports what its hosts count.
  const stanzas = { value: 0 };
  const spec = { name: 'stanzas_total', help: 'Stanzas', labels: ['kind', 'direction'] } as const;
  stage.metrics
    .labelled({ host: DOMAIN })
    .counted(spec, (put) => put({ kind: 'message', direction: 'in' }, stanzas.value));
  stage.metrics
    .labelled({ host: 'b.example' })
    .counted(spec, (put) => put({ kind: 'message', direction: 'in' }, stanzas.value * 3));
  const headers = { cookie: await scene.logIn() };
  const all = (await scene.look(headers)).flow();
  const one = (await scene.look(headers, `/dashboard/events?host=${DOMAIN}`)).flow();
  await scene.pass(2000);
  stanzas.value += 20;
  await scene.pass(2000);
  assert.equal(one.samples.at(-1)?.values.messages, 10);
  assert.equal(all.samples.at(-1)?.values.messages, 40);
  assert.equal((await scene.ask('GET', '/dashboard/events?host=unknown.example', { headers })).status, 404);
  assert.equal((await scene.ask('GET', '/dashboard/figures?host=__proto__', { headers })).status, 404);
});

test('so many may look at once, and then another when one has gone', async (t) => {
  const scene = await Scene.open(t, { config: { features: { dashboard: { maxViewers: 2 }, oauth: {} } } });
  const headers = { cookie: await scene.logIn() };
  const first = await scene.look(headers);
  await scene.look(headers);
  const refused = await scene.ask('GET', '/dashboard/events', { headers });
  assert.deepEqual([refused.status, refused.headers?.['retry-after']], [503, '60']);
  first.body.destroy();
  await scene.pass(0);
  await scene.look(headers);
});

test('whoever does not take what is told is left behind', async (t) => {
  const scene = await Scene.open(t);
  const headers = { cookie: await scene.logIn() };
  const slow = await scene.look(headers);
  const quick = (await scene.look(headers)).flow();
  for (let i = 0; i < 1500 && !slow.hasEnded; i++) await scene.stage.clock.advance(2000);
  await scene.pass(0);
  assert.ok(slow.hasEnded);
  assert.ok(!quick.hasEnded);
  assert.ok(slow.body.readableLength <= 300_000);
});

test('a stream ends when the visit does', async (t) => {
  const scene = await Scene.open(t);
  const { users } = scene.stage.host;
  const endings: Readonly<Record<string, (cookie: string) => Promise<unknown>>> = {
    logout: (cookie) => scene.ask('POST', '/dashboard/logout', { headers: { cookie } }),
    password: () => users.setPassword('juliet', PASSWORD),
    disabled: () => users.setDisabled('juliet', true),
  };
  for (const [name, end] of Object.entries(endings)) {
    const cookie = await scene.logIn();
    const look = (await scene.look({ cookie })).flow();
    await scene.pass(2000);
    const told = look.samples.length;
    await scene.stage.clock.advance(1);
    await end(cookie);
    await scene.pass(2000);
    assert.ok(look.hasEnded, name);
    assert.equal(look.samples.length, told, name);
  }
});

test('a stream ends for whoever does not read it, too', async (t) => {
  const scene = await Scene.open(t);
  const look = await scene.look({ cookie: await scene.logIn() });
  await scene.stage.host.users.setDisabled('juliet', true);
  for (let i = 0; i < 3; i++) await scene.pass(2000);
  look.flow();
  await scene.pass(0);
  assert.ok(look.hasEnded);
  assert.equal(look.samples.length, 1);
});

test('a store that does not answer is told of once, and viewers stay', async (t) => {
  const scene = await Scene.open(t);
  const look = (await scene.look({ cookie: await scene.logIn() })).flow();
  const { users } = scene.stage.host;
  const get = users.get.bind(users);
  users.get = () => Promise.reject(new Error('the disk is gone'));
  for (let i = 0; i < 3; i++) await scene.pass(2000);
  users.get = get;
  await scene.pass(2000);
  assert.equal(look.samples.length, 2);
  assert.equal(scene.stage.log.records.filter(({ event }) => event === 'dashboard.failed').length, 1);
});

test('a stream ends with the bearer token', async (t) => {
  const scene = await Scene.open(t);
  const juliet = (await scene.stage.host.users.get('juliet'))?.jid;
  assert.ok(juliet);
  const { access } = await scene.oauth.tokensFor(await scene.oauth.register(), 'xmpp', { jid: juliet });
  const look = (await scene.look({ authorization: `Bearer ${access}` })).flow();
  await scene.pass(2000);
  assert.equal(look.samples.length, 2);
  await scene.stage.host.grants.revokeAll('juliet', 'revoked');
  await scene.pass(2000);
  assert.ok(look.hasEnded);
  assert.equal(look.samples.length, 2);
});

test('streams end when the server stops', async (t) => {
  const scene = await Scene.open(t);
  const look = (await scene.look({ cookie: await scene.logIn() })).flow();
  await scene.stage.close();
  await scene.pass(0);
  assert.ok(look.hasEnded);
  await scene.pass(600_000);
});
