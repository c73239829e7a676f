import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JID } from '../../../src/jid.ts';
import { presence as makePresence } from '../../../src/stanza.ts';
import { DOMAIN } from '../../support/stage.ts';
import { befriend, contacts, receivesInOrder, subscribe } from '../presence/scene.ts';
import { block, open, refusal, unblock } from './scene.ts';

const ROMEO = `romeo@${DOMAIN}`;
const JULIET = `juliet@${DOMAIN}`;

function gone(from: string, to: string): string {
  return `<presence type='unavailable' from='${from}' to='${to}'/>`;
}

function here(from: string, to: string): string {
  return `<presence from='${from}' to='${to}'/>`;
}

test('a contact that is blocked sees every available resource go, and come again when it is unblocked', async (t) => {
  const stage = await open(t);
  const { juliet, phone, romeo } = await stage.online({ juliet: 'juliet', phone: 'juliet', romeo: 'romeo' });
  await stage.connected({ script: 'juliet' });
  await befriend(juliet, romeo);
  await phone.forget();
  await block(juliet, ROMEO);
  await romeo.receivesAll([gone(juliet.jid, ROMEO), gone(phone.jid, ROMEO)]);
  await unblock(juliet, ROMEO);
  await romeo.receivesAll([here(juliet.jid, ROMEO), here(phone.jid, ROMEO)]);
  // They ask in turn, each for itself, what they have missed.
  await receivesInOrder(juliet, [here(romeo.jid, juliet.jid)]);
  await receivesInOrder(phone, [here(romeo.jid, phone.jid)]);
});

test('unblocking everybody, too, brings the presence back, as it is by then', async (t) => {
  const stage = await open(t);
  const { juliet, romeo, nurse } = await stage.online({ juliet: 'juliet', romeo: 'romeo', nurse: 'nurse' });
  await subscribe(romeo, juliet);
  await subscribe(nurse, juliet);
  await block(juliet, ROMEO, `nurse@${DOMAIN}`);
  await romeo.forget();
  await nurse.forget();
  await juliet.sends('<presence><show>away</show></presence>');
  await romeo.receivesNothing();
  await unblock(juliet);
  for (const client of [romeo, nurse]) {
    const to = client.jid.split('/')[0];
    await receivesInOrder(client, [`<presence from='${juliet.jid}' to='${to}'><show>away</show></presence>`]);
  }
});

test('whoever sees no presence is sent none when it is blocked or unblocked', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await subscribe(juliet, romeo);
  await block(juliet, ROMEO);
  await unblock(juliet, ROMEO);
  await romeo.receivesNothing();
});

test('a session that is not available says nothing to whom it blocks', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await befriend(juliet, romeo);
  await juliet.sends("<presence type='unavailable'/>");
  await romeo.forget();
  await block(juliet, ROMEO);
  await unblock(juliet, ROMEO);
  await romeo.receivesNothing();
});

test('broadcasts go round a blocked contact: changes, the end, the next login', async (t) => {
  const stage = await open(t);
  const { juliet, romeo, nurse } = await stage.online({ juliet: 'juliet', romeo: 'romeo', nurse: 'nurse' });
  await befriend(juliet, romeo);
  await subscribe(nurse, juliet);
  await block(juliet, ROMEO);
  await romeo.forget();
  await juliet.sends('<presence><show>dnd</show></presence>');
  juliet.transport.break();
  await nurse.receives(`<presence from='${juliet.jid}' to='nurse@${DOMAIN}'><show>dnd</show></presence>`);
  await receivesInOrder(nurse, [gone(juliet.jid, `nurse@${DOMAIN}`)]);
  const { phone } = await stage.online({ phone: 'juliet' });
  await romeo.receivesNothing();
  await phone.receivesNothing();
  await romeo.sends('<presence><show>chat</show></presence>');
  await phone.receivesNothing();
});

test('a blocked contact elsewhere is not asked for its presence, nor told of the end of a subscription', async (t) => {
  const stage = await open(t);
  const sent: string[] = [];
  stage.router.mount('away.example', { deliver: ({ kind, type, to }) => void sent.push(`${kind} ${type} ${to}`) });
  const { juliet } = await stage.online({ juliet: 'juliet' });
  for (const contact of ['romeo@away.example', 'nurse@away.example']) {
    await juliet.sends(`<presence type='subscribe' to='${contact}'/>`);
    const from = JID.parse(contact);
    stage.router.send(makePresence({ type: 'subscribed', from, to: JID.parse(JULIET) }));
    stage.router.send(makePresence({ type: 'subscribe', from, to: JID.parse(JULIET) }));
    await juliet.sends(`<presence type='subscribed' to='${contact}'/>`);
  }
  await block(juliet, 'romeo@away.example');
  sent.length = 0;
  await stage.online({ phone: 'juliet' });
  assert.deepEqual(sent, ['presence available nurse@away.example', 'presence probe nurse@away.example']);
  sent.length = 0;
  for (const contact of ['romeo@away.example', 'nurse@away.example']) {
    await juliet.set(`<query xmlns='jabber:iq:roster'><item jid='${contact}' subscription='remove'/></query>`);
  }
  assert.deepEqual(new Set(sent.map((line) => line.split(' ').pop())), new Set(['nurse@away.example']));
});

