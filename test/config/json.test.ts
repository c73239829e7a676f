import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonError, parseJson } from '../../src/config/json.ts';

function refusalOf(text: string): string {
  try {
    parseJson(text);
  } catch (error) {
    assert.ok(error instanceof JsonError, String(error));
    return `${error.line}:${error.column} ${error.message}`;
  }
  assert.fail(`accepted ${text}`);
}

test('every JSON value is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(
      fc.json({ maxDepth: 5, noUnicodeString: false }),
      fc.constantFrom(undefined, 1, '\t'),
      (json, indent) => {
        fc.pre(!json.includes('__proto__'));
        const text = JSON.stringify(JSON.parse(json), null, indent);
        assert.deepEqual(parseJson(text), JSON.parse(text));
      },
    ),
    { numRuns: 300 },
  );
});

test('what JSON.parse refuses is refused', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"b',
    '1',
    '01',
    '-',
    '.5',
    '1e',
    'true',
    'nul',
    ' ',
    '\\',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('');
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        return void refusalOf(text);
      }
      if (!/"a":.*"a":/.test(text)) assert.deepEqual(parseJson(text), expected);
    }),
    { numRuns: 2000 },
  );
});

test('a byte order mark is skipped', () => {
  assert.deepEqual(parseJson('\ufeff{}'), {});
});

test('faults are told with their place', () => {
  assert.equal(refusalOf(''), '1:1 expected a value, found the end of the file');
  assert.equal(refusalOf('{"a": 1'), '1:8 expected "," or "}", found the end of the file');
  assert.equal(refusalOf('{"a" 1}'), '1:6 expected ":", found "1"');
  assert.equal(refusalOf('{\n  a: 1\n}'), '2:3 expected JSON, found "a"');
  assert.equal(refusalOf('[1,\n2,\n]'), '3:1 expected a value after ",", found "]"');
  assert.equal(refusalOf('{"a": 1,}'), '1:9 expected a value after ",", found "}"');
  assert.equal(refusalOf('[1 2]'), '1:4 expected "," or "]", found "2"');
  assert.equal(refusalOf('{} {}'), '1:4 expected the end of the file, found "{"');
  assert.equal(
    refusalOf('{"a": "b\n"}'),
    '1:7 expected JSON, found a string with a line break, a wrong escape or no end',
  );
  assert.match(refusalOf('{"path": "C:\\temp\\x"}'), /^1:10 .*wrong escape/);
  assert.equal(refusalOf('{1: 2}'), '1:2 expected a name in double quotes, found "1"');
});

test('a comment is told to be one', () => {
  assert.equal(refusalOf('{\n  // the host\n}'), '2:3 expected JSON, found a comment, which JSON does not have');
});

test('a name twice in one object is refused, in two objects it is not', () => {
  assert.equal(refusalOf('{"tls": {"key": "a", "key": "b"}}'), '1:22 expected each name once, found tls.key again');
  assert.deepEqual(parseJson('[{"a": 1}, {"a": 2}]'), [{ a: 1 }, { a: 2 }]);
});

test('the name __proto__ is refused, however it is written', () => {
  assert.match(refusalOf('{"__proto__": {}}'), /found "__proto__"/);
  assert.match(refusalOf('{"\\u005f_proto__": {}}'), /found "__proto__"/);
});

test('deep nesting is refused without exhausting the stack', () => {
  assert.match(refusalOf('['.repeat(500_000)), /at most 32 levels/);
  assert.match(refusalOf('{"a":'.repeat(100_000)), /at most 32 levels/);
});

test('a long string is read in linear time, whole or unfinished', () => {
  const long = 'a\\n'.repeat(200_000);
  assert.equal(parseJson(`"${long}"`), 'a\n'.repeat(200_000));
  assert.match(refusalOf(`"${long}`), /no end/);
});
