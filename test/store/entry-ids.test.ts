import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { beforeEntriesAt, EntryIds, timeOfEntry } from '../../src/store/entry-ids.ts';
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
        assert.equal(id.length, 18);
        assert(timeOfEntry(id) >= now);
        assert(beforeEntriesAt(timeOfEntry(id)) < id && id < beforeEntriesAt(timeOfEntry(id) + 1));
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
  // All but the part that nobody can guess.
  assert.equal(among.next('mine').slice(0, 12), alone.next('mine').slice(0, 12));
});

test('identifiers begin behind those of an earlier process', () => {
  const clock = new ManualClock();
  const earlier = new EntryIds(clock);
  const before = [earlier.next('s'), earlier.next('s')];
  const later = new EntryIds(new ManualClock(clock.now() - 1000), earlier.timeMs);
  assert(later.next('s') > (before[1] ?? ''));
});

test('an identifier cannot be guessed from others', () => {
  const clock = new ManualClock();
  const ends = Array.from({ length: 1000 }, () => new EntryIds(clock).next('s').slice(12));
  assert(new Set(ends).size > 990);
});

test('what is no identifier has no time, and times beyond all others are bounds all the same', () => {
  for (const text of ['', 'tomorrow', '../../etc', '0000']) assert(Number.isNaN(timeOfEntry(text)), text);
  assert.equal(beforeEntriesAt(-1), '000000000');
  assert.equal(beforeEntriesAt(Number.MAX_SAFE_INTEGER), 'vvvvvvvvv');
});
