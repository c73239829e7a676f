import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fork } from '../../src/core/fork.ts';
import { Outbox } from '../../src/core/outbox.ts';
import type { Exit, OutboxEntry } from '../../src/core/outbox-entry.ts';

const MODULUS = 2 ** 32;
const BYTES = '<message><body>1</body></message>'.length;

/** What has left, as the numbers of the stanzas. */
class Sent implements Exit {
  readonly bufferedBytes = 0;
  readonly numbers: number[] = [];

  send(xml: string): void {
    this.numbers.push(Number(/<body>(\d+)</.exec(xml)?.[1]));
  }

  take(): number[] {
    return this.numbers.splice(0);
  }
}

function entry(number: number, state: OutboxEntry['state'] = 'ready', fork?: Fork): OutboxEntry {
  return { xml: `<message><body>${number}</body></message>`, at: number, fork, stored: undefined, state };
}

function managed(sent = 0): Outbox {
  const outbox = new Outbox();
  outbox.manage({ sent, entries: [], unacknowledged: 0 });
  return outbox;
}

/** Sends as many stanzas as it is told, numbered from 0. */
function filled(outbox: Outbox, count: number): readonly number[] {
  const numbers = [...Array(count).keys()];
  for (const number of numbers) outbox.push(entry(number));
  outbox.flush(new Sent());
  return numbers;
}

test('without management nothing is kept that has left', () => {
  const outbox = new Outbox();
  const exit = new Sent();
  outbox.push(entry(1));
  outbox.push(entry(2, 'pending'));
  outbox.push(entry(3));
  outbox.flush(exit);
  assert.deepEqual(exit.take(), [1]);
  assert.equal(outbox.length, 2);
  assert.equal(outbox.bytes, 2 * BYTES);
  for (const waiting of outbox.entries) waiting.state = 'ready';
  outbox.flush(exit);
  assert.deepEqual(exit.take(), [2, 3]);
  assert.ok(outbox.isEmpty);
  assert.equal(outbox.bytes, 0);
});

test('a stanza that may not leave holds up those behind it, and makes no number when it is dropped', () => {
  const outbox = managed();
  const exit = new Sent();
  const held = entry(2, 'pending');
  for (const next of [entry(1), held, entry(3)]) outbox.push(next);
  outbox.flush(exit);
  assert.deepEqual(exit.take(), [1]);
  assert.equal(outbox.isFlowing, false);
  held.state = 'dropped';
  outbox.flush(exit);
  assert.deepEqual(exit.take(), [3]);
  assert.equal(outbox.sent, 2);
  assert.equal(outbox.isFlowing, true);
  assert.equal(outbox.bytes, 2 * BYTES);
  outbox.replay(exit);
  assert.deepEqual(exit.take(), [1, 3]);
});

test('every count from what was acknowledged to what was sent can be acknowledged, and no other, also around 2³²', () => {
  for (const first of [0, 5, MODULUS - 3, MODULUS - 1]) {
    for (let acknowledged = 0; acknowledged <= 6; acknowledged++) {
      const outbox = managed(first);
      const numbers = filled(outbox, 6);
      assert.equal(outbox.sent, (first + 6) % MODULUS);
      assert.ok(outbox.acknowledge((first + acknowledged) % MODULUS));
      assert.equal(outbox.acknowledged, (first + acknowledged) % MODULUS);
      const exit = new Sent();
      outbox.replay(exit);
      assert.deepEqual(exit.take(), numbers.slice(acknowledged));
      for (const wrong of [first + 7, first + acknowledged - 1, first + 1000, first - 1000, first + 2 ** 31]) {
        assert.equal(outbox.accepts((wrong + MODULUS) % MODULUS), false, `${wrong} of ${first}`);
        assert.equal(outbox.acknowledge((wrong + MODULUS) % MODULUS), false);
      }
      assert.equal(outbox.length, 6 - acknowledged);
    }
  }
});

test('what was sent again can be asked for again', () => {
  const outbox = managed();
  filled(outbox, 3);
  outbox.request();
  assert.equal(outbox.unrequested, 0);
  outbox.acknowledge(1);
  outbox.replay(new Sent());
  assert.equal(outbox.unrequested, 2);
});