test('a blocked contact that comes online finds nobody, and its request is not answered', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await befriend(juliet, romeo);
  await block(juliet, ROMEO);
  romeo.transport.break();
  const { street } = await stage.connected({ street: 'romeo' });
  await street.sends('<presence/>');
  await receivesInOrder(street, [here(street.jid, street.jid)]);
  await street.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await street.sends(`<presence type='probe' to='${JULIET}'/>`);
  await street.receivesNothing();
  await juliet.forget();
  await juliet.receivesNothing();
});

test('directed presence is taken back from a blocked address, and not sent again', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await juliet.sends(`<presence to='${romeo.jid}'/>`);
  await romeo.forget();
  await block(juliet, ROMEO);
  await receivesInOrder(romeo, [gone(juliet.jid, romeo.jid)]);
  await juliet.sends(`<presence to='${romeo.jid}' id='p'/>`);
  await receivesInOrder(juliet, [refusal('presence', romeo.jid, juliet.jid, 'p')]);
  await unblock(juliet);
  juliet.transport.break();
  await romeo.receivesNothing();
});

test('blocking a domain hides from all contacts there; another item for one of them changes nothing', async (t) => {
  const stage = await open(t);
  const { juliet, romeo, nurse } = await stage.online({ juliet: 'juliet', romeo: 'romeo', nurse: 'nurse' });
  await subscribe(romeo, juliet);
  await subscribe(nurse, juliet);
  await block(juliet, DOMAIN);
  await receivesInOrder(romeo, [gone(juliet.jid, ROMEO)]);
  await receivesInOrder(nurse, [gone(juliet.jid, `nurse@${DOMAIN}`)]);
  await block(juliet, ROMEO);
  await unblock(juliet, ROMEO);
  await block(juliet, ROMEO);
  await romeo.receivesNothing();
  await unblock(juliet, DOMAIN);
  await romeo.receivesNothing();
  await receivesInOrder(nurse, [here(juliet.jid, `nurse@${DOMAIN}`)]);
  await unblock(juliet);
  await receivesInOrder(romeo, [here(juliet.jid, ROMEO)]);
});

test('blocking one resource of a contact hides from that resource', async (t) => {
  const stage = await open(t);
  const { juliet, orchard, street } = await stage.online({ juliet: 'juliet', orchard: 'romeo', street: 'romeo' });
  await subscribe(orchard, juliet);
  await street.forget();
  await block(juliet, orchard.jid);
  await receivesInOrder(orchard, [gone(juliet.jid, orchard.jid)]);
  await street.receivesNothing();
  await unblock(juliet);
  await receivesInOrder(orchard, [here(juliet.jid, orchard.jid)]);
});

test('taking a blocked contact out of the roster tells it nothing; it learns after the end of the block', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await befriend(juliet, romeo);
  await block(juliet, ROMEO);
  await contacts(romeo);
  await romeo.forget();
  await juliet.set(`<query xmlns='jabber:iq:roster'><item jid='${ROMEO}' subscription='remove'/></query>`);
  await romeo.receivesNothing();
  await unblock(juliet);
  await romeo.receivesNothing();
  await romeo.sends(`<presence type='probe' to='${JULIET}'/>`);
  await romeo.receives(`<presence type='unsubscribed' from='${JULIET}' to='${ROMEO}'/>`);
});

test('a request that a blocked address made before is shown again only after the block', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await romeo.sends(`<presence type='subscribe' to='${JULIET}'/>`);
  await block(juliet, ROMEO);
  const { phone } = await stage.connected({ phone: 'juliet' });
  await phone.sends('<presence/>');
  await phone.receivesAll([here(phone.jid, phone.jid), here(juliet.jid, phone.jid)]);
  await unblock(juliet);
  const { tablet } = await stage.connected({ tablet: 'juliet' });
  await tablet.sends('<presence/>');
  await tablet.receivesAll([
    here(tablet.jid, tablet.jid),
    here(juliet.jid, tablet.jid),
    here(phone.jid, tablet.jid),
    `<presence type='subscribe' from='${ROMEO}' to='${JULIET}'/>`,
  ]);
});

test('contacts of an account that is removed are told, blocked or not', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await befriend(juliet, romeo);
  await contacts(romeo);
  await block(juliet, ROMEO);
  await romeo.forget();
  await stage.host.removeUser('juliet');
  await romeo.receives(`<presence type='unsubscribe' from='${JULIET}' to='${ROMEO}'/>`);
});
