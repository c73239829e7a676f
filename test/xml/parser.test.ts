import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attr, el, serialize, text } from '../../src/xml/element.ts';
import { parseElement, parseFrame, XmlParser } from '../../src/xml/parser.ts';
import { cutsEvery, HEADER, LIMITS, read } from './reading.ts';

const NS_STREAMS = 'http://etherx.jabber.org/streams';

/** The condition of the error that a stream with this content ends in, or what it was read as. */
function outcome(content: string | Buffer, header = HEADER): string {
  const bytes = Buffer.concat([Buffer.from(header), Buffer.from(content)]);
  const { error, stanzas } = read(bytes);
  const inPieces = read(bytes, cutsEvery(1, bytes.length));
  assert.equal(inPieces.error?.condition, error?.condition, 'the same error byte by byte');
  return error?.condition ?? stanzas.map(({ element }) => serialize(element)).join('');
}

function refuses(condition: string, contents: readonly (string | Buffer)[]): void {
  for (const content of contents) assert.equal(outcome(content), condition, JSON.stringify(content.toString()));
}

function bytes(...parts: (string | number)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : Buffer.from([part]))));
}

test('the start tag of the stream is reported with its namespaces and attributes', () => {
  const { headers, hasEnded } = read(
    `<?xml version="1.0" encoding='utf-8'?>\n<stream:stream xmlns='jabber:client' xmlns:stream='${NS_STREAMS}' ` +
      "to='example.org' version='1.0' xml:lang='cs' xmlns:db='jabber:server:dialback' db:x='dropped'></stream:stream>",
  );
  assert.deepEqual(headers, [
    {
      name: 'stream',
      ns: NS_STREAMS,
      contentNamespace: 'jabber:client',
      attrs: { to: 'example.org', version: '1.0', 'xml:lang': 'cs' },
    },
  ]);
  assert.equal(hasEnded, true);
});

test('a start tag without namespaces is reported as such', () => {
  assert.deepEqual(read('<a/>').headers, [{ name: 'a', ns: '', contentNamespace: '', attrs: {} }]);
  assert.equal(read('<a/>').hasEnded, true);
});

test('elements are canonical whatever prefixes they were written with', () => {
  const rows: [written: string, canonical: string][] = [
    ["<message xmlns='jabber:client' to='a'/>", '<message to="a"/>'],
    ["<c:iq xmlns:c='jabber:client'><c:a/><b/></c:iq>", '<iq><a/><b/></iq>'],
    [
      '<stream:features><a/></stream:features>',
      `<features xmlns="${NS_STREAMS}"><a xmlns="jabber:client"/></features>`,
    ],
    ["<a><b xmlns='u'><c xmlns='u'/><d xmlns=''/></b></a>", '<a><b xmlns="u"><c/><d xmlns=""/></b></a>'],
    ["<a xmlns='u'><b xmlns='jabber:client'/></a>", '<a xmlns="u"><b xmlns="jabber:client"/></a>'],
    ["<a xmlns:p='u'><b p:c='d'/></a>", '<a><b p:c="d" xmlns:p="u"/></a>'],
    ["<a><b xmlns:p='u'/><b xmlns:p='v'><p:c/></b></a>", '<a><b/><b><c xmlns="v"/></b></a>'],
    ["<a xml:lang='en' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>", '<a xml:lang="en"/>'],
  ];
  for (const [written, canonical] of rows) assert.equal(outcome(written), canonical);
});

test('the content namespace of a server stream is left out like that of a client stream', () => {
  const header = HEADER.replace('jabber:client', 'jabber:server');
  assert.equal(
    outcome("<message><body/><x xmlns='jabber:client'/></message>", header),
    '<message><body/><x xmlns="jabber:client"/></message>',
  );
  const { stanzas } = read(`${header}<message><body/></message><message><a xmlns='jabber:server'/></message>`);
  assert.deepEqual(
    stanzas.map(({ inner }) => inner),
    ['<body/>', undefined],
  );
});

test('character data is one child with references, CDATA and line ends resolved', () => {
  const [stanza] = read(`${HEADER}<a>&lt;&#65;&#x1F600;\r\nb\rc<![CDATA[<&amp;]]>]]&gt;d</a>`).stanzas;
  assert.deepEqual(stanza?.element.children, ['<A😀\nb\nc<&amp;]]>d']);
});

