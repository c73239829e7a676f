import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StreamError } from '../../src/errors.ts';
import { type DocumentEvent, DocumentReader, type Enters } from '../../src/xml/document-reader.ts';
import { serialize } from '../../src/xml/element.ts';

const LIMITS = { maxBytes: 200, maxDepth: 5, maxAttributes: 10, maxChildren: 10 };
const DOCUMENT = `\ufeff<?xml version='1.0' encoding='utf-8'?>
<all xmlns='urn:a' xmlns:p='urn:p' p:x='1'>
  <part id='é &amp; ü'><p:leaf p:y='2'><q xmlns='urn:a'/></p:leaf><message xmlns='jabber:client'><body>ö]</body></message></part>
  <part/><leaf>text</leaf><p:part xmlns:p='urn:other'/>
</all>
`;
const EVENTS = [
  '<all xmlns:p="urn:p" p:x="1" xmlns="urn:a"/>',
  '<part id="é &amp; ü" xmlns="urn:a"/>',
  '=<leaf p:y="2" xmlns="urn:p" xmlns:p="urn:p"><q xmlns="urn:a"/></leaf>',
  '=<message><body>ö]</body></message>',
  '/',
  '<part xmlns="urn:a"/>',
  '/',
  '=<leaf xmlns="urn:a">text</leaf>',
  '=<part xmlns="urn:other"/>',
  '/',
];

const enters: Enters = (name, ns, path) => ns === 'urn:a' && name === ['all', 'part'][path.length];

function written(event: DocumentEvent): string {
  if (event.kind === 'close') return '/';
  return `${event.kind === 'element' ? '=' : ''}${serialize(event.element)}`;
}

function read(chunks: readonly Buffer[], limits = LIMITS): string[] {
  const reader = new DocumentReader(limits, enters);
  const events = chunks.flatMap((chunk) => reader.write(chunk));
  reader.end();
  assert.equal(reader.bytes, Buffer.concat(chunks).length);
  return events.map(written);
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => Buffer.from(bytes.subarray(places[i], end)));
}

test('a document is told of piece by piece, each as if it were in a stream', () => {
  const [first, ...rest] = read([Buffer.from(DOCUMENT)]);
  assert.match(first ?? '', /^<all .*xmlns="urn:a".*\/>$/);
  assert.deepEqual(rest, EVENTS.slice(1));
});

test('it does not matter how a document is cut', () => {
  const bytes = Buffer.from(DOCUMENT);
  const whole = read([bytes]);
  assert.deepEqual(read(Array.from(bytes, (byte) => Buffer.from([byte]))), whole);
  const places = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 8 });
  fc.assert(fc.property(places, (at) => assert.deepEqual(read(cut(bytes, at)), whole)));
});

test('what is entered may be as long as it likes, and what is not may not', () => {
  const leaf = `<leaf>${'a'.repeat(100)}</leaf>`;
  const long = `<all xmlns='urn:a'><part>${leaf.repeat(1000)}</part></all>`;
  assert.equal(read([Buffer.from(long)]).length, 1004);
  for (const bad of [
    `<leaf>${'a'.repeat(300)}</leaf>`,
    `<leaf a='${'a'.repeat(300)}'/>`,
    `<part a='${'a'.repeat(300)}'/>`,
  ]) {
    for (const chunks of [[bad], [...bad]]) {
      const pieces = [`<all xmlns='urn:a'>`, ...chunks, '</all>'].map((piece) => Buffer.from(piece));
      assert.throws(
        () => read(pieces),
        new StreamError('policy-violation', { text: 'an element is longer than 200 bytes' }),
      );
    }
  }
});

test('a fault is told after what was complete before it', () => {
  const reader = new DocumentReader(LIMITS, enters);
  const events = reader.write(Buffer.from(`<all xmlns='urn:a'><leaf/><leaf></all>`));
  assert.deepEqual(events.map(written).slice(1), ['=<leaf xmlns="urn:a"/>']);
  assert.throws(() => reader.write(Buffer.from('')), StreamError);
  assert.throws(() => reader.end(), StreamError);
});

test('what is no document, or none to its end, is refused', () => {
  for (const bad of [
    '',
    ' ',
    'x',
    '<all',
    `<all xmlns='urn:a'>`,
    `<all xmlns='urn:a'></part>`,
    '</all>',
    '<x/><x/>',
    '<x/>x',
  ]) {
    assert.throws(() => read([Buffer.from(bad)]), StreamError, bad);
  }
  for (const bad of [
    '<!DOCTYPE x><x/>',
    '<!-- x --><x/>',
    `<all xmlns='urn:a'><?x?></all>`,
    `<x>&lol;</x>`,
    '<p:x/>',
  ]) {
    assert.throws(() => read([Buffer.from(bad)]), StreamError, bad);
  }
  assert.throws(() => read([Buffer.from([0x3c, 0x78, 0x3e, 0xff])]), StreamError);
});
