import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parseStanza } from '../../../../src/stanza.ts';
import { attr, child, firstElement } from '../../../../src/xml/element.ts';
import { parseElement } from '../../../../src/xml/parser.ts';
import { PASSWORD, type Stage } from '../../../support/stage.ts';
import { address, from, hold, items, open, push, pushed, versionOf } from './serving-scene.ts';

const REMOTE = 'bob@elsewhere.example';

function elsewhere(t: TestContext, stage: Stage): string[] {
  const sent: string[] = [];
  const deliver = ({ type, from: sender, to }: { type: string; from?: unknown; to?: unknown }) =>
    void sent.push(`${sender} ${type} ${to}`);
  t.after(stage.router.mount('elsewhere.example', { deliver }));
  return sent;
}

test('an added contact is pushed once to interested sessions, sees the user and is seen', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.contacts.set('marie', { john: {} });
  const { desk, phone, marie } = await stage.online({ desk: 'john', phone: 'john', marie: 'marie' });
  await items(desk);
  await marie.forget();
  source.contacts.set('john', { marie: { name: 'Marie', groups: ['B', 'A'] } });
  assert.deepEqual(await refresh('john'), { updated: ['john'], failed: new Map() });
  const version = source.rosterOf('john').version;
  const item = `<item jid='${address('marie')}' name='Marie' subscription='both'><group>A</group><group>B</group></item>`;
  await desk.receives(push(desk, item, version));
  await desk.receivesAll([from(marie.jid)]);
  await phone.receivesAll([from(marie.jid)]);
  await marie.receivesAll([from(desk.jid), from(phone.jid)]);
  assert.equal(await versionOf(desk), version);
});

test('a removed contact is pushed as removed, and each session of both sides sees those of the other go', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.befriend('john', 'marie');
  const cast = { desk: 'john', phone: 'john', marie: 'marie', tablet: 'marie' };
  const { desk, phone, marie, tablet } = await stage.online(cast);
  await items(desk);
  source.contacts.set('john', {});
  await refresh('john');
  await desk.receives(pushed(desk, 'marie', 'remove'));
  const gone = (client: { jid: string }) => from(client.jid, 'unavailable');
  for (const client of [desk, phone]) await client.receivesAll([gone(marie), gone(tablet)]);
  for (const client of [marie, tablet]) await client.receivesAll([gone(desk), gone(phone)]);
});

test('whoever has been taken off the list of both sees the other go, in whichever order these are refreshed', async (t) => {
  for (const order of [
    ['john', 'marie'],
    ['marie', 'john'],
  ]) {
    const { stage, source, refresh } = await open(t);
    source.befriend('john', 'marie');
    const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
    source.befriend('john');
    source.befriend('marie');
    for (const local of order) await refresh(local);
    for (const [client, other] of [
      [desk, marie],
      [marie, desk],
    ] as const) {
      await client.receives(from(other.jid, 'unavailable'));
      for (const { attrs } of client.transport.received) {
        assert.deepEqual([attrs['from'], attrs['type']], [other.jid, 'unavailable']);
      }
      await client.forget();
    }
    await stage.close();
  }
});

test('a contact elsewhere that is added is shown and asked by each session; removed, all of its resources are gone', async (t) => {
  const { stage, source, refresh } = await open(t);
  const sent = elsewhere(t, stage);
  const { desk, phone } = await stage.online({ desk: 'john', phone: 'john' });
  source.contacts.set('john', { [REMOTE]: {} });
  await refresh('john');
  assert.deepEqual(sent.toSorted(), [
    `${desk.jid} available ${REMOTE}`,
    `${desk.jid} probe ${REMOTE}`,
    `${phone.jid} available ${REMOTE}`,
    `${phone.jid} probe ${REMOTE}`,
  ]);
  sent.length = 0;
  source.contacts.set('john', {});
  await refresh('john');
  assert.deepEqual(sent.toSorted(), [`${desk.jid} unavailable ${REMOTE}`, `${phone.jid} unavailable ${REMOTE}`]);
  for (const client of [desk, phone]) await client.receivesAll([from(REMOTE, 'unavailable')]);
});

test('a new name and new groups give one push each and no presence', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.befriend('john', 'marie');
  const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
  await items(desk);
  source.contacts.set('john', { marie: { name: 'Marie' } });
  await refresh('john');
  await desk.receives(push(desk, `<item jid='${address('marie')}' name='Marie' subscription='both'/>`));
  source.contacts.set('john', { marie: { name: 'Marie', groups: ['Chess club'] } });
  await refresh('john');
  const item = `<item jid='${address('marie')}' name='Marie' subscription='both'><group>Chess club</group></item>`;
  await desk.receives(push(desk, item));
  for (const client of [desk, marie]) await client.receivesNothing();
});

