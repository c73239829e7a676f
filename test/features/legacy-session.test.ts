import assert from 'node:assert/strict';
import { test } from 'node:test';
import { legacySession } from '../../src/features/legacy-session.ts';
import { child } from '../../src/xml/element.ts';
import { assertXml } from '../support/compare.ts';
import { DOMAIN, PASSWORD, Stage } from '../support/stage.ts';

const NS = 'urn:ietf:params:xml:ns:xmpp-session';

test('a session is offered as optional, and establishing one changes nothing', async (t) => {
  const stage = await Stage.open(t, { features: [legacySession] });
  await stage.host.users.create('romeo', PASSWORD);
  const client = stage.connect('phone');
  const offered = child(await client.logIn('romeo', PASSWORD), 'session', NS);
  assert.ok(offered);
  assertXml(offered, `<session xmlns="${NS}"><optional/></session>`);
  await client.bind('phone');
  assert.equal(await client.set(`<session xmlns="${NS}"/>`), undefined);
  assert.equal(await client.set(`<session xmlns="${NS}"/>`, DOMAIN), undefined);
});

test('a session is not offered before login', async (t) => {
  const stage = await Stage.open(t, { features: [legacySession] });
  assert.equal(child(await stage.connect('stranger').open(), 'session', NS), undefined);
});
