import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { accountDelivers, accountReceives, accountSends } from '../../../src/core/points.ts';
import { blocking as blockingService } from '../../../src/features/blocking/api.ts';
import { blocking } from '../../../src/features/blocking/index.ts';
import { carbons } from '../../../src/features/carbons/index.ts';
import { mam } from '../../../src/features/mam/index.ts';
import { ping } from '../../../src/features/ping.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { storedTexts } from '../../../src/features/shared/stored.ts';
import { JID } from '../../../src/jid.ts';
import { serialize } from '../../../src/xml/element.ts';
import { DOMAIN } from '../../support/stage.ts';
import { befriend, receivesInOrder } from '../presence/scene.ts';
import { block, open, refusal, unavailable, unblock } from './scene.ts';

const ROMEO = `romeo@${DOMAIN}`;
const JULIET = `juliet@${DOMAIN}`;
const BODY = '<body>hi</body>';

for (const to of [JULIET, `${JULIET}/juliet`, `${JULIET}/elsewhere`]) {
  test(`a message from a blocked address to ${to} is answered as if nobody were there`, async (t) => {
    const stage = await open(t);
    const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
    await block(juliet, ROMEO);
    for (const type of ['chat', 'normal', 'groupchat']) {
      await romeo.sends(`<message to='${to}' type='${type}' id='m1'>${BODY}</message>`);
      await receivesInOrder(romeo, [unavailable('message', to, romeo.jid, 'm1')]);
    }
    for (const type of ['headline', 'error']) {
      await romeo.sends(`<message to='${to}' type='${type}' id='m2'>${BODY}</message>`);
      await romeo.receivesNothing();
    }
    await juliet.receivesNothing();
  });
}

test('whoever is blocked is answered to the letter what is said of an account that does not exist', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await befriend(juliet, romeo);
  await block(juliet, ROMEO);
  await romeo.forget();
  const stanzas = (to: string): string[] => [
    ...['chat', 'normal', 'groupchat', 'headline', 'error'].map(
      (type) => `<message to='${to}' type='${type}' id='1'>${BODY}</message>`,
    ),
    `<message to='${to}/x' type='chat' id='2'>${BODY}</message>`,
    `<iq to='${to}' type='get' id='3'><vCard xmlns='vcard-temp'/></iq>`,
    `<iq to='${to}/juliet' type='get' id='4'><query xmlns='jabber:iq:version'/></iq>`,
    `<iq to='${to}' type='set' id='5'><x xmlns='urn:example'/></iq>`,
    `<iq to='${to}' type='result' id='6'/>`,
    `<iq to='${to}' type='error' id='7'/>`,
    `<presence to='${to}'/>`,
    `<presence to='${to}' type='unavailable'/>`,
  ];
  const answers = [];
  for (const to of [JULIET, `nobody@${DOMAIN}`]) {
    for (const stanza of stanzas(to)) await romeo.sends(stanza);
    answers.push(romeo.transport.received.splice(0).map((answer) => serialize(answer).replaceAll(to, 'them')));
  }
  assert.equal(answers[0]?.length, 7);
  assert.deepEqual(answers[0], answers[1]);
});

test('presence of a blocked address is never answered and never arrives, requests and probes included', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await befriend(juliet, romeo);
  await block(juliet, ROMEO);
  await romeo.forget();
  await juliet.forget();
  for (const type of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'probe', 'unavailable', 'error']) {
    await romeo.sends(`<presence to='${JULIET}/juliet' type='${type}'/>`);
    await juliet.receivesNothing();
  }
});

test('requests of a blocked address are answered with an error, its answers are dropped', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await juliet.set('<vCard xmlns="vcard-temp"><FN>Juliet</FN></vCard>');
  await block(juliet, ROMEO);
  assert.equal(await romeo.refused('get', '<vCard xmlns="vcard-temp"/>', JULIET), 'service-unavailable');
  assert.equal(await romeo.refused('get', '<query xmlns="jabber:iq:version"/>', juliet.jid), 'service-unavailable');
  assert.equal(await romeo.refused('set', '<x xmlns="urn:example"/>', juliet.jid), 'service-unavailable');
  for (const type of ['result', 'error']) await romeo.sends(`<iq to='${juliet.jid}' type='${type}' id='i1'/>`);
  await juliet.receivesNothing();
  await romeo.receivesNothing();
  await unblock(juliet);
  assert.ok(await romeo.get('<vCard xmlns="vcard-temp"/>', JULIET));
});

