import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PASSWORD } from '../../support/stage.ts';
import { FRANKFURT, openVisitors, PARIS, SOMEWHERE_IN_CHINA, UNLISTED } from './scene.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

test('each visitor of a month counts once by place and once by client', async (t) => {
  const { visit, counts, visitors } = await openVisitors(t, {
    clientPatterns: [{ pattern: '^Conversations', category: 'ANDROID' }],
  });
  await visit('romeo', FRANKFURT, 'Conversations.x');
  await visit('romeo', PARIS, 'laptop');
  await visit('juliet', FRANKFURT, 'laptop');
  await visit('nurse', SOMEWHERE_IN_CHINA, 'Conversations.y');
  await visit('tybalt', PARIS);
  await visit('mercutio', UNLISTED);
  assert.deepEqual(await counts(), {
    'client-?': 3,
    'client-ANDROID': 2,
    'geo-?-?-?': 1,
    'geo-CN-?-?': 1,
    'geo-DE-HE-2925533': 2,
    'geo-FR-IDF-2988507': 1,
  });
  assert.equal((await visitors.counts(visitors.month)).total, 5);
});

test('in the next month everybody counts again', async (t) => {
  const { clock, visit, counts, visitors } = await openVisitors(t);
  await visit('romeo');
  clock.jump(30 * DAY_MS);
  await visit('romeo');
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-DE-HE-2925533': 1 });
  clock.jump(DAY_MS);
  await visit('romeo');
  assert.deepEqual(await visitors.months(), ['2026-01', '2026-02']);
  for (const month of ['2026-01', '2026-02']) assert.equal((await visitors.counts(month)).total, 1);
});

test('two clients that bind at the same moment count once', async (t) => {
  const { stage, counts } = await openVisitors(t);
  await stage.host.users.create('romeo', PASSWORD);
  const clients = ['phone', 'laptop'].map((name) => stage.connect(name, { address: FRANKFURT }));
  stage.store.hold();
  const bound = clients.map(async (client, i) => {
    await client.logIn('romeo', PASSWORD);
    await client.bind(`r${i}`);
  });
  await Promise.all(bound);
  stage.store.release();
  await stage.clock.advance(0);
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-DE-HE-2925533': 1 });
});

test('private and unlisted addresses are nowhere, and mapped ones are where they are', async (t) => {
  const { visit, counts } = await openVisitors(t);
  const nowhere = ['10.1.2.3', '127.0.0.1', '::1', 'fe80::1', 'fd00::1', '', 'nonsense', '2001:db9::1', '999.1.1.1'];
  for (const [i, address] of nowhere.entries()) await visit(`user${i}`, address);
  await visit('mapped', `::ffff:${FRANKFURT}`);
  assert.deepEqual(await counts(), {
    'client-?': nowhere.length + 1,
    'geo-?-?-?': nowhere.length,
    'geo-DE-HE-2925533': 1,
  });
});

test('whatever happens, there are as many places as clients', async (t) => {
  const { stage, visit, visitors } = await openVisitors(t, {
    clientPatterns: [{ pattern: 'x$', category: 'X' }],
  });
  for (let i = 0; i < 6; i++) await stage.host.users.create(`user${i}`, PASSWORD);
  for (const [i, address] of [FRANKFURT, PARIS, '10.0.0.1', '', UNLISTED, FRANKFURT].entries()) {
    if (i % 3 === 2) stage.store.failNextCommit(new Error('the disk is full'));
    await visit(`user${i}`, address, `r${'x'.repeat(i % 2)}`);
    await visit(`user${i % 4}`, PARIS);
  }
  const { places, clients, total } = await visitors.counts(visitors.month);
  const sum = (cells: readonly { count: number }[]): number => cells.reduce((all, { count }) => all + count, 0);
  assert.equal(sum(places), sum(clients));
  assert.equal(total, 5);
});

test('with a country, only visitors from there count, and others are not marked', async (t) => {
  const { visit, counts } = await openVisitors(t, { recordCountry: 'de' });
  await visit('romeo', PARIS);
  await visit('juliet', UNLISTED);
  assert.deepEqual(await counts(), {});
  await visit('romeo', FRANKFURT);
  await visit('romeo', PARIS);
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-DE-HE-2925533': 1 });
});