test('attribute values are normalised, but not what references stand for', () => {
  const [stanza] = read(`${HEADER}<a b='1\t2\n3\r\n4\r5&#9;6&#xA;7&#13;8' c="'" d='"'/>`).stanzas;
  assert.deepEqual(stanza?.element.attrs, { b: '1 2 3 4 5\t6\n7\r8', c: "'", d: '"' });
});

test('white space between stanzas is dropped', () => {
  const { stanzas, hasEnded } = read(`${HEADER} \n<a/>\t\r\n<b/> </stream:stream>\n `);
  assert.deepEqual(
    stanzas.map(({ element, bytes: length }) => [element.name, length]),
    [
      ['a', 4],
      ['b', 4],
    ],
  );
  assert.equal(hasEnded, true);
});

test('names that objects have of their own are harmless', () => {
  const [stanza] = read(`${HEADER}<constructor __proto__='1' hasOwnProperty='2'><toString/></constructor>`).stanzas;
  assert.ok(stanza);
  assert.equal(attr(stanza.element, '__proto__'), '1');
  assert.equal(attr(stanza.element, 'hasOwnProperty'), '2');
  assert.equal(attr(stanza.element, 'constructor'), undefined);
  assert.equal(Object.getPrototypeOf(stanza.element.attrs), Object.prototype);
});

test('inner text is offered only where it means the same elsewhere', () => {
  const rows: [stanza: string, inner: string | undefined][] = [
    ['<a/>', ''],
    ['<a></a>', ''],
    ["<a\n to='\n&amp;' ><b c='&#10;'>&lt;é😀</b></a >", "<b c='&#10;'>&lt;é😀</b>"],
    ["<a><b xmlns='u' xml:lang='en'/></a>", "<b xmlns='u' xml:lang='en'/>"],
    ["<p:a xmlns:p='jabber:client'><b/></p:a>", '<b/>'],
    ["<p:a xmlns:p='u'><b/></p:a>", undefined],
    ["<a><p:b xmlns:p='u'/></a>", undefined],
    ["<a><b xmlns:p='u' p:c=''/></a>", undefined],
    ['<a><![CDATA[b]]></a>', undefined],
    ['<a>b\r\n</a>', undefined],
    ["<a><b c='\n'/></a>", undefined],
  ];
  for (const [stanza, inner] of rows) assert.equal(read(HEADER + stanza).stanzas[0]?.inner, inner, stanza);
});

test('comments, declarations, processing instructions and entities are restricted', () => {
  refuses('restricted-xml', [
    '<!-- a -->',
    '<a><!-- a --></a>',
    '<a><!-',
    '<!DOCTYPE a>',
    '<a><!DOCTYPE a></a>',
    '<![CDATA[a]]>',
    '<a><![INCLUDE[]]></a>',
    '<?a?>',
    '<a><?a b?></a>',
    "<?xml version='1.0'?>",
    '<a>&foo;</a>',
    '<a>&nbsp;</a>',
    "<a b='&foo;'/>",
    '<a>&averylongentityname;</a>',
    '<xml:a/>',
  ]);
  for (const document of [
    '<!DOCTYPE a><a/>',
    '<?a?><a/>',
    '<?xml-stylesheet a?><a/>',
    '<!--',
    '\n<?xml version="1.0"?><a/>',
  ]) {
    assert.equal(outcome('', document), 'restricted-xml', document);
  }
});

test('bad names, tags and attributes are not well-formed', () => {
  refuses('not-well-formed', [
    '<a></b>',
    '<a><b></a></b>',
    '</a>',
    '< a/>',
    '<1/>',
    '<-a/>',
    '<a/ >',
    '<a/b>',
    '</stream:stream a>',
    '<a></a b>',
    "<a b='1' b='2'/>",
    "<a b='1'c='2'/>",
    '<a b/>',
    '<a b=c/>',
    "<a 'b'/>",
    "<a b='<'/>",
    "<a b='' <c/>",
    '<a\u00d7/>',
    '</stream:stream>a',
    '</stream:stream><a/>',
    '</stream:stream></stream:stream>',
  ]);
});

