import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareEncoded, decodeKey, encodeKey, justAfter, rangeOf, tablePrefix } from '../../src/store/keys.ts';
import type { Key, KeyPart } from '../../src/store/store.ts';

const PREFIX = tablePrefix('t');
/** Characters at the borders of the encoding, so that they meet often. */
const hostileUnit = fc.constantFrom(
  '\0',
  '\u0001',
  '\u0002',
  '1',
  '2',
  'A',
  'S',
  '~',
  '!',
  'é',
  '\uFFFD',
  '\uFFFE',
  '\u{10FFFF}',
);
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: hostileUnit, maxLength: 6 }));
const integer = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -40, max: 1100 }));
const part: fc.Arbitrary<KeyPart> = fc.oneof(text, integer);
const key: fc.Arbitrary<Key> = fc.array(part, { maxLength: 4 });
const anyUtf16 = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units));

function comparePart(a: KeyPart, b: KeyPart): number {
  if (typeof a === 'number') return typeof b === 'number' ? a - b : -1;
  return typeof b === 'number' ? 1 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** The order that the contract promises, spelled out. */
function compareKeys(a: Key, b: Key): number {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const order = comparePart(part, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

test('encoded keys have the order of their tuples, in bytes and in compareEncoded', () => {
  fc.assert(
    fc.property(key, key, key, (head, left, right) => {
      const [a, b] = [
        [...head, ...left],
        [...head, ...right],
      ];
      const [encodedA, encodedB] = [encodeKey(PREFIX, a), encodeKey(PREFIX, b)];
      const expected = Math.sign(compareKeys(a, b));
      assert.equal(Math.sign(compareEncoded(encodedA, encodedB)), expected);
      assert.equal(Buffer.compare(Buffer.from(encodedA), Buffer.from(encodedB)), expected);
    }),
    { numRuns: 2000 },
  );
});

test('a key is decoded as it was encoded, whatever its strings hold', () => {
  const anyKey = fc.array(fc.oneof(part, anyUtf16), { maxLength: 4 });
  fc.assert(
    fc.property(anyKey, (key) => {
      const expected = key.map((part) => (part === 0 ? 0 : part));
      assert.deepEqual(decodeKey(encodeKey(PREFIX, key), PREFIX.length), expected);
    }),
    { numRuns: 1000 },
  );
});

test('an encoded key survives UTF-8, half surrogates included', () => {
  for (const part of ['\uD800', 'a\uDC00b', '\uDC00\uD800', '\uFFFD', '\u{1F600}\uD83D']) {
    const encoded = encodeKey(PREFIX, [part]);
    assert.equal(Buffer.from(encoded).toString(), encoded);
  }
  assert.notEqual(encodeKey(PREFIX, ['\uD800']), encodeKey(PREFIX, ['\uFFFD']));
});

test('the range of a prefix holds exactly the keys that begin with its parts', () => {
  fc.assert(
    fc.property(key, key, (prefix, other) => {
      const { from, to } = rangeOf(encodeKey(PREFIX, prefix));
      const isIn = (key: Key): boolean => {
        const encoded = encodeKey(PREFIX, key);
        return compareEncoded(encoded, from) >= 0 && compareEncoded(encoded, to) < 0;
      };
      assert(isIn([...prefix, ...other]));
      const begins = prefix.every((part, i) => Object.is(part, other[i]) || (part === 0 && other[i] === 0));
      assert.equal(isIn(other), begins);
    }),
    { numRuns: 1000 },
  );
});

test('["a"] is a prefix of ["a", "b"] and not of ["ab"]', () => {
  const { from, to } = rangeOf(encodeKey(PREFIX, ['a']));
  assert(from <= encodeKey(PREFIX, ['a', 'b']) && encodeKey(PREFIX, ['a', 'b']) < to);
  assert(encodeKey(PREFIX, ['ab']) >= to);
});

test('nothing lies between a key and what is just after it', () => {
  fc.assert(
    fc.property(key, key, (a, b) => {
      const [encoded, other] = [encodeKey(PREFIX, a), encodeKey(PREFIX, b)];
      const isBetween = compareEncoded(other, encoded) > 0 && compareEncoded(other, justAfter(encoded)) < 0;
      assert.equal(isBetween, false);
    }),
  );
});

test('the extremes of the numbers keep their order', () => {
  const sorted = [Number.MIN_SAFE_INTEGER, -(2 ** 40), -33, -32, -1, 0, 1, 31, 32, 2 ** 40, Number.MAX_SAFE_INTEGER];
  const encoded = sorted.map((number) => encodeKey(PREFIX, [number]));
  assert.deepEqual([...encoded].sort(), encoded);
  assert.deepEqual(
    encoded.map((each) => decodeKey(each, PREFIX.length)[0]),
    sorted,
  );
});

test('numbers that are not safe integers are refused', () => {
  for (const bad of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    assert.throws(() => encodeKey(PREFIX, [bad]), TypeError);
  }
});

test('keys are compact', () => {
  assert.equal(encodeKey(PREFIX, ['romeo@stage.example', 7]), 't/Sromeo@stage.example\0B7');
});
