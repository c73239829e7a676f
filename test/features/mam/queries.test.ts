import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { child, children } from '../../../src/xml/element.ts';
import { assertXml } from '../../support/compare.ts';
import type { ManualClock } from '../../support/manual-clock.ts';
import type { Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { JULIET, NS_MAM, openStage, query, ROMEO, search } from './scene.ts';

const NURSE = 'nurse@elsewhere.example';

/** Juliet's archive: `0` to `n − 1`, a second apart, in turn from Romeo and to the nurse. */
async function filled(
  t: TestContext,
  count: number,
): Promise<{ stage: Stage; clock: ManualClock; juliet: StageClient }> {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  for (let i = 0; i < count; i++) {
    if (i % 2 === 0) await romeo.sends(`<message to="${JULIET}"><body>${i}</body></message>`);
    else await juliet.sends(`<message to="${NURSE}/kitchen"><body>${i}</body></message>`);
    await stage.clock.advance(1000);
  }
  await juliet.forget();
  return { stage, clock: stage.clock, juliet };
}

const range = (from: number, to: number, step = 1): string[] =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, i) => String(from + i * step));

test('pages follow each other forwards and backwards, with their places and the count', async (t) => {
  const { juliet } = await filled(t, 25);
  const first = await search(juliet, { page: '<max>10</max>' });
  assert.deepEqual([first.bodies, first.index, first.count, first.complete], [range(0, 10), 0, 25, false]);
  assert.deepEqual([first.first, first.last], [first.ids[0], first.ids[9]]);
  const second = await search(juliet, { page: `<max>10</max><after>${first.last}</after>` });
  assert.deepEqual([second.bodies, second.index, second.count, second.complete], [range(10, 20), 10, 25, false]);
  const third = await search(juliet, { page: `<max>10</max><after>${second.last}</after>` });
  assert.deepEqual([third.bodies, third.index, third.count, third.complete], [range(20, 25), 20, 25, true]);
  const none = await search(juliet, { page: `<max>10</max><after>${third.last}</after>` });
  assert.deepEqual([none.bodies, none.index, none.count, none.complete], [[], undefined, 25, true]);
  const last = await search(juliet, { page: '<max>10</max><before/>' });
  assert.deepEqual([last.bodies, last.index, last.count, last.complete], [range(15, 25), undefined, 25, false]);
  const middle = await search(juliet, { page: `<max>10</max><before>${last.first}</before>` });
  assert.deepEqual([middle.bodies, middle.index, middle.count, middle.complete], [range(5, 15), undefined, 25, false]);
  const start = await search(juliet, { page: `<max>10</max><before>${middle.first}</before>` });
  assert.deepEqual([start.bodies, start.index, start.count, start.complete], [range(0, 5), undefined, 25, true]);
});

test('a page that is just as long as what there is, is complete', async (t) => {
  const { juliet } = await filled(t, 10);
  assert.equal((await search(juliet, { page: '<max>10</max>' })).complete, true);
  assert.equal((await search(juliet, { page: '<max>9</max>' })).complete, false);
  assert.equal((await search(juliet, { page: '<max>10</max><before/>' })).complete, true);
});

test('how many there are can be asked for without any of them', async (t) => {
  const { juliet } = await filled(t, 11);
  const all = await search(juliet, { page: '<max>0</max>' });
  assert.deepEqual([all.bodies, all.first, all.count], [[], undefined, 11]);
  const some = await search(juliet, { fields: { with: NURSE }, page: '<max>0</max>' });
  assert.deepEqual([some.bodies, some.count], [[], 5]);
});

test('a conversation is found by its bare or full address, and its pages follow each other', async (t) => {
  const { juliet } = await filled(t, 21);
  const romeo = await search(juliet, { fields: { with: ROMEO } });
  assert.deepEqual([romeo.bodies, romeo.count, romeo.index], [range(0, 21, 2), 11, 0]);
  const nurse = await search(juliet, { fields: { with: NURSE }, page: '<max>3</max>' });
  assert.deepEqual([nurse.bodies, nurse.count, nurse.index, nurse.complete], [['1', '3', '5'], 10, 0, false]);
  const next = await search(juliet, { fields: { with: NURSE }, page: `<max>3</max><after>${nurse.last}</after>` });
  assert.deepEqual([next.bodies, next.count, next.index], [['7', '9', '11'], 10, 3]);
  const kitchen = await search(juliet, { fields: { with: `${NURSE}/kitchen` }, page: '<max>3</max><before/>' });
  assert.deepEqual([kitchen.bodies, kitchen.count], [['15', '17', '19'], undefined]);
  assert.deepEqual((await search(juliet, { fields: { with: `${NURSE}/cellar` } })).bodies, []);
  assert.deepEqual((await search(juliet, { fields: { with: `${ROMEO}/romeo` } })).bodies.length, 11);
});

