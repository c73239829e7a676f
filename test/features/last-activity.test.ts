import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastActivity } from '../../src/features/last-activity.ts';
import { lastlog } from '../../src/features/lastlog/index.ts';
import { assertXml } from '../support/compare.ts';
import { settle } from '../support/manual-clock.ts';
import { ownPresence, subscribers } from '../support/presence.ts';
import { DOMAIN, PASSWORD, Stage } from '../support/stage.ts';
import type { StageClient } from '../support/stage-client.ts';

const QUERY = '<query xmlns="jabber:iq:last"/>';
const ROMEO = `romeo@${DOMAIN}`;
const FEATURES = [lastlog, lastActivity, ownPresence, subscribers('juliet')];

async function assertAnswer(client: StageClient, to: string, seconds: number, status = ''): Promise<void> {
  const answer = await client.get(QUERY, to);
  assert.ok(answer);
  assertXml(answer, `<query xmlns="jabber:iq:last" seconds="${seconds}">${status}</query>`);
}

async function leave(client: StageClient): Promise<void> {
  client.transport.break();
  await settle();
}

test('the server tells how long it has been running', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { tybalt } = await stage.connected({ tybalt: 'tybalt' });
  await stage.clock.advance(90_500);
  await assertAnswer(tybalt, DOMAIN, 90);
});

test('a connected user is active now', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await stage.clock.advance(10_000);
  await assertAnswer(juliet, ROMEO, 0);
});

test('a user who left is away since the last session ended, with the words of the farewell', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { phone, tablet, juliet } = await stage.online({ phone: 'romeo', tablet: 'romeo', juliet: 'juliet' });
  await phone.sends('<presence type="unavailable"><status>Early</status></presence>');
  await leave(phone);
  await assertAnswer(juliet, ROMEO, 0);
  await tablet.sends('<presence type="unavailable"><status>Heading Home</status></presence>');
  await leave(tablet);
  await stage.clock.advance(203_000);
  await assertAnswer(juliet, ROMEO, 203, 'Heading Home');
});

test('who is lost without a word leaves none, and only a farewell counts', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await phone.sends('<presence type="unavailable"><status>Old</status></presence>');
  await phone.sends('<presence><status>Back again</status></presence>');
  await leave(phone);
  await stage.clock.advance(5000);
  await assertAnswer(juliet, ROMEO, 5);
});

test('the last activity survives a restart', async (t) => {
  const before = await Stage.open(t, { features: FEATURES });
  const { phone } = await before.online({ phone: 'romeo' });
  await leave(phone);
  await before.close();
  await before.clock.advance(60_000);
  const after = await Stage.open(t, { features: FEATURES, store: before.store, clock: before.clock });
  const { juliet } = await after.connected({ juliet: 'juliet' });
  await assertAnswer(juliet, ROMEO, 60);
});

test('of a user who never came nothing is known', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await stage.host.users.create('romeo', PASSWORD);
  assert.equal(await juliet.refused('get', QUERY, ROMEO), 'item-not-found');
});

test('strangers are refused, whether they ask the account or a client of it', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { phone, tybalt } = await stage.online({ phone: 'romeo', tybalt: 'tybalt' });
  assert.equal(await tybalt.refused('get', QUERY, ROMEO), 'forbidden');
  assert.equal(await tybalt.refused('get', QUERY, `${ROMEO}/phone`), 'forbidden');
  await phone.receivesNothing();
});

test('the query of a subscriber for a full address is left to the client', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await juliet.sends(`<iq type="get" id="1" to="${ROMEO}/phone">${QUERY}</iq>`);
  await phone.receives(`<iq type="get" id="1" from="juliet@${DOMAIN}/juliet" to="${ROMEO}/phone">${QUERY}</iq>`);
});

test('a status is bounded', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await phone.sends(`<presence type="unavailable"><status>${'x'.repeat(5000)}</status></presence>`);
  await leave(phone);
  await assertAnswer(juliet, ROMEO, 0, 'x'.repeat(1024));
});

test('the last activity goes with the account', async (t) => {
  const stage = await Stage.open(t, { features: FEATURES });
  const { juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await stage.host.removeUser('romeo');
  await stage.host.users.create('romeo', PASSWORD);
  assert.equal(await juliet.refused('get', QUERY, ROMEO), 'item-not-found');
});
