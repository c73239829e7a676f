import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vcard } from '../../../src/features/vcard/index.ts';
import { assertXml } from '../../support/compare.ts';
import { subscribers } from '../../support/presence.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';

const QUERY = '<vCard xmlns="vcard-temp"/>';
const CARD = '<vCard xmlns="vcard-temp"><FN>Juliet &amp; Co</FN><N><GIVEN>Juliet</GIVEN><MIDDLE/></N></vCard>';
const JULIET = `juliet@${DOMAIN}`;

test('a vCard is read back as it was set, by its owner and by anyone', async (t) => {
  const stage = await Stage.open(t, { features: [vcard] });
  const { juliet, tybalt } = await stage.connected({ juliet: 'juliet', tybalt: 'tybalt' });
  assert.equal(await juliet.set(CARD), undefined);
  for (const answer of [await juliet.get(QUERY), await juliet.get(QUERY, JULIET), await tybalt.get(QUERY, JULIET)]) {
    assert.ok(answer);
    assertXml(answer, CARD);
  }
});

test('a vCard survives a restart', async (t) => {
  const before = await Stage.open(t, { features: [vcard] });
  const { juliet } = await before.connected({ juliet: 'juliet' });
  await juliet.set(CARD, JULIET);
  await before.close();
  const after = await Stage.open(t, { features: [vcard], store: before.store, clock: before.clock });
  const { tybalt } = await after.connected({ tybalt: 'tybalt' });
  const answer = await tybalt.get(QUERY, JULIET);
  assert.ok(answer);
  assertXml(answer, CARD);
});

test('a missing vCard is not found by its owner, and no more than a missing account by others', async (t) => {
  const stage = await Stage.open(t, { features: [vcard] });
  const { juliet, tybalt } = await stage.connected({ juliet: 'juliet', tybalt: 'tybalt' });
  assert.equal(await juliet.refused('get', QUERY), 'item-not-found');
  assert.equal(await tybalt.refused('get', QUERY, JULIET), 'service-unavailable');
  assert.equal(await tybalt.refused('get', QUERY, `nobody@${DOMAIN}`), 'service-unavailable');
});

test('an empty vCard removes it', async (t) => {
  const stage = await Stage.open(t, { features: [vcard] });
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await juliet.set(CARD);
  await juliet.set(QUERY);
  assert.equal(await juliet.refused('get', QUERY), 'item-not-found');
});

test("nobody sets another's vCard", async (t) => {
  const stage = await Stage.open(t, { features: [vcard, subscribers('romeo')] });
  const { romeo, tybalt } = await stage.connected({ juliet: 'juliet', romeo: 'romeo', tybalt: 'tybalt' });
  assert.equal(await romeo.refused('set', CARD, JULIET), 'forbidden');
  assert.equal(await tybalt.refused('set', CARD, JULIET), 'service-unavailable');
});

test('a vCard that is too large is refused and the old one stays', async (t) => {
  const limits = { account: { vcardBytes: 200 } };
  const stage = await Stage.open(t, { features: [vcard], config: { limits } });
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await juliet.set(CARD);
  const large = `<vCard xmlns="vcard-temp"><NOTE>${'é'.repeat(100)}</NOTE></vCard>`;
  assert.equal(await juliet.refused('set', large), 'policy-violation');
  const answer = await juliet.get(QUERY);
  assert.ok(answer);
  assertXml(answer, CARD);
});

test('the vCard goes with the account', async (t) => {
  const stage = await Stage.open(t, { features: [vcard] });
  const { juliet, tybalt } = await stage.connected({ juliet: 'juliet', tybalt: 'tybalt' });
  await juliet.set(CARD);
  await stage.host.removeUser('juliet');
  await stage.host.users.create('juliet', PASSWORD);
  assert.equal(await tybalt.refused('get', QUERY, JULIET), 'service-unavailable');
});
