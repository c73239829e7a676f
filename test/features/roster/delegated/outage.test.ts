import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FetchFailure } from '../../../../src/features/roster/api.ts';
import { attr } from '../../../../src/xml/element.ts';
import { gate } from '../../../core/scene.ts';
import { settle } from '../../../support/manual-clock.ts';
import { PASSWORD } from '../../../support/stage.ts';
import type { StageClient } from '../../../support/stage-client.ts';
import { address, conditionOf, from, hold, items, open, pushed, QUERY, versionOf } from './serving-scene.ts';

const FAILURES: readonly FetchFailure[] = [
  'timeout',
  'refused',
  'http_4xx',
  'http_5xx',
  'http_other',
  'bad_json',
  'too_large',
  'suspended',
  'overloaded',
];

/** Longer than the first attempt in the background takes to begin. */
const RETRY_MS = 5000;

const GET = `<iq type='get' id='g'>${QUERY}</iq>`;

async function isTurnedAway(client: StageClient): Promise<void> {
  await client.isClosedWith('internal-server-error');
}

test('close: every get that waits is answered with an error, and then every stream ends, whatever the failure', async (t) => {
  for (const failure of FAILURES) {
    const { stage, source, rosters } = await open(t);
    source.failure = failure;
    const release = hold(source);
    const cast = { desk: 'john', phone: 'john', silent: 'john', early: 'john', marie: 'marie' };
    const { desk, phone, silent, early, marie } = await stage.connected(cast);
    for (const client of [desk, phone, marie]) await client.sends(GET);
    await early.sends(`<presence/>${GET}`);
    release();
    for (const client of [desk, phone, marie, early]) {
      const answer = await client.next();
      assert.equal(attr(answer, 'id'), 'g');
      assert.equal(conditionOf(answer), 'cancel internal-server-error');
    }
    for (const client of [desk, phone, silent, early, marie]) await isTurnedAway(client);
    assert.equal(rosters.status().loaded, 0);
    const told = stage.log.records.filter(({ event }) => event === 'roster.unavailable').map(({ fields }) => fields);
    assert.deepEqual(
      told.map(({ reason, served }) => ({ reason, served })),
      [1, 2].map(() => ({ reason: failure, served: 'close' })),
    );
    await stage.close();
  }
});

test('an outage in which everybody logs in is a few lines in the log, which say how many were left out', async (t) => {
  const { stage, source } = await open(t, { onFailure: 'empty' });
  source.failure = 'suspended';
  const logIn = (...users: readonly number[]) =>
    stage.connected(Object.fromEntries(users.map((user) => [`client${user}`, `user${user}`])));
  await logIn(...Array.from({ length: 12 }, (_, user) => user));
  const untold = () =>
    stage.log.records.filter(({ event }) => event === 'roster.unavailable').map(({ fields }) => fields['untold']);
  assert.deepEqual(untold(), [0, 0, 0, 0, 0]);
  await stage.clock.advance(60_000);
  await logIn(12);
  assert.deepEqual(untold(), [0, 0, 0, 0, 0, 7]);
});

test('close: it is nothing to others, and the next login tries again', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const { marie } = await stage.online({ marie: 'marie' });
  source.failure = 'timeout';
  await stage.host.users.create('john', PASSWORD);
  const desk = stage.connect('desk');
  await desk.logIn('john', PASSWORD);
  await desk.bind('desk');
  await isTurnedAway(desk);
  await marie.receivesNothing();
  source.failure = undefined;
  const { phone } = await stage.connected({ phone: 'john' });
  assert.equal((await items(phone)).length, 1);
  // Nothing goes on in the background.
  await stage.clock.advance(600_000);
  assert.equal(source.fetches.filter(({ local }) => local === 'john').length, 2);
});

test('close: a refresh that waited for the login counts its user as offline', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.failure = 'http_5xx';
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  const outcome = refresh('john');
  release();
  await isTurnedAway(desk);
  assert.deepEqual(await outcome, { updated: ['john'], failed: new Map() });
  assert.equal(source.fetches.length, 1);
});

