import assert from 'node:assert/strict';
import { test } from 'node:test';
import { disco } from '../../src/features/disco/index.ts';
import { privateXml } from '../../src/features/private-xml.ts';
import { attr, elements } from '../../src/xml/element.ts';
import { assertXml } from '../support/compare.ts';
import { subscribers } from '../support/presence.ts';
import { DOMAIN, PASSWORD, Stage } from '../support/stage.ts';
import type { StageClient } from '../support/stage-client.ts';

const ROMEO = `romeo@${DOMAIN}`;
const PREFS = '<prefs xmlns="urn:example:a" theme="dark"><nick>Hamlet</nick></prefs>';

function query(...inner: string[]): string {
  return `<query xmlns="jabber:iq:private">${inner.join('')}</query>`;
}

async function assertKept(client: StageClient, name: string, expected: string): Promise<void> {
  const answer = await client.get(query(name));
  assert.ok(answer);
  assertXml(answer, query(expected));
}

test('an element is read back as it was set', async (t) => {
  const stage = await Stage.open(t, { features: [privateXml] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.equal(await romeo.set(query(PREFS)), undefined);
  await assertKept(romeo, '<prefs xmlns="urn:example:a"/>', PREFS);
});

test('an element that was never set reads as an empty one', async (t) => {
  const stage = await Stage.open(t, { features: [privateXml] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await assertKept(romeo, '<prefs xmlns="urn:example:a"/>', '<prefs xmlns="urn:example:a"/>');
});

test('elements of several names and namespaces are kept side by side', async (t) => {
  const stage = await Stage.open(t, { features: [privateXml] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const others = ['<prefs xmlns="urn:example:b">b</prefs>', '<marks xmlns="urn:example:a">a</marks>'];
  await romeo.set(query(PREFS, ...others));
  await assertKept(romeo, '<prefs xmlns="urn:example:a"/>', PREFS);
  await assertKept(romeo, '<prefs xmlns="urn:example:b"/>', others[0] ?? '');
  await assertKept(romeo, '<marks xmlns="urn:example:a"/>', others[1] ?? '');
});

test('the server and the account both tell that elements are kept', async (t) => {
  const stage = await Stage.open(t, { features: [disco, privateXml] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const to of [DOMAIN, ROMEO]) {
    const info = await romeo.get('<query xmlns="http://jabber.org/protocol/disco#info"/>', to);
    assert.ok(info);
    assert.ok(
      elements(info).some((element) => attr(element, 'var') === 'jabber:iq:private'),
      to,
    );
  }
});

test('accounts do not see each other', async (t) => {
  const stage = await Stage.open(t, { features: [privateXml] });
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.set(query(PREFS));
  await assertKept(juliet, '<prefs xmlns="urn:example:a"/>', '<prefs xmlns="urn:example:a"/>');
});

test('what is none, too much or unnamed is refused', async (t) => {
  const stage = await Stage.open(t, { features: [privateXml] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.equal(await romeo.refused('get', query()), 'bad-request');
  assert.equal(await romeo.refused('get', query(PREFS, '<b xmlns="urn:example:b"/>')), 'not-acceptable');
  assert.equal(await romeo.refused('set', query()), 'not-acceptable');
  assert.equal(await romeo.refused('set', query(PREFS, PREFS)), 'not-acceptable');
  assert.equal(await romeo.refused('set', query('<prefs/>')), 'not-acceptable');
});

test('reserved namespaces are refused', async (t) => {
  const stage = await Stage.open(t, { features: [privateXml] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const ns of ['jabber:iq:last', 'http://jabber.org/protocol/muc', 'vcard-temp']) {
    for (const type of ['get', 'set'] as const) {
      assert.equal(await romeo.refused(type, query(`<x xmlns="${ns}"/>`)), 'not-acceptable');
    }
  }
});

test("nobody reads or writes another's", async (t) => {
  const stage = await Stage.open(t, { features: [privateXml, subscribers('juliet')] });
  const { juliet, tybalt } = await stage.connected({ romeo: 'romeo', juliet: 'juliet', tybalt: 'tybalt' });
  for (const type of ['get', 'set'] as const) {
    assert.equal(await juliet.refused(type, query(PREFS), ROMEO), 'forbidden');
    assert.equal(await tybalt.refused(type, query(PREFS), ROMEO), 'service-unavailable');
  }
});

test('all elements together have a limit; beyond it nothing of the request is kept', async (t) => {
  const limits = { account: { privateXmlBytes: 200 } };
  const stage = await Stage.open(t, { features: [privateXml], config: { limits } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const large = `<large xmlns="urn:example:a">${'x'.repeat(150)}</large>`;
  await romeo.set(query(PREFS));
  assert.equal(await romeo.refused('set', query('<b xmlns="urn:example:b">b</b>', large)), 'policy-violation');
  await assertKept(romeo, '<b xmlns="urn:example:b"/>', '<b xmlns="urn:example:b"/>');

  await romeo.set(query('<prefs xmlns="urn:example:a"/>'));
  await romeo.set(query(large));
  await assertKept(romeo, '<large xmlns="urn:example:a"/>', large);
});

test('private XML goes with the account', async (t) => {
  const limits = { account: { privateXmlBytes: 200 } };
  const stage = await Stage.open(t, { features: [privateXml], config: { limits } });
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.set(query(PREFS, `<large xmlns="urn:example:a">${'x'.repeat(80)}</large>`));
  await stage.host.removeUser('romeo');
  await stage.host.users.create('romeo', PASSWORD);
  const { tablet } = await stage.connected({ tablet: 'romeo' });
  await assertKept(tablet, '<prefs xmlns="urn:example:a"/>', '<prefs xmlns="urn:example:a"/>');
  await tablet.set(query(`<large xmlns="urn:example:a">${'x'.repeat(150)}</large>`));
});
