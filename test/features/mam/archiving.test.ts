import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carbons } from '../../../src/features/carbons/index.ts';
import { child, serialize } from '../../../src/xml/element.ts';
import { FEATURES, JULIET, openStage, ROMEO, search, stanzaId } from './scene.ts';

test('both sides have a message in their archives, under the identifier that each was told', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<message to="${JULIET}" type="chat" id="m1"><body>hi</body></message>`);
  const message = await juliet.next();
  const id = stanzaId(message, JULIET);
  assert.ok(id);
  assert.equal(stanzaId(message, ROMEO), undefined);
  const [hers, his] = [await search(juliet), await search(romeo)];
  assert.deepEqual(hers.ids, [id]);
  assert.deepEqual([hers.bodies, his.bodies], [['hi'], ['hi']]);
  assert.equal(hers.results[0]?.message.attrs['from'], `${ROMEO}/romeo`);
  assert.equal(hers.results[0]?.message.attrs['id'], 'm1');
  assert.equal(hers.results[0]?.stamp, new Date(stage.clock.now()).toISOString());
});

test('a message to somebody away is archived, and what follows from the other side as well', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<message to="${JULIET}" type="chat"><body>one</body></message>`);
  await juliet.sends(`<message to="${ROMEO}"><body>two</body></message>`);
  assert.deepEqual((await search(juliet)).bodies, ['one', 'two']);
  assert.deepEqual((await search(romeo)).bodies, ['one', 'two']);
});

test('a forged identifier is taken off, whether we add one or not; those of others stay', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  const forged = `<stanza-id xmlns="urn:xmpp:sid:0" by="${JULIET}" id="forged"/>`;
  const foreign = '<stanza-id xmlns="urn:xmpp:sid:0" by="room@elsewhere.example" id="theirs"/>';
  const own = `<stanza-id xmlns="urn:xmpp:sid:0" by="${ROMEO}" id="mine"/><origin-id xmlns="urn:xmpp:sid:0" id="o"/>`;
  await romeo.sends(`<message to="${JULIET}" type="chat"><body>a</body>${forged}${foreign}${own}</message>`);
  const kept = await juliet.next();
  assert.notEqual(stanzaId(kept, JULIET), 'forged');
  assert.equal(stanzaId(kept, 'room@elsewhere.example'), 'theirs');
  assert.equal(stanzaId(kept, ROMEO), undefined);
  assert.ok(child(kept, 'origin-id', 'urn:xmpp:sid:0'));
  const shouted = forged.replace(JULIET, JULIET.replace('juliet@', 'JULIET@'));
  await romeo.sends(`<message to="${JULIET}" type="chat"><body>b</body>${shouted}</message>`);
  assert.doesNotMatch(serialize(await juliet.next()), /forged/);
  const active = '<active xmlns="http://jabber.org/protocol/chatstates"/>';
  await romeo.sends(`<message to="${JULIET}" type="chat">${active}${forged}</message>`);
  assert.equal(stanzaId(await juliet.next(), JULIET), undefined);
  assert.deepEqual((await search(juliet)).bodies, ['a', 'b']);
});

const NOT_ARCHIVED = {
  'a chat state': `<message to="${JULIET}" type="chat"><active xmlns="http://jabber.org/protocol/chatstates"/></message>`,
  'a headline': `<message to="${JULIET}" type="headline"><body>x</body></message>`,
  'an error': `<message to="${JULIET}/juliet" type="error"><body>x</body></message>`,
  'what is to leave no trace': `<message to="${JULIET}" type="chat"><body>x</body><no-store xmlns="urn:xmpp:hints"/></message>`,
  'what is not to be kept for good': `<message to="${JULIET}" type="chat"><body>x</body><no-permanent-store xmlns="urn:xmpp:hints"/></message>`,
  'what was said in a room': `<message to="${JULIET}/juliet" type="groupchat"><body>x</body></message>`,
};

for (const [what, xml] of Object.entries(NOT_ARCHIVED)) {
  test(`${what} is not archived`, async (t) => {
    const stage = await openStage(t);
    const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
    await romeo.sends(xml);
    assert.equal(stanzaId(await juliet.next(), JULIET), undefined);
    assert.deepEqual((await search(juliet)).ids, []);
    assert.deepEqual((await search(romeo)).ids, []);
  });
}

const ARCHIVED = {
  'what is hinted to be stored': '<x xmlns="urn:example"/><store xmlns="urn:xmpp:hints"/>',
  'a receipt': '<received xmlns="urn:xmpp:receipts" id="m1"/>',
  'a marker': '<displayed xmlns="urn:xmpp:chat-markers:0" id="m1"/>',
  'what is encrypted': '<encrypted xmlns="eu.siacs.conversations.axolotl"><payload>c2VjcmV0</payload></encrypted>',
  'a reaction': '<reactions xmlns="urn:xmpp:reactions:0" id="m1"><reaction>👍</reaction></reactions>',
};

for (const [what, content] of Object.entries(ARCHIVED)) {
  test(`${what} is archived`, async (t) => {
    const stage = await openStage(t);
    const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
    await romeo.sends(`<message to="${JULIET}" type="chat">${content}</message>`);
    assert.equal((await search(juliet)).ids.length, 1);
  });
}

