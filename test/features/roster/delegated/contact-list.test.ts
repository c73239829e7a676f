import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type ContactRules,
  parseContactList,
  rosterOf,
} from '../../../../src/features/roster/delegated/contact-list.ts';
import { SourceError } from '../../../../src/features/roster/delegated/source.ts';
import { JID } from '../../../../src/jid.ts';

const RULES: ContactRules = { owner: JID.parse('john@example.org'), domainContacts: false, maxContacts: 100 };

function parse(text: string, rules: Partial<ContactRules> = {}) {
  return parseContactList(JSON.parse(text), { ...RULES, ...rules });
}

function shown(text: string, rules: Partial<ContactRules> = {}): unknown[] {
  return parse(text, rules).contacts.map(({ jid, name, groups }) => [jid.toString(), name, groups]);
}

function reasonOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SourceError) return error.reason;
    throw error;
  }
  return 'none';
}

test('a contact has a name and groups, or neither', () => {
  const text = `{
    "marie@example.org": {"name": "Marie", "groups": {"Family": true, "Chess club": true}},
    "michael@example.org": {"name": "Michael"},
    "bot@example.org": {}
  }`;
  assert.deepEqual(shown(text), [
    ['marie@example.org', 'Marie', ['Chess club', 'Family']],
    ['michael@example.org', 'Michael', []],
    ['bot@example.org', undefined, []],
  ]);
});

test('groups may be a list, or the keys of an object whatever their values', () => {
  assert.deepEqual(shown('{"a@example.org": {"groups": ["x", "y", "x", "", 1, null, {}]}}'), [
    ['a@example.org', undefined, ['x', 'y']],
  ]);
  assert.deepEqual(shown('{"a@example.org": {"groups": {"x": false, "": true, "y": null}}}'), [
    ['a@example.org', undefined, ['x', 'y']],
  ]);
  for (const other of ['"x"', '1', 'true', 'null']) {
    assert.deepEqual(shown(`{"a@example.org": {"groups": ${other}}}`), [['a@example.org', undefined, []]]);
  }
});

test('a contact whose value is no object has neither name nor groups, and what else is said is ignored', () => {
  for (const value of ['null', '1', '"Anna"', 'true', '[]', '{"name": 1}', '{"name": ""}', '{"name": ["x"]}']) {
    assert.deepEqual(shown(`{"a@example.org": ${value}}`), [['a@example.org', undefined, []]]);
  }
  const [item] = rosterOf(
    parse('{"a@example.org": {"subscription": "none", "ask": "subscribe"}}').contacts,
  ).items.values();
  assert.equal(item?.subscription, 'both');
  assert.equal(item?.ask, false);
});

test('addresses that are none, have a resource, are a domain or the own one are left out and counted', () => {
  const text = `{
    "@": {}, "a b@example.org": {}, "": {},
    "x@example.org/desk": {},
    "gateway.example.org": {},
    "JOHN@example.org": {},
    "ok@example.org": {}
  }`;
  const { contacts, flaws } = parse(text);
  assert.deepEqual(
    contacts.map(({ jid }) => jid.toString()),
    ['ok@example.org'],
  );
  assert.deepEqual(Object.fromEntries(flaws), { invalid: 3, resource: 1, domain: 1, own: 1 });
});

test('a domain is a contact where that is wanted', () => {
  assert.deepEqual(shown('{"Gateway.example.org": {}}', { domainContacts: true }), [
    ['gateway.example.org', undefined, []],
  ]);
});

test('of two keys that are the same address the last one counts', () => {
  assert.deepEqual(shown('{"Anna@Example.org": {"name": "first"}, "anna@example.org": {"name": "last"}}'), [
    ['anna@example.org', 'last', []],
  ]);
});

test('names and groups that are too long, or that XML cannot carry, are left out; the contact stays', () => {
  const contacts = {
    'long@example.org': { name: 'x'.repeat(1024), groups: ['y'.repeat(1024), 'ok'] },
    'wide@example.org': { name: 'ü'.repeat(512) },
    'fits@example.org': { name: 'x'.repeat(1023) },
    'null@example.org': { name: 'a\u0000b', groups: ['\uffff', '\ud800'] },
  };
  const { contacts: read, flaws } = parse(JSON.stringify(contacts));
  assert.deepEqual(
    read.map(({ name, groups }) => [name?.length, groups]),
    [
      [undefined, ['ok']],
      [undefined, []],
      [1023, []],
      [undefined, []],
    ],
  );
  assert.equal(flaws.get('label'), 6);
});

test('the groups of a contact are bounded together, and which are left out does not depend on their order', () => {
  const groups = Array.from({ length: 6 }, (_, i) => String(i).repeat(1000));
  const of = (names: readonly string[]) => shown(JSON.stringify({ 'a@example.org': { groups: names } }));
  assert.deepEqual(of(groups), [['a@example.org', undefined, groups.slice(0, 4)]]);
  assert.deepEqual(of([...groups].reverse()), of(groups));
});

