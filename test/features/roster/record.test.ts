import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RosterItem, Subscription } from '../../../src/features/roster/api.ts';
import { fromRecord, ROSTERS, toRecord } from '../../../src/features/roster/record.ts';
import { LiveRoster, MAX_REQUESTS } from '../../../src/features/roster/roster.ts';
import { JID } from '../../../src/jid.ts';

const subscriptions: readonly Subscription[] = ['none', 'to', 'from', 'both'];

const items = fc.record({
  jid: fc.integer({ min: 0, max: 50 }).map((n) => JID.parse(`user${n}@example.org`)),
  name: fc.option(fc.string({ minLength: 1, unit: 'grapheme' }), { nil: undefined }),
  groups: fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 3 }),
  subscription: fc.constantFrom(...subscriptions),
  ask: fc.boolean(),
  approved: fc.boolean(),
});

function rosterOf(list: readonly RosterItem[], requests: readonly string[] = []): LiveRoster {
  let roster = LiveRoster.EMPTY;
  for (const item of list) roster = roster.with(item.jid, { item, request: undefined });
  for (const [i, request] of requests.entries()) {
    const contact = JID.parse(`asker${i}@example.org`);
    roster = roster.with(contact, { item: roster.relation(contact).item, request });
  }
  return roster;
}

test('a roster is read as it was written', () => {
  fc.assert(
    fc.property(fc.array(items), fc.array(fc.string(), { maxLength: 5 }), (list, requests) => {
      const roster = rosterOf(list, requests);
      const read = fromRecord(ROSTERS.parse(JSON.parse(JSON.stringify(toRecord(roster)))));
      assert.deepEqual(toRecord(read), toRecord(roster));
      assert.deepEqual([...read.items.keys()], [...roster.items.keys()]);
    }),
    { numRuns: 200 },
  );
});

test('a roster knows who sees the account and whom the account sees', () => {
  const list = subscriptions.map((subscription) => ({
    jid: JID.parse(`${subscription}@example.org`),
    name: undefined,
    groups: [],
    subscription,
    ask: false,
    approved: false,
  }));
  const roster = rosterOf(list);
  assert.deepEqual(roster.subscribers.map(String), ['from@example.org', 'both@example.org']);
  assert.deepEqual(roster.subscriptions.map(String), ['to@example.org', 'both@example.org']);
});

test('a request does not change the version, an item does', () => {
  const contact = JID.parse('a@example.org');
  const asked = LiveRoster.EMPTY.with(contact, { item: undefined, request: '<presence/>' });
  assert.equal(asked.version, LiveRoster.EMPTY.version);
  const [item] = fc.sample(items, 1);
  assert.notEqual(asked.with(contact, { item, request: undefined }).version, asked.version);
});

test('the oldest request gives way when there are too many', () => {
  const requests = Array.from({ length: MAX_REQUESTS + 2 }, () => '<presence/>');
  const roster = rosterOf([], requests);
  assert.equal(roster.requests.size, MAX_REQUESTS);
  assert.equal([...roster.requests.keys()][0], 'asker2@example.org');
});

const ITEM = { jid: 'a@example.org', subscription: 'to' };
const DAMAGED: readonly unknown[] = [
  null,
  [],
  { items: [], requests: [] },
  { version: '1', items: {}, requests: [] },
  { version: '1', items: [{ ...ITEM, subscription: 'all' }], requests: [] },
  { version: '1', items: [{ ...ITEM, jid: 1 }], requests: [] },
  { version: '1', items: [{ ...ITEM, name: 1 }], requests: [] },
  { version: '1', items: [{ ...ITEM, groups: [1] }], requests: [] },
  { version: '1', items: [{ ...ITEM, ask: 'subscribe' }], requests: [] },
  { version: '1', items: [ITEM], requests: [['a@example.org']] },
  { version: '1', items: [ITEM], requests: {} },
];

for (const json of DAMAGED) {
  test(`a damaged roster is not read: ${JSON.stringify(json)}`, () => {
    assert.throws(() => ROSTERS.parse(json), TypeError);
  });
}