test('nothing new: no push, no presence', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.contacts.set('john', { marie: { name: 'Marie', groups: ['B', 'A'] } });
  const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
  await items(desk);
  source.contacts.set('john', { marie: { name: 'Marie', groups: ['A', 'B'] } });
  assert.deepEqual((await refresh('john', 'marie')).failed, new Map());
  for (const client of [desk, marie]) await client.receivesNothing();
});

test('removals come before additions and changes; only the last push names the version that clients may come back with', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.contacts.set('john', { zoe: {}, marie: {}, ann: {}, bot: {} });
  const { desk } = await stage.connected({ desk: 'john' });
  await items(desk);
  source.contacts.set('john', { marie: { name: 'Marie' }, bot: {}, carl: {}, adam: {} });
  await refresh('john');
  const { version } = source.rosterOf('john');
  const expected = [
    ['ann', 'remove', `${version}.4`],
    ['zoe', 'remove', `${version}.3`],
    ['adam', 'both', `${version}.2`],
    ['carl', 'both', `${version}.1`],
    ['marie', 'both', version],
  ];
  for (const [local = '', subscription, ver] of expected) {
    const query = firstElement(await desk.next());
    const item = query && child(query, 'item');
    assert.deepEqual(
      [item && attr(item, 'jid'), item && attr(item, 'subscription'), query && attr(query, 'ver')],
      [address(local), subscription, ver],
    );
  }
  await desk.receivesNothing();
  // Whoever has seen all of it needs nothing; whoever was cut off amid the pushes is sent everything.
  assert.equal(await desk.get(`<query xmlns='jabber:iq:roster' ver='${version}'/>`), undefined);
  assert.equal((await desk.get(`<query xmlns='jabber:iq:roster' ver='${version}.2'/>`))?.children.length, 4);
});

test('sessions that have not asked for the roster get no push, those that have sent no presence break nothing', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.contacts.set('marie', { john: {} });
  const { marie } = await stage.online({ marie: 'marie' });
  const { desk, silent } = await stage.connected({ desk: 'john', silent: 'john' });
  await items(desk);
  source.befriend('john', 'marie');
  await refresh('john');
  await desk.receives(pushed(desk, 'marie'));
  for (const client of [desk, silent, marie]) await client.receivesNothing();
  source.contacts.set('john', {});
  await refresh('john');
  await desk.receives(pushed(desk, 'marie', 'remove'));
  for (const client of [desk, silent, marie]) await client.receivesNothing();
});

test('who is blocked is told nothing and asked nothing, and nothing of it is said', async (t) => {
  const { stage, source, refresh } = await open(t);
  const sent = elsewhere(t, stage);
  source.contacts.set('marie', { john: {} });
  const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
  await desk.set(`<block xmlns='urn:xmpp:blocking'><item jid='${address('marie')}'/><item jid='${REMOTE}'/></block>`);
  for (const client of [desk, marie]) await client.forget();
  sent.length = 0;
  for (const contacts of [{ marie: {}, [REMOTE]: {} }, {}]) {
    source.contacts.set('john', contacts);
    await refresh('john');
    for (const client of [desk, marie]) await client.receivesNothing();
  }
  assert.deepEqual(sent, []);
});

test('a contact that has blocked the user stays out of sight when it is removed', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.befriend('john', 'marie');
  const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
  await marie.set(`<block xmlns='urn:xmpp:blocking'><item jid='${address('john')}'/></block>`);
  await desk.forget();
  source.contacts.set('john', {});
  await refresh('john');
  await desk.receivesNothing();
});

test('offline and unknown users count as refreshed, and nobody is asked', async (t) => {
  const { stage, source, refresh } = await open(t);
  await stage.host.users.create('john', PASSWORD);
  const outcome = await refresh('john', 'nobody');
  assert.deepEqual(outcome.updated.toSorted(), ['john', 'nobody']);
  assert.equal(outcome.failed.size, 0);
  assert.deepEqual(source.fetches, []);
  assert.deepEqual(await refresh(), { updated: [], failed: new Map() });
  const metrics = await stage.metrics.text();
  assert.match(metrics, /^parley_roster_users_refreshed_total\{host="stage.example",outcome="updated"\} 2$/m);
});

