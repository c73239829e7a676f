import assert from 'node:assert/strict';
import { test } from 'node:test';
import { register } from '../../src/features/register.ts';
import { child, text } from '../../src/xml/element.ts';
import { assertXml } from '../support/compare.ts';
import { DOMAIN, PASSWORD, Stage } from '../support/stage.ts';
import type { StageClient } from '../support/stage-client.ts';

const QUERY = '<query xmlns="jabber:iq:register"/>';
const OPEN = { registration: { enabled: true } };

function query(...inner: string[]): string {
  return `<query xmlns="jabber:iq:register">${inner.join('')}</query>`;
}

function credentials(username: string, password = PASSWORD): string {
  return query(`<username>${username}</username><password>${password}</password>`);
}

function form(...fields: string[]): string {
  return query(`<x xmlns="jabber:x:data" type="submit">${fields.join('')}</x>`);
}

async function stranger(stage: Stage, name: string, options?: { secure?: boolean; address?: string }) {
  const client = stage.connect(name, options);
  await client.open();
  return client;
}

async function isOffered(client: StageClient): Promise<boolean> {
  return child(await client.open(), 'register', 'http://jabber.org/features/iq-register') !== undefined;
}

test('a stranger asks for the fields, registers and logs in', async (t) => {
  const stage = await Stage.open(t, { features: [register], config: OPEN });
  const client = stage.connect('phone');
  assert.equal(await isOffered(client), true);
  const fields = await client.get(QUERY);
  assert.ok(fields);
  assertXml(
    fields,
    query(
      '<instructions>*</instructions><username/><password/>',
      `<x xmlns="jabber:x:data" type="form">
         <instructions>*</instructions>
         <field var="FORM_TYPE" type="hidden"><value>jabber:iq:register</value></field>
         <field var="username" type="text-single" label="User name"><required/></field>
         <field var="password" type="text-private" label="Password"><required/></field>
       </x>`,
    ),
  );
  assert.equal(await client.set(credentials('Romeo')), undefined);
  const registered = stage.connect('tablet');
  await registered.logIn('romeo', PASSWORD);
  await registered.bind('tablet');
  assert.equal(registered.jid, `romeo@${DOMAIN}/tablet`);
});

test('a stranger registers with the form', async (t) => {
  const stage = await Stage.open(t, { features: [register], config: OPEN });
  const client = await stranger(stage, 'phone');
  assert.equal(
    await client.refused('set', form('<field var="username"><value>romeo</value></field>')),
    'not-acceptable',
  );
  const password = `<field var="password"><value>${PASSWORD}</value></field>`;
  assert.equal(await client.set(form('<field var="username"><value>romeo</value></field>', password)), undefined);
  await stage.connect('tablet').logIn('romeo', PASSWORD);
});

test('registration is off by default: not offered, and refused', async (t) => {
  const stage = await Stage.open(t, { features: [register] });
  const client = stage.connect('phone');
  assert.equal(await isOffered(client), false);
  assert.equal(await client.refused('get', QUERY), 'service-unavailable');
  assert.equal(await client.refused('set', credentials('romeo')), 'service-unavailable');
  assert.equal(await stage.host.users.exists('romeo'), false);
});

test('registration waits for encryption where that is required', async (t) => {
  const stage = await Stage.open(t, { features: [register], config: OPEN });
  const client = stage.connect('phone', { secure: false });
  assert.equal(await isOffered(client), false);
  assert.equal(await client.refused('set', credentials('romeo')), 'service-unavailable');
});

test('registration is offered in the clear where encryption is not required', async (t) => {
  const config = { ...OPEN, c2s: { requireEncryption: false } };
  const stage = await Stage.open(t, { features: [register], config });
  assert.equal(await isOffered(stage.connect('phone', { secure: false })), true);
});

test('what cannot be registered is refused with a reason', async (t) => {
  const config = { registration: { enabled: true, rateLimit: null } };
  const stage = await Stage.open(t, { features: [register], config });
  await stage.host.users.create('romeo', PASSWORD);
  const client = await stranger(stage, 'phone');
  assert.equal(await client.refused('set', credentials('ROMEO')), 'conflict');
  assert.equal(await client.refused('set', query('<username>bill</username>')), 'not-acceptable');
  assert.equal(await client.refused('set', credentials('bill', '')), 'not-acceptable');
  assert.equal(await client.refused('set', credentials('bill', '\u00ad')), 'not-acceptable');
  assert.equal(await client.refused('set', credentials('b@d')), 'jid-malformed');
  assert.equal(await client.refused('set', QUERY), 'not-acceptable');
});

