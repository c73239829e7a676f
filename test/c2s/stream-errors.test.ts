import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { settle } from '../support/manual-clock.ts';
import { PASSWORD, Stage, type StageOptions } from '../support/stage.ts';

const STREAMS = 'http://etherx.jabber.org/streams';

function header(attributes: string, root = 'stream:stream', content = 'jabber:client', ns = STREAMS): string {
  const defaults = content === '' ? '' : `xmlns='${content}'`;
  return `<?xml version='1.0'?><${root} ${defaults} xmlns:stream='${ns}' ${attributes}>`;
}

const TO = "to='stage.example' version='1.0'";

async function open(t: TestContext, options: Partial<StageOptions> = {}) {
  const stage = await Stage.open(t, { features: [], ...options });
  if (!(await stage.host.users.exists('romeo'))) await stage.host.users.create('romeo', PASSWORD);
  return stage;
}

test('each fault of a header has its condition, and our header comes before it (RFC 6120 §4.9.3)', async (t) => {
  const cases: [bytes: string, condition: string][] = [
    [header(TO, 'stream:stream', 'jabber:client', 'urn:other'), 'invalid-namespace'],
    [header(TO, 'stream:stream', 'jabber:server'), 'invalid-namespace'],
    [header(TO, 'stream:stream', ''), 'invalid-namespace'],
    [`<stream ${TO} xmlns='${STREAMS}'>`, 'invalid-namespace'],
    [header(TO, 'stream:features'), 'bad-format'],
    [header("to='stage.example'"), 'unsupported-version'],
    [header("to='stage.example' version='0.9'"), 'unsupported-version'],
    [header("to='stage.example' version=''"), 'unsupported-version'],
    [header("to='stage.example' version='one'"), 'unsupported-version'],
    [header("version='1.0'"), 'host-unknown'],
    [header("to='' version='1.0'"), 'host-unknown'],
    [header("to='far.example' version='1.0'"), 'host-unknown'],
    [header("to='@' version='1.0'"), 'host-unknown'],
    [header("to='romeo@stage.example' version='1.0'"), 'host-unknown'],
    ['<message/>', 'invalid-namespace'],
    ["<?xml version='1.0' encoding='ISO-8859-1'?>", 'unsupported-encoding'],
    ['<!-- x -->', 'restricted-xml'],
    ['<!DOCTYPE x>', 'restricted-xml'],
    ["<?php echo 'x'?>", 'restricted-xml'],
    ['\u0000', 'not-well-formed'],
    ["<stream:stream xmlns='jabber:client'>", 'not-well-formed'],
    [`<stream:stream ${'a'.repeat(11_000)}`, 'policy-violation'],
  ];
  const stage = await open(t);
  for (const [bytes, condition] of cases) {
    const client = stage.connect('client');
    await client.sends(bytes);
    const ours = await client.nextNamed('header');
    assert.equal(ours.attrs['from'], 'stage.example');
    await client.isClosedWith(condition).catch((cause: unknown) => {
      throw new Error(bytes, { cause });
    });
  }
});

test('a later minor version, and another major one, is answered with ours', async (t) => {
  const stage = await open(t);
  for (const version of ['1.0', '1.1', '2.0']) {
    await stage.connect('client').open(`to='stage.example' version='${version}'`);
  }
});

test('the address of the header is normalised', async (t) => {
  const stage = await open(t);
  await stage.connect('client').open("to='STAGE.Example' version='1.0'");
});

test('who does not wait for login or binding is not authorized (RFC 6120 §4.9.3.12)', async (t) => {
  const stage = await open(t);
  const ping = '<iq type="get" id="1" to="stage.example"><ping xmlns="urn:xmpp:ping"/></iq>';
  const bind = '<iq type="set" id="1"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>';
  for (const xml of ['<message/>', '<presence/>', ping, bind, '<iq/>', '<iq type="set" id="1"/>']) {
    const stranger = stage.connect('stranger');
    await stranger.open();
    await stranger.sends(xml);
    await stranger.isClosedWith('not-authorized');
    if (xml === bind) continue;
    const romeo = stage.connect('romeo');
    await romeo.logIn('romeo', PASSWORD);
    await romeo.sends(xml);
    await romeo.isClosedWith('not-authorized');
  }
});

test('an element that means nothing here is unsupported, before login, after it and later', async (t) => {
  const stage = await open(t);
  const { bound } = await stage.connected({ bound: 'romeo' });
  const stranger = stage.connect('stranger');
  await stranger.open();
  const unbound = stage.connect('unbound');
  await unbound.logIn('romeo', PASSWORD);
  for (const client of [stranger, unbound, bound]) {
    await client.sends('<r xmlns="urn:nobody"/>');
    await client.isClosedWith('unsupported-stanza-type');
  }
  const server = await stage.connected({ server: 'romeo' });
  await server.server.sends('<message xmlns="jabber:server"/>');
  await server.server.isClosedWith('unsupported-stanza-type');
});

