import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { commandsOn } from '../../src/admin/commands/all.ts';
import type { CommandGround } from '../../src/admin/ground.ts';
import { execute } from '../../src/core/execute.ts';
import { lastlog } from '../../src/features/lastlog/index.ts';
import { BIND, conditionOf, PHONE, REQUEST_TOKEN, tokenOf } from '../c2s/sasl2-scene.ts';
import { list, makeGrant, open } from '../features/client-management/scene.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const DAY_MS = 86_400_000;
const JID = `romeo@${DOMAIN}`;

async function scene(t: TestContext, config: Readonly<Record<string, unknown>> = {}) {
  const opened = await open(t, { features: [lastlog], config });
  return { ...opened, ...runner(opened.stage) };
}

/** Runs commands on a stage: `says` is what is printed, `refusal` why nothing is. */
function runner({ host, settings, clock, commands: ofFeatures }: Stage) {
  const hosts = new Map([[DOMAIN, host]]);
  const ground: CommandGround = { version: '1.2.3', hosts, settings, clock, running: undefined };
  const commands = commandsOn(ground, ofFeatures);
  const run = async (command: string, args: object) =>
    execute(commands, { command, args: { ...args } }, (error) => assert.fail(String(error)));
  return {
    async says(command: string, args: object) {
      const outcome = await run(command, args);
      assert.ok(outcome.ok, outcome.ok ? '' : outcome.error);
      return outcome.text;
    },
    async refusal(command: string, args: object) {
      const outcome = await run(command, args);
      assert.ok(!outcome.ok);
      return outcome.error;
    },
    async answer(command: string, args: object) {
      const outcome = await run(command, args);
      assert.ok(outcome.ok);
      return JSON.parse(JSON.stringify(outcome.answer));
    },
  };
}

test('the clients of a user are listed: none, one and many', async (t) => {
  const { says, answer, phone, stage } = await scene(t);
  assert.equal(await says('user clients', { jid: JID }), 'No clients have access');
  const { client } = await phone();
  const [entry] = await list(client);
  const time = new Date(stage.clock.now()).toISOString().slice(11, 19);
  const rule = '-'.repeat(87);
  assert.equal(
    await says('user clients', { jid: JID }),
    [
      'ID                  | Software | First seen | Last seen | Expires | Authentication',
      rule,
      `${entry?.id} | Pelican  |   ${time} |  ${time} |         | connected, password`,
      rule,
      '1 client',
    ].join('\n'),
  );
  const grant = await makeGrant(stage);
  await stage.clock.advance(1000);
  client.transport.break();
  await stage.clock.advance(2000);
  const lines = (await says('user clients', { jid: JID })).split('\n');
  assert.match(
    lines[2] ?? '',
    new RegExp(`^grant/${grant.id} +\\| Backup tool/2\\.1 \\| +${time} .* \\| +\\S+ \\| grant$`),
  );
  assert.match(lines[3] ?? '', /^client\/.* \| Pelican +\|.*\| password$/);
  assert.equal(lines.at(-1), '2 clients');
  const { clients } = await answer('user clients', { jid: JID });
  assert.deepEqual(
    clients.map(({ permission, connected }: { permission: string; connected: boolean }) => [permission, connected]),
    [
      ['unrestricted', false],
      ['unrestricted', false],
    ],
  );
});

test('a time that is a day away is told as a date', async (t) => {
  const first = await scene(t);
  await first.phone();
  const { store, clock } = first.stage;
  const day = new Date(clock.now()).toISOString().slice(0, 10);
  await first.stage.close();
  const later = await open(t, { store, clock: new ManualClock(clock.now() + DAY_MS) });
  assert.match(await runner(later.stage).says('user clients', { jid: JID }), new RegExp(`\\| ${day} \\| ${day} \\|`));
});

test('where there is no such host or user, or clients are not managed, that is said', async (t) => {
  const { refusal } = await scene(t);
  const missing = 'No such host, or client management is not loaded there';
  assert.equal(await refusal('user clients', { jid: 'romeo@elsewhere.example' }), missing);
  assert.equal(await refusal('user revoke', { jid: 'romeo@elsewhere.example', id: 'client/x' }), missing);
  assert.equal(await refusal('user clients', { jid: `ghost@${DOMAIN}` }), `there is no user ghost@${DOMAIN}`);
  const without = runner(await Stage.open(t, { features: [] }));
  assert.equal(await without.refusal('user clients', { jid: JID }), missing);
  assert.equal(await without.refusal('user lastlog', { jid: JID }), 'No record found');
});

test('an administrator revokes by id, by software and by version, the first that matches', async (t) => {
  const { says, refusal, stage, phone } = await scene(t);
  const { client } = await phone();
  const { host, clock } = stage;
  const grants = [];
  for (let i = 0; i < 3; i++) {
    grants.push(await makeGrant(stage));
    await clock.advance(1000);
  }
  const left = async () => (await host.grants.list('romeo')).length;
  assert.equal(await says('user revoke', { jid: JID, id: `grant/${grants[1]?.id}` }), 'Access revoked');
  assert.equal(await left(), 2);
  assert.equal(await says('user revoke', { jid: JID, id: 'software/Backup tool' }), 'Access revoked');
  assert.equal(await host.grants.isLive('romeo', grants[0]?.id ?? ''), false);
  assert.equal(
    await refusal('user revoke', { jid: JID, id: 'software/Backup tool/9' }),
    `${JID} has no client software/Backup tool/9`,
  );
  assert.equal(await says('user revoke', { jid: JID, id: 'software/Backup tool/2.1' }), 'Access revoked');
  assert.equal(await left(), 0);
  assert.equal(await refusal('user revoke', { jid: JID, id: 'client/nope' }), `${JID} has no client client/nope`);
  assert.match(await refusal('user revoke', { jid: JID, id: 'software/Pelican' }), /^Password reset required: /);
  await client.isClosedWith('reset');
});

test('an administrator keeps a client with a token out', async (t) => {
  const { says, stage, connect } = await scene(t);
  const login = await connect();
  const token = tokenOf(await login.plain({ clientId: PHONE, children: REQUEST_TOKEN + BIND }));
  const [fast] = await stage.host.grants.list('romeo');
  assert.equal(await says('user revoke', { jid: JID, id: `grant/${fast?.id}` }), 'Access revoked');
  assert.equal(conditionOf(await (await connect()).token(token)), 'not-authorized');
});

test('the last login and logout of a user are told, with addresses where they are kept', async (t) => {
  const { says, answer, refusal, phone, stage } = await scene(t, { features: { lastlog: { addresses: true } } });
  const time = (): string => new Date(stage.clock.now()).toISOString().slice(0, 19).replace('T', ' ');
  const registered = `Registered: ${time()}`;
  assert.equal(await says('user lastlog', { jid: JID }), registered);
  await stage.clock.advance(1000);
  const login = `Last login: ${time()}\nIP address: 192.0.2.1`;
  const { client } = await phone();
  await stage.clock.advance(60_000);
  client.transport.break();
  await stage.clock.advance(0);
  const logout = `Last logout: ${time()}\nIP address: 192.0.2.1`;
  assert.equal(await says('user lastlog', { jid: JID }), [login, logout, registered].join('\n'));
  assert.equal((await answer('user lastlog', { jid: JID })).logout.address, '192.0.2.1');
  assert.equal(await refusal('user lastlog', { jid: `ghost@${DOMAIN}` }), 'No record found');
});
