import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { JID } from '../../../src/jid.ts';
import { attr, child, children, type Element, firstElement, text } from '../../../src/xml/element.ts';
import { DOMAIN } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { configured, GET, lineOf, open, pushedIn, rosterOf } from './scene.ts';

const JULIET = `juliet@${DOMAIN}`;
const ROMEO = `romeo@${DOMAIN}`;

function setItem(item: string): string {
  return `<query xmlns="jabber:iq:roster">${item}</query>`;
}

/** What a client has been sent, which is forgotten. */
async function news(client: StageClient): Promise<Element[]> {
  await client.sends('');
  return client.transport.received.splice(0);
}

/** Everything but roster pushes: `presence available romeo@stage.example/phone`. */
function presences(stanzas: readonly Element[]): string[] {
  return stanzas
    .filter(({ name }) => name === 'presence')
    .map((stanza) => `${attr(stanza, 'type') ?? 'available'} ${attr(stanza, 'from')}`);
}

/** Two people in a group, whose clients have asked for their rosters and been told everything. */
async function openFamily(t: TestContext) {
  const { stage, all } = await open(t);
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet']) await all.join('Family', local);
  await rosterOf(phone);
  await rosterOf(juliet);
  for (const client of [phone, juliet]) await client.forget();
  return { all, phone, juliet };
}

