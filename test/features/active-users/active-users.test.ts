import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { type ActiveUsers, activeUsersCounted } from '../../../src/features/active-users/api.ts';
import { activeUsers } from '../../../src/features/active-users/index.ts';
import { type Lastlog, lastlog as service } from '../../../src/features/lastlog/api.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { settle } from '../../support/manual-clock.ts';
import { PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** A stage that keeps what is counted, each time. */
async function open(t: TestContext, options: Partial<StageOptions> = {}) {
  const counted: ActiveUsers[] = [];
  const listener: Feature = {
    name: 'listener',
    specs: [],
    setup: (host) => host.observe(activeUsersCounted, (figures) => void counted.push(figures)),
  };
  const stage = await Stage.open(t, { features: [lastlog, activeUsers, listener], ...options });
  const counts = (): number[] => {
    const { day = -1, week = -1, month = -1 } = counted.at(-1) ?? {};
    return [day, week, month];
  };
  /** Lets the next counting take place. */
  const next = async (): Promise<number[]> => {
    const before = counted.length;
    for (let minutes = 0; counted.length === before && minutes < 70; minutes++) await stage.clock.advance(60_000);
    return counts();
  };
  /** Makes the last login of users so many milliseconds before the first counting. */
  const active = async (ages: Readonly<Record<string, number>>): Promise<void> => {
    const first = stage.clock.now() + 15_000;
    const logins = stage.table({ name: 'lastlog', parse: (json) => json });
    for (const [local, age] of Object.entries(ages)) {
      if (!(await stage.host.users.exists(local))) await stage.host.users.create(local, PASSWORD);
      await logins.put([stage.host.domain, local], { login: { at: first - age } });
    }
  };
  return { stage, counted, counts, next, active };
}

test('the windows are strict: a day less a second is active, a day is not; each counts in all longer ones', async (t) => {
  const { stage, active, counts } = await open(t);
  const [second, day, week, month] = [1000, DAY_MS, 7 * DAY_MS, 30 * DAY_MS];
  await active({ a: day - second, b: day, c: week - second, d: week, e: month - second, f: month });
  await stage.clock.advance(15_000);
  assert.deepEqual(counts(), [1, 3, 5]);
});

test('who is connected counts, once, however long ago the login was', async (t) => {
  const { stage, active, counts } = await open(t);
  await stage.connected({ phone: 'romeo', laptop: 'romeo' });
  await stage.clock.advance(6000);
  await active({ romeo: 40 * DAY_MS });
  await stage.clock.advance(9000);
  assert.deepEqual(counts(), [1, 1, 1]);
});

test('a logout counts as a login does', async (t) => {
  const { stage, active, counts, next } = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await stage.clock.advance(6000);
  await active({ romeo: 40 * DAY_MS });
  phone.transport.break();
  await stage.clock.advance(9000);
  assert.deepEqual(counts(), [1, 1, 1]);
  await stage.clock.advance(2 * DAY_MS);
  assert.deepEqual(await next(), [0, 1, 1]);
});

test('a login counts at once, although it is written later', async (t) => {
  const { stage, counts } = await open(t);
  await stage.clock.advance(14_900);
  await stage.host.users.create('romeo', PASSWORD);
  stage.host.services.use(service).loggedIn('romeo', '192.0.2.1');
  await stage.clock.advance(100);
  assert.deepEqual(counts(), [1, 1, 1]);
});

test('nobody is active by registering, by failing to log in, or by being sent a message', async (t) => {
  const { stage, next } = await open(t, { config: { auth: { mechanisms: ['ANONYMOUS', 'PLAIN'] } } });
  await stage.host.users.create('juliet', PASSWORD);
  await assert.rejects(stage.connect('stranger').logIn('juliet', 'wrong'));
  const guest = stage.connect('guest');
  await guest.open();
  await guest.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
  await guest.nextNamed('success');
  await guest.open();
  await guest.bind('x');
  await guest.sends(`<message to='juliet@${stage.host.domain}' type='chat'><body>hi</body></message>`);
  assert.deepEqual(await next(), [0, 0, 0], 'nor is a guest a user');
});

test('a time in the future is as good as now', async (t) => {
  const { stage, active, counts } = await open(t);
  await active({ marty: -365 * DAY_MS });
  await stage.clock.advance(15_000);
  assert.deepEqual(counts(), [1, 1, 1]);
});

test('disabled accounts do not count, unless that is wanted', async (t) => {
  const { stage, next } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await stage.host.users.setDisabled('romeo', true);
  romeo.transport.break();
  assert.deepEqual(await next(), [1, 1, 1]);
  stage.reload({ features: { activeUsers: { countDisabled: true } } });
  assert.deepEqual(await next(), [2, 2, 2]);
});

test('a removed account does not count', async (t) => {
  const { stage, next } = await open(t);
  await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await stage.host.removeUser('romeo');
  assert.deepEqual(await next(), [1, 1, 1]);
});

test('nor does one of which only the last login is left, because that was not kept when it was removed', async (t) => {
  const { stage, next } = await open(t);
  const logins = stage.table({ name: 'lastlog', parse: (json) => json });
  await logins.put([stage.host.domain, 'mercutio'], { login: { at: stage.clock.now() } });
  assert.deepEqual(await next(), [0, 0, 0]);
});

test('the first counting is 15 seconds after the start, each other 60 to 65 minutes after the one before', async (t) => {
  const { stage, counted } = await open(t);
  const start = stage.clock.now();
  await stage.clock.advance(14_999);
  assert.deepEqual(counted, []);
  await stage.clock.advance(20 * HOUR_MS);
  const times = counted.map(({ at }) => at);
  assert.equal(times[0], start + 15_000);
  const waits = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  assert.ok(waits.length >= 18);
  assert.ok(waits.every((ms) => ms >= HOUR_MS && ms < HOUR_MS + 300_000));
  assert.ok(new Set(waits).size > 1, 'not always the same');
});

test('commands that work on the store alone count nothing', async (t) => {
  const { stage, counted } = await open(t, { isOffline: true });
  await stage.clock.advance(HOUR_MS);
  assert.deepEqual(counted, []);
});

/** A log of when users were active, whose listing a test drives. */
function slowLog(): { readonly feature: Feature; begun: number; go: () => void; failure: Error | undefined } {
  const state = {
    begun: 0,
    go: (): void => {},
    failure: undefined as Error | undefined,
    feature: {
      name: 'lastlog',
      specs: [],
      setup(host) {
        const log: Lastlog = {
          of: async () => undefined,
          getLastActive: async () => undefined,
          loggedIn: () => {},
          async *all() {
            state.begun++;
            if (state.failure !== undefined) throw state.failure;
            await new Promise<void>((resolve) => {
              state.go = resolve;
            });
            yield ['romeo', host.clock.now()];
          },
        };
        host.provide(service, log);
      },
    } satisfies Feature,
  };
  return state;
}

test('a counting that is still going when the next is due makes that one wait', async (t) => {
  const log = slowLog();
  const { stage, counted } = await open(t, { features: [log.feature, activeUsers] });
  await stage.clock.advance(3 * HOUR_MS);
  assert.equal(log.begun, 1);
  const goOn = async (): Promise<void> => {
    log.go();
    for (let turns = 0; turns < 3; turns++) await settle();
  };
  await goOn();
  assert.equal(log.begun, 2, 'once, however often it was due');
  await goOn();
  assert.equal(log.begun, 2);
  assert.deepEqual(counted, [], 'nobody listens on this stage');
});

test('what the store refuses is told once, and tried again', async (t) => {
  const log = slowLog();
  const { stage } = await open(t, { features: [log.feature, activeUsers] });
  const failures = () => stage.log.records.filter(({ event }) => event === 'active-users.failed').length;
  log.failure = new Error('the disk is gone');
  await stage.clock.advance(5 * HOUR_MS);
  assert.ok(log.begun > 3);
  assert.equal(failures(), 1);
  log.failure = undefined;
  await stage.clock.advance(2 * HOUR_MS);
  log.go();
  await settle();
  log.failure = new Error('the disk is gone again');
  log.go();
  await stage.clock.advance(3 * HOUR_MS);
  assert.equal(failures(), 2, 'anew once it had worked');
});

test('without a record of logins there is nothing to count', async (t) => {
  const { stage, counted } = await open(t, { features: [activeUsers] });
  await stage.clock.advance(2 * HOUR_MS);
  assert.deepEqual(counted, []);
});
