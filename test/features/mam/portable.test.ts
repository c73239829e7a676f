import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serialize } from '../../../src/xml/element.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { exported, imported, importedPart } from './portable-scene.ts';
import { JULIET, openStage, ROMEO, search, stanzaId } from './scene.ts';

test('an archive that is exported and imported is the same archive', async (t) => {
  const here = await openStage(t);
  const { romeo, juliet } = await here.connected({ romeo: 'romeo', juliet: 'juliet' });
  for (let i = 0; i < 70; i++) {
    await romeo.sends(
      `<message to="${JULIET}" type="chat" id="m${i}" xml:lang="it"><body>${i} &lt;&amp;</body></message>`,
    );
    if (i % 3 === 0) await here.clock.advance(1000);
  }
  const before = await search(juliet, { page: '<max>100</max>' });
  const there = await openStage(t, { clock: here.clock });
  const elements = await exported(here, 'juliet');
  const { again } = await there.connected({ again: 'juliet' });
  assert.deepEqual(await imported(there, 'juliet', elements), { took: 70, had: 0, skipped: [] });
  assert.deepEqual(await imported(there, 'juliet', elements), { took: 0, had: 70, skipped: [] });
  const after = await search(again, { page: '<max>100</max>' });
  assert.deepEqual(after, before);
  assert.equal((await search(again, { fields: { with: ROMEO } })).count, 70);
});

test('older messages take their place before those that are there', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<message to="${JULIET}"><body>new</body></message>`);
  const old = ['a', 'b', 'c'].map((id) =>
    importedPart(id, '2016-05-05T05:05:05Z', { from: ROMEO, to: JULIET, body: id }),
  );
  assert.deepEqual(await imported(stage, 'juliet', old), { took: 3, had: 0, skipped: [] });
  await romeo.sends(`<message to="${JULIET}"><body>newer</body></message>`);
  const { bodies, count, results } = await search(juliet);
  assert.deepEqual([bodies, count], [['a', 'b', 'c', 'new', 'newer'], 5]);
  assert.equal(results[0]?.stamp, '2016-05-05T05:05:05.000Z');
  assert.deepEqual(await imported(stage, 'juliet', old), { took: 0, had: 3, skipped: [] });
});

test('an identifier that the account gave it elsewhere is not kept in a message', async (t) => {
  const stage = await openStage(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const mark = `<stanza-id xmlns="urn:xmpp:sid:0" by="${JULIET}" id="elsewhere"/>`;
  const old = serialize(importedPart('a', '2016-05-05T05:05:05Z', { from: ROMEO, to: JULIET, body: 'x' }));
  const marked = parseElement(old.replace('</body>', `</body>${mark}`));
  assert.equal((await imported(stage, 'juliet', [marked])).took, 1);
  const [result] = (await search(juliet)).results;
  assert.ok(result);
  assert.equal(stanzaId(result.message, JULIET), undefined);
});

test('what cannot be a message of the archive is not taken', async (t) => {
  const stage = await openStage(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const good = { from: ROMEO, to: JULIET, body: 'x' };
  const elements = [
    importedPart('1', '2999-01-01T00:00:00Z', good),
    importedPart('2', 'some day', good),
    importedPart('2a', '1969-07-21T02:56:15Z', good),
    importedPart('3', '2016-05-05T05:05:05Z', { ...good, from: '@@' }),
  ];
  const { took, skipped } = await imported(stage, 'juliet', elements);
  assert.deepEqual([took, skipped.length], [0, 4]);
  assert.deepEqual((await search(juliet)).bodies, []);
});
