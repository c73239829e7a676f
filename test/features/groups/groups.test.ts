import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError } from '../../../src/core/commands.ts';
import type { SharedGroup } from '../../../src/features/groups/api.ts';
import { sharedContacts } from '../../../src/features/groups/api.ts';
import { groups } from '../../../src/features/groups/index.ts';
import { GROUPS } from '../../../src/features/groups/record.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import { configured, open } from './scene.ts';

async function admit(stage: Stage, ...locals: readonly string[]): Promise<void> {
  for (const local of locals) {
    await stage.host.users.admit(local, { createdAt: stage.clock.now() });
    await stage.clock.advance(1);
  }
}

function membersOf({ members }: SharedGroup): string[] {
  return [...members].sort();
}

function fails(run: Promise<unknown> | (() => unknown), message: RegExp): Promise<void> {
  const promise = typeof run === 'function' ? (async () => run())() : run;
  return assert.rejects(promise, (error) => error instanceof CommandError && message.test(error.message));
}

test('without groups nobody has shared contacts', async (t) => {
  const { stage, all } = await open(t);
  await admit(stage, 'alice');
  assert.deepEqual(all.list(), []);
  assert.equal(stage.host.services.use(sharedContacts).of('alice').size, 0);
});

test('a stored group is there after a restart, with its members', async (t) => {
  const { stage, all } = await open(t);
  await admit(stage, 'alice', 'bob');
  await all.add('  Family ', false);
  await all.join('Family', 'alice');
  await all.join('Family', 'BOB');
  await stage.close();
  const again = await open(t, { store: stage.store, clock: stage.clock });
  const group = again.all.get('Family');
  assert.deepEqual([group.origin, group.isForEveryone, membersOf(group)], ['store', false, ['alice', 'bob']]);
  const [contact] = again.stage.host.services.use(sharedContacts).of('alice').values();
  assert.deepEqual(
    [String(contact?.jid), contact?.subscription, contact?.groups],
    [`bob@${DOMAIN}`, 'both', ['Family']],
  );
});

test('the name of a group is prepared and bounded', async (t) => {
  const { all } = await open(t);
  await all.add('Cafe\u0301\u2003Club', false);
  assert.equal(all.get('Café Club').name, 'Café Club');
  for (const name of ['', '   ', 'a\nb', 'x'.repeat(257), 'é'.repeat(129)]) {
    await fails(all.add(name, false), /^the name of a group has at /);
  }
  await all.add('x'.repeat(256), false);
});

test('what cannot be done with a group is said', async (t) => {
  const { stage, all } = await open(t, { config: { ...configured({ Staff: ['alice'] }) } });
  await admit(stage, 'alice', 'bob');
  await all.add('Family', false);
  await all.add('Everyone', true);
  await fails(all.add('Family', false), /^there is a group "Family" already$/);
  await fails(all.add('Staff', false), /^there is a group "Staff" already$/);
  await fails(all.rename('Family', 'Staff'), /^there is a group "Staff" already$/);
  await fails(() => all.get('Friends'), /^there is no group "Friends" on stage\.example$/);
  await fails(all.join('Friends', 'alice'), /^there is no group "Friends"/);
  await fails(all.join('Family', 'carol'), /^there is no user carol@stage\.example$/);
  await all.join('Family', 'alice');
  await fails(all.join('Family', 'alice'), /^alice@stage\.example is in the group "Family" already$/);
  await fails(all.leave('Family', 'bob'), /^bob@stage\.example is not in the group "Family"$/);
  await fails(all.leave('Everyone', 'bob'), /^everyone is in the group "Everyone"$/);
  await fails(all.join('Everyone', 'bob'), /^everyone is in the group "Everyone"$/);
  const readOnly = /^the group "Staff" is one of the configuration \(features\.groups\.groups\): change it there/;
  for (const run of [
    all.remove('Staff'),
    all.rename('Staff', 'S'),
    all.join('Staff', 'bob'),
    all.leave('Staff', 'alice'),
  ]) {
    await fails(run, readOnly);
  }
});