test('a refresh that fails changes nothing, and is told with its reason', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.befriend('john', 'marie');
  const { desk } = await stage.online({ desk: 'john', marie: 'marie' });
  const before = await items(desk);
  source.contacts.set('john', {});
  source.failure = 'http_5xx';
  const { updated, failed } = await refresh('john', 'marie', 'ann');
  assert.deepEqual(updated, ['ann']);
  assert.deepEqual(
    [...failed],
    [
      ['john', 'http_5xx'],
      ['marie', 'http_5xx'],
    ],
  );
  assert.deepEqual(await items(desk), before);
  await desk.receivesNothing();
  await stage.clock.advance(600_000);
  assert.equal(source.fetches.filter(({ local }) => local === 'john').length, 2, 'no more is tried');
});

test('a refresh during the first fetch causes exactly one more, and leaves the newest roster', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.contacts.set('john', { marie: {} });
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  source.contacts.set('john', { ann: {} });
  const outcomes = [refresh('john'), refresh('john'), refresh('john')];
  assert.equal(source.fetches.length, 1);
  release();
  for (const outcome of outcomes) assert.deepEqual((await outcome).updated, ['john']);
  assert.deepEqual(source.fetches, [
    { local: 'john', urgency: 'login' },
    { local: 'john', urgency: 'refresh' },
  ]);
  assert.deepEqual(await items(desk), [[address('ann'), undefined, []]]);
});

test('a change while a refresh is under way is fetched after it', async (t) => {
  const { stage, source, refresh } = await open(t);
  const { desk } = await stage.connected({ desk: 'john' });
  await items(desk);
  const release = hold(source);
  source.contacts.set('john', { marie: {} });
  const first = refresh('john');
  source.contacts.set('john', { ann: {} });
  const second = refresh('john');
  release();
  await Promise.all([first, second]);
  await desk.receives(pushed(desk, 'marie'));
  await desk.receives(pushed(desk, 'marie', 'remove'));
  await desk.receives(pushed(desk, 'ann'));
  assert.equal(source.fetches.length, 3);
});

test('a login that shares a refresh does not share that there was no turn for it', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.befriend('john', 'marie');
  const { desk } = await stage.connected({ desk: 'john' });
  source.failure = 'overloaded';
  const release = hold(source);
  const outcome = refresh('john');
  source.failure = undefined;
  await desk.sends('</stream:stream>');
  const { phone } = await stage.connected({ phone: 'john' });
  release();
  assert.equal((await items(phone)).length, 1);
  assert.deepEqual([...(await outcome).failed], []);
  assert.deepEqual(
    source.fetches.map(({ urgency }) => urgency),
    ['login', 'refresh', 'login'],
  );
});

test('a refresh is answered within a minute, and goes on', async (t) => {
  const { stage, source, refresh } = await open(t);
  const { desk } = await stage.connected({ desk: 'john', marie: 'marie' });
  assert.equal((await items(desk)).length, 0);
  source.befriend('john', 'marie');
  const release = hold(source);
  const outcome = refresh('john', 'nobody');
  await stage.clock.advance(60_000);
  assert.deepEqual(await outcome, { updated: ['nobody'], failed: new Map([['john', 'timeout']]) });
  release();
  await desk.receives(pushed(desk, 'marie'));
});

test('users who have gone when it is their turn are fetched no more', async (t) => {
  const { stage, source, refresh } = await open(t);
  const { desk } = await stage.connected({ desk: 'john' });
  const release = hold(source);
  const outcomes = [refresh('john'), refresh('john')];
  await desk.sends('</stream:stream>');
  release();
  for (const outcome of outcomes) assert.deepEqual((await outcome).updated, ['john']);
  assert.equal(source.fetches.length, 2);
});

test('presence, messages and requests of contacts go by the newest roster', async (t) => {
  const { stage, source, refresh } = await open(t);
  source.befriend('john', 'marie');
  const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
  await desk.sends('<presence><show>away</show></presence>');
  await marie.nextNamed('presence');
  source.befriend('john');
  await refresh('john');
  await marie.forget();
  await desk.sends('<presence/>');
  await marie.receivesNothing();
  stage.router.send(
    parseStanza(parseElement(`<presence type='probe' from='${marie.jid}' to='${address('john')}'/>`), undefined),
  );
  await marie.receivesNothing();
});

test('pushes are counted', async (t) => {
  const { stage, source, refresh } = await open(t);
  const { desk, phone } = await stage.connected({ desk: 'john', phone: 'john', other: 'john' });
  for (const client of [desk, phone]) await items(client);
  source.contacts.set('john', { ann: {}, marie: {} });
  await refresh('john');
  assert.match(await stage.metrics.text(), /^parley_roster_pushes_total\{host="stage.example"\} 4$/m);
});
