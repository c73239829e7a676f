import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchesOf, withinLimits } from '../../../src/features/system-report/events.ts';

test('names and values keep the limits of Google Analytics', () => {
  const event = { name: 'private-xml', params: { '4th': 'x'.repeat(101), value: 7 } };
  assert.deepEqual(withinLimits(event), { name: 'private_xml', params: { n4th: 'x'.repeat(100), value: 7 } });
});

test('whatever an event is called and says, it is within the limits', () => {
  const params = fc.dictionary(fc.string({ maxLength: 60 }), fc.oneof(fc.string({ maxLength: 200 }), fc.integer()));
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), params, (name, given) => {
      const event = withinLimits({ name, params: given });
      const names = [event.name, ...Object.keys(event.params)];
      for (const each of names) assert.match(each, /^[A-Za-z][A-Za-z0-9_]{0,39}$/);
      assert.ok(names.length <= 26);
      for (const value of Object.values(event.params)) assert.ok(typeof value === 'number' || value.length <= 100);
    }),
  );
});

test('batches are full but the last, and nothing is lost or put in another order', () => {
  fc.assert(
    fc.property(fc.nat(130), (count) => {
      const events = Array.from({ length: count }, (_, value) => ({ name: 'count', params: { value } }));
      const batches = batchesOf(events);
      assert.deepEqual(batches.flat(), events);
      assert.ok(batches.slice(0, -1).every((batch) => batch.length === 25));
      assert.ok(batches.every((batch) => batch.length >= 1 && batch.length <= 25));
    }),
  );
});
