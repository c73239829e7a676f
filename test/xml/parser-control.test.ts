import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamError } from '../../src/errors.ts';
import type { Element } from '../../src/xml/element.ts';
import { XmlParser } from '../../src/xml/parser.ts';
import { HEADER, LIMITS } from './reading.ts';

/** A parser that keeps what it saw; `react` runs inside each `element` call. */
function listening(react: (element: Element, parser: XmlParser) => void = () => {}): {
  parser: XmlParser;
  seen: string[];
} {
  const seen: string[] = [];
  const parser = new XmlParser(
    {
      header: ({ contentNamespace }) => seen.push(`header ${contentNamespace}`),
      element: (element) => {
        seen.push(element.name);
        react(element, parser);
      },
      ended: () => seen.push('end'),
    },
    LIMITS,
  );
  return { parser, seen };
}

test('after an error everything is refused', () => {
  const { parser, seen } = listening();
  assert.throws(() => parser.write(Buffer.from(`${HEADER}<a/><b></c>`)), StreamError);
  assert.throws(() => parser.write(Buffer.from('<d/>')), { condition: 'not-well-formed' });
  assert.throws(() => parser.resume(), { condition: 'not-well-formed' });
  assert.deepEqual(seen, ['header jabber:client', 'a']);
});

test('what a handler throws comes out of write, and ends the parser', () => {
  const { parser } = listening(() => {
    throw new StreamError('unsupported-stanza-type');
  });
  assert.throws(() => parser.write(Buffer.from(`${HEADER}<a/>`)), { condition: 'unsupported-stanza-type' });
  assert.throws(() => parser.write(Buffer.from('<a/>')), { condition: 'unsupported-stanza-type' });
});

test('a paused parser keeps its bytes until it is resumed', () => {
  const { parser, seen } = listening((element) => {
    if (element.name === 'a') parser.pause();
  });
  parser.write(Buffer.from(`${HEADER}<a/><b/><c`));
  assert.deepEqual(seen, ['header jabber:client', 'a']);
  parser.write(Buffer.from('/><a/><d/>'));
  assert.deepEqual(seen, ['header jabber:client', 'a']);
  parser.resume();
  assert.deepEqual(seen, ['header jabber:client', 'a', 'b', 'c', 'a']);
  parser.resume();
  assert.deepEqual(seen, ['header jabber:client', 'a', 'b', 'c', 'a', 'd']);
});

test('a parser may be paused and resumed within one callback', () => {
  const { parser, seen } = listening(() => {
    parser.pause();
    parser.resume();
  });
  parser.write(Buffer.from(`${HEADER}<a/><b/>`));
  assert.deepEqual(seen, ['header jabber:client', 'a', 'b']);
});

test('discarded bytes are never interpreted', () => {
  const { parser, seen } = listening((element) => {
    if (element.name === 'starttls') {
      parser.pause();
      parser.discard();
      parser.reset();
    }
  });
  parser.write(Buffer.from(`${HEADER}<starttls/><evil/><evil`));
  parser.discard();
  parser.resume();
  parser.write(Buffer.from(`${HEADER}<a/>`));
  assert.deepEqual(seen, ['header jabber:client', 'starttls', 'header jabber:client', 'a']);
});

test('a reset inside a callback gives the rest of the chunk to the new document', () => {
  const stream = `${HEADER}<auth/>\n${HEADER.replace('jabber:client', 'jabber:server')}<a/><auth/>${HEADER.slice(21)}<b/>`;
  for (const size of [1000, 1]) {
    const { parser, seen } = listening((element) => {
      if (element.name === 'auth') parser.reset();
    });
    for (let at = 0; at < stream.length; at += size) parser.write(Buffer.from(stream.slice(at, at + size)));
    const expected = ['header jabber:client', 'auth', 'header jabber:server', 'a', 'auth', 'header jabber:client', 'b'];
    assert.deepEqual(seen, expected);
  }
});

test('a reset forgets an element that was incomplete', () => {
  const { parser, seen } = listening();
  parser.write(Buffer.from(`${HEADER}<a><b c='`));
  parser.discard();
  parser.reset();
  parser.write(Buffer.from(`${HEADER}<d/>`));
  assert.deepEqual(seen, ['header jabber:client', 'header jabber:client', 'd']);
});

test('parsers that call each other do not disturb each other', () => {
  const { parser: inner, seen } = listening();
  const { parser: outer } = listening((element) =>
    inner.write(Buffer.from(`<${element.name}>&amp;</${element.name}><half`)),
  );
  inner.write(Buffer.from(HEADER));
  outer.write(Buffer.from(`${HEADER}<a/>`));
  assert.throws(() => outer.write(Buffer.from('<b/>')), { condition: 'not-well-formed' });
  assert.deepEqual(seen, ['header jabber:client', 'a']);
});
