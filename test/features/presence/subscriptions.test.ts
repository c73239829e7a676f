import assert from 'node:assert/strict';
import { test } from 'node:test';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { MAX_REQUESTS } from '../../../src/features/roster/roster.ts';
import { JID } from '../../../src/jid.ts';
import { presence as makePresence, parseStanza } from '../../../src/stanza.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { DOMAIN } from '../../support/stage.ts';
import {
  befriend,
  contacts,
  JULIET,
  NURSE,
  nextError,
  open,
  push,
  ROMEO,
  receivesInOrder,
  subscribe,
} from './scene.ts';

test('a request is pushed to the one side and shown to the available sessions of the other, from bare to bare', async (t) => {
  const { romeo, juliet, tower } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet', tower: 'juliet' });
  await contacts(romeo);
  await romeo.sends(`<presence type='subscribe' id='s1' to='${JULIET}/juliet'><status>please</status></presence>`);
  await receivesInOrder(romeo, [push(romeo, `<item jid='${JULIET}' subscription='none' ask='subscribe'/>`)]);
  const request = `<presence type='subscribe' id='s1' from='${ROMEO}' to='${JULIET}'><status>please</status></presence>`;
  await receivesInOrder(juliet, [request]);
  await receivesInOrder(tower, [request]);
  assert.deepEqual(await contacts(juliet), []);
});

test('an approval is told and pushed to interested sessions only, and the presence follows', async (t) => {
  const { romeo, phone, juliet } = await (await open(t)).online({ romeo: 'romeo', phone: 'romeo', juliet: 'juliet' });
  await juliet.sends('<presence><show>chat</show></presence>');
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await contacts(romeo);
  await contacts(juliet);
  await romeo.forget();
  await juliet.forget();
  await juliet.sends(`<presence type='subscribed' id='s2' to='${ROMEO}/romeo'/>`);
  await receivesInOrder(juliet, [push(juliet, `<item jid='${ROMEO}' subscription='from'/>`)]);
  const seen = `<presence from='${juliet.jid}' to='${ROMEO}'><show>chat</show></presence>`;
  await receivesInOrder(romeo, [
    `<presence type='subscribed' id='s2' from='${JULIET}' to='${ROMEO}'/>`,
    push(romeo, `<item jid='${JULIET}' subscription='to'/>`),
    seen,
  ]);
  await receivesInOrder(phone, [seen]);
});

test('a refusal ends the request', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(romeo);
  await contacts(juliet);
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await romeo.forget();
  await juliet.forget();
  await juliet.sends(`<presence type='unsubscribed' to='${ROMEO}'/>`);
  await receivesInOrder(romeo, [
    `<presence type='unsubscribed' from='${JULIET}' to='${ROMEO}'/>`,
    push(romeo, `<item jid='${JULIET}' subscription='none'/>`),
  ]);
  await juliet.receivesNothing();
});

test('a contact that cancels a subscription disappears from sight before it does', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(romeo);
  await contacts(juliet);
  await befriend(romeo, juliet);
  await juliet.sends(`<presence type='unsubscribed' to='${ROMEO}'/>`);
  await receivesInOrder(juliet, [push(juliet, `<item jid='${ROMEO}' subscription='to'/>`)]);
  await receivesInOrder(romeo, [
    `<presence type='unavailable' from='${juliet.jid}' to='${ROMEO}'/>`,
    `<presence type='unsubscribed' from='${JULIET}' to='${ROMEO}'/>`,
    push(romeo, `<item jid='${JULIET}' subscription='from'/>`),
  ]);
});

test('a user that unsubscribes is sent unavailable presence, and the contact is told', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(romeo);
  await contacts(juliet);
  await befriend(romeo, juliet);
  await romeo.sends(`<presence type='unsubscribe' to='${JULIET}'/>`);
  await receivesInOrder(romeo, [
    push(romeo, `<item jid='${JULIET}' subscription='from'/>`),
    `<presence type='unavailable' from='${juliet.jid}' to='${ROMEO}'/>`,
  ]);
  await receivesInOrder(juliet, [
    `<presence type='unsubscribe' from='${ROMEO}' to='${JULIET}'/>`,
    push(juliet, `<item jid='${ROMEO}' subscription='to'/>`),
  ]);
});

test('a request that was not answered is shown again at each initial presence, also after a restart', async (t) => {
  const stage = await open(t);
  const { romeo } = await stage.online({ romeo: 'romeo' });
  await stage.host.users.create('juliet', 'x');
  await romeo.sends(`<presence type='subscribe' id='s1' to='${JULIET}'><nick xmlns='urn:x'>R</nick></presence>`);
  await stage.close();
  const later = await open(t, { store: stage.store });
  const request = `<presence type='subscribe' id='s1' from='${ROMEO}' to='${JULIET}'><nick xmlns='urn:x'>R</nick></presence>`;
  await later.host.users.setPassword('juliet', 'correct horse');
  const { juliet } = await later.connected({ juliet: 'juliet' });
  assert.deepEqual(await contacts(juliet), []);
  await juliet.sends('<presence/>');
  await receivesInOrder(juliet, [`<presence from='${juliet.jid}' to='${juliet.jid}'/>`, request]);
  await juliet.sends('<presence><show>away</show></presence>');
  await juliet.forget();
  const { tower } = await later.connected({ tower: 'juliet' });
  await tower.sends('<presence/>');
  await tower.next();
  await tower.next();
  await receivesInOrder(tower, [request]);
  await tower.sends(`<presence type='unsubscribed' to='${ROMEO}'/>`);
  await tower.sends(`<presence type='unavailable'/>`);
  await tower.forget();
  await tower.sends('<presence/>');
  await tower.next();
  await tower.next();
  await tower.receivesNothing();
});

