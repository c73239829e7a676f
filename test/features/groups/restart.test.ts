import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { sharedGroups } from '../../../src/features/groups/api.ts';
import { groups } from '../../../src/features/groups/index.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { Stage } from '../../support/stage.ts';
import { assertFailed, FEATURES, managed, openStage, resumed, resuming, sessionOf } from '../sm/scene.ts';
import { rosterOf } from './scene.ts';

/** A family online, one of which has asked for the roster; and how to stop the server, and start it after what is done meanwhile. */
async function family(t: TestContext) {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  const features = [groups, ...FEATURES];
  const stage = await openStage(t, { features, clock, store });
  const { phone, ids } = await managed(stage, { phone: 'romeo', watch: 'romeo', juliet: 'juliet' });
  const all = stage.host.services.use(sharedGroups);
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet']) await all.join('Family', local);
  assert.deepEqual(await rosterOf(phone), ['juliet both Family']);
  phone.transport.break();
  await stage.shutDown();
  await stage.close();

  async function restart(meanwhile: (offline: Stage) => Promise<unknown>): Promise<Stage> {
    const offline = await Stage.open(t, { features: [groups], clock, store, isOffline: true });
    await meanwhile(offline);
    await offline.close();
    return openStage(t, { features, clock, store });
  }
  return { ids, restart };
}

test('a session goes on after a restart when the groups are as they were', async (t) => {
  const { ids, restart } = await family(t);
  const stage = await restart(async () => {});
  assert.deepEqual(await rosterOf(await resumed(stage, 'romeo', ids.phone, 0)), ['juliet both Family']);
});

test('a session that was told of the groups ends when they have changed while the server was stopped', async (t) => {
  const { ids, restart } = await family(t);
  const stage = await restart((offline) => offline.host.services.use(sharedGroups).rename('Family', 'Clan'));
  assert.equal(sessionOf(stage, 'romeo', 'phone'), undefined);
  const { client, answer } = await resuming(stage, 'romeo', ids.phone, 0);
  assertFailed(answer, 'item-not-found', 1);
  await client.bind('phone');
  assert.deepEqual(await rosterOf(client), ['juliet both Clan']);
  assert.ok(sessionOf(stage, 'romeo', 'watch'), 'the session that has never asked for the roster goes on');
});
