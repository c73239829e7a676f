import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { presence } from '../../../../src/features/presence/index.ts';
import { delegatedRosters } from '../../../../src/features/roster/api.ts';
import { delegatedRoster } from '../../../../src/features/roster/delegated/index.ts';
import { LinkedClient } from '../../../support/linked-client.ts';
import { eventually } from '../../../support/live-server.ts';
import { RosterBackend } from '../../../support/roster-backend.ts';
import { DOMAIN, Stage } from '../../../support/stage.ts';

const ROSTER = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>";
const ANSWERED = 'id="roster"';
const DELAY_MS = 50;
const CONCURRENT = 16;

async function open(t: TestContext, users: readonly string[], options: object = {}) {
  const backend = await RosterBackend.start(t);
  const config = {
    features: { delegatedRoster: { url: backend.url, maxConcurrent: CONCURRENT, ...options } },
  };
  const stage = await Stage.open(t, { features: [delegatedRoster, presence], config });
  for (const user of users) {
    await stage.usersTable.put([DOMAIN, user], { createdAt: 0, scram: {} });
    backend.contacts.set(user, { [`friend-of-${user}@${DOMAIN}`]: {} });
  }
  return { backend, stage };
}

async function logIn(stage: Stage, user: string): Promise<string> {
  const client = await LinkedClient.bind(stage.host, user, 'phone');
  const [, answer] = await Promise.all([client.sends('<presence/>'), client.asks(ROSTER, ANSWERED)]);
  return answer;
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${kind}${i}`);
}

test('when hundreds log in at once, a slow application is asked sixteen things at a time, and all are served in their order', async (t) => {
  const users = names('user', 300);
  const { backend, stage } = await open(t, users);
  backend.faults.set('*', { delayMs: DELAY_MS });
  const answered: string[] = [];
  const startMs = performance.now();
  await Promise.all(
    users.map(async (user) => {
      assert.match(await logIn(stage, user), new RegExp(`jid="friend-of-${user}@`));
      answered.push(user);
    }),
  );
  const tookMs = performance.now() - startMs;
  assert.equal(backend.mostOpen, CONCURRENT);
  assert.deepEqual(backend.requests.map((request) => request.users[0]).sort(), [...users].sort());
  // Who came first is asked for first; requests that are under way together may arrive in another order.
  for (const [
    at,
    {
      users: [user = ''],
    },
  ] of backend.requests.entries()) {
    assert.ok(Math.abs(users.indexOf(user) - at) < CONCURRENT, `${user} was number ${at}`);
  }
  for (const [at, user] of answered.entries()) {
    assert.ok(Math.abs(users.indexOf(user) - at) < 2 * CONCURRENT, `${user} was served as number ${at}`);
  }
  assert.ok(tookMs >= (users.length / CONCURRENT) * DELAY_MS, `all in ${tookMs} ms`);
});

test('those who log in go before refreshes, which have their turn all the same', async (t) => {
  const [online, users] = [names('online', 60), names('user', 60)];
  const { backend, stage } = await open(t, [...online, ...users]);
  await Promise.all(online.map((user) => logIn(stage, user)));
  backend.requests.length = 0;
  backend.faults.set('*', 'hold');
  const service = stage.host.services.use(delegatedRosters);
  const refreshed = service.refresh(new Set(online));
  await backend.requested(CONCURRENT);
  const loggedIn = Promise.all(users.map((user) => logIn(stage, user)));
  const waiting = online.length - CONCURRENT + users.length;
  await eventually('all wait', () => service.status().waiting === waiting);
  backend.release();
  await loggedIn;
  const { updated, failed } = await refreshed;
  assert.deepEqual([updated.length, failed.size], [online.length, 0]);
  const asked = backend.requests.map((request) => request.users[0] ?? '');
  assert.deepEqual(asked.toSorted(), [...online, ...users].sort());
  // Before a login went what was under way already; requests that are under way together may arrive in another order.
  const lastLogin = asked.findLastIndex((user) => user.startsWith('user'));
  assert.ok(lastLogin < users.length + 2 * CONCURRENT, `the last login was number ${lastLogin}`);
});
