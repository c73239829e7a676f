import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LruCache } from '../../src/util/lru.ts';

test('a value is found under its key until it is deleted', () => {
  const cache = new LruCache<string, number>(4);
  cache.set('a', 1);
  cache.set('a', 2);
  assert.equal(cache.get('a'), 2);
  assert.equal(cache.size, 1);
  assert.equal(cache.delete('a'), true);
  assert.equal(cache.delete('a'), false);
  assert.equal(cache.get('a'), undefined);
});

test('a value that is used survives any number of new keys', () => {
  const cache = new LruCache<string | number, string>(8);
  cache.set('wanted', 'here');
  for (let key = 0; key < 1000; key++) {
    cache.set(key, 'noise');
    assert.equal(cache.get('wanted'), 'here');
  }
});

test('a value that is not used is forgotten after as many new keys as the cache holds', () => {
  const cache = new LruCache<string | number, string>(8);
  cache.set('unwanted', 'here');
  for (let key = 0; key < 8; key++) cache.set(key, 'noise');
  assert.equal(cache.get('unwanted'), undefined);
});

test('deleting finds an entry of either generation, and clearing both', () => {
  const cache = new LruCache<number, string>(4);
  for (const key of [1, 2, 3]) cache.set(key, 'value');
  assert.equal(cache.delete(1), true);
  assert.equal(cache.delete(3), true);
  assert.equal(cache.size, 1);
  cache.clear();
  assert.equal(cache.size, 0);
  assert.equal(cache.get(2), undefined);
});

test('a bound that is odd, or too small for two generations, is refused', () => {
  for (const maxEntries of [0, 1, 3, 2.5, -2, Number.NaN]) {
    assert.throws(() => new LruCache(maxEntries), RangeError);
  }
});

test('it never holds more than its bound, never lies, and keeps the half used last', () => {
  const step = fc.record({ op: fc.constantFrom('get', 'set', 'set', 'delete'), key: fc.nat(12) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const cache = new LruCache<number, number>(8);
      const values = new Map<number, number>(); // in order of use, the last one at the end
      steps.forEach(({ op, key }, value) => {
        const expected = values.get(key);
        if (op === 'set') {
          cache.set(key, value);
          values.delete(key);
          values.set(key, value);
        } else if (op === 'delete') {
          cache.delete(key);
          values.delete(key);
        } else {
          const isRecent = [...values.keys()].slice(-4).includes(key);
          const found = cache.get(key);
          assert.ok(found === expected || (found === undefined && !isRecent));
          values.delete(key);
          if (found !== undefined) values.set(key, found);
        }
        assert.ok(cache.size <= 8);
      });
    }),
    { numRuns: 500 },
  );
});
