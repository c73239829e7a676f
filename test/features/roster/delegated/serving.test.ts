import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bind2 } from '../../../../src/features/bind2.ts';
import { delegatedRosters } from '../../../../src/features/roster/api.ts';
import { sasl2 } from '../../../../src/features/sasl2.ts';
import { attr, children, elements, firstElement } from '../../../../src/xml/element.ts';
import { BIND, Sasl2Client } from '../../../c2s/sasl2-scene.ts';
import { PASSWORD } from '../../../support/stage.ts';
import { address, conditionOf, from, hold, items, open, QUERY, versionOf } from './serving-scene.ts';

const FAMILY = { name: 'Marie', groups: ['Family', 'Chess club'] };

test('a roster get is answered with names and groups, and everybody is a mutual contact', async (t) => {
  const { stage, source } = await open(t);
  source.contacts.set('john', { marie: FAMILY, bot: {}, 'michael@elsewhere.example': { name: 'Michael' } });
  const { desk } = await stage.connected({ desk: 'john' });
  await desk.sends(`<iq type='get' id='g1'>${QUERY}</iq>`);
  await desk.receives(
    `<iq type='result' id='g1' to='${desk.jid}'><query xmlns='jabber:iq:roster' ver='${source.rosterOf('john').version}'>
      <item jid='${address('bot')}' subscription='both'/>
      <item jid='${address('marie')}' name='Marie' subscription='both'><group>Chess club</group><group>Family</group></item>
      <item jid='michael@elsewhere.example' name='Michael' subscription='both'/>
    </query></iq>`.replaceAll(/>\s+</g, '><'),
  );
});

test('an empty roster is a roster', async (t) => {
  const { stage } = await open(t);
  const { desk } = await stage.connected({ desk: 'john' });
  assert.deepEqual(await items(desk), []);
});

test('the first session that binds fetches the roster, before anybody has asked for it', async (t) => {
  const { stage, source } = await open(t);
  const { desk } = await stage.connected({ desk: 'john' });
  assert.deepEqual(source.fetches, [{ local: 'john', urgency: 'login' }]);
  await items(desk);
  const { phone } = await stage.connected({ phone: 'john' });
  await items(phone);
  assert.equal(source.fetches.length, 1);
});

test('three sessions that log in together cause one fetch, and all of them are answered', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const release = hold(source);
  const clients = Object.values(await stage.connected({ a: 'john', b: 'john', c: 'john' }));
  for (const client of clients) {
    await client.sends(`<iq type='get' id='g'>${QUERY}</iq>`);
    await client.receivesNothing();
  }
  release();
  for (const client of clients) {
    const query = firstElement(await client.next());
    assert.deepEqual(query && children(query, 'item').map((item) => attr(item, 'jid')), [address('marie')]);
  }
  assert.equal(source.fetches.length, 1);
});

test('a session that is bound along with the login fetches it too', async (t) => {
  const { stage, source } = await open(t, { features: [sasl2, bind2] });
  source.befriend('john', 'marie');
  await stage.host.users.create('john', PASSWORD);
  const client = new Sasl2Client(stage.connect('john'));
  await client.stage.open();
  assert.equal((await client.plain({ user: 'john', children: BIND })).name, 'success');
  assert.equal(source.fetches.length, 1);
  await client.stage.forget();
  assert.equal((await items(client.stage)).length, 1);
});

test('initial presence that is sent before the roster get reaches all contacts, and the contacts are seen', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie', 'ann');
  const { marie, ann } = await stage.online({ marie: 'marie', ann: 'ann' });
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  await desk.sends('<presence/>');
  for (const client of [desk, marie, ann]) await client.receivesNothing();
  release();
  for (const client of [marie, ann]) {
    await client.receives(from(desk.jid));
    await client.receivesNothing();
  }
  await desk.receivesAll([from(desk.jid), from(marie.jid), from(ann.jid)]);
});

test('presence that waits for the roster is sent no more when its session has ended meanwhile', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const { marie } = await stage.online({ marie: 'marie' });
  const release = hold(source);
  const { desk, phone } = await stage.connected({ desk: 'john', phone: 'john' });
  await desk.sends('<presence/>');
  desk.transport.break();
  await stage.clock.advance(0);
  release();
  assert.equal((await items(phone)).length, 1);
  await marie.receivesNothing();
});

test('what a client sends to somebody in particular does not wait for the roster', async (t) => {
  const { stage, source } = await open(t);
  const { room } = await stage.online({ room: 'room' });
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  await desk.sends(`<presence to='${room.jid}'/>`);
  await room.receives(`<presence from='${desk.jid}' to='${room.jid}'/>`);
  await desk.sends(`<message to='${room.jid}' type='chat'><body>hi</body></message>`);
  await room.nextNamed('message');
  release();
});

