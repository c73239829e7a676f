import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { activeUsers } from '../../../src/features/active-users/index.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { monthlyVisitors } from '../../../src/features/monthly-visitors/index.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { type DayFigures, usageFigures } from '../../../src/features/usage/api.ts';
import { usage } from '../../../src/features/usage/index.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { Stage, type StageOptions } from '../../support/stage.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const FEATURES = [lastlog, activeUsers, monthlyVisitors, usage, sm];

async function open(t: TestContext, options: Partial<StageOptions> = {}, clock = new JumpingClock()) {
  const stage = await Stage.open(t, { features: FEATURES, clock, ...options });
  return { stage, clock, figures: stage.host.services.use(usageFigures) };
}

function days(figures: readonly DayFigures[]): string[] {
  return figures.map(({ day }) => day);
}

/** The lines of the metrics that are about usage, without the host. */
async function exported(stage: Stage): Promise<string[]> {
  const lines = (await stage.metrics.text()).split('\n');
  return lines
    .filter((line) => /^parley_(?:active_users|monthly_visitors)/.test(line))
    .map((line) => line.replace(/host="[^"]*",?/, '').replace('{}', ''))
    .sort();
}

test('who is connected is counted as they come and go', async (t) => {
  const { stage, figures } = await open(t);
  const { phone, laptop, juliet } = await stage.connected({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  assert.deepEqual(figures.online, { users: 2, sessions: 3 });
  await stage.connected({ laptop: 'romeo' });
  assert.deepEqual(figures.online, { users: 2, sessions: 3 }, 'one has taken the resource of another');
  for (const client of [phone, juliet]) client.transport.break();
  assert.deepEqual(figures.online, { users: 1, sessions: 1 });
  laptop.transport.break();
  await stage.host.removeUser('romeo');
  assert.deepEqual(figures.online, { users: 0, sessions: 0 });
});

test('a session that waits for its client is connected until it ends', async (t) => {
  const { stage, clock, figures } = await open(t, { config: { features: { sm: { resumeMs: 30_000 } } } });
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<enable xmlns="urn:xmpp:sm:3" resume="true"/>');
  phone.transport.break();
  await clock.advance(20_000);
  assert.deepEqual(figures.online, { users: 1, sessions: 1 });
  await clock.advance(20_000);
  assert.deepEqual(figures.online, { users: 0, sessions: 0 });
});

test('a day has the most that were connected, the last count of active users, and the visitors so far', async (t) => {
  const { stage, clock, figures } = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  phone.transport.break();
  await clock.advance(2 * MINUTE_MS);
  const { at = 0 } = (await figures.active()) ?? {};
  assert.deepEqual(await figures.days(30), [
    {
      day: '2026-01-01',
      active: { at, day: 2, week: 2, month: 2 },
      visitors: 2,
      peak: { users: 2, sessions: 3 },
    },
  ]);
});

test('each day begins with those who are connected then', async (t) => {
  const { stage, clock, figures } = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo', juliet: 'juliet' });
  phone.transport.break();
  clock.jump(DAY_MS);
  await clock.advance(MINUTE_MS);
  const [first, second] = await figures.days(30);
  assert.deepEqual(
    [first?.peak, second?.peak],
    [
      { users: 2, sessions: 2 },
      { users: 1, sessions: 1 },
    ],
  );
  assert.equal(second?.visitors, 2);
});

test('no day is missing from the first to today, with nothing for those on which the server was down', async (t) => {
  const before = await open(t);
  await before.stage.connected({ phone: 'romeo' });
  await before.clock.advance(20_000);
  await before.stage.close();
  before.clock.jump(3 * DAY_MS);
  const { clock, figures } = await open(t, { store: before.stage.store }, before.clock);
  const all = await figures.days(30);
  assert.deepEqual(days(all), ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
  assert.deepEqual(all[1], { day: '2026-01-02', active: undefined, visitors: undefined, peak: undefined });
  assert.deepEqual(all[0]?.peak, { users: 1, sessions: 1 });
  assert.deepEqual(all[3]?.peak, { users: 0, sessions: 0 });
  assert.equal((await figures.active())?.day, 1, 'as counted last, before the start');
  await clock.advance(15_000);
  assert.equal((await figures.active())?.day, 0);
  assert.deepEqual(days(await figures.days(2)), ['2026-01-03', '2026-01-04']);
});

test('a restart on the same day lowers no peak', async (t) => {
  const before = await open(t);
  await before.stage.connected({ phone: 'romeo', laptop: 'romeo' });
  await before.stage.close();
  const { stage, clock, figures } = await open(t, { store: before.stage.store }, before.clock);
  await stage.connected({ phone: 'romeo' });
  await clock.advance(MINUTE_MS);
  assert.deepEqual((await figures.days(1))[0]?.peak, { users: 1, sessions: 2 });
});

test('a clock that jumps doubles no day, leaves none out, and removes none', async (t) => {
  const { stage, clock, figures } = await open(t, { config: { features: { usage: { historyDays: 5 } } } });
  await stage.connected({ phone: 'romeo' });
  for (const jump of [DAY_MS, 2 * DAY_MS, 400 * DAY_MS, -400 * DAY_MS, -DAY_MS, DAY_MS]) {
    clock.jump(jump);
    await clock.advance(MINUTE_MS);
  }
  assert.deepEqual(days(await figures.days(30)), ['2026-01-01', '2026-01-02', '2026-01-03', '2026-01-04']);
});

test('what is older than it is to be kept is removed once the clock can be relied on', async (t) => {
  const { stage, clock, figures } = await open(t, { config: { features: { usage: { historyDays: 2 } } } });
  const stored = () => [...stage.store.dump().keys()].filter((key) => key.startsWith('usage.days')).length;
  for (let day = 0; day < 5; day++) {
    clock.jump(DAY_MS);
    await clock.advance(MINUTE_MS);
  }
  assert.deepEqual(days(await figures.days(30)), ['2026-01-05', '2026-01-06']);
  assert.equal(stored(), 6);
  await clock.advance(HOUR_MS + MINUTE_MS);
  assert.equal(stored(), 3);
  stage.reload({ features: { usage: { historyDays: 1 } } });
  clock.jump(DAY_MS);
  await clock.advance(HOUR_MS + 2 * MINUTE_MS);
  assert.deepEqual(days(await figures.days(30)), ['2026-01-07']);
});

test('visitors are shown by country, place and client, small numbers only together', async (t) => {
  const clientPatterns = [{ pattern: '^phone', category: 'PHONE' }];
  const { stage, figures } = await open(t, {
    config: { features: { monthlyVisitors: { clientPatterns, minCell: 2 } } },
  });
  await stage.connected({ phone: 'a', phone2: 'b', phone3: 'c', x: 'd' });
  await stage.clock.advance(0);
  const shown = await figures.visitors();
  assert.deepEqual(shown, {
    month: '2026-01',
    total: 4,
    countries: [{ name: '?', count: 4 }],
    places: [{ name: '?-?-?', count: 4 }],
    clients: [{ name: '(others)', count: 4 }],
  });
  assert.equal((await figures.visitors('2025-01'))?.total, 0);
  assert.deepEqual(await figures.months(), ['2026-01']);
});

test('the metrics have nothing before the first counting, then what is counted, and places only if wanted', async (t) => {
  const { stage, clock } = await open(t);
  await stage.connected({ phone: 'romeo' });
  assert.deepEqual(
    (await exported(stage)).filter((line) => line.includes('active')),
    [],
  );
  await clock.advance(15_000);
  const counted = [
    'parley_active_users_1d 1',
    'parley_active_users_30d 1',
    'parley_active_users_7d 1',
    'parley_monthly_visitors_clients{category="?"} 1',
    'parley_monthly_visitors{month="2026-01"} 1',
  ];
  assert.deepEqual(await exported(stage), counted);
  stage.reload({ features: { monthlyVisitors: { exportGeo: true } } });
  const place = 'parley_monthly_visitors_geo{place="?-?-?"} 1';
  assert.deepEqual(await exported(stage), [...counted, place].sort());
  stage.reload({ features: { monthlyVisitors: { minCell: 2 } } });
  assert.ok((await exported(stage)).includes('parley_monthly_visitors_clients{category="(others)"} 1'));
  clock.jump(31 * DAY_MS);
  assert.deepEqual(
    (await exported(stage)).filter((line) => line.includes('visitors')),
    ['parley_monthly_visitors{month="2026-02"} 0'],
  );
});

test('scraping the metrics counts nothing', async (t) => {
  const { stage, clock } = await open(t);
  await clock.advance(15_000);
  await stage.connected({ phone: 'romeo' });
  await stage.metrics.text();
  assert.ok((await exported(stage)).includes('parley_active_users_1d 0'));
});

test('commands that work on the store alone see what was counted, and put nothing down', async (t) => {
  const before = await open(t);
  await before.stage.connected({ phone: 'romeo' });
  await before.clock.advance(20_000);
  await before.stage.close();
  before.clock.jump(DAY_MS);
  const { stage, clock, figures } = await open(t, { store: before.stage.store, isOffline: true }, before.clock);
  await clock.advance(HOUR_MS);
  assert.equal((await figures.active())?.day, 1);
  assert.equal((await figures.visitors())?.total, 1);
  await stage.close();
  assert.equal([...stage.store.dump().keys()].filter((key) => key.startsWith('usage.days')).length, 1);
});

test('without the features that count there is nothing but who is connected', async (t) => {
  const { stage, clock, figures } = await open(t, { features: [usage] });
  await stage.connected({ phone: 'romeo' });
  await clock.advance(MINUTE_MS);
  assert.deepEqual(
    [await figures.active(), await figures.visitors(), await figures.months()],
    [undefined, undefined, []],
  );
  assert.deepEqual(await figures.days(7), [
    { day: '2026-01-01', active: undefined, visitors: undefined, peak: { users: 1, sessions: 1 } },
  ]);
});