test('what is sent to a blocked address goes nowhere, and the sender is told why', async (t) => {
  const stage = await open(t);
  const { juliet, phone, romeo } = await stage.online({ juliet: 'juliet', phone: 'juliet', romeo: 'romeo' });
  await block(juliet, ROMEO);
  for (const to of [ROMEO, romeo.jid]) {
    const stanzas = [
      ['message', `<message to='${to}' id='s1' type='chat'>${BODY}</message>`],
      ['message', `<message to='${to}' id='s1' type='headline'>${BODY}</message>`],
      ['iq', `<iq to='${to}' id='s1' type='get'><query xmlns='jabber:iq:version'/></iq>`],
      ['presence', `<presence to='${to}' id='s1'/>`],
      ['presence', `<presence to='${to}' id='s1' type='subscribe'/>`],
      ['presence', `<presence to='${to}' id='s1' type='probe'/>`],
    ] as const;
    for (const [kind, stanza] of stanzas) {
      await phone.sends(stanza);
      await receivesInOrder(phone, [refusal(kind, to, phone.jid, 's1')]);
    }
    for (const stanza of [`<message to='${to}' type='error'/>`, `<iq to='${to}' id='r' type='result'/>`]) {
      await phone.sends(stanza);
      await phone.receivesNothing();
    }
  }
  await romeo.receivesNothing();
  await juliet.receivesNothing();
});

test('after unblocking, stanzas pass both ways again', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await block(juliet, ROMEO);
  await unblock(juliet, ROMEO);
  await romeo.sends(`<message to='${JULIET}' type='chat'>${BODY}</message>`);
  await receivesInOrder(juliet, [`<message to='${JULIET}' from='${romeo.jid}' type='chat'>${BODY}</message>`]);
  await juliet.sends(`<message to='${ROMEO}' type='chat'>${BODY}</message>`);
  await receivesInOrder(romeo, [`<message to='${ROMEO}' from='${juliet.jid}' type='chat'>${BODY}</message>`]);
});

test('only the blocked resource is kept away', async (t) => {
  const stage = await open(t);
  const { juliet, orchard, street } = await stage.online({ juliet: 'juliet', orchard: 'romeo', street: 'romeo' });
  await block(juliet, orchard.jid);
  await orchard.sends(`<message to='${juliet.jid}' type='chat' id='m'>${BODY}</message>`);
  await receivesInOrder(orchard, [unavailable('message', juliet.jid, orchard.jid, 'm')]);
  await street.sends(`<message to='${juliet.jid}' type='chat'>${BODY}</message>`);
  await receivesInOrder(juliet, [`<message to='${juliet.jid}' from='${street.jid}' type='chat'>${BODY}</message>`]);
});

test('who blocks the own domain blocks the others there, neither itself nor the server', async (t) => {
  const stage = await open(t, { features: [blocking, roster, presence, ping] });
  const { juliet, phone, romeo } = await stage.online({ juliet: 'juliet', phone: 'juliet', romeo: 'romeo' });
  await block(juliet, DOMAIN);
  assert.equal(await juliet.get("<ping xmlns='urn:xmpp:ping'/>", DOMAIN), undefined);
  assert.equal(await juliet.get("<ping xmlns='urn:xmpp:ping'/>", JULIET), undefined);
  await juliet.sends(`<message to='${phone.jid}'>${BODY}</message>`);
  await receivesInOrder(phone, [`<message to='${phone.jid}' from='${juliet.jid}'>${BODY}</message>`]);
  await juliet.sends('<presence><show>away</show></presence>');
  await phone.receives(`<presence from='${juliet.jid}' to='${phone.jid}'><show>away</show></presence>`);
  await juliet.forget();
  await romeo.sends(`<message to='${JULIET}' id='m'>${BODY}</message>`);
  await receivesInOrder(romeo, [unavailable('message', JULIET, romeo.jid, 'm')]);
  await juliet.receivesNothing();
});