test('a roster get waits for as long as fetching takes', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  await desk.sends(`<iq type='get' id='g'>${QUERY}</iq>`);
  // Longer than any client may be silent that is listened to.
  await stage.clock.advance(840_000);
  await desk.receivesNothing();
  release();
  assert.equal(attr(await desk.nextNamed('iq'), 'type'), 'result');
});

test('a roster set is refused and changes nothing, also at once and for the roster of somebody else', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john', marie: 'marie' });
  const sets = [`<item jid='x@y.example' name='X'/>`, `<item jid='${address('marie')}' subscription='remove'/>`, ''];
  for (const item of sets) {
    const set = `<query xmlns='jabber:iq:roster'>${item}</query>`;
    for (const to of [undefined, address('john'), address('marie')]) {
      assert.equal(conditionOf(await desk.ask('set', set, to)), 'cancel service-unavailable');
    }
  }
  release();
  assert.deepEqual(await items(desk), [[address('marie'), undefined, []]]);
  assert.equal(await desk.refused('get', QUERY, address('marie')), 'service-unavailable');
});

test('roster versioning is offered: an equal version gives an empty result, any other one the roster', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  await stage.host.users.create('john', PASSWORD);
  const desk = stage.connect('desk');
  const offered = elements(await desk.logIn('john', PASSWORD)).map((e) => attr(e, 'xmlns'));
  assert.ok(offered.includes('urn:xmpp:features:rosterver'));
  assert.ok(!offered.includes('urn:xmpp:features:pre-approval'), 'nobody approves');
  await desk.bind('desk');
  const version = await versionOf(desk);
  assert.match(version, /^[\w-]{22}$/);
  assert.equal(await desk.get(`<query xmlns='jabber:iq:roster' ver='${version}'/>`), undefined);
  for (const other of ['', '0', 'x']) {
    const query = await desk.get(`<query xmlns='jabber:iq:roster' ver='${other}'/>`);
    assert.equal(query?.children.length, 1);
  }
});

test('when the last session has ended the roster is dropped, and the next login fetches afresh', async (t) => {
  const { stage, source, rosters } = await open(t);
  source.befriend('john', 'marie');
  const { desk, phone } = await stage.connected({ desk: 'john', phone: 'john' });
  assert.equal(rosters.status().loaded, 1);
  await phone.sends('</stream:stream>');
  assert.equal(rosters.status().loaded, 1);
  await desk.sends('</stream:stream>');
  assert.equal(rosters.status().loaded, 0);
  source.befriend('john', 'ann');
  const { tablet } = await stage.connected({ tablet: 'john' });
  assert.deepEqual(await items(tablet), [[address('ann'), undefined, []]]);
  assert.equal(source.fetches.length, 2);
});

test('a client that takes over the resource of its only session fetches afresh, too', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const { desk } = await stage.connected({ desk: 'john' });
  assert.equal((await items(desk)).length, 1);
  source.befriend('john', 'marie', 'ann');
  const again = stage.connect('again');
  await again.logIn('john', PASSWORD);
  await again.bind('desk');
  assert.equal((await items(again)).length, 2);
});

test('a fetch that ends after everybody has gone is dropped; who has come again meanwhile shares it', async (t) => {
  const { stage, source, rosters } = await open(t);
  source.befriend('john', 'marie');
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  await desk.sends(`<iq type='get' id='g'>${QUERY}</iq>`);
  desk.transport.break();
  release();
  await desk.receivesNothing();
  assert.equal(rosters.status().loaded, 0);

  const releaseAgain = hold(source);
  const { phone } = await stage.connected({ phone: 'john' });
  phone.transport.break();
  const { tablet } = await stage.connected({ tablet: 'john' });
  releaseAgain();
  assert.equal((await items(tablet)).length, 1);
  assert.equal(source.fetches.length, 2);
});

test('contacts see a client go whose session was the last one', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
  await desk.sends('</stream:stream>');
  await marie.receives(from(desk.jid, 'unavailable'));
  await marie.receivesNothing();
});

test('the service says how things are', async (t) => {
  const { stage } = await open(t);
  await stage.connected({ desk: 'john', phone: 'john', marie: 'marie' });
  const { loaded, copies, source } = stage.host.services.use(delegatedRosters).status();
  assert.deepEqual({ loaded, copies, source }, { loaded: 2, copies: 2, source: 'script' });
});