test('stale: the last good roster is served, and the difference is told when fetching works again', async (t) => {
  const { stage, source } = await open(t, { onFailure: 'stale' });
  source.befriend('john', 'marie');
  source.contacts.set('ann', { john: {} });
  const { desk, marie, ann } = await stage.online({ desk: 'john', marie: 'marie', ann: 'ann' });
  await desk.sends('</stream:stream>');
  for (const client of [marie, ann]) await client.forget();
  source.contacts.set('john', { ann: {} });
  source.failure = 'refused';
  const { phone } = await stage.online({ phone: 'john' });
  assert.deepEqual(await items(phone), [[address('marie'), undefined, []]]);
  await marie.receives(from(phone.jid));
  for (let i = 0; i < 3; i++) await stage.clock.advance(RETRY_MS * 2 ** i);
  await phone.receivesNothing();
  source.failure = undefined;
  await stage.clock.advance(RETRY_MS * 2 ** 3);
  await phone.receives(pushed(phone, 'marie', 'remove'));
  await phone.receives(pushed(phone, 'ann'));
  await phone.receivesAll([from(marie.jid, 'unavailable'), from(ann.jid)]);
  await marie.receives(from(phone.jid, 'unavailable'));
  await ann.receives(from(phone.jid));
  assert.equal(await versionOf(phone), source.rosterOf('john').version);
  const { length } = source.fetches;
  await stage.clock.advance(600_000);
  assert.equal(source.fetches.length, length, 'no more is tried');
});

test('who comes when a failure has been dealt with for those who have gone is fetched for anew', async (t) => {
  const { stage, source } = await open(t, { onFailure: 'stale' });
  source.befriend('john', 'marie');
  await (await stage.connected({ desk: 'john' })).desk.sends('</stream:stream>');
  source.failure = 'refused';
  const release = hold(source);
  const { phone } = await stage.connected({ phone: 'john' });
  const reading = gate();
  source.copies.set(
    'john',
    reading.promise.then(() => source.rosterOf('john')),
  );
  release();
  await settle();
  source.failure = undefined;
  await phone.sends('</stream:stream>');
  const { tablet } = await stage.connected({ tablet: 'john' });
  reading.open();
  assert.equal((await items(tablet)).length, 1);
  assert.equal(source.fetches.length, 3);
});

test('stale: without a copy it is as with close', async (t) => {
  const { stage, source } = await open(t, { onFailure: 'stale' });
  source.failure = 'refused';
  const { desk } = await stage.connected({ desk: 'john' });
  await isTurnedAway(desk);
});

test('stale: the attempts become rarer, and end when everybody has gone', async (t) => {
  const { stage, source } = await open(t, { onFailure: 'stale' });
  source.befriend('john', 'marie');
  await (await stage.connected({ desk: 'john' })).desk.sends('</stream:stream>');
  source.failure = 'refused';
  const { phone } = await stage.connected({ phone: 'john' });
  const attempts = async (ms: number): Promise<number> => {
    const before = source.fetches.length;
    await stage.clock.advance(ms);
    return source.fetches.length - before;
  };
  assert.ok((await attempts(30_000)) >= 2);
  await attempts(1_200_000);
  assert.ok((await attempts(600_000)) <= 4);
  await phone.sends('</stream:stream>');
  assert.equal(await attempts(3_600_000), 0);
});

test('empty: an empty roster is served, and all of it is pushed when it can be had', async (t) => {
  const { stage, source } = await open(t, { onFailure: 'empty' });
  source.befriend('john', 'marie');
  const { marie } = await stage.online({ marie: 'marie' });
  source.failure = 'http_5xx';
  const { desk } = await stage.online({ desk: 'john' });
  assert.deepEqual(await items(desk), []);
  await marie.receivesNothing();
  source.failure = undefined;
  await stage.clock.advance(RETRY_MS);
  await desk.receives(pushed(desk, 'marie'));
  await desk.receives(from(marie.jid));
  await marie.receives(from(desk.jid));
});

test('empty: what was served is no copy that is known later, and no version of a roster', async (t) => {
  const { stage, source, rosters } = await open(t, { onFailure: 'empty' });
  source.failure = 'http_5xx';
  const { desk } = await stage.connected({ desk: 'john' });
  const account = stage.host.account('john');
  assert.ok(account);
  assert.equal(rosters.isKnown(account), false);
  assert.notEqual(await versionOf(desk), source.rosterOf('john').version);
  await desk.sends('</stream:stream>');
  assert.equal(rosters.isKnown(account), false);
});

test('a refresh ends an outage for the user that it is for', async (t) => {
  const { stage, source, refresh } = await open(t, { onFailure: 'empty' });
  source.befriend('john', 'marie');
  source.failure = 'http_5xx';
  const { desk } = await stage.connected({ desk: 'john' });
  await items(desk);
  assert.deepEqual([...(await refresh('john')).failed], [['john', 'http_5xx']]);
  source.failure = undefined;
  await refresh('john');
  await desk.receives(pushed(desk, 'marie'));
  const { length } = source.fetches;
  await stage.clock.advance(600_000);
  assert.equal(source.fetches.length, length);
});

test('when the server stops, what is still being fetched turns nobody away', async (t) => {
  const { stage, source } = await open(t);
  source.failure = 'refused';
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  await desk.sends(GET);
  await stage.close();
  release();
  await stage.clock.advance(1000);
  assert.ok(source.isClosed);
  assert.ok(!stage.log.records.some(({ event }) => event === 'roster.unavailable'));
});
