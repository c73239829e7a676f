import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Absence } from '../../../src/features/push/absence.ts';
import { Registrations } from '../../../src/features/push/registrations.ts';
import { Sender, type SenderOptions } from '../../../src/features/push/sender.ts';
import { feature } from '../../core/scene.ts';
import { settle } from '../../support/manual-clock.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';
import { AppServer, appServer, SECOND } from './scene.ts';

const USERS = ['ann', 'ben', 'cyd', 'dan', 'eve'];
const SERVERS = ['a', 'b'];

/** A sender with small bounds, two app servers that say nothing, and users with one client that both of them wake. */
async function open(t: TestContext, bounds: Partial<SenderOptions>) {
  const servers = new Map(SERVERS.map((name) => [name, new AppServer()]));
  for (const server of servers.values()) server.reaction = 'silence';
  let sender: Sender | undefined;
  const sending = feature('sending', async (host) => {
    const registrations = new Registrations(host, SERVERS.length);
    const summary = {
      messages: undefined,
      pendingSubscriptions: undefined,
      lastSender: undefined,
      lastBody: undefined,
    };
    const options = { timeoutMs: 30 * SECOND, maxFailures: 9, summarize: () => summary, ...bounds };
    sender = new Sender(host, registrations, options);
    for (const user of USERS) {
      await host.users.create(user, PASSWORD);
      for (const name of SERVERS) {
        const state = { failures: 0, retryAt: 0, error: undefined, isDisabled: false, enabledAt: 0 };
        const target = { service: `${name}.${DOMAIN}`, node: user, options: undefined };
        await registrations.enable(user, { ...target, ...state, client: 'phone', grantId: undefined });
      }
    }
  });
  const features = [sending, ...[...servers].map(([name, server]) => appServer(server, name))];
  const stage = await Stage.open(t, { features });
  assert.ok(sender);
  const asked = async (name: string): Promise<string[] | undefined> => {
    await quiet();
    return servers.get(name)?.nodes();
  };
  return { stage, sender, asked };
}

async function quiet(): Promise<void> {
  for (let i = 0; i < 4; i++) await settle();
}

test('no more requests are under way than may be, to one app server and to all together', async (t) => {
  const { stage, sender, asked } = await open(t, { maxSending: 5, maxSendingToOne: 3 });
  for (const user of USERS) sender.wake(user, 'phone', new Absence());
  assert.deepEqual(await asked('a'), ['ann', 'ben', 'cyd']);
  assert.deepEqual(await asked('b'), ['ann', 'ben']);
  sender.sweep();
  assert.deepEqual([await asked('a'), await asked('b')], [[], []]);
  await stage.clock.advance(30 * SECOND);
  await quiet();
  sender.sweep();
  assert.deepEqual(
    [await asked('a'), await asked('b')],
    [
      ['dan', 'eve'],
      ['cyd', 'dan', 'eve'],
    ],
  );
});

test('of too many that wait the one that has waited for longest gives way', async (t) => {
  const { stage, sender, asked } = await open(t, { maxSending: 2, maxWaiting: 3 });
  const first = new Absence();
  for (const user of USERS) sender.wake(user, 'phone', user === 'ann' ? first : new Absence());
  assert.deepEqual([await asked('a'), await asked('b')], [['ann'], ['ann']]);
  first.isOver = true;
  await stage.clock.advance(30 * SECOND);
  await quiet();
  sender.sweep();
  assert.deepEqual([await asked('a'), await asked('b')], [['eve'], ['dan']]);
});

test('who is back meanwhile is not woken', async (t) => {
  const { stage, sender, asked } = await open(t, { maxSending: 2 });
  const absence = new Absence();
  sender.wake('ann', 'phone', new Absence());
  sender.wake('ben', 'phone', absence);
  assert.deepEqual([await asked('a'), await asked('b')], [['ann'], ['ann']]);
  absence.isOver = true;
  await stage.clock.advance(30 * SECOND);
  await quiet();
  sender.sweep();
  assert.deepEqual([await asked('a'), await asked('b')], [[], []]);
});