test('a message in several outboxes is lost when the last copy is abandoned and none has arrived', () => {
  const copies = fc.array(fc.boolean(), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(copies, (arrivals) => {
      const fork = new Fork(arrivals.length);
      const lost: boolean[] = [];
      for (const arrives of arrivals) {
        if (arrives) fork.arrived();
        else lost.push(fork.abandon());
      }
      assert.equal(fork.hasArrived, arrivals.includes(true));
      const isLost = !arrivals.includes(true);
      assert.deepEqual(
        lost,
        lost.map((_, i) => isLost && i === lost.length - 1),
      );
    }),
    { numRuns: 200 },
  );
});

test('acknowledging marks the copy as arrived, clearing does not', () => {
  const outbox = managed();
  const forks = [new Fork(1), new Fork(1)] as const;
  for (const [i, fork] of forks.entries()) outbox.push(entry(i, 'ready', fork));
  outbox.flush(new Sent());
  outbox.acknowledge(1);
  assert.deepEqual(
    outbox.clear().map(({ at }) => at),
    [1],
  );
  assert.deepEqual(
    forks.map((fork) => fork.hasArrived),
    [true, false],
  );
  assert.ok(outbox.isEmpty);
  assert.equal(outbox.bytes, 0);
});

type Step =
  | { readonly do: 'push'; readonly state: 'ready' | 'pending'; readonly canWait: boolean }
  | { readonly do: 'settle'; readonly which: number; readonly state: 'ready' | 'dropped' }
  | { readonly do: 'acknowledge'; readonly part: number }
  | { readonly do: 'too much'; readonly by: number }
  | { readonly do: 'resume'; readonly lost: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('push'),
        state: fc.constantFrom('ready', 'pending'),
        canWait: fc.boolean(),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('settle'),
        which: fc.nat(20),
        state: fc.constantFrom('ready', 'dropped'),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('acknowledge'), part: fc.double({ min: 0, max: 1 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('too much'), by: fc.integer({ min: 1, max: 2 ** 31 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('resume'), lost: fc.double({ min: 0, max: 1 }) }) },
  ) as fc.Arbitrary<Step>,
  { maxLength: 60 },
);

test('whatever happens in between, a client that counts receives each stanza once and in order', () => {
  fc.assert(
    fc.property(steps, fc.constantFrom(0, MODULUS - 10), (all, first) => {
      const outbox = managed(first);
      const exit = new Sent();
      // The client: what it has received, in order, and what of the last stream is still on its way.
      const received: number[] = [];
      const dropped = new Set<number>();
      const pending: OutboxEntry[] = [];
      let pushed = 0;
      const count = (): number => (first + received.length) % MODULUS;
      const flush = (): void => {
        outbox.flush(exit);
      };
      for (const step of all) {
        if (step.do === 'push') {
          const next = entry(pushed++, step.state);
          if (step.state === 'pending') pending.push(next);
          if (step.canWait) outbox.hold(next, undefined);
          else {
            outbox.release();
            outbox.push(next);
          }
          flush();
        } else if (step.do === 'settle') {
          const [settled] = pending.splice(step.which % Math.max(1, pending.length), 1);
          if (settled === undefined) continue;
          settled.state = step.state;
          if (step.state === 'dropped') dropped.add(settled.at);
          flush();
        } else if (step.do === 'acknowledge') {
          received.push(...exit.numbers.splice(0, Math.floor(exit.numbers.length * step.part)));
          assert.ok(outbox.acknowledge(count()));
        } else if (step.do === 'too much') {
          const before = outbox.length;
          assert.equal(outbox.acknowledge((outbox.sent + step.by) % MODULUS), false);
          assert.equal(outbox.length, before);
        } else {
          received.push(...exit.numbers.splice(0, Math.floor(exit.numbers.length * step.lost)));
          exit.take();
          assert.ok(outbox.acknowledge(count()));
          outbox.replay(exit);
          flush();
        }
        const bytes = outbox.entries.reduce((sum, kept) => sum + kept.xml.length, 0);
        assert.equal(outbox.bytes, bytes);
      }
      for (const left of pending) left.state = 'ready';
      outbox.release();
      flush();
      received.push(...exit.take());
      assert.ok(outbox.acknowledge(count()));
      const expected = [...Array(pushed).keys()].filter((number) => !dropped.has(number));
      assert.deepEqual(received, expected);
      assert.ok(outbox.isEmpty);
    }),
    { numRuns: 300 },
  );
});
