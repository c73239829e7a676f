import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { type Rosters, rosters } from '../../../src/features/roster/api.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { attr, type Element, elements } from '../../../src/xml/element.ts';
import { assertXml } from '../../support/compare.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

const NS = 'jabber:iq:roster';
const NURSE = `nurse@${DOMAIN}`;

function open(t: TestContext, options: Partial<StageOptions> = {}): Promise<Stage> {
  return Stage.open(t, { features: [roster, presence], ...options });
}

function query(items: string): string {
  return `<query xmlns='${NS}'>${items}</query>`;
}

async function items(client: StageClient): Promise<Element[]> {
  const list = await client.get(query(''));
  assert.ok(list, 'the roster was not sent');
  return elements(list);
}

async function receivesPush(client: StageClient, item: string): Promise<void> {
  await client.receives(`<iq type='set' id='*' to='${client.jid}'><query xmlns='${NS}' ver='*'>${item}</query></iq>`);
}

test('roster versioning and pre-approval are offered once the client is authenticated', async (t) => {
  const stage = await open(t);
  await stage.host.users.create('romeo', PASSWORD);
  const client = stage.connect('phone');
  const offered = elements(await client.logIn('romeo', PASSWORD)).map((e) => attr(e, 'xmlns'));
  assert.ok(offered.includes('urn:xmpp:features:rosterver'));
  assert.ok(offered.includes('urn:xmpp:features:pre-approval'));
  const stranger = stage.connect('stranger');
  const before = elements(await stranger.open()).map((e) => attr(e, 'xmlns'));
  assert.ok(!before.includes('urn:xmpp:features:rosterver'));
  assert.ok(!before.includes('urn:xmpp:features:pre-approval'));
});

test('a new account has an empty roster', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  assert.deepEqual(await items(phone), []);
});

test('a roster set adds an item with its name and groups, and the sender is pushed it before the result', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  await items(phone);
  const item = `<item jid='${NURSE}' name='Nurse'><group>Servants</group><group>Family</group></item>`;
  await phone.sends(`<iq type='set' id='s1'>${query(item)}</iq>`);
  await receivesPush(phone, item.replace('<item', `<item subscription='none'`));
  await phone.receives(`<iq type='result' id='s1' to='${phone.jid}'/>`);
});

test('a second roster set replaces name and groups', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  await phone.set(query(`<item jid='${NURSE}' name='Nurse'><group>Servants</group></item>`));
  await phone.set(query(`<item jid='${NURSE}' name=''><group>Friends</group></item>`));
  const [item] = await items(phone);
  assert.ok(item);
  assertXml(item, `<item jid='${NURSE}' subscription='none'><group>Friends</group></item>`);
});

test('the client cannot say what only the server may', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  await phone.set(query(`<item jid='${NURSE}' subscription='both' ask='subscribe' approved='true'/>`));
  const [item] = await items(phone);
  assert.ok(item);
  assertXml(item, `<item jid='${NURSE}' subscription='none'/>`);
});

test('only sessions that have asked for the roster are pushed changes', async (t) => {
  const { phone, laptop } = await (await open(t)).connected({ phone: 'romeo', laptop: 'romeo' });
  await items(laptop);
  await phone.set(query(`<item jid='${NURSE}'/>`));
  await receivesPush(laptop, `<item jid='${NURSE}' subscription='none'/>`);
  await phone.receivesNothing();
});

test('the answer to a roster push is ignored', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  await items(phone);
  await phone.set(query(`<item jid='${NURSE}'/>`));
  const push = await phone.nextNamed('iq');
  await phone.sends(`<iq type='result' id='${attr(push, 'id')}'/>`);
  await phone.sends(`<iq type='error' id='${attr(push, 'id')}'><error type='cancel'/></iq>`);
  await phone.receivesNothing();
});

test('an item is removed, and pushed as removed', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  await items(phone);
  await phone.set(query(`<item jid='${NURSE}' name='Nurse'/>`));
  await phone.next();
  await phone.set(query(`<item jid='${NURSE}' subscription='remove'/>`));
  await receivesPush(phone, `<item jid='${NURSE}' subscription='remove'/>`);
  assert.deepEqual(await items(phone), []);
});

// RFC 6121 §2.3.3, §2.4.3, §2.5.3.
const REFUSED: readonly (readonly [why: string, items: string, condition: string])[] = [
  ['without an item', '', 'bad-request'],
  ['with two items', `<item jid='${NURSE}'/><item jid='tybalt@${DOMAIN}'/>`, 'bad-request'],
  ['without an address', `<item name='Nurse'/>`, 'bad-request'],
  ['with a malformed address', `<item jid='nurse@@'/>`, 'jid-malformed'],
  ['with a full address', `<item jid='${NURSE}/kitchen'/>`, 'bad-request'],
  ['with a group named twice', `<item jid='${NURSE}'><group>A</group><group>A</group></item>`, 'bad-request'],
  ['with an empty group', `<item jid='${NURSE}'><group/></item>`, 'not-acceptable'],
  ['with a name that is too long', `<item jid='${NURSE}' name='${'n'.repeat(1024)}'/>`, 'not-acceptable'],
  ['with too long a name in UTF-8', `<item jid='${NURSE}' name='${'é'.repeat(512)}'/>`, 'not-acceptable'],
  ['with a group that is too long', `<item jid='${NURSE}'><group>${'g'.repeat(1024)}</group></item>`, 'not-acceptable'],
  ['with too many groups', `<item jid='${NURSE}'>${manyGroups()}</item>`, 'not-acceptable'],
  ['for the account itself', `<item jid='romeo@${DOMAIN}'/>`, 'not-allowed'],
  ['that removes what is not there', `<item jid='${NURSE}' subscription='remove'/>`, 'item-not-found'],
];

