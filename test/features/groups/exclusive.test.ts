import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedGroups } from '../../../src/features/groups/api.ts';
import { groups } from '../../../src/features/groups/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { delegatedRoster } from '../../../src/features/roster/delegated/index.ts';
import { attr } from '../../../src/xml/element.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import { pushedIn, rosterOf } from './scene.ts';

const FEATURES = [groups, delegatedRoster, presence];

test('a school: contacts are exactly the groups, whatever users would have', async (t) => {
  const config = {
    features: {
      groups: { groups: { '4b': { members: ['marie', 'john', 'vera'] } } },
      delegatedRoster: { source: 'groups' },
    },
  };
  const stage = await Stage.open(t, { features: FEATURES, config });
  const all = stage.host.services.use(sharedGroups);
  const { marie, john } = await stage.online({ marie: 'marie', john: 'john', other: 'vera' });
  assert.deepEqual(await rosterOf(marie), ['john both 4b', 'vera both 4b']);
  assert.deepEqual(await rosterOf(john), ['marie both 4b', 'vera both 4b']);
  const item = `<query xmlns='jabber:iq:roster'><item jid='eve@elsewhere.example' name='Eve'/></query>`;
  assert.equal(await marie.refused('set', item), 'service-unavailable');
  await marie.sends(`<presence type='unsubscribe' to='john@${DOMAIN}'/>`);
  await marie.forget();
  await john.forget();
  await all.add('Choir', false);
  for (const local of ['marie', 'john']) await all.join('Choir', local);
  await marie.sends('');
  const told = marie.transport.received.splice(0);
  assert.deepEqual(pushedIn(told), ['john both 4b,Choir']);
  assert.ok(
    told.every(({ name }) => name === 'iq'),
    'nothing of presence',
  );
  stage.reload({ features: { ...config.features, groups: {} } });
  await rosterOf(marie);
  await marie.sends('');
  const left = marie.transport.received.splice(0);
  assert.deepEqual(pushedIn(left), ['vera remove', 'john both Choir']);
  const gone = left.filter(({ name }) => name === 'presence');
  // Both sides say so, and perhaps both are heard.
  const said = new Set(gone.map((stanza) => `${attr(stanza, 'type')} ${attr(stanza, 'from')}`));
  assert.deepEqual([...said], [`unavailable vera@${DOMAIN}/other`]);
  assert.deepEqual(await rosterOf(john), ['marie both Choir']);
});