test('a time span includes both of its ends', async (t) => {
  const { clock, juliet } = await filled(t, 10);
  const at = (seconds: number): string => new Date(clock.now() - (10 - seconds) * 1000).toISOString();
  const found = async (fields: Record<string, string>) => {
    const { bodies, count, complete } = await search(juliet, { fields });
    assert.equal(count, bodies.length);
    assert.equal(complete, true);
    return bodies;
  };
  assert.deepEqual(await found({ start: at(3) }), range(3, 10));
  assert.deepEqual(await found({ end: at(3) }), range(0, 4));
  assert.deepEqual(await found({ start: at(3), end: at(5) }), ['3', '4', '5']);
  assert.deepEqual(await found({ start: at(3).replace('Z', '+00:00'), end: at(3), with: NURSE }), ['3']);
  assert.deepEqual(await found({ start: at(5), end: at(3) }), []);
  assert.deepEqual(await found({ start: '1969-07-21T02:56:15Z', end: '1969-07-21T02:56:15Z' }), []);
  assert.deepEqual(await found({ end: '9999-12-31T23:59:59Z' }), range(0, 10));
});

test('what came between messages that the client knows', async (t) => {
  const { juliet } = await filled(t, 10);
  const { ids } = await search(juliet);
  const [a = '', b = ''] = [ids[2], ids[6]];
  assert.deepEqual((await search(juliet, { fields: { 'after-id': a } })).bodies, range(3, 10));
  assert.deepEqual((await search(juliet, { fields: { 'before-id': b } })).bodies, range(0, 6));
  const between = await search(juliet, { fields: { 'after-id': a, 'before-id': b }, page: '<max>2</max><before/>' });
  assert.deepEqual([between.bodies, between.count, between.index], [['4', '5'], 3, undefined]);
});

test('messages are found by their identifiers, in chronological order', async (t) => {
  const { juliet } = await filled(t, 10);
  const { ids } = await search(juliet);
  const wanted = [ids[7], ids[2], ids[4], ids[2]].map(String);
  const found = await search(juliet, { fields: { ids: wanted } });
  assert.deepEqual([found.bodies, found.count, found.index, found.complete], [['2', '4', '7'], 3, 0, true]);
  const page = await search(juliet, { fields: { ids: wanted }, page: '<max>1</max><before/>' });
  assert.deepEqual([page.bodies, page.count, page.index, page.complete], [['7'], 3, undefined, false]);
  assert.deepEqual((await search(juliet, { fields: { ids: wanted, with: NURSE } })).bodies, ['7']);
  assert.equal((await search(juliet, { fields: { ids: [] } })).bodies.length, 10);
  assert.equal((await search(juliet, { fields: { ids: [''], with: NURSE } })).bodies.length, 5);
});

test('a flipped page has the same messages, the last first', async (t) => {
  const { juliet } = await filled(t, 10);
  const found = await search(juliet, { page: '<max>3</max>', flip: true });
  assert.deepEqual(found.bodies, ['2', '1', '0']);
  assert.deepEqual([found.first, found.last], [found.ids[2], found.ids[0]]);
});

test('the query identifier is in every result', async (t) => {
  const { juliet } = await filled(t, 2);
  await juliet.set(query({ attributes: 'queryid="f&lt;27"' }));
  for (const result of juliet.transport.received) {
    assert.equal(child(result, 'result', NS_MAM)?.attrs['queryid'], 'f<27');
    assert.equal(result.attrs['to'], `${JULIET}/juliet`);
    assert.equal(result.attrs['from'], JULIET);
  }
  assert.equal(juliet.transport.received.length, 2);
  await juliet.forget();
});

test('the archive tells where it begins and ends', async (t) => {
  const { clock, juliet } = await filled(t, 3);
  const { ids } = await search(juliet);
  const metadata = await juliet.get(`<metadata xmlns="${NS_MAM}"/>`);
  assert.ok(metadata);
  const at = (seconds: number): string => new Date(clock.now() - seconds * 1000).toISOString();
  assertXml(
    metadata,
    `<metadata xmlns="${NS_MAM}"><start id="${ids[0]}" timestamp="${at(3)}"/><end id="${ids[2]}" timestamp="${at(1)}"/></metadata>`,
  );
});

