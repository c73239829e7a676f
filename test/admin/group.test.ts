import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  groupAdd,
  groupJoin,
  groupLeave,
  groupList,
  groupRemove,
  groupRename,
  groupShow,
} from '../../src/admin/commands/group.ts';
import type { BuiltIn, CommandGround } from '../../src/admin/ground.ts';
import { type Arguments, CommandError, type Json } from '../../src/core/commands.ts';
import { configured, open } from '../features/groups/scene.ts';
import { DOMAIN, Stage } from '../support/stage.ts';
import { makePlace, parley, ServerProcess } from './running.ts';

function runner({ host, settings, clock }: Stage, hosts = new Map([[DOMAIN, host]])) {
  const ground: CommandGround = { version: '1.2.3', hosts, settings, clock, running: undefined };
  return {
    answer: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<A> => command.run(args, ground),
    says: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<string> =>
      command.show?.(await command.run(args, ground)) ?? '',
  };
}

async function scene(t: TestContext) {
  const config = { ...configured({ Staff: ['bob', 'carol'] }, { maxMembers: 2 }) };
  const { stage } = await open(t, { config });
  for (const local of ['alice', 'bob', 'carol']) await stage.host.users.admit(local);
  return { stage, ...runner(stage) };
}

test('a family is two commands and one for each member', async (t) => {
  const { says, answer } = await scene(t);
  assert.equal(await says(groupAdd, { name: 'Family' }), 'Added the group "Family" on stage.example.');
  for (const local of ['bob', 'alice']) {
    const jid = `${local}@${DOMAIN}`;
    assert.equal(await says(groupJoin, { name: 'Family', jid }), `${jid} is in the group "Family".`);
  }
  assert.equal(
    await says(groupShow, { name: 'Family' }),
    [
      'Group    Family',
      'Host     stage.example',
      'Kept in  the store',
      'Members  2',
      '',
      'alice@stage.example',
      'bob@stage.example',
    ].join('\n'),
  );
  assert.equal(
    await says(groupLeave, { name: 'Family', jid: `bob@${DOMAIN}` }),
    'bob@stage.example is no longer in the group "Family".',
  );
  assert.equal(await says(groupRename, { name: 'Family', 'new-name': 'Clan' }), 'The group is called "Clan" now.');
  assert.deepEqual((await answer(groupShow, { name: 'Clan' })).members, ['alice@stage.example']);
  assert.equal(await says(groupRemove, { name: 'Clan' }), 'Removed the group "Clan".');
});

test('groups are listed with their hosts, how many are in them and where they are kept', async (t) => {
  const { says, answer } = await scene(t);
  await answer(groupAdd, { name: 'Family' });
  assert.equal(
    await says(groupAdd, { name: 'All', everyone: true }),
    'Added the group "All" of everyone (2, and no room for 1 more) on stage.example.',
  );
  assert.deepEqual((await says(groupList, {})).split('\n'), [
    'GROUP   HOST           MEMBERS                               KEPT IN',
    'All     stage.example  everyone (2, and no room for 1 more)  the store',
    'Family  stage.example  0                                     the store',
    'Staff   stage.example  2                                     the configuration',
  ]);
});

test('where there are no groups, or several hosts, that is said', async (t) => {
  const { stage, answer } = await scene(t);
  await assert.rejects(answer(groupShow, { name: 'Nobody' }), /there is no group "Nobody" on stage\.example/);
  await assert.rejects(answer(groupJoin, { name: 'Staff', jid: `alice@${DOMAIN}` }), /change it there and reload/);
  await assert.rejects(answer(groupJoin, { name: 'Staff', jid: 'alice@a.example' }), /a\.example is not served here/);
  const without = await Stage.open(t, { features: [] });
  const off = runner(without);
  assert.equal(await off.says(groupList, {}), 'No groups.');
  const refusal = new CommandError('there are no groups on stage.example: features.groups is off');
  await assert.rejects(off.answer(groupAdd, { name: 'Family' }), refusal);
  const several = runner(
    stage,
    new Map([
      [DOMAIN, stage.host],
      ['b.example', without.host],
    ]),
  );
  await assert.rejects(
    several.answer(groupAdd, { name: 'Family' }),
    new CommandError('say on which host, with --host: stage.example, b.example'),
  );
  await several.answer(groupAdd, { name: 'Family', host: DOMAIN });
});

test('groups are made with the server stopped, and are there when it starts', async (t) => {
  const place = await makePlace(t, { features: { groups: { groups: { Everyone: { members: ['*'] } } } } });
  const first = await ServerProcess.start(t, place);
  await parley(place, ['group', 'add', 'Family']);
  assert.equal(await first.end('SIGTERM'), 0);
  const joined = await parley(place, ['group', 'join', 'Family', 'admin@localhost']);
  assert.deepEqual(joined, { code: 0, stdout: 'admin@localhost is in the group "Family".\n', stderr: '' });
  const second = await ServerProcess.start(t, place);
  const { groups } = JSON.parse((await parley(place, ['group', 'list', '--json'])).stdout);
  assert.deepEqual(
    groups.map(({ name, members, origin }: Record<string, unknown>) => [name, members, origin]),
    [
      ['Everyone', 1, 'configuration'],
      ['Family', 1, 'store'],
    ],
  );
  const refused = await parley(place, ['group', 'remove', 'Everyone']);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^parley: the group "Everyone" is one of the configuration .*: change it there and reload\n$/,
  );
  assert.equal(await second.end('SIGTERM'), 0);
});
