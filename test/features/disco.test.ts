import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature } from '../../src/core/feature.ts';
import { disco } from '../../src/features/disco/index.ts';
import { ping } from '../../src/features/ping.ts';
import { attr, children, type Element } from '../../src/xml/element.ts';
import { assertXml } from '../support/compare.ts';
import { ownPresence, subscribers } from '../support/presence.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const INFO = '<query xmlns="http://jabber.org/protocol/disco#info"/>';
const ITEMS = '<query xmlns="http://jabber.org/protocol/disco#items"/>';
const ROMEO = `romeo@${DOMAIN}`;

/** Advertises what no other feature of these tests does. */
const rooms: Feature = {
  name: 'rooms',
  specs: [],
  setup(host) {
    host.advertise({ feature: 'urn:example:rooms' });
    host.advertise({ feature: 'urn:example:rooms' });
    host.advertise({ identity: { category: 'conference', type: 'text' } });
    host.advertise({ item: { jid: 'rooms.stage.example', name: 'Rooms' } });
    host.advertise({ item: { jid: ROMEO, name: 'Diary' } }, 'account');
  },
};

function vars(info: Element): (string | undefined)[] {
  return children(info, 'feature').map((feature) => attr(feature, 'var'));
}

async function get(
  client: { get(payload: string, to?: string): Promise<Element | undefined> },
  xml: string,
  to?: string,
) {
  const answer = await client.get(xml, to);
  assert.ok(answer);
  return answer;
}

test('the server tells who it is and what it can do, each feature once and in order', async (t) => {
  const config = { hosts: { [DOMAIN]: { name: 'The Globe' } } };
  const stage = await Stage.open(t, { features: [rooms, ping, disco], config });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assertXml(
    await get(romeo, INFO, DOMAIN),
    `<query xmlns="http://jabber.org/protocol/disco#info">
       <identity category="server" type="im" name="The Globe"/>
       <identity category="conference" type="text"/>
       <feature var="http://jabber.org/protocol/disco#info"/>
       <feature var="http://jabber.org/protocol/disco#items"/>
       <feature var="urn:example:rooms"/>
       <feature var="urn:xmpp:ping"/>
     </query>`,
  );
});

test('the server lists its services', async (t) => {
  const stage = await Stage.open(t, { features: [disco, rooms] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assertXml(
    await get(romeo, ITEMS, DOMAIN),
    `<query xmlns="http://jabber.org/protocol/disco#items"><item jid="rooms.stage.example" name="Rooms"/></query>`,
  );
});

test('an account tells that it is one, with or without an address', async (t) => {
  const stage = await Stage.open(t, { features: [disco, ping] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const to of [undefined, ROMEO]) {
    const info = await get(romeo, INFO, to);
    const [identity] = children(info, 'identity');
    assert.deepEqual({ ...identity?.attrs }, { category: 'account', type: 'registered' });
    assert.ok(vars(info).includes('urn:xmpp:ping'));
  }
});

test('an account lists its available resources and its own items', async (t) => {
  const stage = await Stage.open(t, { features: [disco, ownPresence, rooms] });
  const { phone } = await stage.online({ phone: 'romeo' });
  await stage.connected({ tablet: 'romeo' });
  assertXml(
    await get(phone, ITEMS, ROMEO),
    `<query xmlns="http://jabber.org/protocol/disco#items">
       <item jid="${ROMEO}/phone"/><item jid="${ROMEO}" name="Diary"/>
     </query>`,
  );
});

test('an account answers subscribers; to strangers it is as if it did not exist', async (t) => {
  const stage = await Stage.open(t, { features: [disco, subscribers('juliet')] });
  const { juliet, tybalt } = await stage.connected({ romeo: 'romeo', juliet: 'juliet', tybalt: 'tybalt' });
  await get(juliet, INFO, ROMEO);
  await get(juliet, ITEMS, ROMEO);
  for (const query of [INFO, ITEMS]) {
    assert.equal(await tybalt.refused('get', query, ROMEO), 'service-unavailable');
    assert.equal(await tybalt.refused('get', query, `nobody@${DOMAIN}`), 'service-unavailable');
  }
});

test('an unknown node is not found', async (t) => {
  const stage = await Stage.open(t, { features: [disco] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const kind of ['info', 'items']) {
    const query = `<query xmlns="http://jabber.org/protocol/disco#${kind}" node="urn:example:none"/>`;
    assert.equal(await romeo.refused('get', query, DOMAIN), 'item-not-found');
    assert.equal(await romeo.refused('get', query), 'item-not-found');
  }
});

test('the contact addresses are told, and follow the configuration', async (t) => {
  const contacts = {
    abuse: ['mailto:abuse@stage.example', 'xmpp:prince@stage.example'],
    status: ['https://status.example'],
  };
  const stage = await Stage.open(t, { features: [disco], config: { hosts: { [DOMAIN]: { contacts } } } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const [form] = children(await get(romeo, INFO, DOMAIN), 'x', 'jabber:x:data');
  assert.ok(form);
  assertXml(
    form,
    `<x xmlns="jabber:x:data" type="result">
       <field var="FORM_TYPE" type="hidden"><value>http://jabber.org/network/serverinfo</value></field>
       <field var="abuse-addresses">
         <value>mailto:abuse@stage.example</value><value>xmpp:prince@stage.example</value>
       </field>
       <field var="status-addresses"><value>https://status.example</value></field>
     </x>`,
  );
});

test('without contact addresses there is no form', async (t) => {
  const stage = await Stage.open(t, { features: [disco] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.deepEqual(children(await get(romeo, INFO, DOMAIN), 'x', 'jabber:x:data'), []);
});