test('a group has no more members than it may, and the log says whom of the configuration that leaves out', async (t) => {
  const config = configured({ Staff: ['dora', 'carol', 'bob', 'alice'] }, { maxMembers: 3 });
  const { stage, all } = await open(t, { config: { ...config } });
  await admit(stage, 'carol', 'alice', 'bob', 'dora', 'eve');
  await all.add('Family', false);
  for (const local of ['alice', 'bob', 'carol']) await all.join('Family', local);
  await fails(all.join('Family', 'dora'), /^the group "Family" has 3 members, and features\.groups\.maxMembers is 3$/);
  const staff = all.get('Staff');
  assert.deepEqual([membersOf(staff), staff.omitted], [['alice', 'bob', 'carol'], 1], 'the oldest accounts');
  const everyone = await all.add('Everyone', true);
  assert.deepEqual([membersOf(everyone), everyone.omitted], [['alice', 'bob', 'carol'], 2]);
  await admit(stage, 'frank');
  await stage.host.removeUser('carol');
  assert.deepEqual(membersOf(all.get('Staff')), ['alice', 'bob', 'dora']);
  assert.deepEqual(membersOf(all.get('Everyone')), ['alice', 'bob', 'dora']);
  const full = stage.log.records.filter(({ event }) => event === 'groups.full');
  assert.deepEqual(
    full.map(({ fields }) => fields['group']),
    ['Staff', 'Everyone'],
    'once for each',
  );
});

test('there is a bound on the number of groups, and on those of a user', async (t) => {
  const { stage, all } = await open(t);
  await admit(stage, 'alice');
  for (let n = 1; n <= 1000; n++) {
    await all.add(`g${n}`, false);
    if (n <= 100) await all.join(`g${n}`, 'alice');
  }
  await fails(all.add('one more', false), /^there are 1000 groups, and no more fit in$/);
  await fails(all.join('g101', 'alice'), /^alice@stage\.example is in 100 groups, and may be in no more$/);
});

test('a removed account is taken out of its groups, and another of its name is in none of them', async (t) => {
  const config = { ...configured({ Staff: ['alice', 'bob'] }) };
  const { stage, all } = await open(t, { config });
  await admit(stage, 'alice', 'bob');
  await all.add('Family', false);
  for (const local of ['alice', 'bob']) await all.join('Family', local);
  await stage.host.removeUser('bob');
  assert.deepEqual(membersOf(all.get('Family')), ['alice']);
  assert.deepEqual(
    (await stage.table(GROUPS).get(DOMAIN, 'Family'))?.members.map(([local]) => local),
    ['alice'],
  );
  assert.deepEqual(membersOf(all.get('Staff')), ['alice']);
  const warned = stage.log.records.find(({ event }) => event === 'groups.removed-member');
  assert.deepEqual(
    [warned?.fields['jid'], warned?.fields['group']],
    [`bob@${DOMAIN}`, 'Staff'],
    'the configuration still has it',
  );
  await admit(stage, 'bob');
  assert.deepEqual(membersOf(all.get('Family')), ['alice']);
});

test('an account that was removed while there were no groups is not in them when they are back', async (t) => {
  const { stage, all } = await open(t);
  await admit(stage, 'alice', 'bob');
  await all.add('Family', false);
  for (const local of ['alice', 'bob']) await all.join('Family', local);
  await stage.close();
  const without = await Stage.open(t, { features: [], store: stage.store, clock: stage.clock });
  await without.host.removeUser('bob');
  await admit(without, 'bob');
  await without.close();
  const again = await open(t, { store: stage.store, clock: stage.clock });
  assert.deepEqual(membersOf(again.all.get('Family')), ['alice']);
  await again.all.join('Family', 'bob');
  assert.deepEqual(membersOf(again.all.get('Family')), ['alice', 'bob']);
});

test('a group of the configuration hides a stored one of its name as long as it is there', async (t) => {
  const { stage, all } = await open(t);
  await admit(stage, 'alice', 'bob', 'carol');
  await all.add('Family', false);
  await all.join('Family', 'alice');
  stage.reload({ ...configured({ Family: ['bob', 'carol'] }) });
  await all.add('Wait for the reload', false);
  assert.deepEqual([all.get('Family').origin, membersOf(all.get('Family'))], ['configuration', ['bob', 'carol']]);
  assert.ok(stage.log.records.some(({ event, fields }) => event === 'groups.hidden' && fields['group'] === 'Family'));
  stage.reload({});
  await all.remove('Wait for the reload');
  assert.deepEqual([all.get('Family').origin, membersOf(all.get('Family'))], ['store', ['alice']]);
});

test('what cannot be the members of a group, or its name, is a problem of the configuration', async (t) => {
  const reload = (all: Record<string, readonly string[]>) => () => stage.reload({ ...configured(all) });
  const stage = await Stage.open(t, { features: [groups] });
  assert.throws(
    reload({ Family: ['alice@stage.example'] }),
    /features\.groups\.groups\.Family\.members\[0\]: expected a user name without its domain/,
  );
  assert.throws(reload({ Family: [''] }), /members\[0\]/);
  assert.throws(reload({ '\u0007': [] }), /expected the name of a group/);
  assert.throws(reload({ 'Cafe\u0301': [], Café: [] }), /names that differ in their normal form/);
  assert.doesNotThrow(reload({ Family: ['Alice', '*'] }));
});
