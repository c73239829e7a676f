import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { presenceChanged } from '../../../src/core/points.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { JID } from '../../../src/jid.ts';
import { presence as makePresence } from '../../../src/stanza.ts';
import { el } from '../../../src/xml/element.ts';
import { DOMAIN } from '../../support/stage.ts';
import { befriend, contacts, JULIET, nextError, open, ROMEO, receivesInOrder, subscribe } from './scene.ts';

test('initial presence goes to the session itself, to its sisters and to the subscribers, and nobody else', async (t) => {
  const stage = await open(t);
  const { romeo, juliet, nurse } = await stage.online({ romeo: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  await subscribe(juliet, romeo);
  await subscribe(romeo, nurse);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends(`<presence id='p1' xml:lang='it'><show>away</show><priority>5</priority></presence>`);
  const seen = (to: string) =>
    `<presence id='p1' xml:lang='it' from='${phone.jid}' to='${to}'><show>away</show><priority>5</priority></presence>`;
  await phone.receivesAll([
    seen(phone.jid),
    `<presence from='${romeo.jid}' to='${phone.jid}'/>`,
    `<presence from='${nurse.jid}' to='${phone.jid}'/>`,
  ]);
  await receivesInOrder(romeo, [seen(romeo.jid)]);
  await receivesInOrder(juliet, [seen(JULIET)]);
  await nurse.receivesNothing();
});

test('a session that is not available is sent no presence', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await juliet.sends('<presence><show>dnd</show></presence>');
  await phone.receivesNothing();
});

test('a later presence goes to the same addressees, without probes', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  await romeo.sends('<presence><show>xa</show></presence>');
  await receivesInOrder(romeo, [`<presence from='${romeo.jid}' to='${romeo.jid}'><show>xa</show></presence>`]);
  await receivesInOrder(juliet, [`<presence from='${romeo.jid}' to='${JULIET}'><show>xa</show></presence>`]);
});

