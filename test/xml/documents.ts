import fc from 'fast-check';

// Arbitrary well-formed streams, written in all the ways that XML allows.

const URIS = ['urn:example:a', 'urn:example:b', 'jabber:client', 'jabber:server', 'urn:example:č'] as const;
const LOCAL_NAMES = ['message', 'body', 'x', 'item', 'a-b.c_1', 'přes', '𠀋', 'constructor'] as const;

const space = fc.constantFrom('', ' ', '\t', '\n', '\r\n', '  ');
const character = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...'abcxyz0 9;:=/#]') },
  fc.constantFrom('é', 'ž', '\u0700', '\u2028', '漢', '\ufffd', '😀', '\u{10fffd}', '\u007f', '\u0085'),
  fc.constantFrom(
    '&amp;',
    '&lt;',
    '&gt;',
    '&quot;',
    '&apos;',
    '&#65;',
    '&#x41;',
    '&#x1F600;',
    '&#13;',
    '&#xA;',
    '&#9;',
  ),
  fc.constantFrom('\n', '\r', '\r\n', '\t'),
);
const words = fc.array(character, { maxLength: 12 }).map((parts) => parts.join(''));
const characterData = fc.oneof(
  { weight: 4, arbitrary: words },
  words.map((data) => `${data}a>`),
  words.map((data) => `<![CDATA[${data.replaceAll(']]', ']')}<&]]]]>`),
  fc.constant('<![CDATA[]]>'),
);
const value = fc.oneof(
  words.map((data) => `'${data}"'`),
  words.map((data) => `"${data}'>"`),
);

const attributeName = fc.constantFrom(
  'to',
  'from',
  'type',
  'id',
  'xml:lang',
  'ns',
  'xmlnsx',
  'toString',
  'ключ',
  'p:to',
  'q:id',
);
const attributes = fc
  .uniqueArray(fc.tuple(attributeName, value, space, space), { maxLength: 4, selector: ([name]) => name })
  .map((list) => list.map(([name, quoted, before, after]) => ` ${before}${name}${after}=${before}${quoted}`).join(''));
const declaration = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  fc.constantFrom(...URIS, '').map((uri) => ` xmlns='${uri}'`),
  // p and q must differ, or else p:to and q:to would be the same attribute
  fc.constantFrom(
    " xmlns:p='urn:example:a'",
    " xmlns:p='jabber:client'",
    ' xmlns:q="urn:example:&#98;"',
    " xmlns:r='urn:example:c'",
  ),
);

const { element } = fc.letrec<{ element: string; content: string }>((tie) => ({
  content: fc
    .array(fc.oneof({ depthSize: 'small', withCrossShrink: true }, characterData, tie('element')), { maxLength: 4 })
    .map((parts) => parts.join('')),
  element: fc
    .tuple(
      fc.constantFrom('', '', '', 'p:', 'q:'),
      fc.constantFrom(...LOCAL_NAMES),
      declaration,
      attributes,
      space,
      fc.option(tie('content')),
    )
    .map(([prefix, local, declared, attrs, trailing, content]) =>
      content === null
        ? `<${prefix}${local}${declared}${attrs}${trailing}/>`
        : `<${prefix}${local}${declared}${attrs}${trailing}>${content}</${prefix}${local}${trailing}>`,
    ),
}));

/** Top-level elements; the prefixes p and q are declared around them. */
export const stanzas = fc.array(element, { maxLength: 4 });

/** The start tag in which {@link stanzas} may stand. */
export const ROOT =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:example:p' xmlns:q='urn:example:q' version='1.0'>";

/** Whole streams. */
export const streams = fc
  .tuple(stanzas, space)
  .map(([list, between]) => `${ROOT}${list.join(between)}</stream:stream>`);

const fragment = fc.constantFrom(
  ...['<', '>', '/', '&', ';', '"', "'", '=', ' ', ']', ']]>', '<![CDATA[', '<!--', '-->', '<?', '?>', '<!DOCTYPE a>'],
  ...[
    '&#0;',
    '&#xD800;',
    '&nbsp;',
    'xmlns:',
    "xmlns:p=''",
    " xmlns:xml='u'",
    ' a',
    '\0',
    '\u0001',
    '\ufffe',
    '</body>',
    '</x>',
    ':',
  ],
);

/** Edits for {@link mutate}: where, how many bytes go, and what comes instead. */
export const edits = fc.array(
  fc.tuple(
    fc.nat(),
    fc.nat(3),
    fc.oneof(
      fragment.map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 2 }),
    ),
  ),
  { minLength: 1, maxLength: 3 },
);

/** Damages a document. */
export function mutate(document: string, changes: readonly [number, number, Uint8Array][]): Buffer {
  let bytes = Buffer.from(document);
  for (const [at, removed, added] of changes) {
    const from = at % (bytes.length + 1);
    bytes = Buffer.concat([bytes.subarray(0, from), added, bytes.subarray(from + removed)]);
  }
  return bytes;
}