test('what was negotiated is not negotiated again', async (t) => {
  const stage = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>");
  await romeo.isClosedWith('unsupported-stanza-type');
});

test('a header after login must be of the same host and account', async (t) => {
  const stage = await open(t);
  const headers: [attributes: string, condition: string | undefined][] = [
    ["from='romeo@stage.example'", undefined],
    ["from='ROMEO@stage.example/x'", undefined],
    ["from='juliet@stage.example'", 'invalid-from'],
    ["from='@'", 'invalid-from'],
  ];
  for (const [attributes, condition] of headers) {
    const romeo = stage.connect('romeo');
    await romeo.open();
    const response = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
    await romeo.sends(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
    await romeo.nextNamed('success');
    await romeo.sends(header(`${TO} ${attributes}`));
    await romeo.nextNamed('header');
    if (condition === undefined) await romeo.nextNamed('features');
    else await romeo.isClosedWith(condition);
  }
});

test('XML beyond a limit ends the stream while it arrives, and there is more room after login', async (t) => {
  const limits = { stanza: { bytesBeforeAuth: 2000, bytes: 10_000, depth: 8, attributes: 8, children: 8 } };
  const stage = await open(t, { config: { limits: { ...limits, traffic: { stanzas: null, bytes: null } } } });
  const many = Array.from({ length: 9 }, (_, i) => ` a${i}='1'`).join('');
  for (const xml of [
    `<a xmlns='urn:a'>${'x'.repeat(2000)}`,
    `<a xmlns='urn:a' b='${'x'.repeat(2000)}`,
    `<a xmlns='urn:a'>${'<b>'.repeat(8)}`,
    `<a xmlns='urn:a'${many}>`,
    `<a xmlns='urn:a'>${'<b/>'.repeat(9)}`,
  ]) {
    const stranger = stage.connect('stranger');
    await stranger.open();
    await stranger.sends(xml);
    await stranger.isClosedWith('policy-violation');
  }
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.sends(`<message to="romeo@stage.example/romeo"><body>${'x'.repeat(9000)}</body></message>`);
  assert.equal((await romeo.next()).name, 'message');
  await romeo.sends(`<message><body>${'x'.repeat(10_000)}`);
  await romeo.isClosedWith('policy-violation');
});

test('faults of XML have their conditions', async (t) => {
  const cases: [xml: string, condition: string][] = [
    ['<message><body></message>', 'not-well-formed'],
    ['<message><body>&nbsp;</body></message>', 'restricted-xml'],
    ['<x:message/>', 'not-well-formed'],
    ['<message to="a" to="b"/>', 'not-well-formed'],
    ['<message><!-- x --></message>', 'restricted-xml'],
    ['<message><?x y?></message>', 'restricted-xml'],
    ['hello', 'bad-format'],
    ['</stream:streams>', 'not-well-formed'],
  ];
  for (const [xml, condition] of cases) {
    const stage = await open(t);
    const { romeo } = await stage.connected({ romeo: 'romeo' });
    await romeo.sends(xml);
    await romeo.isClosedWith(condition);
    assert.equal(stage.host.account('romeo')?.sessions.size, 0);
  }
});

test('white space between stanzas keeps a stream alive and means nothing', async (t) => {
  const stage = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.sends(' \n\t \r\n');
  await romeo.receivesNothing();
});

test('five failed logins end the stream', async (t) => {
  const stage = await open(t);
  const client = stage.connect('client');
  await client.open();
  const wrong = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'/>`;
  for (let i = 0; i < 4; i++) {
    client.transport.write(wrong);
    await client.nextNamed('failure');
  }
  client.transport.write(wrong);
  await client.isClosedWith('policy-violation');
});

test('a connection that breaks during login leaves nothing behind', async (t) => {
  const stage = await open(t);
  const client = stage.connect('client');
  await client.open();
  const response = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
  client.transport.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
  client.transport.break();
  assert.equal(stage.connections, 0);
  await until(() => stage.log.records.some(({ event }) => event.startsWith('login.')));
  assert.equal(stage.host.account('romeo'), undefined);
});

test('time runs out during a slow login: the stream ends, and the login does not revive it', async (t) => {
  const stage = await open(t);
  const client = stage.connect('client');
  await client.open();
  const response = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
  // The deadline passes while the password is being hashed on another thread.
  client.transport.write(
    `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>${header(TO)}<iq type="set" id="1"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>`,
  );
  stage.shutDown();
  await client.isClosedWith('system-shutdown');
  await until(() => stage.log.records.some(({ event }) => event.startsWith('login.')));
  await client.receivesNothing();
  assert.equal(stage.connections, 0);
  assert.equal(stage.host.account('romeo'), undefined);
});

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!isSo() && performance.now() < end) await settle();
}
