import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { serialize } from '../../src/xml/element.ts';
import { XmlParser } from '../../src/xml/parser.ts';
import { HEADER } from './reading.ts';

// How much work a parser does is counted, not timed: every buffer that it makes is one that counts its reads.

const LIMITS = { maxBytes: 10_000_000, maxDepth: 64, maxAttributes: 64, maxChildren: 100_000 };

interface Work {
  /** Bytes looked at one by one. */
  reads: number;
  /** Bytes copied. */
  copies: number;
  /** Bytes held in the buffers made so far. */
  allocated: number;
}

function countWork(t: TestContext): Work {
  const work: Work = { reads: 0, copies: 0, allocated: 0 };
  const allocate = Buffer.allocUnsafeSlow;
  t.mock.method(Buffer, 'allocUnsafeSlow', (size: number): Buffer => {
    work.allocated += size;
    const buffer = allocate(size);
    return new Proxy(buffer, {
      get(_, key) {
        if (typeof key === 'string' && /^\d/.test(key)) {
          work.reads++;
          return buffer[Number(key)];
        }
        if (key === 'set') {
          return (source: Uint8Array, offset?: number) => {
            work.copies += source.length;
            buffer.set(source, offset);
          };
        }
        const value: unknown = Reflect.get(buffer, key);
        return typeof value === 'function' ? value.bind(buffer) : value;
      },
    });
  });
  return work;
}

function parse(stanza: string, size: number): void {
  let count = 0;
  const parser = new XmlParser({ header() {}, element: () => count++, ended() {} }, LIMITS);
  parser.write(Buffer.from(HEADER));
  const bytes = Buffer.from(stanza);
  for (let at = 0; at < bytes.length; at += size) parser.write(bytes.subarray(at, at + size));
  assert.equal(count, 1);
}

const FILL = 24 * 1024;

const SHAPES: readonly [what: string, stanza: string][] = [
  ['text', `<a>${'x'.repeat(FILL)}</a>`],
  ['text of several bytes a character', `<a>${'é'.repeat(FILL / 2)}</a>`],
  ['references', `<a>${'&amp;'.repeat(FILL / 5)}</a>`],
  ['brackets', `<a>${']'.repeat(FILL)}</a>`],
  ['CDATA', `<a><![CDATA[${']>'.repeat(FILL / 2)}]]></a>`],
  ['an attribute', `<a b='${'x'.repeat(FILL)}'/>`],
  ['an attribute full of what ends a tag elsewhere', `<a b='${'/>"'.repeat(FILL / 3)}'/>`],
  ['a name', `<${'x'.repeat(FILL)}/>`],
  ['white space in tags', `<a${' '.repeat(FILL / 2)}></a${' '.repeat(FILL / 2)}>`],
  ['many elements', `<a>${'<b c="d"/>'.repeat(FILL / 10)}</a>`],
];

for (const [what, stanza] of SHAPES) {
  for (const size of [1, 16, 500]) {
    test(`${what} in pieces of ${size} bytes costs a few steps per byte`, (t) => {
      const work = countWork(t);
      const length = Buffer.byteLength(stanza);
      parse(stanza, size);
      assert.ok(work.reads < 12 * length, `${work.reads} reads`);
      assert.ok(work.copies < 6 * length, `${work.copies} copies`);
      assert.ok(work.allocated < 6 * length + 4096, `${work.allocated} allocated`);
    });
  }
}

test('a chunk of whole stanzas is neither copied nor kept', (t) => {
  const work = countWork(t);
  const parser = new XmlParser({ header() {}, element() {}, ended() {} }, LIMITS);
  parser.write(Buffer.from(HEADER));
  for (let i = 0; i < 100; i++) parser.write(Buffer.from('<message><body>hello</body></message> '));
  assert.deepEqual(work, { reads: 0, copies: 0, allocated: 0 });
});

test('a chunk that pauses the parser at every stanza is not copied each time', (t) => {
  const work = countWork(t);
  let count = 0;
  const parser: XmlParser = new XmlParser(
    {
      header() {},
      element() {
        count++;
        parser.pause();
      },
      ended() {},
    },
    LIMITS,
  );
  parser.write(Buffer.from(HEADER));
  parser.write(Buffer.from('<a/>'.repeat(1000)));
  for (let i = 0; i < 1000; i++) parser.resume();
  assert.equal(count, 1000);
  assert.equal(work.copies, 0);
});

test('deep trees can be serialised up to any depth a configuration may allow', () => {
  const depth = 1000;
  let xml = '';
  const parser = new XmlParser(
    {
      header() {},
      element(element) {
        xml = serialize(element);
      },
      ended() {},
    },
    { ...LIMITS, maxDepth: depth },
  );
  parser.write(Buffer.from(`${HEADER}${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`));
  assert.equal(xml, `${'<a>'.repeat(depth - 1)}<a/>${'</a>'.repeat(depth - 1)}`);
});