test('a request withdrawn meanwhile is not shown', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await romeo.sends(`<presence type='unsubscribe' to='${JULIET}'/>`);
  await juliet.sends('<presence/>');
  await receivesInOrder(juliet, [`<presence from='${juliet.jid}' to='${juliet.jid}'/>`]);
});

test('a request that comes again is not shown again', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await juliet.forget();
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await juliet.receivesNothing();
});

test('a contact that is subscribed and asks again is approved by the server', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(juliet);
  await subscribe(romeo, juliet);
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await juliet.receivesNothing();
  await receivesInOrder(romeo, [`<presence from='${juliet.jid}' to='${ROMEO}'/>`]);
});

test('a pre-approved request is approved without asking', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(romeo);
  await contacts(juliet);
  await juliet.sends(`<presence type='subscribed' to='${ROMEO}'/>`);
  await receivesInOrder(juliet, [push(juliet, `<item jid='${ROMEO}' subscription='none' approved='true'/>`)]);
  await romeo.receivesNothing();
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await receivesInOrder(juliet, [push(juliet, `<item jid='${ROMEO}' subscription='from'/>`)]);
  await receivesInOrder(romeo, [
    push(romeo, `<item jid='${JULIET}' subscription='none' ask='subscribe'/>`),
    `<presence type='subscribed' from='${JULIET}' to='${ROMEO}'/>`,
    push(romeo, `<item jid='${JULIET}' subscription='to'/>`),
    `<presence from='${juliet.jid}' to='${ROMEO}'/>`,
  ]);
});

test('a pre-approval can be taken back', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await juliet.sends(`<presence type='subscribed' to='${ROMEO}'/>`);
  await juliet.sends(`<presence type='unsubscribed' to='${ROMEO}'/>`);
  assert.deepEqual(await contacts(juliet), [`${ROMEO} none`]);
  await romeo.receivesNothing();
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await receivesInOrder(juliet, [`<presence type='subscribe' from='${ROMEO}' to='${JULIET}'/>`]);
});

test('taking a contact out of the roster ends the subscriptions of both sides', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await befriend(romeo, juliet);
  await contacts(romeo);
  await contacts(juliet);
  await romeo.set(`<query xmlns='jabber:iq:roster'><item jid='${JULIET}' subscription='remove'/></query>`);
  await receivesInOrder(romeo, [
    push(romeo, `<item jid='${JULIET}' subscription='remove'/>`),
    `<presence type='unavailable' from='${juliet.jid}' to='${ROMEO}'/>`,
  ]);
  await juliet.receivesAll([
    `<presence type='unavailable' from='${romeo.jid}' to='${JULIET}'/>`,
    `<presence type='unsubscribe' from='${ROMEO}' to='${JULIET}'/>`,
    push(juliet, `<item jid='${ROMEO}' subscription='to'/>`),
    `<presence type='unsubscribed' from='${ROMEO}' to='${JULIET}'/>`,
    push(juliet, `<item jid='${ROMEO}' subscription='none'/>`),
  ]);
});

test('taking a contact out of the roster withdraws the request to it', async (t) => {
  const { romeo, juliet } = await (await open(t)).online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await juliet.forget();
  await contacts(juliet);
  await romeo.set(`<query xmlns='jabber:iq:roster'><item jid='${JULIET}' subscription='remove'/></query>`);
  await receivesInOrder(juliet, [`<presence type='unsubscribe' from='${ROMEO}' to='${JULIET}'/>`]);
});