test('a family: everyone who joins is a contact of everyone else, and sees who is online', async (t) => {
  const { stage, all } = await open(t);
  const { phone, laptop, juliet } = await stage.online({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  for (const client of [phone, juliet]) assert.deepEqual(await rosterOf(client), []);
  await all.add('Family', false);
  await all.join('Family', 'romeo');
  for (const client of [phone, laptop, juliet]) await client.receivesNothing();
  await all.join('Family', 'juliet');
  const [romeos, untold, juliets] = [await news(phone), await news(laptop), await news(juliet)];
  assert.deepEqual(pushedIn(romeos), ['juliet both Family']);
  assert.deepEqual(pushedIn(juliets), ['romeo both Family']);
  assert.deepEqual(pushedIn(untold), [], 'only sessions that have asked for the roster');
  assert.deepEqual(new Set(presences(romeos)), new Set([`available ${JULIET}/juliet`]));
  assert.deepEqual(new Set(presences(untold)), new Set([`available ${JULIET}/juliet`]));
  assert.deepEqual(new Set(presences(juliets)), new Set([`available ${ROMEO}/phone`, `available ${ROMEO}/laptop`]));
  assert.deepEqual(await rosterOf(laptop), ['juliet both Family']);
  await phone.sends('<presence><show>away</show></presence>');
  assert.deepEqual(presences(await news(juliet)), [`available ${ROMEO}/phone`]);
});

test('whoever leaves is no contact any more, and both sides see the other go', async (t) => {
  const { stage, all } = await open(t);
  const { phone, juliet, nurse } = await stage.online({ phone: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet', 'nurse']) await all.join('Family', local);
  for (const client of [phone, juliet, nurse]) assert.equal((await rosterOf(client)).length, 2);
  for (const client of [phone, juliet, nurse]) await client.forget();
  await all.leave('Family', 'romeo');
  const [romeos, juliets] = [await news(phone), await news(juliet)];
  assert.deepEqual(pushedIn(romeos), ['juliet remove', 'nurse remove']);
  assert.deepEqual(pushedIn(juliets), ['romeo remove']);
  assert.deepEqual(presences(romeos).sort(), [`unavailable ${JULIET}/juliet`, `unavailable nurse@${DOMAIN}/nurse`]);
  assert.deepEqual(presences(juliets), [`unavailable ${ROMEO}/phone`]);
  assert.deepEqual(await rosterOf(phone), []);
  assert.deepEqual(await rosterOf(juliet), ['nurse both Family']);
  await phone.sends('<presence/>');
  await juliet.receivesNothing();
});

test('a contact by two groups is in both, and a change of one tells nothing of presence', async (t) => {
  const { stage, all } = await open(t);
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  for (const name of ['Family', 'Chess club']) {
    await all.add(name, false);
    await all.join(name, 'romeo');
    await all.join(name, 'juliet');
  }
  assert.deepEqual(await rosterOf(phone), ['juliet both Chess club,Family']);
  assert.deepEqual(await rosterOf(juliet), ['romeo both Chess club,Family']);
  for (const client of [phone, juliet]) await client.forget();
  await all.rename('Chess club', 'Dancing');
  const renamed = await news(phone);
  assert.deepEqual(pushedIn(renamed), ['juliet both Dancing,Family']);
  assert.deepEqual(presences(renamed), []);
  await all.remove('Family');
  const left = await news(phone);
  assert.deepEqual(pushedIn(left), ['juliet both Dancing']);
  assert.deepEqual(presences(left), []);
});

test('a user may name a shared contact and put it into further groups, which stay when the shared one goes', async (t) => {
  const { stage, all } = await open(t);
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet']) await all.join('Family', local);
  await rosterOf(phone);
  await rosterOf(juliet);
  await phone.forget();
  await juliet.forget();
  await phone.set(setItem(`<item jid="${JULIET}" name="Jule"><group>Family</group><group>Friends</group></item>`));
  assert.deepEqual(pushedIn(await news(phone)), ['juliet both Family,Friends "Jule"']);
  await juliet.receivesNothing();
  await all.rename('Family', 'Clan');
  assert.deepEqual(pushedIn(await news(phone)), ['juliet both Clan,Friends "Jule"']);
  await juliet.forget();
  await all.leave('Clan', 'romeo');
  const left = await news(phone);
  assert.deepEqual(pushedIn(left), ['juliet none Friends "Jule"']);
  assert.deepEqual(presences(left), [`unavailable ${JULIET}/juliet`]);
  assert.deepEqual(pushedIn(await news(juliet)), ['romeo remove']);
});

test('a contact cannot be taken out of a shared group, and the client that tried sees it there', async (t) => {
  const { stage, all } = await open(t);
  const { phone } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet']) await all.join('Family', local);
  await rosterOf(phone);
  await phone.forget();
  await phone.set(setItem(`<item jid="${JULIET}"/>`));
  assert.deepEqual(pushedIn(await news(phone)), ['juliet both Family']);
  await all.leave('Family', 'romeo');
  assert.deepEqual(await rosterOf(phone), [], 'nothing was kept');
});

test('a shared contact is neither removed nor unsubscribed from, and people are told why', async (t) => {
  const { phone, juliet } = await openFamily(t);
  const answer = await phone.ask('set', setItem(`<item jid="${JULIET}" subscription="remove"/>`));
  const error = child(answer, 'error');
  assert.equal(error && firstElement(error)?.name, 'not-allowed');
  assert.match(
    text(error && child(error, 'text', 'urn:ietf:params:xml:ns:xmpp-stanzas')),
    /you are both in "Family".*only the administrators/,
  );
  for (const type of ['unsubscribe', 'unsubscribed']) {
    await phone.sends(`<presence type="${type}" to="${JULIET}"/>`);
    const refused = await phone.nextNamed('presence');
    assert.equal(attr(refused, 'type'), 'error');
    const reason = child(refused, 'error');
    assert.equal(reason && firstElement(reason)?.name, 'not-allowed');
  }
  for (const type of ['unsubscribe', 'unsubscribed']) {
    await phone.sends(`<presence type="${type}" to="${JULIET}/juliet"/>`);
    assert.equal(attr(await phone.nextNamed('presence'), 'type'), 'error');
  }
  await phone.receivesNothing();
  await juliet.receivesNothing();
  assert.deepEqual(await rosterOf(phone), ['juliet both Family']);
  assert.deepEqual(await rosterOf(juliet), ['romeo both Family']);
});

test('asking a shared contact for a subscription, or granting one, changes nothing and bothers nobody', async (t) => {
  const { all, phone, juliet } = await openFamily(t);
  for (const type of ['subscribe', 'subscribed']) await phone.sends(`<presence type="${type}" to="${JULIET}"/>`);
  assert.deepEqual(pushedIn(await news(juliet)), []);
  assert.deepEqual(pushedIn(await news(phone)), []);
  await all.leave('Family', 'romeo');
  assert.deepEqual(await rosterOf(phone), []);
  assert.deepEqual(await rosterOf(juliet), []);
});

test('what two had between them is there again when the group that they shared is gone', async (t) => {
  const { stage, all } = await open(t);
  const { phone, juliet, nurse } = await stage.online({ phone: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  for (const client of [phone, juliet, nurse]) await rosterOf(client);
  await phone.set(setItem(`<item jid="${JULIET}" name="Sun"><group>Family</group></item>`));
  await phone.sends(`<presence type="subscribe" to="${JULIET}"/>`);
  await juliet.sends(`<presence type="subscribed" to="${ROMEO}"/>`);
  await nurse.sends(`<presence type="subscribe" to="${ROMEO}"/>`);
  for (const client of [phone, juliet, nurse]) await client.forget();
  assert.deepEqual(await rosterOf(phone), ['juliet to Family "Sun"']);
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet', 'nurse']) await all.join('Family', local);
  assert.deepEqual(await rosterOf(phone), ['juliet both Family "Sun"', 'nurse both Family']);
  assert.deepEqual(await rosterOf(nurse), ['juliet both Family', 'romeo both Family']);
  for (const client of [phone, juliet, nurse]) await client.forget();
  await all.remove('Family');
  assert.deepEqual(pushedIn(await news(phone)), ['nurse remove', 'juliet to Family "Sun"']);
  assert.deepEqual(await rosterOf(juliet), ['romeo from']);
  assert.deepEqual(await rosterOf(nurse), ['romeo none ask']);
  await phone.sends('<presence type="unavailable"/>');
  await phone.forget();
  await phone.sends('<presence/>');
  assert.ok(
    (await news(phone)).some((stanza) => attr(stanza, 'type') === 'subscribe'),
    'the request still waits',
  );
});

test('a login finds the groups as they have become, and a client with another version is sent all', async (t) => {
  const { stage, all } = await open(t);
  await all.add('Family', false);
  const { phone } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  for (const local of ['romeo', 'juliet']) await all.join('Family', local);
  const versioned = (client: StageClient, ver: string) =>
    client.get(`<query xmlns="jabber:iq:roster" ver="${ver}"/>`).then((query) => query && attr(query, 'ver'));
  const ver = (await versioned(phone, '')) ?? '';
  assert.equal(await versioned(phone, ver), undefined, 'up to date');
  await stage.close();

  const again = await open(t, { store: stage.store, clock: stage.clock });
  const { laptop } = await again.stage.connected({ laptop: 'romeo' });
  assert.equal(await versioned(laptop, ver), undefined, 'the same version over a restart');
  assert.deepEqual(await rosterOf(laptop), ['juliet both Family']);
  await laptop.sends('</stream:stream>');
  await again.all.rename('Family', 'Clan');
  const { tablet } = await again.stage.connected({ tablet: 'romeo' });
  const renamed = await versioned(tablet, ver);
  assert.notEqual(renamed, undefined);
  await again.all.leave('Clan', 'juliet');
  const empty = await versioned(tablet, renamed ?? '');
  assert.equal(empty, '0');
  assert.deepEqual(await rosterOf(tablet), []);
  await again.all.join('Clan', 'juliet');
  assert.equal(await versioned(tablet, renamed ?? ''), undefined, 'what is the same again has the same version');
});

test('the last push of a change has the version that a roster get would have, those before it have another', async (t) => {
  const { stage, all } = await open(t);
  const { phone } = await stage.online({ phone: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  await rosterOf(phone);
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet', 'nurse']) await all.join('Family', local);
  await phone.set(setItem(`<item jid="${JULIET}" name="Jule"/>`));
  const pushes = (await news(phone)).filter(({ name }) => name === 'iq');
  assert.equal(pushes.length, 3);
  const versionOf = (push: Element | undefined) => {
    const query = push && child(push, 'query', 'jabber:iq:roster');
    return query && attr(query, 'ver');
  };
  const current = async () => attr((await phone.get(GET)) ?? assert.fail(), 'ver');
  assert.equal(versionOf(pushes.at(-1)), await current());
  await phone.forget();
  await all.rename('Family', 'Clan');
  const [first, second] = (await news(phone)).filter(({ name }) => name === 'iq');
  assert.notEqual(versionOf(first), await current(), 'whoever saw only this one has not seen all');
  assert.equal(versionOf(second), await current());
});

test('groups of the configuration change with a reload', async (t) => {
  const config = configured({ Family: ['romeo', 'juliet', 'nobody'] });
  const { stage } = await open(t, { config: { ...config } });
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  assert.deepEqual(await rosterOf(phone), ['juliet both Family']);
  await rosterOf(juliet);
  await juliet.forget();
  stage.reload({ ...configured({ Family: ['romeo', 'nurse'], School: ['juliet', 'romeo'] }) });
  assert.deepEqual(pushedIn(await newsOf(phone)), ['nurse both Family', 'juliet both School']);
  assert.deepEqual(pushedIn(await news(juliet)), ['romeo both School']);
  stage.reload({});
  assert.deepEqual(pushedIn(await newsOf(phone)), ['nurse remove', 'juliet remove']);
  stage.reload({ ...configured({ All: ['*'] }) });
  assert.deepEqual(pushedIn(await newsOf(phone)), ['juliet both All', 'nurse both All']);
  await stage.host.users.create('tybalt', 'secret');
  assert.deepEqual(pushedIn(await newsOf(phone)), ['tybalt both All']);
  await stage.host.removeUser('tybalt');
  assert.deepEqual(pushedIn(await newsOf(phone)), ['tybalt remove']);

  // A reload ends a moment later.
  async function newsOf(client: StageClient): Promise<Element[]> {
    await client.get(GET);
    return news(client);
  }
});

test('a shared contact that is blocked sees the user go, as any other', async (t) => {
  const { stage, all } = await open(t);
  const { phone, juliet } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet']) await all.join('Family', local);
  for (const client of [phone, juliet]) await client.forget();
  await phone.set(`<block xmlns="urn:xmpp:blocking"><item jid="${JULIET}"/></block>`);
  assert.deepEqual(presences(await news(juliet)), [`unavailable ${ROMEO}/phone`]);
  assert.deepEqual(await rosterOf(phone), ['juliet both Family']);
});

test('changes of a user and of its groups at the same time all happen', async (t) => {
  const { stage, all } = await open(t);
  const { phone } = await stage.online({ phone: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  await rosterOf(phone);
  await all.add('Family', false);
  await all.join('Family', 'romeo');
  await phone.forget();
  await Promise.all([
    phone.set(setItem(`<item jid="${JULIET}" name="Jule"/>`)),
    all.join('Family', 'juliet'),
    phone.set(setItem('<item jid="mab@elsewhere.example"/>')),
    all.join('Family', 'nurse'),
    all.rename('Family', 'Clan'),
  ]);
  await phone.sends('');
  const jids = new Map(pushedIn(await news(phone)).map((line) => [line.split(' ')[0], line]));
  const told = [...jids.values()].sort();
  assert.deepEqual(told, ['juliet both Clan "Jule"', 'mab@elsewhere.example none', 'nurse both Clan']);
  assert.deepEqual(await rosterOf(phone), told);
});

test('who is in a large group is told of everyone, one after the other', async (t) => {
  const { stage, all } = await open(t);
  const { phone } = await stage.online({ phone: 'romeo' });
  for (let n = 0; n < 70; n++) await stage.host.users.admit(`u${n}`);
  assert.deepEqual(await rosterOf(phone), []);
  await all.add('Everyone', true);
  await phone.sends('');
  assert.equal(pushedIn(await news(phone)).length, 70);
  assert.equal((await rosterOf(phone)).length, 70);
});

test('when a shared contact is removed from the server, it is seen to go and is in the roster no more', async (t) => {
  const { stage, all } = await open(t);
  const { phone } = await stage.online({ phone: 'romeo', juliet: 'juliet' });
  await rosterOf(phone);
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet']) await all.join('Family', local);
  await phone.forget();
  await stage.host.removeUser('juliet');
  const left = await news(phone);
  assert.deepEqual(pushedIn(left), ['juliet remove']);
  assert.deepEqual(presences(left), [`unavailable ${JULIET}/juliet`]);
  await stage.host.users.create('juliet', 'another');
  await phone.receivesNothing();
});

test('an export has what is the own of the user, and not the groups of the operator', async (t) => {
  const { stage, all } = await open(t);
  const { phone } = await stage.online({ phone: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  await all.add('Family', false);
  for (const local of ['romeo', 'juliet', 'nurse']) await all.join('Family', local);
  await phone.set(setItem(`<item jid="nurse@${DOMAIN}" name="Angelica"><group>Family</group></item>`));
  const exported: string[] = [];
  for (const part of stage.host.portable) {
    for await (const element of part.export(JID.parse(ROMEO))) exported.push(...children(element, 'item').map(lineOf));
  }
  assert.deepEqual(exported, ['nurse none "Angelica"']);
});
