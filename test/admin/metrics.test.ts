import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metricsActive, metricsShow, metricsVisitors, visitorsPrune } from '../../src/admin/commands/metrics.ts';
import type { BuiltIn, CommandGround } from '../../src/admin/ground.ts';
import { type Arguments, CommandError, type Json } from '../../src/core/commands.ts';
import { activeUsers } from '../../src/features/active-users/index.ts';
import { lastlog } from '../../src/features/lastlog/index.ts';
import { monthlyVisitors } from '../../src/features/monthly-visitors/index.ts';
import { usageFigures } from '../../src/features/usage/api.ts';
import { usage } from '../../src/features/usage/index.ts';
import { JumpingClock } from '../support/jumping-clock.ts';
import { DOMAIN, Stage, type StageOptions } from '../support/stage.ts';
import { makePlace, parley, ServerProcess } from './running.ts';

const DAY_MS = 86_400_000;
const RUNNING: CommandGround['running'] = {
  startedAt: 0,
  configFile: undefined,
  listeners: [],
  certificates: () => [],
  uncaughtErrors: () => 0,
  memory: () => undefined,
  reload: async () => ({ changed: [], needRestart: [], warnings: [] }),
};

async function open(t: TestContext, options: Partial<StageOptions> = {}, running = RUNNING) {
  const clock = new JumpingClock();
  const features = [lastlog, activeUsers, monthlyVisitors, usage];
  const stage = await Stage.open(t, { features, clock, ...options });
  const { host, settings } = stage;
  const ground: CommandGround = { version: '1.2.3', hosts: new Map([[DOMAIN, host]]), settings, clock, running };
  return {
    stage,
    clock,
    answer: async <A extends Json>(command: BuiltIn<A>, args: Arguments = {}): Promise<A> => command.run(args, ground),
    says: async <A extends Json>(command: BuiltIn<A>, args: Arguments = {}): Promise<string> =>
      command.show?.(await command.run(args, ground)) ?? '',
  };
}

