import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { child } from '../../src/xml/element.ts';
import { PASSWORD, Stage } from '../support/stage.ts';
import { availability, errorXml, feature } from './scene.ts';

const FROM = 'from="romeo@stage.example/romeo"';

async function open(t: TestContext) {
  const question = feature('question', (host) => {
    for (const to of ['host', 'account', 'self'] as const) {
      host.handle({ type: 'get', ns: `urn:${to}`, name: 'q', to, audience: 'anyone' }, ({ payload }) => payload);
    }
  });
  const stage = await Stage.open(t, { features: [availability, question] });
  const { romeo, phone, juliet } = await stage.connected({ romeo: 'romeo', phone: 'romeo', juliet: 'juliet' });
  return { stage, romeo, phone, juliet };
}

test('without an address, a message is for the sender, its other sessions too (RFC 6120 §10.3.1)', async (t) => {
  const { romeo, phone } = await open(t);
  await romeo.sends('<presence/>');
  await phone.sends('<presence/>');
  await romeo.sends('<message id="1" type="chat"><body>note to self</body></message>');
  const note = `<message ${FROM} to="romeo@stage.example" id="1" type="chat"><body>note to self</body></message>`;
  await romeo.receives(note);
  await phone.receives(note);
});

test('without an address, a presence is for the server, and a request is answered for the account', async (t) => {
  const { romeo } = await open(t);
  await romeo.sends('<presence type="subscribe"/>');
  await romeo.receivesNothing();
  await romeo.sends('<iq type="get" id="1"><q xmlns="urn:self"/></iq>');
  await romeo.receives('<iq type="result" id="1" to="romeo@stage.example/romeo"><q xmlns="urn:self"/></iq>');
  await romeo.sends('<iq type="get" id="2"><q xmlns="urn:account"/></iq>');
  await romeo.receives('<iq type="result" id="2" to="romeo@stage.example/romeo"><q xmlns="urn:account"/></iq>');
  await romeo.sends('<iq type="get" id="3"><q xmlns="urn:host"/></iq>');
  await romeo.receives(
    `<iq type="error" id="3" to="romeo@stage.example/romeo">${errorXml('service-unavailable')}</iq>`,
  );
});

test('the own bare address is like none, and answers in its name', async (t) => {
  const { romeo } = await open(t);
  await romeo.sends('<iq type="get" id="1" to="ROMEO@stage.example"><q xmlns="urn:self"/></iq>');
  await romeo.receives(
    '<iq type="result" id="1" from="romeo@stage.example" to="romeo@stage.example/romeo"><q xmlns="urn:self"/></iq>',
  );
});

test("another's account and the server answer in their own names", async (t) => {
  const { romeo } = await open(t);
  const addresses = { 'juliet@stage.example': 'account', 'stage.example': 'host', 'stage.example/any': 'host' };
  for (const [to, ns] of Object.entries(addresses)) {
    await romeo.sends(`<iq type="get" id="1" to="${to}"><q xmlns="urn:${ns}"/></iq>`);
    await romeo.receives(
      `<iq type="result" id="1" from="${to}" to="romeo@stage.example/romeo"><q xmlns="urn:${ns}"/></iq>`,
    );
    await romeo.sends(`<iq type="set" id="2" to="${to}"><q xmlns="urn:${ns}"/></iq>`);
    await romeo.receives(
      `<iq type="error" id="2" from="${to}" to="romeo@stage.example/romeo">${errorXml('service-unavailable')}</iq>`,
    );
  }
});

test('a request to a session reaches it, and its answer comes back', async (t) => {
  const { romeo, juliet } = await open(t);
  await romeo.sends(`<iq type="get" id="1" to="${juliet.jid}"><q xmlns="urn:any"/></iq>`);
  await juliet.receives(`<iq type="get" id="1" ${FROM} to="${juliet.jid}"><q xmlns="urn:any"/></iq>`);
  await juliet.sends(`<iq type="result" id="1" to="${romeo.jid}"/>`);
  await romeo.receives(`<iq type="result" id="1" from="${juliet.jid}" to="${romeo.jid}"/>`);
});

test('a request to nobody is refused; results and errors to nobody vanish (RFC 6121 §8.5.3.2.3)', async (t) => {
  const { romeo } = await open(t);
  for (const to of ['juliet@stage.example/nowhere', 'nobody@stage.example/x', 'nobody@stage.example']) {
    await romeo.sends(`<iq type="get" id="1" to="${to}"><q xmlns="urn:any"/></iq>`);
    await romeo.receives(
      `<iq type="error" id="1" from="${to}" to="${romeo.jid}">${errorXml('service-unavailable')}</iq>`,
    );
    await romeo.sends(`<iq type="result" id="1" to="${to}"/><iq type="error" id="1" to="${to}"/>`);
    await romeo.receivesNothing();
  }
  for (const to of ['to="stage.example"', 'to="juliet@stage.example"', 'to="romeo@stage.example"', '']) {
    await romeo.sends(`<iq type="result" id="unasked" ${to}/><iq type="error" id="unasked" ${to}/>`);
    await romeo.receivesNothing();
  }
});