test('who wants a name that is taken is told so in words, because that is what clients show', async (t) => {
  const stage = await Stage.open(t, { features: [register], config: OPEN });
  await stage.host.users.create('romeo', PASSWORD);
  const error = child(await (await stranger(stage, 'phone')).ask('set', credentials('romeo')), 'error');
  assert.ok(error);
  assert.match(text(child(error, 'text', 'urn:ietf:params:xml:ns:xmpp-stanzas')), /taken/);
});

test('one address registers only so often, and others are not held up', async (t) => {
  const config = { registration: { enabled: true, rateLimit: { count: 2, perMs: 60_000 } } };
  const stage = await Stage.open(t, { features: [register], config });
  const address = '2001:db8::1';
  const client = await stranger(stage, 'one', { address });
  await client.set(credentials('a'));
  assert.equal(await client.refused('set', credentials('a')), 'conflict');
  const neighbour = await stranger(stage, 'two', { address: '2001:db8::2' });
  assert.equal(await neighbour.refused('set', credentials('b')), 'resource-constraint');
  await (await stranger(stage, 'three', { address: '192.0.2.9' })).set(credentials('b'));
  await stage.clock.advance(30_000);
  await (await stranger(stage, 'four', { address })).set(credentials('c'));
});

test('a user is told that it is registered', async (t) => {
  const stage = await Stage.open(t, { features: [register] });
  const { phone } = await stage.connected({ phone: 'romeo' });
  for (const to of [undefined, DOMAIN]) {
    const answer = await phone.get(QUERY, to);
    assert.ok(answer);
    assertXml(answer, query('<registered/><username>romeo</username><password/>'));
  }
});

test('a user changes the password; this session stays and the others are reset', async (t) => {
  const stage = await Stage.open(t, { features: [register] });
  const { phone, tablet } = await stage.connected({ phone: 'romeo', tablet: 'romeo' });
  assert.equal(await phone.set(credentials('romeo', 'thy name'), DOMAIN), undefined);
  await tablet.isClosedWith('reset');
  assert.equal(phone.transport.isClosed, false);
  assert.equal(await stage.host.users.verifyPassword('romeo', 'thy name'), true);
  assert.equal(await stage.host.users.verifyPassword('romeo', PASSWORD), false);
});

test('a password change that is incomplete, of another or not allowed changes nothing', async (t) => {
  const stage = await Stage.open(t, { features: [register] });
  const { phone } = await stage.connected({ phone: 'romeo', juliet: 'juliet' });
  assert.equal(await phone.refused('set', credentials('romeo', '')), 'bad-request');
  assert.equal(await phone.refused('set', query('<password>x</password>')), 'bad-request');
  assert.equal(await phone.refused('set', credentials('juliet', 'x'), DOMAIN), 'not-allowed');
  assert.equal(await phone.refused('set', credentials('b@d', 'x'), DOMAIN), 'not-allowed');
  assert.equal(await stage.host.users.verifyPassword('romeo', PASSWORD), true);
  assert.equal(await stage.host.users.verifyPassword('juliet', PASSWORD), true);
});

test('the operator may forbid password changes', async (t) => {
  const config = { registration: { allowPasswordChange: false } };
  const stage = await Stage.open(t, { features: [register], config });
  const { phone } = await stage.connected({ phone: 'romeo' });
  assert.equal(await phone.refused('set', credentials('romeo', 'x')), 'not-allowed');
});

test('a user who leaves has the answer before all streams end', async (t) => {
  for (const to of [undefined, DOMAIN]) {
    const stage = await Stage.open(t, { features: [register] });
    const { phone, tablet } = await stage.connected({ phone: 'romeo', tablet: 'romeo' });
    assert.equal(await phone.set(query('<remove/>'), to), undefined);
    await phone.isClosedWith('not-authorized');
    await tablet.isClosedWith('not-authorized');
    assert.equal(await stage.host.users.exists('romeo'), false);
  }
});

test('a removal that asks for more is no removal', async (t) => {
  const stage = await Stage.open(t, { features: [register] });
  const { phone } = await stage.connected({ phone: 'romeo' });
  assert.equal(await phone.refused('set', query('<remove/><username>romeo</username>')), 'bad-request');
  assert.equal(await stage.host.users.exists('romeo'), true);
});
