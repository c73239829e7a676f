import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rosterRefresh, rosterStatus } from '../../src/admin/commands/roster.ts';
import type { BuiltIn, CommandGround } from '../../src/admin/ground.ts';
import { type Arguments, CommandError, type Json } from '../../src/core/commands.ts';
import { open } from '../features/roster/delegated/refresh-scene.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const ROMEO = `romeo@${DOMAIN}`;

function runner({ host, settings, clock }: Stage) {
  const hosts = new Map([[DOMAIN, host]]);
  const ground: CommandGround = { version: '1.2.3', hosts, settings, clock, running: undefined };
  return {
    answer: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<A> => command.run(args, ground),
    says: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<string> =>
      command.show?.(await command.run(args, ground)) ?? '',
  };
}

test('an operator refreshes one user, whether online or not', async (t) => {
  const { stage, rosters } = await open(t);
  const { answer, says } = runner(stage);
  await stage.connected({ phone: 'romeo' });
  await stage.host.users.create('juliet', 'correct horse');
  assert.deepEqual(await answer(rosterRefresh, { jid: ROMEO }), { refreshed: 1, failed: [] });
  assert.equal(
    await says(rosterRefresh, { jid: `Juliet@${DOMAIN}` }),
    'Refreshed 1 user; who is offline gets the contacts at login.',
  );
  assert.deepEqual(rosters.refreshes, [['romeo'], ['juliet']]);
});

test('one whose contacts cannot be fetched, or who does not exist, is an error', async (t) => {
  const { stage, rosters } = await open(t);
  const { answer } = runner(stage);
  await stage.connected({ phone: 'romeo' });
  rosters.failing.set('romeo', 'suspended');
  const refresh = (jid: string) => answer(rosterRefresh, { jid });
  await assert.rejects(refresh(ROMEO), new CommandError(`the contacts of ${ROMEO} could not be fetched: suspended`));
  await assert.rejects(refresh(`ghost@${DOMAIN}`), new CommandError(`there is no user ghost@${DOMAIN}`));
  await assert.rejects(refresh(`${ROMEO}/phone`), /names one session/);
  await assert.rejects(refresh('romeo@elsewhere.example'), /is not served here/);
  await assert.rejects(refresh('elsewhere.example'), /names no user/);
});

test('an operator refreshes all that are online, and sees who could not be', async (t) => {
  const { stage, rosters } = await open(t);
  const { says } = runner(stage);
  await stage.connected({ phone: 'romeo', laptop: 'romeo', pc: 'juliet' });
  await stage.host.users.create('nurse', 'correct horse');
  rosters.failing.set('juliet', 'http_5xx');
  const [first, heading, failure] = (await says(rosterRefresh, { jid: DOMAIN })).split('\n');
  assert.equal(first, 'Refreshed 1 user; who is offline gets the contacts at login.');
  assert.match(heading ?? '', /^NOT REFRESHED +BECAUSE$/);
  assert.match(failure ?? '', new RegExp(`^juliet@${DOMAIN} +http_5xx$`));
  assert.deepEqual(rosters.refreshes, [['romeo', 'juliet']]);
});

test('an operator sees how fetching goes', async (t) => {
  const { stage, rosters } = await open(t);
  const { answer, says } = runner(stage);
  rosters.current = { source: 'http', state: 'suspended', fetching: 3, waiting: 20, loaded: 14, copies: 100 };
  assert.deepEqual(await answer(rosterStatus, {}), { hosts: [{ host: DOMAIN, ...rosters.current }] });
  const [heading, line] = (await says(rosterStatus, {})).split('\n');
  assert.match(heading ?? '', /^HOST +SOURCE +STATE +FETCHING +WAITING +ONLINE +COPIES$/);
  assert.match(line ?? '', new RegExp(`^${DOMAIN} +http +suspended +3 +20 +14 +100$`));
});

test('where users own their contacts, that is said', async (t) => {
  const { answer } = runner(await Stage.open(t, { features: [] }));
  const off = new CommandError('users own their contacts here: features.delegatedRoster is off');
  await assert.rejects(answer(rosterRefresh, { jid: DOMAIN }), off);
  await assert.rejects(answer(rosterStatus, {}), off);
});