test('how a host is used is shown, with what it was each day if wanted', async (t) => {
  const { stage, clock, says, answer } = await open(t);
  assert.match(await says(metricsShow), /^Active users +not counted yet$/m);
  await stage.connected({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  await clock.advance(120_000);
  assert.deepEqual((await says(metricsShow)).split('\n'), [
    `Host          ${DOMAIN}`,
    'Connected     2 users, 3 sessions',
    'Active users  2 / 2 / 2 (1 / 7 / 30 days)',
    'Visitors      2 in 2026-01',
  ]);
  clock.jump(2 * DAY_MS);
  await clock.advance(60_000);
  const days = (await says(metricsShow, { days: 30 })).split('\n').slice(-4);
  assert.deepEqual(
    days.map((line) => line.split(/ {2,}/)),
    [
      ['DAY', '24 HOURS', '7 DAYS', '30 DAYS', 'VISITORS', 'MOST USERS', 'MOST SESSIONS'],
      ['2026-01-01', '2', '2', '2', '2', '2', '3'],
      ['2026-01-02', '-', '-', '-', '-', '-', '-'],
      ['2026-01-03', '-', '-', '-', '2', '2', '3'],
    ],
  );
  const { hosts } = await answer(metricsShow, { days: 1, host: DOMAIN });
  assert.deepEqual(hosts[0]?.days, [{ day: '2026-01-03', active: null, visitors: 2, peak: { users: 2, sessions: 3 } }]);
});

test('active users are shown with the time at which they were counted', async (t) => {
  const { stage, clock, says } = await open(t);
  assert.match(await says(metricsActive), /stage\.example +- +- +- +never$/);
  await stage.connected({ phone: 'romeo' });
  await clock.advance(15_000);
  assert.match(await says(metricsActive), /stage\.example +1 +1 +1 +2026-01-01T00:00:15\.000Z$/);
});

test('visitors are shown by country and client, of this month or another', async (t) => {
  const clientPatterns = [{ pattern: '^phone', category: 'Phone' }];
  const { stage, clock, says, answer } = await open(t, {
    config: { features: { monthlyVisitors: { clientPatterns } } },
  });
  assert.equal(await says(metricsVisitors), `${DOMAIN}, 2026-01: 0 visitors`);
  await stage.connected({ phone: 'romeo', phone2: 'juliet', laptop: 'nurse' });
  await clock.advance(0);
  const shown = [
    `${DOMAIN}, 2026-01: 3 visitors`,
    '',
    'COUNTRY  VISITORS',
    '?        3',
    '',
    'CLIENT  VISITORS',
    'Phone   2',
    '?       1',
  ].join('\n');
  assert.equal(await says(metricsVisitors), shown);
  clock.jump(31 * DAY_MS);
  assert.equal(await says(metricsVisitors), `${DOMAIN}, 2026-02: 0 visitors`);
  assert.equal(await says(metricsVisitors, { month: '2026-01' }), shown);
  const { hosts } = await answer(metricsVisitors, { month: '2026-01' });
  assert.deepEqual(hosts[0]?.places, [{ name: '?-?-?', count: 3 }]);
});

test('the figures are those of the service that all others read', async (t) => {
  const { stage, clock, answer } = await open(t, { config: { features: { monthlyVisitors: { minCell: 3 } } } });
  await stage.connected({ phone: 'romeo', laptop: 'juliet' });
  await clock.advance(15_000);
  const figures = stage.host.services.use(usageFigures);
  const { host: _, ...visited } = (await answer(metricsVisitors)).hosts[0] ?? { host: '' };
  assert.deepEqual(visited, await figures.visitors());
  assert.deepEqual((await answer(metricsShow)).hosts[0]?.online, figures.online);
});

test('the visitors of months before one are removed', async (t) => {
  const { stage, clock, says, answer } = await open(t);
  for (let month = 0; month < 3; month++) {
    await stage.connected({ phone: 'romeo' });
    await clock.advance(0);
    clock.jump(31 * DAY_MS);
  }
  await stage.connected({ phone: 'romeo' });
  await clock.advance(0);
  assert.equal(await says(visitorsPrune, { month: '2026-01' }), 'There was nothing to remove.');
  const removed = `Removed the visitors of ${DOMAIN} in 2026-01, 2026-02.`;
  assert.equal(await says(visitorsPrune, { month: '2026-03' }), removed);
  assert.equal((await answer(metricsVisitors, { month: '2026-02' })).hosts[0]?.total, 0);
  assert.equal((await answer(metricsVisitors, { month: '2026-03' })).hosts[0]?.total, 1);
  await assert.rejects(
    says(visitorsPrune, { month: '2026-05' }),
    new CommandError('2026-05 is not over: the month is 2026-04'),
  );
});

test('what is no month, or no host, is refused', async (t) => {
  const { says } = await open(t);
  for (const month of ['2026', '2026-13', '2026-1', 'last', '2026-02-01']) {
    await assert.rejects(
      says(metricsVisitors, { month }),
      new CommandError(`"${month}" is no month; write it as 2026-02`),
    );
  }
  await assert.rejects(says(metricsShow, { host: 'x.example' }), /x\.example is not served here/);
});

test('where nothing is counted, that is said', async (t) => {
  const { says } = await open(t, { features: [] });
  for (const shown of [() => says(metricsShow), () => says(metricsActive), () => says(metricsVisitors)]) {
    await assert.rejects(shown, new CommandError('how the server is used is not kept: features.usage is off'));
  }
  const off = new CommandError('visitors are not counted here: features.monthlyVisitors is off');
  await assert.rejects(says(visitorsPrune, { month: '2026-01' }), off);
  const without = await open(t, { features: [usage] });
  await assert.rejects(without.says(metricsVisitors), off);
});

test('the same is shown with the server and without it, but for who is connected', async (t) => {
  const place = await makePlace(t);
  const server = await ServerProcess.start(t, place);
  const show = async () => JSON.parse((await parley(place, ['metrics', 'show', '--days', '7', '--json'])).stdout);
  const live = await show();
  assert.deepEqual(live.hosts[0].online, { users: 0, sessions: 0 });
  await server.end('SIGTERM');
  const stored = await show();
  assert.equal(stored.hosts[0].online, null);
  const [day] = stored.hosts[0].days;
  assert.deepEqual([day.peak, day.visitors], [{ users: 0, sessions: 0 }, 0]);
  assert.deepEqual(day.peak, live.hosts[0].days[0].peak);
  const { code, stderr } = await parley(place, ['metrics', 'visitors', '--month', 'nonsense']);
  assert.equal(code, 1);
  assert.match(stderr, /"nonsense" is no month/);
});
