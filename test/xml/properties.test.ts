import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { el, serialize } from '../../src/xml/element.ts';
import { parseElement, parseFrame } from '../../src/xml/parser.ts';
import { edits, mutate, streams } from './documents.ts';
import { cutsEvery, HEADER, hasPaddedNamespace, judge, LIMITS, type Reading, read } from './reading.ts';

const RUNS = { numRuns: 400 };

/** What a reading gave, whatever came of the rest: of two faults in one tag, either may be found first. */
function comparable({ headers, stanzas, hasEnded }: Reading): unknown {
  return { headers, stanzas, hasEnded };
}

test('a well-formed stream gives the same elements as an independent parser', () => {
  fc.assert(
    fc.property(streams, (stream) => {
      const reading = read(stream);
      assert.equal(reading.error, undefined);
      assert.equal(reading.hasEnded, true);
      assert.deepEqual(
        reading.stanzas.map(({ element }) => element),
        judge(Buffer.from(stream)),
      );
    }),
    RUNS,
  );
});

test('any way of cutting the bytes gives the same stanzas and the same end', () => {
  fc.assert(
    fc.property(
      streams,
      edits,
      fc.array(fc.nat(600), { maxLength: 8 }),
      fc.boolean(),
      (stream, changes, at, isDamaged) => {
        const bytes = isDamaged ? mutate(stream, changes) : Buffer.from(stream);
        const whole = read(bytes);
        const cuts = at.filter((cut) => cut <= bytes.length).sort((a, b) => a - b);
        for (const reading of [read(bytes, cuts), read(bytes, cutsEvery(1, bytes.length))]) {
          assert.deepEqual(comparable(reading), comparable(whole));
          // A fault in a tag whose end never comes may go unnoticed until then.
          if (reading.hasEnded) assert.equal(reading.error === undefined, whole.error === undefined);
        }
      },
    ),
    RUNS,
  );
});

test('what an independent parser refuses is refused, and what is accepted means the same', () => {
  fc.assert(
    fc.property(streams, edits, (stream, changes) => {
      const bytes = mutate(stream, changes);
      const reading = read(bytes);
      if (reading.error !== undefined || !reading.hasEnded || hasPaddedNamespace(bytes)) return;
      assert.deepEqual(
        reading.stanzas.map(({ element }) => element),
        judge(bytes),
      );
    }),
    { numRuns: 1500 },
  );
});

test('arbitrary bytes cause nothing but a StreamError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, isInside) => {
      read(isInside ? Buffer.concat([Buffer.from(HEADER), bytes]) : Buffer.from(bytes));
    }),
    { numRuns: 2000 },
  );
});

test('serialising and parsing again gives the same element', () => {
  fc.assert(
    fc.property(streams, (stream) => {
      for (const { element } of read(stream).stanzas) assert.deepEqual(parseElement(serialize(element)), element);
    }),
    RUNS,
  );
});

test('any text survives as text and as an attribute', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (data, any) => {
      const valid = any.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '');
      const element = el('a', { b: valid, c: data }, valid === '' ? undefined : valid);
      assert.deepEqual(parseElement(serialize(element)), element);
      assert.deepEqual(
        parseElement(serialize(el('a', { b: any }, any))),
        parseElement(serialize(el('a', { b: valid }, valid))),
      );
    }),
    RUNS,
  );
});

test('inner text gives the same children wherever it is put', () => {
  let verbatim = 0;
  fc.assert(
    fc.property(streams, (stream) => {
      for (const { element, inner } of read(stream).stanzas) {
        if (inner === undefined) continue;
        verbatim++;
        const wrapper = serialize(el(element.name, element.attrs, 'HERE')).replace('>HERE<', () => `>${inner}<`);
        assert.deepEqual(parseElement(wrapper).children, element.children);
        assert.doesNotMatch(inner, /CDATA/);
      }
    }),
    RUNS,
  );
  assert.ok(verbatim > 100);
});

test('a frame gives the same element as a stream does', () => {
  fc.assert(
    fc.property(streams, (stream) => {
      for (const { element } of read(stream).stanzas) {
        const framed = serialize(el(element.name, { xmlns: 'jabber:client', ...element.attrs }, ...element.children));
        assert.deepEqual(parseFrame(framed, LIMITS).element, element);
      }
    }),
    RUNS,
  );
});
