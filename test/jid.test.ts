import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JID, JidError, prepareDomain, prepareLocal, prepareResource } from '../src/jid.ts';

/** Checks that a text is refused, and which part is blamed. */
function refuses(text: string, part: string): void {
  assert.throws(
    () => JID.parse(text),
    (error) => error instanceof JidError && error.part === part,
    JSON.stringify(text),
  );
}

test('the valid addresses of RFC 7622 section 3.5 have the parts it says', () => {
  const table: ReadonlyArray<readonly [string, string, string, string]> = [
    ['juliet@example.com', 'juliet', 'example.com', ''],
    ['juliet@example.com/foo', 'juliet', 'example.com', 'foo'],
    ['juliet@example.com/foo bar', 'juliet', 'example.com', 'foo bar'],
    ['juliet@example.com/foo@bar', 'juliet', 'example.com', 'foo@bar'],
    ['foo\\20bar@example.com', 'foo\\20bar', 'example.com', ''],
    ['fussball@example.com', 'fussball', 'example.com', ''],
    ['fußball@example.com', 'fußball', 'example.com', ''],
    ['π@example.com', 'π', 'example.com', ''],
    ['Σ@example.com/foo', 'σ', 'example.com', 'foo'],
    ['σ@example.com/foo', 'σ', 'example.com', 'foo'],
    ['ς@example.com/foo', 'ς', 'example.com', 'foo'],
    ['king@example.com/♚', 'king', 'example.com', '♚'],
    ['example.com', '', 'example.com', ''],
    ['example.com/foobar', '', 'example.com', 'foobar'],
    ['a.example.com/b@example.net', '', 'a.example.com', 'b@example.net'],
  ];
  for (const [text, local, domain, resource] of table) {
    const jid = JID.parse(text);
    assert.deepEqual([jid.local, jid.domain, jid.resource], [local, domain, resource], text);
  }
});

test('the invalid addresses of RFC 7622 section 3.5 are refused', () => {
  refuses('"juliet"@example.com', 'localpart');
  refuses('foo bar@example.com', 'localpart');
  refuses('@example.com/', 'localpart');
  refuses('henri\u2163@example.com', 'localpart');
  refuses('♚@example.com', 'localpart');
  refuses('juliet@', 'domainpart');
  refuses('/foobar', 'domainpart');
});

test('a resourcepart may begin with a space, as OpaqueString does not trim', () => {
  // RFC 7622 lists this one as invalid, but no rule of RFC 7622 or RFC 8265 forbids it.
  assert.equal(JID.parse('juliet@example.com/ foo').resource, ' foo');
});

test('the resourcepart begins after the first slash, the localpart ends before the first at sign', () => {
  assert.deepEqual({ ...JID.parse('a.example/b/c@d/') }, { local: '', domain: 'a.example', resource: 'b/c@d/' });
  refuses('a@b@example.com', 'domainpart');
  refuses('', 'address');
  refuses('@', 'localpart');
  refuses('/', 'domainpart');
  refuses('example.com/', 'resourcepart');
  refuses('juliet@example.com/', 'resourcepart');
});

test('an address is in its normal form however it was written', () => {
  const normal = 'juliet@verona.example/Balcony';
  for (const text of ['Juliet@VERONA.example./Balcony', 'ｊuliet@verona。example/Balcony', normal]) {
    assert.equal(JID.parse(text).toString(), normal);
    assert.ok(JID.parse(text).equals(JID.of('juliet', 'verona.example', 'Balcony')));
  }
  assert.ok(!JID.parse('a@b/c').equals(JID.parse('a@b/C')));
  assert.ok(!JID.parse('a@b').equals(JID.parse('a@b/c')));
  assert.ok(!JID.parse('a@b').equals(JID.parse('b')));
});

test('a localpart holds none of the characters that RFC 7622 excludes, also not in full width', () => {
  for (const char of '"&\'/:<>@ \0\t\n\x1f\x7f＠：＜＂') {
    assert.throws(() => prepareLocal(`a${char}b`), JidError, JSON.stringify(char));
  }
  const allowed = '!#$%()*+,-.0123456789;=?[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~';
  assert.equal(prepareLocal(allowed), allowed);
});

test('a resourcepart with emoji has none of what is invisible in them', () => {
  assert.equal(prepareResource('\u2764\ufe0f'), '\u2764');
  assert.equal(prepareResource('Ann \u{1f3c3}\u{1f3fd}\u200d\u2640\ufe0f'), 'Ann \u{1f3c3}\u{1f3fd}\u2640');
  const family = JID.parse('room@verona.example/\u{1f468}\u200d\u{1f469}\u200d\u{1f467}');
  assert.ok(family.equals(JID.parse('room@verona.example/\u{1f468}\u{1f469}\u{1f467}')));
});

test('what cannot be seen makes no two addresses that look the same', () => {
  for (const resource of [
    'a\ufe0f',
    '\ufe0f',
    'Ann\u200d',
    '\u2764\ufe0f\ufe0f',
    '\u2764\u200d',
    '\u2764\u200b',
    '\u200d\u2764',
  ]) {
    assert.throws(() => prepareResource(resource), JidError, JSON.stringify(resource));
  }
  assert.throws(() => prepareLocal('\u2764\ufe0f'), JidError);
  assert.throws(() => prepareLocal('1\ufe0f'), JidError);
});