test('undeclared prefixes and forbidden declarations are not well-formed', () => {
  refuses('not-well-formed', [
    '<p:a/>',
    "<a p:b=''/>",
    "<a><b xmlns:p='u'/><p:c/></a>",
    "<a xmlns:p='u'/><p:a/>",
    "<a xmlns:p=''/>",
    "<a xmlns:xmlns='u'/>",
    "<a xmlns:xml='u'/>",
    "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
    '<xmlns:a/>',
    '<a:/>',
    '<:a/>',
    '<a:b:c/>',
    '<stream:1/>',
    "<a xmlns='u' xmlns='u'/>",
    "<a xmlns:p='u' xmlns:p='v'/>",
    "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
  ]);
});

test('characters that XML cannot carry are not well-formed, raw or as references', () => {
  refuses('not-well-formed', [
    '<a>\0</a>',
    '<a>\u0008</a>',
    "<a b='\u001f'/>",
    '<a><![CDATA[\u0001]]></a>',
    '<a>\ufffe</a>',
    "<a b='\uffff'/>",
    '<a>&#0;</a>',
    '<a>&#xD800;</a>',
    '<a>&#xFFFE;</a>',
    '<a>&#x110000;</a>',
    '<a>&#xFFFFFFFFFF;</a>',
    '<a>&#;</a>',
    '<a>&#x;</a>',
    '<a>&#xg;</a>',
    '<a>&#1a;</a>',
    '<a>&;</a>',
    '<a>& b</a>',
    "<a b='&'/>",
    '<a>]]></a>',
    '<a>b]]]></a>',
  ]);
});

test('bytes that are not UTF-8 are in an unsupported encoding', () => {
  refuses('unsupported-encoding', [
    bytes('<a>', 0x80, '</a>'),
    bytes('<a>', 0xc0, 0xaf, '</a>'),
    bytes('<a>', 0xc3, '</a>'),
    bytes('<a>', 0xe0, 0x80, 0xaf, '</a>'),
    bytes('<a>', 0xed, 0xa0, 0x80, '</a>'),
    bytes('<a>', 0xf0, 0x80, 0x80, 0xaf, '</a>'),
    bytes('<a>', 0xf4, 0x90, 0x80, 0x80, '</a>'),
    bytes('<a>', 0xf8, 0x88, 0x80, 0x80, 0x80, '</a>'),
    bytes("<a b='", 0xff, "'/>"),
    bytes('<a><![CDATA[', 0xe9, ']]></a>'),
  ]);
  refuses('not-well-formed', [bytes('<a', 0xe9, '/>')]);
});

test('text between stanzas has a bad format', () => {
  refuses('bad-format', ['hello', '<a/>b', '&amp;'.slice(1), ']']);
  refuses('not-well-formed', ['\0', '\u001b']);
  assert.equal(outcome('', 'GET / HTTP/1.1\r\n'), 'not-well-formed');
});

test('the XML declaration is checked', () => {
  const rows: [declaration: string, condition: string][] = [
    ["<?xml version='1.0'?>", ''],
    ['<?xml version = "1.0"  encoding = "UTF-8" standalone="yes" ?>', ''],
    ["<?xml version='1.0' encoding='utf-8'?>", ''],
    ["<?xml version='1.0' encoding='ISO-8859-1'?>", 'unsupported-encoding'],
    ["<?xml version='1.0' encoding='utf-16'?>", 'unsupported-encoding'],
    ["<?xml version='1.1'?>", 'not-well-formed'],
    ["<?xml encoding='utf-8'?>", 'not-well-formed'],
    ["<?xml version='1.0' standalone='maybe'?>", 'not-well-formed'],
    ["<?xml version='1.0'encoding='utf-8'?>", 'not-well-formed'],
    [`<?xml version='1.0'${' '.repeat(300)}`, 'not-well-formed'],
    ['<?xm', ''],
    ['\ufeff', 'not-well-formed'],
  ];
  for (const [declaration, condition] of rows) assert.equal(outcome('', declaration), condition, declaration);
});

