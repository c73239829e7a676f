import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type SharedContacts, sharedGroups } from '../../../../src/features/groups/api.ts';
import { groups } from '../../../../src/features/groups/index.ts';
import { lastActivity } from '../../../../src/features/last-activity.ts';
import { lastlog } from '../../../../src/features/lastlog/index.ts';
import { presence } from '../../../../src/features/presence/index.ts';
import { delegatedRosters } from '../../../../src/features/roster/api.ts';
import { GroupSource } from '../../../../src/features/roster/delegated/group-source.ts';
import { delegatedRoster } from '../../../../src/features/roster/delegated/index.ts';
import { PASSWORD, Stage } from '../../../support/stage.ts';
import type { StageClient } from '../../../support/stage-client.ts';
import { address, from, items, push, QUERY } from './serving-scene.ts';

async function open(t: TestContext) {
  const config = { features: { groups: {}, delegatedRoster: { source: 'groups' } } };
  const stage = await Stage.open(t, { features: [groups, lastlog, lastActivity, delegatedRoster, presence], config });
  for (const local of ['john', 'marie', 'ann']) await stage.host.users.create(local, PASSWORD);
  const all = stage.host.services.use(sharedGroups);
  await all.add('Family', false);
  for (const local of ['john', 'marie']) await all.join('Family', local);
  return { stage, all };
}

test('everybody in a group has the others as contacts, and nobody can change that', async (t) => {
  const { stage } = await open(t);
  const { desk, marie, ann } = await stage.online({ desk: 'john', marie: 'marie', ann: 'ann' });
  assert.deepEqual(await items(desk), [[address('marie'), undefined, ['Family']]]);
  assert.deepEqual(await items(marie), [[address('john'), undefined, ['Family']]]);
  assert.deepEqual(await items(ann), []);
  const set = `<query xmlns='jabber:iq:roster'><item jid='${address('ann')}'/></query>`;
  assert.equal(await desk.refused('set', set), 'service-unavailable');
  assert.equal(stage.host.services.use(delegatedRosters).status().source, 'groups');
});

test('who joins or leaves a group is pushed to those who are online, and comes into sight or goes', async (t) => {
  const { stage, all } = await open(t);
  const { desk, ann } = await stage.online({ desk: 'john', ann: 'ann' });
  for (const client of [desk, ann]) await items(client);
  await all.join('Family', 'ann');
  const item = (local: string) => `<item jid='${address(local)}' subscription='both'><group>Family</group></item>`;
  await desk.receives(push(desk, item('ann')));
  await desk.forget();
  assert.deepEqual(await items(ann), [
    [address('john'), undefined, ['Family']],
    [address('marie'), undefined, ['Family']],
  ]);
  await desk.sends('<presence><show>away</show></presence>');
  assert.ok(ann.transport.received.some(({ name, attrs }) => name === 'presence' && attrs['from'] === desk.jid));
  for (const client of [desk, ann]) await client.forget();
  await all.leave('Family', 'ann');
  await desk.receives(push(desk, `<item jid='${address('ann')}' subscription='remove'/>`));
  await desk.receives(from(ann.jid, 'unavailable'));
  assert.equal((await ann.get(QUERY))?.children.length, 0);
});

test('who is away is a contact of exactly those who are in the group now', async (t) => {
  const { stage, all } = await open(t);
  const { desk, marie, ann } = await stage.online({ desk: 'john', marie: 'marie', ann: 'ann' });
  const asks = async (client: StageClient) =>
    (await client.ask('get', `<query xmlns='jabber:iq:last'/>`, address('john'))).attrs['type'];
  await desk.sends('</stream:stream>');
  assert.deepEqual([await asks(marie), await asks(ann)], ['result', 'error']);
  await all.leave('Family', 'marie');
  await all.join('Family', 'ann');
  await stage.clock.advance(0);
  assert.deepEqual([await asks(marie), await asks(ann)], ['error', 'result']);
});

test('who is removed is no contact of anybody any more', async (t) => {
  const { stage } = await open(t);
  const { desk } = await stage.online({ desk: 'john', marie: 'marie' });
  await items(desk);
  await stage.host.removeUser('marie');
  assert.deepEqual(await items(desk), []);
});

test('the rosters of a large group are made a few in a turn', async () => {
  let made = 0;
  const contacts: SharedContacts = {
    of() {
      made++;
      return new Map();
    },
  };
  const source = new GroupSource(contacts);
  const all = Promise.all(Array.from({ length: 100 }, (_, i) => source.fetch(`user${i}`)));
  const madeInTurns: number[] = [];
  while (made < 100) {
    await new Promise((resolve) => setImmediate(resolve));
    madeInTurns.push(made);
  }
  assert.ok(madeInTurns.length >= 4 && (madeInTurns[0] ?? 0) <= 40, String(madeInTurns));
  assert.equal((await all).length, 100);
});