test('each part is at most 1023 octets after preparation', () => {
  const label = 'a'.repeat(63);
  const longDomain = Array.from({ length: 16 }, () => label).join('.');
  const longest = JID.of('a'.repeat(1023), longDomain, 'r'.repeat(1023));
  assert.equal(longest.toString().length, 3071);
  assert.ok(JID.parse(longest.toString()).equals(longest));

  assert.throws(() => prepareLocal('a'.repeat(1024)), JidError);
  assert.throws(() => prepareDomain(`${longDomain}.a`), JidError);
  assert.throws(() => prepareResource('r'.repeat(1024)), JidError);
  assert.equal(prepareLocal('ж'.repeat(511)).length, 511);
  assert.throws(() => prepareLocal('ж'.repeat(512)), JidError);
  assert.equal(prepareResource('ж'.repeat(511)).length, 511);
  assert.throws(() => prepareResource('ж'.repeat(512)), JidError);
  for (const empty of [prepareLocal, prepareDomain, prepareResource]) assert.throws(() => empty(''), JidError);
});

test('a text of a megabyte is refused at once', () => {
  const start = performance.now();
  for (const unit of ['a', 'é', '\u0301', '@', '/', 'a.', '\u200c']) {
    const text = unit.repeat(1_000_000);
    refuses(text, 'address');
    assert.throws(() => prepareResource(text), JidError);
  }
  assert.ok(performance.now() - start < 1000);
});

test('parsing the same text gives the same object, unless the text is long', () => {
  assert.equal(JID.parse('romeo@verona.example/orchard'), JID.parse(['romeo@verona.example', 'orchard'].join('/')));
  const long = `romeo@verona.example/${'r'.repeat(200)}`;
  assert.notEqual(JID.parse(long), JID.parse(long));
  assert.ok(JID.parse(long).equals(JID.parse(long)));
});

test('addresses stay right under a flood of distinct ones', () => {
  for (let index = 0; index < 50_000; index++) JID.parse(`flood-${index}@verona.example`);
  assert.equal(JID.parse('flood-7@verona.example').local, 'flood-7');
  assert.equal(JID.parse('flood-49999@verona.example').local, 'flood-49999');
});

test('a refused text is refused again', () => {
  refuses('a b@verona.example', 'localpart');
  refuses('a b@verona.example', 'localpart');
});

test('the bare address is the same object each time, and itself when there is no resourcepart', () => {
  const full = JID.parse('romeo@verona.example/orchard');
  const bare = full.bare();
  assert.equal(bare.toString(), 'romeo@verona.example');
  assert.equal(full.bare(), bare);
  assert.equal(bare.bare(), bare);
  assert.deepEqual([full.isBare, bare.isBare, bare.isDomain], [false, true, false]);
  assert.deepEqual([JID.parse('verona.example').isDomain, JID.parse('verona.example/a').isDomain], [true, false]);
});

test('another resourcepart is prepared', () => {
  const jid = JID.parse('romeo@verona.example').withResource('two\u00a0words');
  assert.equal(jid.toString(), 'romeo@verona.example/two words');
  assert.throws(() => jid.withResource(''), JidError);
  assert.throws(() => jid.withResource('\0'), JidError);
});

test('an address of parts is prepared part by part', () => {
  assert.equal(JID.of('Romeo', 'Verona.example').toString(), 'romeo@verona.example');
  assert.equal(JID.of('', 'verona.example', 'a/b').toString(), 'verona.example/a/b');
  assert.throws(() => JID.of('romeo', 'verona.example/orchard'), JidError);
  assert.throws(() => JID.of('romeo@verona', 'example'), JidError);
  assert.throws(() => JID.of('romeo', ''), JidError);
});

test('a text that is not well-formed Unicode is refused', () => {
  for (const text of ['\ud800@a', 'a/\udc00', 'a\ud83d', `a/${'r'.repeat(200)}\ud800`]) {
    assert.throws(() => JID.parse(text), JidError);
  }
});

test('any text is refused with a JidError, or has a normal form that stands for itself', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 10 }),
    fc.string({
      unit: fc.constantFrom(
        'a',
        'B',
        '1',
        '@',
        '/',
        '.',
        '-',
        '[',
        ':',
        'xn--',
        'ß',
        'Σ',
        '。',
        'é',
        '\u0301',
        'א',
        '٣',
        '\u2764',
        '\ufe0f',
        '\u200d',
      ),
    }),
  );
  const address = fc.tuple(text, text, text).map(([local, domain, resource]) => `${local}@${domain}/${resource}`);
  fc.assert(
    fc.property(fc.oneof(text, address), (given) => {
      let jid: JID;
      try {
        jid = JID.parse(given);
      } catch (error) {
        assert.ok(error instanceof JidError);
        return;
      }
      const again = JID.parse(jid.toString());
      assert.ok(again.equals(jid));
      assert.equal(again.toString(), jid.toString());
      assert.ok(JID.of(jid.local, jid.domain, jid.resource).equals(jid));
    }),
    { numRuns: 5000 },
  );
});
