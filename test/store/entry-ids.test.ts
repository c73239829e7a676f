import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EntryIds } from '../../src/store/entry-ids.ts';
import { ManualClock } from '../support/manual-clock.ts';

function clockOf(times: () => number): ManualClock {
  return Object.assign(new ManualClock(), { now: times });
}

test('identifiers grow within a stream, whatever the clock does', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: -5000, max: 5000 }), fc.constantFrom('a', 'b', 'c')), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (steps) => {
      let now = Date.UTC(2026, 0, 1);
      const ids = new EntryIds(clockOf(() => now));
      const last = new Map<string, string>();
      for (const [ms, stream] of steps) {
        now += ms;
        const id = ids.next(stream);
        assert.equal(id.length, 12);
        assert(id > (last.get(stream) ?? ''));
        last.set(stream, id);
      }
    }),
    { numRuns: 200 },
  );
});

test('a stream that fills a millisecond goes on in the next', () => {
  const ids = new EntryIds(new ManualClock());
  let last = '';
  for (let i = 0; i < 70_000; i++) {
    const id = ids.next('s');
    assert(id > last);
    last = id;
  }
});

test('many streams under a clock that stands do not fill the memory, and keep their order', () => {
  const ids = new EntryIds(new ManualClock());
  const first = ids.next('first');
  for (let i = 0; i < 25_000; i++) ids.next(`stream ${i}`);
  assert(ids.next('first') > first);
});

test('identifiers do not tell what other streams do', () => {
  const [alone, among] = [new EntryIds(new ManualClock()), new EntryIds(new ManualClock())];
  among.next('other');
  among.next('other');
  assert.equal(among.next('mine'), alone.next('mine'));
});

test('identifiers begin behind those of an earlier process', () => {
  const clock = new ManualClock();
  const earlier = new EntryIds(clock);
  const before = [earlier.next('s'), earlier.next('s')];
  const later = new EntryIds(new ManualClock(clock.now() - 1000), earlier.timeMs);
  assert(later.next('s') > (before[1] ?? ''));
});