test('what the store refuses marks nobody, is told once, and does not disturb the login', async (t) => {
  const { stage, visit, counts } = await openVisitors(t);
  await stage.host.users.create('romeo', PASSWORD);
  const failures = () => stage.log.records.filter(({ event }) => event === 'visitors.failed').length;
  for (let i = 0; i < 2; i++) {
    stage.store.failNextCommit(new Error('the disk is full'));
    await visit('romeo');
  }
  assert.deepEqual([await counts(), failures()], [{}, 1]);
  await visit('romeo');
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-DE-HE-2925533': 1 });
});

test('guests do not count', async (t) => {
  const config = { auth: { mechanisms: ['ANONYMOUS', 'PLAIN'] } };
  const { stage, counts } = await openVisitors(t, {}, { config });
  const guest = stage.connect('guest', { address: FRANKFURT });
  await guest.open();
  await guest.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
  await guest.nextNamed('success');
  await guest.open();
  await guest.bind('x');
  await stage.clock.advance(0);
  assert.deepEqual(await counts(), {});
});

test('of an account nothing is kept but the month, and that goes with it; the numbers stay', async (t) => {
  const { stage, visit, counts } = await openVisitors(t);
  await visit('romeo');
  const ofUsers = () => [...stage.store.dump()].filter(([key]) => key.startsWith('visitors.users'));
  assert.deepEqual(
    ofUsers().map(([, text]) => text),
    ['"2026-01"'],
  );
  assert.ok(![...stage.store.dump()].some(([key, text]) => `${key}${text}`.includes(FRANKFURT)), 'no address');
  await stage.host.removeUser('romeo');
  assert.deepEqual(ofUsers(), []);
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-DE-HE-2925533': 1 });
  assert.ok(!stage.log.records.some(({ event }) => event.startsWith('visitors.')), 'nothing of it is logged');
});

test('months begin at midnight of the time zone that is configured', async (t) => {
  const utc = await openVisitors(t);
  utc.clock.jump(31 * DAY_MS - 1);
  assert.equal(utc.visitors.month, '2026-01');
  utc.clock.jump(1);
  assert.equal(utc.visitors.month, '2026-02');
  const kiritimati = await openVisitors(t, { timezone: 'Pacific/Kiritimati' });
  kiritimati.clock.jump(30 * DAY_MS + 10 * 3_600_000 - 1);
  assert.equal(kiritimati.visitors.month, '2026-01');
  kiritimati.clock.jump(1);
  assert.equal(kiritimati.visitors.month, '2026-02');
});

test('old months are removed after the time that is configured, but not by a clock that has just jumped', async (t) => {
  const { stage, clock, visit, visitors } = await openVisitors(t, { retentionMonths: 2 });
  for (let month = 0; month < 5; month++) {
    await visit('romeo');
    clock.jump(31 * DAY_MS);
  }
  await visit('romeo');
  const all = ['2026-01', '2026-02', '2026-03', '2026-04', '2026-05', '2026-06'];
  await clock.advance(HOUR_MS);
  assert.deepEqual(await visitors.months(), all);
  clock.jump(400 * DAY_MS);
  await clock.advance(HOUR_MS);
  assert.deepEqual(await visitors.months(), all);
  clock.jump(-400 * DAY_MS);
  await clock.advance(HOUR_MS);
  assert.deepEqual(await visitors.months(), all);
  await clock.advance(HOUR_MS);
  assert.deepEqual(await visitors.months(), all.slice(-3));
  const pruned = stage.log.records.filter(({ event }) => event === 'visitors.pruned');
  assert.deepEqual(
    pruned.map(({ fields }) => fields['months']),
    ['2026-01 2026-02 2026-03'],
  );
});

test('a hundred places of a month are removed with it, and other months stay', async (t) => {
  const { stage, visitors } = await openVisitors(t);
  const table = stage.table({ name: 'visitors', parse: (json) => json });
  for (const month of ['2025-11', '2025-12', '2026-01']) {
    for (let i = 0; i < 600; i++) await table.put([stage.host.domain, month, `geo-DE-HE-${i}`], 1);
    await table.put([stage.host.domain, month, 'client-?'], 600);
  }
  assert.deepEqual(await visitors.months(), ['2025-11', '2025-12', '2026-01']);
  assert.deepEqual(await visitors.prune('2025-12'), ['2025-11']);
  assert.deepEqual(await visitors.months(), ['2025-12', '2026-01']);
  assert.equal((await visitors.counts('2025-12')).places.length, 600);
  assert.equal((await visitors.counts('2025-11')).places.length, 0);
});