test('when an account is removed, its contacts lose their subscriptions, and who asked gets an answer', async (t) => {
  const stage = await open(t);
  const { romeo, juliet, nurse } = await stage.online({ romeo: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  await befriend(romeo, juliet);
  await nurse.sends(`<presence type='subscribe' to='${ROMEO}'/>`);
  await contacts(juliet);
  await stage.host.removeUser('romeo');
  await juliet.receivesAll([
    `<presence type='unavailable' from='${romeo.jid}' to='${JULIET}'/>`,
    `<presence type='unsubscribe' from='${ROMEO}' to='${JULIET}'/>`,
    push(juliet, `<item jid='${ROMEO}' subscription='to'/>`),
    `<presence type='unsubscribed' from='${ROMEO}' to='${JULIET}'/>`,
    push(juliet, `<item jid='${ROMEO}' subscription='none'/>`),
  ]);
  assert.deepEqual(await contacts(nurse), [`${ROMEO} none`]);
});

test('an account cannot subscribe to itself', async (t) => {
  const { romeo } = await (await open(t)).online({ romeo: 'romeo' });
  await romeo.sends(`<presence type='subscribe' id='s1' to='${ROMEO}'/>`);
  assert.equal(await nextError(romeo), 'not-allowed');
  assert.deepEqual(await contacts(romeo), []);
});

test('a subscription stanza to nobody is refused', async (t) => {
  const { romeo } = await (await open(t)).online({ romeo: 'romeo' });
  for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed']) {
    await romeo.sends(`<presence type='${type}' id='s1'/>`);
    assert.equal(await nextError(romeo), 'bad-request');
  }
});

test('a request to an account that does not exist stays unanswered, one to an unknown domain does not', async (t) => {
  const { romeo } = await (await open(t)).online({ romeo: 'romeo' });
  await romeo.sends(`<presence type='subscribe' to='nobody@${DOMAIN}'/>`);
  await romeo.receivesNothing();
  await romeo.sends(`<presence type='subscribe' to='juliet@elsewhere.example'/>`);
  assert.equal(await nextError(romeo), 'remote-server-not-found');
  assert.deepEqual(await contacts(romeo), [`nobody@${DOMAIN} none ask`, 'juliet@elsewhere.example none ask']);
});

test('an answer that nobody waits for changes nothing and reaches nobody', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  await contacts(juliet);
  for (const type of ['subscribed', 'unsubscribe', 'unsubscribed'] as const) {
    stage.router.send(makePresence({ type, from: JID.parse('x@elsewhere.example/y'), to: JID.parse(JULIET) }));
  }
  await juliet.receivesNothing();
  assert.deepEqual(await contacts(juliet), []);
});

test('strangers cannot fill an account: the oldest of too many requests is dropped, and a large one loses its content', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const large = `<presence type='subscribe' x='${'x'.repeat(1000)}'><status>${'s'.repeat(2000)}</status></presence>`;
  for (let i = 0; i <= MAX_REQUESTS; i++) {
    const from = JID.parse(`x${i}@elsewhere.example`);
    const request = parseStanza(parseElement(large), undefined);
    stage.router.send(request.copy({ from, to: JID.parse(JULIET) }));
  }
  await juliet.receivesNothing();
  await juliet.sends('<presence/>');
  await juliet.next();
  for (let i = 1; i <= MAX_REQUESTS; i++) {
    await juliet.receives(`<presence type='subscribe' from='x${i}@elsewhere.example' to='${JULIET}'/>`);
  }
  await juliet.receivesNothing();
});

test('a roster that is full takes no subscription either', async (t) => {
  const stage = await open(t, { config: { limits: { account: { rosterItems: 1 } } } });
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<presence type='subscribe' to='${NURSE}'/>`);
  await romeo.sends(`<presence type='subscribe' id='s2' to='${JULIET}'/>`);
  assert.equal(await nextError(romeo), 'policy-violation');
  await juliet.receivesNothing();
});

test('when the store fails, the request goes nowhere and its sender is told', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(romeo);
  stage.store.failNextCommit(new Error('disk full'));
  await romeo.sends(`<presence type='subscribe' id='s1' to='${JULIET}'/>`);
  assert.equal(await nextError(romeo), 'internal-server-error');
  await romeo.receivesNothing();
  await juliet.receivesNothing();
  assert.deepEqual(await contacts(romeo), []);
});

test('when the store fails, a request that arrived is shown to nobody and its sender is told', async (t) => {
  const stage = await open(t);
  const answers: string[] = [];
  stage.router.mount('elsewhere.example', { deliver: (stanza) => void answers.push(stanza.toString()) });
  const { juliet } = await stage.online({ juliet: 'juliet' });
  stage.store.failNextCommit(new Error('disk full'));
  stage.router.send(makePresence({ type: 'subscribe', from: JID.parse('x@elsewhere.example'), to: JID.parse(JULIET) }));
  await juliet.receivesNothing();
  assert.match(answers.join(), /type="error".*type="wait".*internal-server-error/);
  await juliet.sends('<presence/>');
  await receivesInOrder(juliet, [`<presence from='${juliet.jid}' to='${juliet.jid}'/>`]);
});

test('nothing is sent before it is stored', async (t) => {
  const stage = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await contacts(romeo);
  stage.store.hold();
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await romeo.receivesNothing();
  await juliet.receivesNothing();
  stage.store.release();
  await romeo.receives(push(romeo, `<item jid='${JULIET}' subscription='none' ask='subscribe'/>`));
  await juliet.receives(`<presence type='subscribe' from='${ROMEO}' to='${JULIET}'/>`);
});

test('the features name the parts of RFC 6121 that they are', () => {
  assert.deepEqual(
    [...roster.specs, ...presence.specs],
    ['2', '3', '4'].map((sections) => ({ rfc: 6121, sections })),
  );
});