test('what is refused is not in the archive of whom it was meant for', async (t) => {
  const stage = await openStage(t, { features: [...FEATURES.slice(0, 3), carbons, ...FEATURES.slice(3)] });
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  const inner = `<message xmlns="jabber:client" from="${ROMEO}/x" to="${JULIET}"><body>never said</body></message>`;
  const copy = `<sent xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0">${inner}</forwarded></sent>`;
  for (const [xml, condition] of [
    [`<message to="${JULIET}" type="chat"><body>x</body>${copy}</message>`, 'not-acceptable'],
    [`<message to="${JULIET}/gone"><body>x</body></message>`, 'service-unavailable'],
  ] as const) {
    await romeo.sends(xml);
    const error = child(await romeo.next(), 'error');
    assert.ok(error && child(error, condition, 'urn:ietf:params:xml:ns:xmpp-stanzas'));
  }
  await romeo.sends(`<message to="${JULIET}/gone" type="chat"><body>to any other</body></message>`);
  assert.deepEqual((await search(juliet)).bodies, ['to any other']);
});

test('what an account sends to itself is archived once', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop } = await stage.online({ phone: 'romeo', laptop: 'romeo' });
  await phone.sends(`<message to="${ROMEO}" type="chat"><body>note</body></message>`);
  await phone.sends('<message type="chat"><body>to nobody</body></message>');
  await phone.sends(`<message to="${ROMEO}/laptop" type="chat"><body>to the laptop</body></message>`);
  const all = await search(laptop);
  assert.deepEqual(all.bodies, ['note', 'to nobody', 'to the laptop']);
  const received = await laptop.next();
  assert.equal(stanzaId(received, ROMEO), all.ids[0]);
  assert.deepEqual((await search(laptop, { fields: { with: ROMEO } })).bodies, all.bodies);
  assert.deepEqual((await search(laptop, { fields: { with: JULIET } })).bodies, []);
});

test('nobody is sent an identifier of a message that was not stored, and its sender is told', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<message to="${JULIET}" type="chat"><body>first</body></message>`);
  await juliet.forget();
  stage.store.failNextCommit(new Error('the disk is full'));
  await romeo.sends(`<message to="${JULIET}" type="chat" id="lost"><body>lost</body></message>`);
  const error = await romeo.next();
  assert.equal(error.attrs['type'], 'error');
  assert.equal(error.attrs['id'], 'lost');
  await romeo.receivesNothing();
  await juliet.receivesNothing();
});

test('a message waits until it is durable in both archives', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  stage.store.hold();
  await romeo.sends(`<message to="${JULIET}" type="chat"><body>hi</body></message>`);
  await juliet.receivesNothing();
  stage.store.release();
  await juliet.receives(
    `<message from="${ROMEO}/romeo" to="${JULIET}" type="chat"><body>hi</body><stanza-id xmlns="urn:xmpp:sid:0" by="${JULIET}" id="*"/></message>`,
  );
});

test('an archive goes on after a restart, and is gone with its account', async (t) => {
  const before = await openStage(t);
  const clients = await before.online({ romeo: 'romeo', juliet: 'juliet' });
  for (let i = 0; i < 3; i++) await clients.romeo.sends(`<message to="${JULIET}"><body>${i}</body></message>`);
  await before.close();
  const after = await openStage(t, { store: before.store, clock: before.clock });
  const { romeo, juliet } = await after.online({ romeo: 'romeo', juliet: 'juliet' });
  await juliet.sends(`<message to="${ROMEO}"><body>3</body></message>`);
  const all = await search(romeo);
  assert.deepEqual(all.bodies, ['0', '1', '2', '3']);
  assert.equal(all.count, 4);
  await after.host.removeUser('romeo');
  const { again } = await after.connected({ again: 'romeo' });
  const { bodies, count, complete } = await search(again);
  assert.deepEqual({ bodies, count, complete }, { bodies: [], count: 0, complete: true });
  assert.deepEqual((await search(juliet)).bodies, ['0', '1', '2', '3']);
});

test('an archive with messages on their way to a store that hangs is not forgotten', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.online({ romeo: 'romeo' });
  await romeo.sends(`<message to="${JULIET}"><body>0</body></message>`);
  stage.store.hold();
  await romeo.sends(`<message to="${JULIET}"><body>1</body></message>`);
  for (let i = 0; i < 4; i++) await stage.clock.advance(300_000);
  const { again } = await stage.connected({ again: 'romeo' });
  await again.sends(`<message to="${JULIET}"><body>2</body></message>`);
  stage.store.release();
  await again.forget();
  const { bodies, count } = await search(again);
  assert.deepEqual([bodies, count], [['0', '1', '2'], 3]);
});

test('the metrics tell how large the archives are', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.online({ romeo: 'romeo' });
  const size = async () => (await stage.metrics.values('archive_bytes')).get('archive_bytes')?.[0]?.value;
  assert.equal(await size(), 0);
  await romeo.sends('<message to="juliet@stage.example" type="chat"><body>A rose by any other name</body></message>');
  assert.ok(((await size()) ?? 0) > 24);
});