test('unavailable presence goes to the same addressees with its status, and the session is told nothing more', async (t) => {
  const stage = await open(t);
  const { romeo, phone, juliet } = await stage.online({ romeo: 'romeo', phone: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  await phone.forget();
  await romeo.sends(`<presence type='unavailable'><status>gone</status></presence>`);
  const gone = (to: string) =>
    `<presence type='unavailable' from='${romeo.jid}' to='${to}'><status>gone</status></presence>`;
  await receivesInOrder(romeo, [gone(romeo.jid)]);
  await receivesInOrder(phone, [gone(phone.jid)]);
  await receivesInOrder(juliet, [gone(JULIET)]);
  await juliet.sends('<presence/>');
  await romeo.receivesNothing();
  await juliet.forget();
  await romeo.sends(`<presence type='unavailable'/>`);
  await juliet.receivesNothing();
});

test('when the connection is lost, the server says unavailable for the session', async (t) => {
  const stage = await open(t);
  const { romeo, phone, juliet } = await stage.online({ romeo: 'romeo', phone: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  await phone.forget();
  romeo.transport.break();
  await receivesInOrder(juliet, [`<presence type='unavailable' from='${romeo.jid}' to='${JULIET}'/>`]);
  await receivesInOrder(phone, [`<presence type='unavailable' from='${romeo.jid}' to='${phone.jid}'/>`]);
});

test('presence of a contact reaches all available sessions', async (t) => {
  const stage = await open(t);
  const { romeo, phone, juliet } = await stage.online({ romeo: 'romeo', phone: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  await phone.forget();
  await juliet.sends('<presence/>');
  const seen = `<presence from='${juliet.jid}' to='${ROMEO}'/>`;
  await receivesInOrder(romeo, [seen]);
  await receivesInOrder(phone, [seen]);
});

for (const priority of ['-128', '127', '0', '+1', ' 5 ']) {
  test(`the priority "${priority}" is accepted`, async (t) => {
    const stage = await open(t);
    const { romeo } = await stage.connected({ romeo: 'romeo' });
    await romeo.sends(`<presence><priority>${priority}</priority></presence>`);
    assert.equal(stage.host.account('romeo')?.sessions.get('romeo')?.priority, Number(priority));
  });
}

for (const priority of ['-129', '128', '1.5', 'high', '', '1e1', '0x10']) {
  test(`the priority "${priority}" is refused`, async (t) => {
    const stage = await open(t);
    const { romeo } = await stage.connected({ romeo: 'romeo' });
    await romeo.sends(`<presence id='p1'><priority>${priority}</priority></presence>`);
    assert.equal(await nextError(romeo), 'bad-request');
    assert.equal(stage.host.account('romeo')?.sessions.get('romeo')?.isAvailable, false);
  });
}

test('a probe of a subscriber is answered with the presence of each available session', async (t) => {
  const stage = await open(t);
  const { romeo, phone, juliet } = await stage.online({ romeo: 'romeo', phone: 'romeo', juliet: 'juliet' });
  await stage.connected({ silent: 'romeo' });
  await subscribe(juliet, romeo);
  await phone.sends(`<presence id='p1'><show>away</show></presence>`);
  await juliet.forget();
  await juliet.sends(`<presence type='probe' to='${ROMEO}/phone'/>`);
  await juliet.receivesAll([
    `<presence from='${romeo.jid}' to='${juliet.jid}'/>`,
    `<presence id='p1' from='${phone.jid}' to='${juliet.jid}'><show>away</show></presence>`,
  ]);
});

test('a probe of a subscriber is answered with unavailable when nobody is there', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await subscribe(juliet, romeo);
  romeo.transport.break();
  await juliet.forget();
  await juliet.sends(`<presence type='probe' to='${ROMEO}'/>`);
  await receivesInOrder(juliet, [`<presence type='unavailable' from='${ROMEO}' to='${juliet.jid}'/>`]);
});

test('a probe of anybody else is answered with unsubscribed from the bare address, which tells nothing', async (t) => {
  const stage = await open(t);
  const answers: string[] = [];
  stage.router.mount('elsewhere.example', { deliver: (stanza) => void answers.push(stanza.toString()) });
  const { romeo } = await stage.online({ romeo: 'romeo' });
  const from = JID.parse('x@elsewhere.example/y');
  stage.router.send(makePresence({ type: 'probe', from, to: JID.parse(ROMEO) }));
  await romeo.receivesNothing();
  assert.deepEqual(answers, [`<presence from="${ROMEO}" to="x@elsewhere.example/y" type="unsubscribed"/>`]);
});

test('a subscription that only one side believes in ends with the next probe', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(juliet);
  await juliet.sends(`<presence type='subscribe' to='${ROMEO}'/>`);
  stage.router.send(makePresence({ type: 'subscribed', from: JID.parse(ROMEO), to: JID.parse(JULIET) }));
  await juliet.forget();
  await juliet.sends(`<presence type='unavailable'/><presence/>`);
  assert.deepEqual(await contacts(juliet), [`${ROMEO} none`]);
});

test('initial presence probes the contacts whose presence the account is sent, from the full address', async (t) => {
  const stage = await open(t);
  const probes: string[] = [];
  stage.router.mount('elsewhere.example', { deliver: (stanza) => void probes.push(stanza.toString()) });
  const { romeo } = await stage.online({ romeo: 'romeo' });
  await romeo.sends(`<presence type='subscribe' to='x@elsewhere.example'/>`);
  stage.router.send(makePresence({ type: 'subscribed', from: JID.parse('x@elsewhere.example'), to: JID.parse(ROMEO) }));
  await romeo.sends(`<presence type='unavailable'/>`);
  probes.length = 0;
  await romeo.sends('<presence/>');
  await romeo.sends('<presence/>');
  assert.deepEqual(probes, [`<presence from="${romeo.jid}" to="x@elsewhere.example" type="probe"/>`]);
});

test('directed presence is delivered, gets no broadcasts, and is taken back when the session becomes unavailable', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<presence to='${juliet.jid}'><show>chat</show></presence>`);
  await receivesInOrder(juliet, [`<presence from='${romeo.jid}' to='${juliet.jid}'><show>chat</show></presence>`]);
  await romeo.sends('<presence><show>away</show></presence>');
  await juliet.receivesNothing();
  await romeo.sends(`<presence type='unavailable'><status>bye</status></presence>`);
  await receivesInOrder(juliet, [
    `<presence type='unavailable' from='${romeo.jid}' to='${juliet.jid}'><status>bye</status></presence>`,
  ]);
  romeo.transport.break();
  await juliet.receivesNothing();
});

test('directed presence is taken back when the stream is lost, also without initial presence', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.sends(`<presence to='${JULIET}'/>`);
  await juliet.receives(`<presence from='${romeo.jid}' to='${JULIET}'/>`);
  romeo.transport.break();
  await receivesInOrder(juliet, [`<presence type='unavailable' from='${romeo.jid}' to='${JULIET}'/>`]);
});

test('directed presence that the client took back itself is not taken back again', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<presence to='${JULIET}'/><presence to='${JULIET}' type='unavailable'/>`);
  await juliet.forget();
  romeo.transport.break();
  await juliet.receivesNothing();
});

test('a subscriber that was sent directed presence is told unavailable once', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends(`<presence to='${JULIET}'/>`);
  await phone.sends('<presence/>');
  await phone.sends(`<presence to='${JULIET}'><show>dnd</show></presence>`);
  await juliet.forget();
  phone.transport.break();
  await receivesInOrder(juliet, [`<presence type='unavailable' from='${phone.jid}' to='${JULIET}'/>`]);
});

test('directed presence to one address more than the limit is refused', async (t) => {
  const stage = await open(t, { config: { limits: { account: { directedPresence: 1 } } } });
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<presence to='${juliet.jid}'/>`);
  await romeo.sends(`<presence to='${juliet.jid}'/>`);
  await romeo.receivesNothing();
  await romeo.sends(`<presence id='p1' to='nurse@${DOMAIN}'/>`);
  assert.equal(await nextError(romeo), 'policy-violation');
});

test('what an account answers to subscribers only, it answers to them and to itself', async (t) => {
  const asked: Feature = {
    name: 'asked',
    specs: [],
    setup: (host) =>
      host.handle({ type: 'get', ns: 'urn:example:asked', name: 'q', to: 'account' }, () =>
        el('a', { xmlns: 'urn:example:asked' }),
      ),
  };
  const stage = await open(t, { features: [roster, presence, asked] });
  const { romeo, juliet, nurse } = await stage.online({ romeo: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  await subscribe(juliet, romeo);
  await subscribe(romeo, nurse);
  const q = `<q xmlns='urn:example:asked'/>`;
  assert.ok(await juliet.get(q, ROMEO));
  assert.ok(await romeo.get(q, ROMEO));
  assert.equal(await nurse.refused('get', q, ROMEO), 'service-unavailable');
});

test('those who observe presence are told of its beginning, its changes and its end', async (t) => {
  const seen: string[] = [];
  const observer: Feature = {
    name: 'observer',
    specs: [],
    setup: (host) =>
      host.observe(presenceChanged, ({ before, presence: now }) => {
        seen.push(`${before?.id} ${now?.id}`);
      }),
  };
  const stage = await open(t, { features: [roster, presence, observer] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.sends(`<presence id='1'/><presence id='2'/><presence type='unavailable'/><presence id='3'/>`);
  romeo.transport.break();
  assert.deepEqual(seen, ['undefined 1', '1 2', '2 undefined', 'undefined 3', '3 undefined']);
  assert.deepEqual(await contacts((await stage.connected({ again: 'romeo' })).again), []);
});

test('a client that takes the resource of another ends its presence', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  await stage.connected({ romeo: 'romeo' });
  await receivesInOrder(juliet, [`<presence type='unavailable' from='${romeo.jid}' to='${JULIET}'/>`]);
});