test('a blocked message is not kept for who is away', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  await block(juliet, ROMEO);
  juliet.transport.break();
  await romeo.sends(`<message to='${JULIET}' type='chat' id='m'>${BODY}</message>`);
  await receivesInOrder(romeo, [unavailable('message', JULIET, romeo.jid, 'm')]);
  const { phone } = await stage.connected({ phone: 'juliet' });
  await phone.sends('<presence/>');
  await receivesInOrder(phone, [`<presence from='${phone.jid}' to='${phone.jid}'/>`]);
});

test('what is blocked is neither archived nor copied to other devices', async (t) => {
  const stage = await open(t, { features: [blocking, roster, presence, mam, carbons] });
  const { juliet, phone, romeo } = await stage.online({ juliet: 'juliet', phone: 'juliet', romeo: 'romeo' });
  await phone.set("<enable xmlns='urn:xmpp:carbons:2'/>");
  await block(juliet, ROMEO);
  await romeo.sends(`<message to='${juliet.jid}' type='chat'>${BODY}</message>`);
  await juliet.sends(`<message to='${ROMEO}' type='chat'>${BODY}</message>`);
  await phone.receivesNothing();
  const answer = await juliet.ask('set', "<query xmlns='urn:xmpp:mam:2'/>");
  assert.match(serialize(answer), /<count>0<\/count>/);
  await juliet.forget();
  await unblock(juliet);
  await romeo.sends(`<message to='${juliet.jid}' type='chat'>${BODY}</message>`);
  assert.match(serialize(await juliet.ask('set', "<query xmlns='urn:xmpp:mam:2'/>")), /<count>1<\/count>/);
  assert.match(serialize(await phone.next()), /<received/);
});

test('features below see nothing of what is blocked, and can ask who is', async (t) => {
  const seen: string[] = [];
  const asked: boolean[] = [];
  const below: Feature = {
    name: 'below',
    specs: [],
    needs: [blockingService],
    setup(host) {
      const service = host.use(blockingService);
      for (const point of [accountSends, accountReceives, accountDelivers]) {
        host.filter(point, ({ account, stanza }) => {
          if (stanza.kind !== 'message') return;
          seen.push(`${point.name} ${account.jid}`);
          asked.push(service.isBlocked(account, JID.parse(`${ROMEO}/x`)));
        });
      }
    },
  };
  const stage = await open(t, { features: [blocking, below] });
  const { juliet, romeo } = await stage.connected({ juliet: 'juliet', romeo: 'romeo' });
  await block(juliet, ROMEO);
  await romeo.sends(`<message to='${JULIET}'>${BODY}</message>`);
  await juliet.sends(`<message to='${ROMEO}'>${BODY}</message>`);
  // What romeo sends, and the error that comes back.
  assert.deepEqual(seen, [`accountSends ${ROMEO}`, `accountReceives ${ROMEO}`, `accountDelivers ${ROMEO}`]);
  await juliet.sends(`<message to='mercutio@${DOMAIN}' type='headline'>${BODY}</message>`);
  assert.deepEqual(seen.slice(3), [`accountSends ${JULIET}`]);
  assert.deepEqual(asked, [false, false, false, true]);
});

test('a guest blocks as long as it is there, and nothing is stored', async (t) => {
  const stage = await open(t, { config: { auth: { mechanisms: ['PLAIN', 'ANONYMOUS'] } } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const guest = stage.connect('guest');
  await guest.open();
  await guest.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
  await guest.nextNamed('success');
  await guest.open();
  await guest.bind('guest');
  await block(guest, ROMEO);
  await romeo.sends(`<message to='${guest.jid}' id='m'>${BODY}</message>`);
  await receivesInOrder(romeo, [unavailable('message', guest.jid, romeo.jid, 'm')]);
  await unblock(guest, ROMEO);
  await romeo.sends(`<message to='${guest.jid}'>${BODY}</message>`);
  await guest.receives(`<message to='${guest.jid}' from='${romeo.jid}'>${BODY}</message>`);
  await block(guest, ROMEO);
  const stored = stage.table({ name: 'blocking', parse: storedTexts });
  for await (const [key] of stored.list([])) assert.fail(key.join(' '));
});