test('what is no object of contacts is a failure, and so is one with too many', () => {
  for (const text of ['null', '[]', '[{"a@example.org": {}}]', '"john"', '1', 'true']) {
    assert.equal(
      reasonOf(() => parse(text)),
      'bad_json',
      text,
    );
  }
  assert.equal(
    reasonOf(() => parse('{"a@example.org": {}, "b@example.org": {}}', { maxContacts: 1 })),
    'too_large',
  );
  assert.equal(
    reasonOf(() => parse('{"a@example.org": {}}', { maxContacts: 1 })),
    'none',
  );
});

test('keys that mean something to JavaScript are keys as others', () => {
  const text = `{
    "__proto__": {"name": "polluted"},
    "constructor@example.org": {"__proto__": {"name": "inherited"}, "groups": {"__proto__": true, "toString": true}}
  }`;
  assert.deepEqual(shown(text), [['constructor@example.org', undefined, ['__proto__', 'toString']]]);
  assert.equal('name' in {}, false);
});

test('the version of a roster is that of its content, in base64url', () => {
  const one = rosterOf(parse('{"b@example.org": {"groups": ["y", "x"]}, "a@example.org": {"name": "A"}}').contacts);
  const same = rosterOf(
    parse('{"a@example.org": {"name": "A"}, "b@example.org": {"groups": {"x": 1, "y": 1}}}').contacts,
  );
  assert.match(one.version, /^[\w-]{22}$/);
  assert.equal(one.version, same.version);
  assert.deepEqual([...one.items.keys()], ['a@example.org', 'b@example.org']);
  assert.deepEqual(one.items.get('b@example.org')?.groups, ['x', 'y']);
  assert.equal(one.subscribers.length, 2);
  for (const other of ['{}', '{"a@example.org": {}, "b@example.org": {"groups": ["x", "y"]}}']) {
    assert.notEqual(rosterOf(parse(other).contacts).version, one.version);
  }
});

test('names and groups cannot be mistaken for each other in a version', () => {
  const versions = [
    '{"a@example.org": {"name": "x"}}',
    '{"a@example.org": {"groups": ["x"]}}',
    '{"a@example.org": {"name": "x", "groups": ["y"]}}',
    '{"a@example.org": {"groups": ["x", "y"]}}',
    '{"a@example.org": {"groups": ["xy"]}}',
  ].map((text) => rosterOf(parse(text).contacts).version);
  assert.equal(new Set(versions).size, versions.length);
});

const address = fc.oneof(
  fc.constantFrom('a@example.org', 'A@example.org', 'john@example.org', 'x@example.org/r', 'example.org', '__proto__'),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ maxLength: 8 }).map((local) => `${local}@example.org`),
);
const label = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 2000 }));
const contactJson = fc.oneof(
  fc.jsonValue(),
  fc.record({
    name: fc.oneof(label, fc.jsonValue()),
    groups: fc.oneof(fc.array(label), fc.dictionary(label, fc.boolean())),
  }),
);

test('whatever JSON an application answers: a roster within the bounds, or a SourceError', () => {
  const answer = fc.oneof(fc.jsonValue(), fc.dictionary(address, contactJson));
  fc.assert(
    fc.property(answer, (json) => {
      let list: ReturnType<typeof parse>;
      try {
        list = parse(JSON.stringify(json));
      } catch (error) {
        assert.ok(error instanceof SourceError, String(error));
        return;
      }
      for (const { jid, name, groups } of list.contacts) {
        assert.ok(jid.isBare && !jid.isDomain && !jid.equals(RULES.owner));
        assert.ok(Buffer.byteLength(name ?? 'x') <= 1023 && name !== '');
        assert.ok(Buffer.byteLength(groups.join('')) <= 4096 && new Set(groups).size === groups.length);
      }
    }),
    { numRuns: 300 },
  );
});

test('the version does not depend on the order of contacts and groups, and says whether anything differs', () => {
  const contacts = fc.uniqueArray(
    fc.record({
      jid: fc.nat({ max: 30 }).map((n) => JID.parse(`c${n}@example.org`)),
      name: fc.option(fc.string({ minLength: 1, maxLength: 3 }), { nil: undefined }),
      groups: fc.uniqueArray(fc.string({ minLength: 1, maxLength: 3 }), { maxLength: 4 }),
    }),
    { selector: ({ jid }) => jid.toString(), maxLength: 8 },
  );
  fc.assert(
    fc.property(contacts, contacts, fc.nat(), (some, others, turn) => {
      const k = some.length === 0 ? 0 : turn % some.length;
      const turned = [...some.slice(k), ...some.slice(0, k)].map((contact) => ({
        ...contact,
        groups: [...contact.groups].reverse(),
      }));
      const roster = rosterOf(some);
      assert.equal(rosterOf(turned).version, roster.version);
      const asText = (list: typeof some) =>
        JSON.stringify(list.map(({ jid, name, groups }) => [jid.toString(), name ?? null, [...groups].sort()]).sort());
      assert.equal(rosterOf(others).version === roster.version, asText(some) === asText(others));
    }),
    { numRuns: 300 },
  );
});