test('presence goes to a session by its address, to the available ones by the bare one, and is never answered', async (t) => {
  const { stage, romeo, juliet } = await open(t);
  const { chamber } = await stage.connected({ chamber: 'juliet' });
  await juliet.sends('<presence><priority>-1</priority></presence>');
  for (const type of ['', 'type="unavailable"', 'type="subscribe"', 'type="error"']) {
    await romeo.sends(`<presence to="${juliet.jid}" ${type} id="1"/>`);
    await juliet.receives(`<presence ${FROM} to="${juliet.jid}" ${type} id="1"/>`);
    await romeo.sends(`<presence to="${chamber.jid}" ${type} id="1"/>`);
    await chamber.receives(`<presence ${FROM} to="${chamber.jid}" ${type} id="1"/>`);
    await romeo.sends(`<presence to="juliet@stage.example" ${type} id="1"/>`);
    await juliet.receives(`<presence ${FROM} to="juliet@stage.example" ${type} id="1"/>`);
    for (const to of ['juliet@stage.example/street', 'nobody@stage.example', 'stage.example', 'stage.example/x']) {
      await romeo.sends(`<presence to="${to}" ${type}/>`);
    }
    for (const client of [romeo, juliet, chamber]) await client.receivesNothing();
  }
});

test('a message to the server itself has no reader', async (t) => {
  const { romeo } = await open(t);
  for (const to of ['stage.example', 'stage.example/x']) {
    await romeo.sends(`<message to="${to}" id="1"/>`);
    await romeo.receives(
      `<message type="error" id="1" from="${to}" to="${romeo.jid}">${errorXml('service-unavailable')}</message>`,
    );
    await romeo.sends(`<message to="${to}" id="1" type="error"/><message to="${to}" id="1" type="headline"/>`);
    await romeo.receivesNothing();
  }
});

test('other domains cannot be reached', async (t) => {
  const { romeo } = await open(t);
  for (const to of ['far.example', 'a@far.example', 'a@far.example/b', 'sub.stage.example', 'a@[2001:db8::1]']) {
    for (const xml of ['<message id="1"', '<presence id="1"', '<iq type="get" id="1"']) {
      const [name] = /\w+/.exec(xml) ?? [];
      await romeo.sends(`${xml} to="${to}"><q xmlns="urn:any"/></${name}>`);
      await romeo.receives(
        `<${name} type="error" id="1" from="${to}" to="${romeo.jid}">${errorXml('remote-server-not-found')}</${name}>`,
      );
    }
    await romeo.sends(`<message type="error" to="${to}"/><iq type="result" id="1" to="${to}"/>`);
    await romeo.receivesNothing();
  }
});

test('from is stamped, whether the client writes its full address, its bare one or none', async (t) => {
  const { romeo, juliet } = await open(t);
  for (const from of ['', 'from="romeo@stage.example"', 'from="Romeo@stage.example/romeo"']) {
    await romeo.sends(`<message to="${juliet.jid}" ${from}/>`);
    await juliet.receives(`<message ${FROM} to="${juliet.jid}"/>`);
  }
});

test('who writes another address as its own is sent away', async (t) => {
  for (const from of ['juliet@stage.example', 'romeo@stage.example/other', 'stage.example']) {
    const { romeo, juliet } = await open(t);
    await romeo.sends(`<message to="${juliet.jid}" from="${from}"/><message to="${juliet.jid}"/>`);
    await romeo.isClosedWith('invalid-from');
    await juliet.receivesNothing();
  }
});

test('an address that cannot be and a type that does not exist are told the sender', async (t) => {
  const { romeo, juliet } = await open(t);
  await romeo.sends('<message to="@stage.example" id="1"/>');
  const malformed = '<jid-malformed xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>';
  await romeo.receives(
    `<message type="error" id="1"><error type="modify">${malformed}<text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas" xml:lang="en">*</text></error></message>`,
  );
  for (const xml of [`<iq type="fetch" id="1" to="${juliet.jid}"/>`, `<iq id="1" to="${juliet.jid}"/>`]) {
    await romeo.sends(xml);
    await romeo.receives(
      `<iq type="error" id="1"><error type="modify"><bad-request xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/><text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas" xml:lang="en">*</text></error></iq>`,
    );
  }
  await romeo.sends(`<message type="error" to="@"/><iq type="result" to="@"/><iq type="error" id="1" to="@"/>`);
  await romeo.receivesNothing();
  await juliet.receivesNothing();
});

test('requests that are none: no child, two children, no id', async (t) => {
  const { romeo } = await open(t);
  const q = '<q xmlns="urn:host"/>';
  for (const xml of [
    '<iq type="get" id="1" to="stage.example"/>',
    `<iq type="set" id="1" to="stage.example">${q}${q}</iq>`,
    `<iq type="get" to="stage.example">${q}</iq>`,
    `<iq type="get">${q}</iq>`,
  ]) {
    await romeo.sends(xml);
    assert.equal(child(await romeo.next(), 'error')?.attrs['type'], 'modify', xml);
  }
});

test('who logs in again under the same name keeps nothing of the one before', async (t) => {
  const { stage, romeo, juliet } = await open(t);
  await romeo.sends('</stream:stream>');
  const again = stage.connect('romeo');
  await again.logIn('romeo', PASSWORD);
  await again.bind('romeo');
  await juliet.sends(`<message to="romeo@stage.example/romeo" id="1"/>`);
  await again.receives(`<message from="${juliet.jid}" to="romeo@stage.example/romeo" id="1"/>`);
});