test('every limit is a policy violation and is exact', () => {
  const limits = { maxBytes: 200, maxDepth: 4, maxAttributes: 3, maxChildren: 5 };
  const rows: [allowed: string, refused: string][] = [
    [`<a>${'b'.repeat(193)}</a>`, `<a>${'b'.repeat(194)}</a>`],
    [`<a b='${'c'.repeat(191)}'/>`, `<a b='${'c'.repeat(192)}'/>`],
    ['<a><b><c><d/></c></b></a>', '<a><b><c><d><e/></d></c></b></a>'],
    ["<a b='' c='' d=''/>", "<a b='' c='' d='' e=''/>"],
    ["<a xmlns='b' c='' d=''/>", "<a xmlns='b' xmlns:e='f' c='' d=''/>"],
    [`<a>${'<b/>'.repeat(5)}</a>`, `<a>${'<b/>'.repeat(6)}</a>`],
    ["<a xmlns:b='u' xmlns:c='u'><d xmlns:e='u'/></a>", "<a xmlns:b='u' xmlns:c='u'><d xmlns:e='u' xmlns:f='u'/></a>"],
  ];
  const header = `<s xmlns='jabber:client'>`;
  for (const [allowed, refused] of rows) {
    for (const size of [1000, 1]) {
      assert.equal(read(header + allowed.repeat(3), cutsEvery(size, 1000), limits).error, undefined, allowed);
      assert.equal(read(header + refused, cutsEvery(size, 1000), limits).error?.condition, 'policy-violation', refused);
    }
  }
});

test('what never ends is refused at the limit', () => {
  const limits = { ...LIMITS, maxBytes: 1000 };
  const fill = 'x'.repeat(2000);
  const endless = ['<a', "<a b='", '<a ', '<a>', '<a><![CDATA[', '<a></a', '</stream:stream'];
  for (const start of endless) {
    const { error } = read(HEADER + start + (start === '<a ' ? ' '.repeat(2000) : fill), cutsEvery(10, 3000), limits);
    assert.equal(error?.condition, 'policy-violation', start);
  }
  assert.equal(read(`<s b='${fill}`, [], limits).error?.condition, 'policy-violation');
});

test('the limits may be replaced on the way', () => {
  const seen: string[] = [];
  const parser = new XmlParser({ header() {}, element: (element) => seen.push(text(element)), ended() {} }, LIMITS);
  parser.write(Buffer.from(`${HEADER}<a>1234567890</a>`));
  parser.limits = { ...LIMITS, maxBytes: 10 };
  parser.write(Buffer.from('<a>123</a>'));
  assert.throws(() => parser.write(Buffer.from('<a>1234</a>')), { condition: 'policy-violation' });
  assert.deepEqual(seen, ['1234567890', '123']);
});

test('a frame is one whole element', () => {
  assert.deepEqual(parseFrame("<message xmlns='jabber:client'><body>a</body></message> ", LIMITS), {
    element: el('message', {}, el('body', {}, 'a')),
    inner: '<body>a</body>',
    bytes: 55,
  });
  const framing = 'urn:ietf:params:xml:ns:xmpp-framing';
  assert.deepEqual(
    parseFrame(Buffer.from(`<open xmlns='${framing}' to='a'/>`), LIMITS).element,
    el('open', { xmlns: framing, to: 'a' }),
  );
  assert.equal(parseFrame('<a/>', LIMITS).element.attrs['xmlns'], '');
  assert.equal(parseFrame("<?xml version='1.0'?>\n<a>é</a>", LIMITS).bytes, 9);
  const rows: [frame: string, condition: string][] = [
    ['', 'not-well-formed'],
    ["<?xml version='1.0'", 'not-well-formed'],
    [' <a/>', 'not-well-formed'],
    ['<a/><b/>', 'not-well-formed'],
    ['<a>', 'not-well-formed'],
    ['<a', 'not-well-formed'],
    ['</a>', 'not-well-formed'],
    ['<a/>b', 'not-well-formed'],
    ['<!-- --><a/>', 'restricted-xml'],
    [`<a>${'b'.repeat(LIMITS.maxBytes)}</a>`, 'policy-violation'],
  ];
  for (const [frame, condition] of rows)
    assert.throws(() => parseFrame(frame, LIMITS), { condition }, frame.slice(0, 20));
});

test('parseElement reads in the namespace of client streams', () => {
  assert.deepEqual(parseElement("<a xmlns='jabber:client'><b/></a>"), el('a', {}, el('b')));
  assert.throws(() => parseElement('<a>'), { condition: 'not-well-formed' });
});
