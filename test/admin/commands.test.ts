import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { commandsOn } from '../../src/admin/commands/all.ts';
import type { CommandGround, RunningServer } from '../../src/admin/ground.ts';
import type { Arguments } from '../../src/core/commands.ts';
import { execute } from '../../src/core/execute.ts';
import type { Feature } from '../../src/core/feature.ts';
import { sm } from '../../src/features/sm/index.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const RUNNING: RunningServer = {
  startedAt: Date.UTC(2025, 11, 30, 22, 58),
  configFile: '/etc/parley/parley.json',
  listeners: [{ service: 'c2s', address: '::', port: 5222 }],
  certificates: () => [
    {
      host: DOMAIN,
      subject: `CN=${DOMAIN}`,
      issuer: `CN=${DOMAIN}`,
      notAfter: new Date(Date.UTC(2026, 0, 11)),
      selfSigned: true,
      fingerprint256: 'AB:CD',
      source: '/data/tls/stage.example.crt',
      warnings: ['expires in 10 days'],
    },
  ],
  uncaughtErrors: () => 2,
  memory: () => ({ allocated: 104_857_600, used: 52_428_800, unused: 1000, returnable: 2000 }),
  reload: async () => ({ changed: ['log.level'], needRestart: ['listen.c2s'], warnings: ['careful'] }),
};

async function scene(t: TestContext, running: RunningServer | undefined = RUNNING, features: readonly Feature[] = []) {
  const stage = await Stage.open(t, { features, config: { admins: [`romeo@${DOMAIN}`] } });
  const { settings, clock } = stage;
  const hosts = new Map([[DOMAIN, stage.host]]);
  const ground: CommandGround = { version: '1.2.3', hosts, settings, clock, running };
  const commands = commandsOn(ground, stage.commands);
  const run = (command: string, args: Arguments = {}) =>
    execute(commands, { command, args }, (error) => assert.fail(String(error)));
  return {
    stage,
    async answer(command: string, args?: Arguments) {
      const outcome = await run(command, args);
      assert.ok(outcome.ok, outcome.ok ? '' : outcome.error);
      return { answer: JSON.parse(JSON.stringify(outcome.answer)), text: outcome.text };
    },
    async refusal(command: string, args?: Arguments) {
      const outcome = await run(command, args);
      assert.ok(!outcome.ok);
      return outcome.error;
    },
  };
}

test('sessions are listed with where they come from, of all or of one user', async (t) => {
  const { stage, answer, refusal } = await scene(t);
  await stage.online({ phone: 'romeo', balcony: 'juliet' });
  await stage.connected({ laptop: 'romeo' });
  const { answer: all, text } = await answer('session list');
  assert.deepEqual(all.sessions.map(({ jid }: { jid: string }) => jid).sort(), [
    `juliet@${DOMAIN}/balcony`,
    `romeo@${DOMAIN}/laptop`,
    `romeo@${DOMAIN}/phone`,
  ]);
  assert.match(text, /^SESSION +ADDRESS +ENCRYPTED +SINCE +PRIORITY +STATE$/m);
  assert.match(text, /^romeo@stage\.example\/laptop +192\.0\.2\.1 +yes +2026-\S+ +unavailable +connected$/m);
  const { answer: one } = await answer('session list', { user: `romeo@${DOMAIN}`, limit: 1 });
  assert.equal(one.sessions.length, 1);
  assert.equal(one.more, true);
  assert.match(await refusal('session list', { host: 'elsewhere.example' }), /not served here; the hosts are: stage/);
  const { answer: shown } = await answer('user show', { jid: `romeo@${DOMAIN}` });
  assert.equal(shown.role, 'admin');
  assert.equal(shown.sessions.length, 2);
});