function manyGroups(): string {
  return Array.from({ length: 5 }, (_, i) => `<group>${String(i).repeat(1000)}</group>`).join('');
}

for (const [why, item, condition] of REFUSED) {
  test(`a roster set ${why} is refused with ${condition}`, async (t) => {
    const { phone } = await (await open(t)).connected({ phone: 'romeo' });
    assert.equal(await phone.refused('set', query(item)), condition);
    assert.deepEqual(await items(phone), []);
  });
}

test('a name and a group of 1023 bytes are accepted', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  await phone.set(query(`<item jid='${NURSE}' name='${'n'.repeat(1023)}'><group>${'g'.repeat(1023)}</group></item>`));
});

test('nobody changes the roster of another account', async (t) => {
  const { juliet, romeo } = await (await open(t)).online({ juliet: 'juliet', romeo: 'romeo' });
  const to = `romeo@${DOMAIN}`;
  await juliet.set(query(`<item jid='${NURSE}'/>`), `juliet@${DOMAIN}`);
  assert.equal(await juliet.refused('set', query(`<item jid='${NURSE}'/>`), to), 'forbidden');
  assert.equal(await juliet.refused('get', query(''), to), 'service-unavailable');
  assert.deepEqual(await items(romeo), []);
});

test('one item more than the limit is refused', async (t) => {
  const stage = await open(t, { config: { limits: { account: { rosterItems: 1 }, traffic: { stanzas: null } } } });
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.set(query(`<item jid='${NURSE}'/>`));
  assert.equal(await phone.refused('set', query(`<item jid='tybalt@${DOMAIN}'/>`)), 'policy-violation');
  await phone.set(query(`<item jid='${NURSE}' name='still mine'/>`));
});

test('a client that has the current version is sent no list', async (t) => {
  const { phone } = await (await open(t)).connected({ phone: 'romeo' });
  await phone.set(query(`<item jid='${NURSE}'/>`));
  const list = await phone.get(`<query xmlns='${NS}' ver=''/>`);
  const ver = list && attr(list, 'ver');
  assert.ok(ver);
  assert.equal(await phone.get(`<query xmlns='${NS}' ver='${ver}'/>`), undefined);
  await phone.set(query(`<item jid='${NURSE}' name='Nurse'/>`));
  const [pushed] = elements(await phone.nextNamed('iq'));
  const later = await phone.get(`<query xmlns='${NS}' ver='${ver}'/>`);
  assert.ok(later);
  assert.equal(elements(later).length, 1);
  assert.notEqual(attr(later, 'ver'), ver);
  assert.equal(pushed && attr(pushed, 'ver'), attr(later, 'ver'));
});

test('the roster is there after a restart, in its order', async (t) => {
  const stage = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo' });
  for (const jid of ['tybalt', 'nurse', '0']) await phone.set(query(`<item jid='${jid}@${DOMAIN}' name='x'/>`));
  await phone.set(query(`<item jid='example' name='domain'><group>g</group></item>`));
  await stage.close();
  const again = await (await open(t, { store: stage.store })).connected({ phone: 'romeo' });
  const jids = (await items(again.phone)).map((item) => attr(item, 'jid'));
  assert.deepEqual(jids, [`tybalt@${DOMAIN}`, `nurse@${DOMAIN}`, `0@${DOMAIN}`, 'example']);
});

test('when the store fails, the client is told and nothing has changed', async (t) => {
  const stage = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await items(phone);
  stage.store.failNextCommit(new Error('disk full'));
  const answer = await phone.ask('set', query(`<item jid='${NURSE}'/>`));
  const error = elements(answer)[0];
  assert.equal(error && attr(error, 'type'), 'wait');
  assert.equal(error && elements(error)[0]?.name, 'internal-server-error');
  await phone.receivesNothing();
  assert.deepEqual(await items(phone), []);
  await phone.set(query(`<item jid='${NURSE}'/>`));
  assert.equal((await items(phone)).length, 1);
});

test('changes made at the same time all happen, one after the other', async (t) => {
  let service: Rosters | undefined;
  const user: Feature = {
    name: 'user',
    specs: [],
    needs: [rosters],
    setup(host) {
      service = host.use(rosters);
    },
  };
  const stage = await Stage.open(t, { features: [roster, user] });
  const { phone } = await stage.connected({ phone: 'romeo' });
  const account = stage.host.account('romeo');
  assert.ok(account && service);
  const { jid } = account;
  const changes = ['a', 'b', 'c'].map((name) =>
    service?.change(account, stage.host.jid, ({ item, request }) => ({
      item: {
        jid,
        groups: [],
        subscription: 'none',
        ask: false,
        approved: false,
        ...item,
        name: (item?.name ?? '') + name,
      },
      request,
    })),
  );
  await Promise.all(changes);
  assert.equal((await items(phone)).map((item) => attr(item, 'name')).join(), 'abc');
});

test('a removed account leaves no roster to the next of its name', async (t) => {
  const stage = await open(t);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.set(query(`<item jid='${NURSE}'/>`));
  await stage.host.removeUser('romeo');
  const { laptop } = await stage.connected({ laptop: 'romeo' });
  assert.deepEqual(await items(laptop), []);
});
