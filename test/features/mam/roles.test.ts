import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mam } from '../../../src/features/mam/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { attr, serialize } from '../../../src/xml/element.ts';
import { BIND, identifierOf, PHONE } from '../../c2s/sasl2-scene.ts';
import { loginThrough, makeGrant, open } from '../client-management/scene.ts';
import { NS_MAM, query, search } from './scene.ts';

const NEVER = `<prefs xmlns="${NS_MAM}" default="never"/>`;

test('an application that may only read the account reads neither the archive nor says what goes into it', async (t) => {
  const scene = await open(t, { features: [roster, presence, mam] });
  const reader = await loginThrough(scene, await makeGrant(scene.stage, 'account-read'));
  assert.equal(await reader.refused('set', query()), 'forbidden');
  assert.equal(await reader.refused('get', `<metadata xmlns="${NS_MAM}"/>`), 'forbidden');
  assert.equal(await reader.refused('set', NEVER), 'forbidden');
  const preferences = await reader.get(`<prefs xmlns="${NS_MAM}"/>`);
  assert.equal(preferences && attr(preferences, 'default'), 'always');
});

test('an application that may change the account says what is archived', async (t) => {
  const scene = await open(t, { features: [roster, presence, mam] });
  const writer = await loginThrough(scene, await makeGrant(scene.stage, 'account-write'));
  const preferences = await writer.set(NEVER);
  assert.equal(preferences && attr(preferences, 'default'), 'never');
  assert.equal(await writer.refused('set', query()), 'forbidden');
});

test('of a guest nothing is kept, whatever it asks', async (t) => {
  const scene = await open(t, {
    features: [roster, presence, mam],
    config: { auth: { mechanisms: ['PLAIN', 'ANONYMOUS'] } },
  });
  const guest = await scene.connect();
  const success = await guest.authenticate('ANONYMOUS', '', { clientId: PHONE, children: BIND });
  await guest.stage.next();
  const jid = identifierOf(success);
  const [address = ''] = jid.split('/');
  const forged = `<stanza-id xmlns="urn:xmpp:sid:0" by="${address}" id="forged"/>`;
  await guest.stage.sends(`<message to="${jid}"><body>a note</body>${forged}</message>`);
  assert.doesNotMatch(serialize(await guest.stage.nextNamed('message')), /stanza-id/);
  assert.deepEqual((await search(guest.stage)).bodies, []);
  assert.equal(await guest.stage.refused('set', NEVER), 'forbidden');
  assert.equal((await guest.stage.ask('set', query({ page: '<max>0</max>' }))).attrs['type'], 'result');
  const kept = [...scene.stage.store.dump().keys()].filter((key) => key.startsWith('mam'));
  assert.deepEqual(kept, []);
});