test('an archive without messages is empty, and no error', async (t) => {
  const stage = await openStage(t);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  const found = await search(juliet);
  assert.deepEqual([found.bodies, found.count, found.complete, found.first], [[], 0, true, undefined]);
  const metadata = await juliet.get(`<metadata xmlns="${NS_MAM}"/>`);
  assert.ok(metadata);
  assertXml(metadata, `<metadata xmlns="${NS_MAM}"/>`);
});

test('the fields of a query can be asked for', async (t) => {
  const stage = await openStage(t);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  const answer = await juliet.get(`<query xmlns="${NS_MAM}"/>`);
  const form = answer && child(answer, 'x', 'jabber:x:data');
  assert.ok(form);
  assert.deepEqual(
    children(form, 'field').map(({ attrs }) => attrs['var']),
    ['FORM_TYPE', 'with', 'start', 'end', 'before-id', 'after-id', 'ids', 'include-groupchat'],
  );
});

test('a page has no more messages than the server allows, nor more bytes', async (t) => {
  const stage = await openStage(t, { config: { features: { mam: { pageSize: 5, maxPageSize: 8 } } } });
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  for (let i = 0; i < 12; i++) await romeo.sends(`<message to="${JULIET}"><body>${i}</body></message>`);
  await juliet.forget();
  assert.equal((await search(juliet)).bodies.length, 5);
  assert.equal((await search(juliet, { page: '<max>1000</max>' })).bodies.length, 8);
  const large = 'x'.repeat(100_000);
  for (let i = 0; i < 4; i++) await romeo.sends(`<message to="${JULIET}"><body>${large}${i}</body></message>`);
  await juliet.forget();
  const last = await search(juliet, { page: '<before/>' });
  assert.deepEqual([last.bodies.length, last.complete], [2, false]);
  assert.equal(last.bodies[1]?.at(-1), '3');
  const before = await search(juliet, { page: `<before>${last.first}</before>` });
  assert.equal(before.bodies.at(-1)?.at(-1), '1');
});

const REFUSED: Readonly<Record<string, readonly [string, string]>> = {
  'an identifier that is not there, after': ['item-not-found', query({ page: '<after>00nothere</after>' })],
  'an identifier that is not there, before': ['item-not-found', query({ page: '<before>00nothere</before>' })],
  'after-id': ['item-not-found', query({ fields: { 'after-id': '00nothere' } })],
  'before-id': ['item-not-found', query({ fields: { 'before-id': '../../x' } })],
  ids: ['item-not-found', query({ fields: { ids: ['00nothere'] } })],
  'too many identifiers': ['policy-violation', query({ fields: { ids: range(0, 251) } })],
  'before and after': ['bad-request', query({ page: '<before/><after>x</after>' })],
  'a page by its index': ['feature-not-implemented', query({ page: '<index>3</index>' })],
  'a maximum that is no number': ['bad-request', query({ page: '<max>many</max>' })],
  'a negative maximum': ['bad-request', query({ page: '<max>-1</max>' })],
  'a time that is none': ['bad-request', query({ fields: { start: 'yesterday' } })],
  'a day that is none': ['bad-request', query({ fields: { end: '2026-02-31T25:00:00Z' } })],
  'an address that is none': ['jid-malformed', query({ fields: { with: '@@' } })],
  'an unknown field': ['feature-not-implemented', query({ fields: { mood: 'lonely' } })],
  'another form': ['bad-request', query({ fields: { FORM_TYPE: 'urn:example', with: ROMEO } })],
  'a form that is not submitted': [
    'bad-request',
    `<query xmlns="${NS_MAM}"><x xmlns="jabber:x:data" type="cancel"/></query>`,
  ],
  'a query identifier without end': ['bad-request', query({ attributes: `queryid="${'q'.repeat(257)}"` })],
};

for (const [what, [condition, xml]] of Object.entries(REFUSED)) {
  test(`a query with nonsense is refused: ${what}`, async (t) => {
    const { juliet } = await filled(t, 2);
    assert.equal(await juliet.refused('set', xml), condition);
    await juliet.receivesNothing();
  });
}

test("nobody reads another's archive, nor learns that there is one", async (t) => {
  const { stage } = await filled(t, 2);
  const { tybalt } = await stage.online({ tybalt: 'tybalt' });
  for (const of of [JULIET, `nobody@${JULIET.split('@')[1]}`]) {
    assert.equal(await tybalt.refused('set', query(), of), 'service-unavailable');
    assert.equal(await tybalt.refused('get', `<metadata xmlns="${NS_MAM}"/>`, of), 'service-unavailable');
    assert.equal(await tybalt.refused('get', `<prefs xmlns="${NS_MAM}"/>`, of), 'service-unavailable');
  }
});