test('a session that waits for its client is listed with the address that it had, and since when it waits', async (t) => {
  const { stage, answer } = await scene(t, RUNNING, [sm]);
  const { phone } = await stage.connected({ phone: 'romeo' });
  const boundAt = new Date(stage.clock.now()).toISOString();
  await phone.sends("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  await stage.clock.advance(60_000);
  phone.transport.break();
  const since = new Date(stage.clock.now()).toISOString();
  await stage.clock.advance(5000);
  const { answer: all, text } = await answer('session list');
  assert.deepEqual(all.sessions, [
    {
      jid: `romeo@${DOMAIN}/phone`,
      address: '192.0.2.1',
      encrypted: false,
      boundAt,
      available: false,
      priority: 0,
      waitingBytes: 0,
      waitingSince: since,
    },
  ]);
  assert.match(text, new RegExp(`/phone  192\\.0\\.2\\.1  -  +${boundAt}  unavailable  waiting since ${since}$`, 'm'));
});

test('a session is ended with a reason, and so are all of a user', async (t) => {
  const { stage, answer, refusal } = await scene(t);
  const { phone } = await stage.online({ phone: 'romeo', laptop: 'romeo', balcony: 'juliet' });
  const { answer: kicked, text } = await answer('session kick', { jid: `romeo@${DOMAIN}/phone`, reason: 'go home' });
  assert.deepEqual(kicked, { kicked: [`romeo@${DOMAIN}/phone`] });
  assert.equal(text, `Ended romeo@${DOMAIN}/phone.`);
  const error = await phone.nextNamed('error');
  assert.match(error.toString(), /policy-violation.*go home/);
  assert.deepEqual((await answer('session kick', { jid: `romeo@${DOMAIN}` })).answer, {
    kicked: [`romeo@${DOMAIN}/laptop`],
  });
  assert.equal((await answer('session list')).answer.sessions.length, 1);
  assert.match(await refusal('session kick', { jid: `romeo@${DOMAIN}` }), /has no session/);
  assert.match(await refusal('session kick', { jid: '@' }), /is not an address/);
});

test('a long list of users is read in parts', async (t) => {
  const { stage, answer } = await scene(t);
  for (const name of ['ann', 'ben', 'cyd']) await stage.host.users.create(name, 'secret');
  const { answer: first, text } = await answer('user list', { limit: 2 });
  assert.deepEqual([first.users.length, first.more], [2, true]);
  assert.match(text, /There are more: user list --after ben@stage\.example$/);
  const { answer: rest } = await answer('user list', { after: `ben@${DOMAIN}`, host: DOMAIN });
  assert.deepEqual(
    rest.users.map(({ jid }: { jid: string }) => jid),
    [`cyd@${DOMAIN}`],
  );
  assert.equal(rest.more, false);
});

test('the status tells how the server does', async (t) => {
  const { stage, answer } = await scene(t);
  await stage.online({ phone: 'romeo' });
  const { answer: status, text } = await answer('status');
  assert.equal(status.uptimeSeconds, 25 * 3600 + 120);
  assert.deepEqual(status.hosts, [{ host: DOMAIN, accounts: 1, sessions: 1 }]);
  assert.equal(status.certificates[0].daysLeft, 10);
  assert.match(text, /^Running +for 1 d 1 h, since 2025-12-30T22:58:00\.000Z$/m);
  assert.match(text, /^\[::\]:5222 +clients, STARTTLS$/m);
  assert.match(text, /^Memory +100\.0 MiB, of which 50\.0 MiB are in use$/m);
  assert.deepEqual(status.memory, { used: 52_428_800, unused: 1000, returnable: 2000 });
  assert.match(text, /^Faults +2;/m);
  assert.match(text, /^Warning: stage\.example: expires in 10 days$/m);
});

test('a reload says what has changed and what waits for a restart', async (t) => {
  const { answer } = await scene(t);
  assert.equal(
    (await answer('reload')).text,
    'Reloaded; changed: log.level.\nThese changes need a restart: listen.c2s.\nWarning: careful',
  );
});

test('a password that cannot be one is refused with what can', async (t) => {
  const { refusal } = await scene(t);
  const jid = `romeo@${DOMAIN}`;
  assert.match(await refusal('user add', { jid, password: '' }), /1 to \d+ bytes/);
  assert.match(await refusal('user add', { jid: DOMAIN, password: 'secret' }), /names no user; write it as user@/);
  assert.match(
    await refusal('user add', { jid: 'juliet', password: 'secret' }),
    new RegExp(`names no user; write it as juliet@${DOMAIN}$`),
  );
  assert.match(await refusal('user passwd', { jid, password: 'secret' }), /there is no user romeo/);
});
