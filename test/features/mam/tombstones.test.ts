import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Element, serialize } from '../../../src/xml/element.ts';
import { JULIET, openStage, ROMEO, search } from './scene.ts';

const retract = (id: string): string =>
  `<message to="${JULIET}" type="chat" id="r1"><retract xmlns="urn:xmpp:message-retract:1" id="${id}"/></message>`;

test('a message that its sender retracts is a tombstone in both archives, and the retraction is kept', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<message to="${JULIET}" type="chat" id="m1"><body>sorry</body></message>`);
  const before = await search(juliet);
  await romeo.sends(retract('m1'));
  for (const client of [romeo, juliet]) {
    const { results, ids } = await search(client);
    assert.equal(ids.length, 2);
    const [grave] = results;
    assert.ok(grave);
    const { name, attrs, children } = grave.message;
    const head = { xmlns: 'jabber:client', from: `${ROMEO}/romeo`, to: JULIET, type: 'chat', id: 'm1' };
    assert.deepEqual([name, { ...attrs }], ['message', head]);
    const stamp = new Date(stage.clock.now()).toISOString();
    const retracted = `<retracted xmlns="urn:xmpp:message-retract:1" id="r1" stamp="${stamp}"/>`;
    assert.deepEqual(
      children.map((child) => serialize(child as Element)),
      [retracted],
    );
  }
  assert.equal((await search(juliet)).ids[0], before.ids[0]);
});

test('nobody retracts what another has sent, nor what is in another conversation', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet, tybalt } = await stage.online({ romeo: 'romeo', juliet: 'juliet', tybalt: 'tybalt' });
  await romeo.sends(`<message to="${JULIET}" type="chat" id="m1"><body>hi</body></message>`);
  await juliet.sends(`<message to="${ROMEO}" type="chat" id="m2"><body>ho</body></message>`);
  await tybalt.sends(retract('m1'));
  await romeo.sends(retract('m2'));
  assert.deepEqual((await search(juliet)).bodies.slice(0, 2), ['hi', 'ho']);
  await romeo.sends(retract('there is none'));
  assert.deepEqual((await search(romeo)).bodies.slice(0, 2), ['hi', 'ho']);
});

test('a retraction with the identifier of what it retracts does not take its place, and one without retracts nothing', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<message to="${JULIET}" type="chat" id="r1"><body>one</body></message>`);
  await romeo.sends(retract('r1'));
  const { results } = await search(juliet);
  const contents = results.map(({ message }) => (message.children[0] as Element).name);
  assert.deepEqual(contents, ['retracted', 'retract']);
  await romeo.sends(`<message to="${JULIET}" type="chat" id="m2"><body>two</body></message>`);
  await romeo.sends(retract('m2').replace(' id="r1"', ''));
  assert.equal((await search(juliet)).bodies[2], 'two');
});

test('of several messages with one identifier, the last is retracted', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  for (const body of ['one', 'two']) {
    await romeo.sends(`<message to="${JULIET}" type="chat" id="a&quot;&amp;b"><body>${body}</body></message>`);
  }
  await romeo.sends(retract('a&quot;&amp;b'));
  assert.deepEqual((await search(juliet)).bodies, ['one', '', '']);
});
