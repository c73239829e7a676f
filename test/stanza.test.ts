import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StanzaError } from '../src/errors.ts';
import { JID } from '../src/jid.ts';
import {
  type AnyStanza,
  conditionOf,
  errorFor,
  errorOf,
  iq,
  is,
  isStanza,
  mayBounce,
  message,
  Payload,
  parseStanza,
  presence,
  resultFor,
} from '../src/stanza.ts';
import { el, serialize } from '../src/xml/element.ts';
import { parseElement, XmlParser } from '../src/xml/parser.ts';
import { assertXml } from './support/compare.ts';

const ROMEO = JID.parse('romeo@stage.example/orchard');
const JULIET = JID.parse('juliet@stage.example/balcony');

function parse(xml: string, inner?: string): AnyStanza {
  return parseStanza(parseElement(xml), inner);
}

function refusal(xml: string): string {
  try {
    parse(xml);
  } catch (error) {
    if (error instanceof StanzaError) return error.condition;
    throw error;
  }
  return 'accepted';
}

test('a stanza is typed, and written as it was read', () => {
  const xml =
    '<message from="romeo@stage.example/orchard" to="juliet@stage.example" id="a&amp;&quot;1" type="chat" xml:lang="it"><body>&lt;3</body></message>';
  const stanza = parse(xml);
  assert.equal(stanza.kind, 'message');
  assert.equal(stanza.type, 'chat');
  assert.equal(stanza.id, 'a&"1');
  assert.equal(stanza.lang, 'it');
  assert.ok(stanza.from?.equals(ROMEO));
  assert.ok(stanza.to?.equals(JULIET.bare()));
  assertXml(parseElement(stanza.toString()), xml);
});

test('a type that goes without saying is not written', () => {
  for (const xml of ['<message type="normal"/>', '<message/>', '<message type="shout"/>', '<message type=""/>']) {
    assert.equal(parse(xml).type, 'normal', xml);
    assert.equal(parse(xml).toString(), '<message/>', xml);
  }
  assert.equal(parse('<presence/>').type, 'available');
  assert.equal(parse('<presence/>').toString(), '<presence/>');
});

test('an iq without a type, and an unknown type of presence or iq, is a bad request', () => {
  for (const xml of [
    '<iq/>',
    '<iq type=""/>',
    '<iq type="fetch"/>',
    '<presence type="away"/>',
    '<presence type=""/>',
  ]) {
    assert.equal(refusal(xml), 'bad-request', xml);
  }
  for (const type of ['get', 'set', 'result', 'error']) assert.equal(refusal(`<iq type="${type}"/>`), 'accepted');
});

test('an address that cannot be is jid-malformed', () => {
  for (const to of [
    '@stage.example',
    'a@',
    'a@b/',
    '',
    '/x',
    'a b@stage.example',
    `${'a'.repeat(1024)}@stage.example`,
  ]) {
    assert.equal(refusal(`<message to="${to}"/>`), 'jid-malformed', to);
    assert.equal(refusal(`<presence from="${to}"/>`), 'jid-malformed', to);
  }
});

test('addresses are normalised', () => {
  assert.equal(parse('<message to="JULIET@Stage.Example/Balcony"/>').to?.toString(), 'juliet@stage.example/Balcony');
});

test('attributes that are not ours pass, with their prefixes declared', () => {
  const received: AnyStanza[] = [];
  const parser = new XmlParser(
    {
      header: () => {},
      element: (element, inner) => received.push(parseStanza(element, inner)),
      ended: () => {},
    },
    { maxBytes: 10_000, maxDepth: 8, maxAttributes: 16, maxChildren: 16 },
  );
  parser.write(
    Buffer.from(
      `<s:stream xmlns:s='http://etherx.jabber.org/streams' xmlns='jabber:client' xmlns:x='urn:x'><message x:a='1"' hasOwnProperty='2' __proto__='3'><x:b/></message>`,
    ),
  );
  const [stanza] = received;
  assert.ok(stanza);
  assertXml(
    parseElement(stanza.toString()),
    `<message xmlns:x="urn:x" x:a="1&quot;" hasOwnProperty="2" __proto__="3"><b xmlns="urn:x"/></message>`,
  );
  assertXml(parseElement(stanza.copy({ to: ROMEO }).toString()), parseElement(stanza.copy({ to: ROMEO }).toString()));
  assert.match(stanza.stamped(ROMEO).toString(), /from="romeo@stage\.example\/orchard".*x:a=/);
});

test('a copy replaces what is named and shares the payload', () => {
  const stanza = message({
    type: 'chat',
    from: ROMEO,
    to: JULIET,
    id: '1',
    lang: 'it',
    payload: new Payload([el('b')]),
  });
  const copy = stanza.copy({ to: undefined, id: '2' });
  assert.equal(copy.payload, stanza.payload);
  assert.equal(copy.to, undefined);
  assert.equal(copy.id, '2');
  assert.equal(copy.from, ROMEO);
  assert.equal(copy.lang, 'it');
  assert.equal(copy.type, 'chat');
  assert.equal(stanza.copy({ from: undefined, lang: undefined }).toString().includes('romeo'), false);
  assert.equal(stanza.stamped(JULIET).from, JULIET);
  assert.equal(stanza.stamped(JULIET).payload, stanza.payload);
});

test('a payload is text and elements, whichever it was made of', () => {
  const source = parseElement('<message><body>hi</body>\n<x xmlns="urn:x"/></message>');
  const verbatim = Payload.of(source, '<body>hi</body>\n<x xmlns="urn:x"/>');
  assert.equal(verbatim.text, '<body>hi</body>\n<x xmlns="urn:x"/>');
  assert.deepEqual(
    verbatim.elements.map((element) => element.name),
    ['body', 'x'],
  );
  assert.equal(Payload.of(source, undefined).text, '<body>hi</body><x xmlns="urn:x"/>');
  assert.equal(Payload.of(source, ''), Payload.EMPTY);
  assert.equal(verbatim.child('x'), undefined);
  assert.equal(verbatim.child('x', 'urn:x')?.name, 'x');
  assert.equal(verbatim.child('body', 'jabber:client'), undefined);
});

test('with and without make another payload and leave the first alone', () => {
  const payload = new Payload([el('body', {}, 'hi'), el('x', { xmlns: 'urn:x' })]);
  const more = payload.with(el('y', { xmlns: 'urn:y' }));
  assert.equal(more.text, '<body>hi</body><x xmlns="urn:x"/><y xmlns="urn:y"/>');
  assert.equal(more.elements.length, 3);
  const less = more.without((element) => is(element, 'x', 'urn:x'));
  assert.equal(less.text, '<body>hi</body><y xmlns="urn:y"/>');
  assert.equal(payload.text, '<body>hi</body><x xmlns="urn:x"/>');
  assert.equal(
    payload.without(() => false),
    payload,
  );
});

test('a compact copy says the same', () => {
  const stanza = parse('<presence id="1" xml:lang="it" a="b"><show>away</show><c xmlns="urn:c"/></presence>');
  const compact = stanza.compact();
  assert.equal(compact.toString(), stanza.toString());
  assert.equal(compact.payload.child('show')?.children[0], 'away');
  assert.equal(compact.payload.child('c', 'urn:c')?.name, 'c');
  assert.equal(parse('<presence/>').compact().payload.elements.length, 0);
});

test('results and errors go back where the request came from', () => {
  const request = iq({
    type: 'get',
    from: ROMEO,
    to: JULIET,
    id: '1',
    payload: new Payload([el('q', { xmlns: 'urn:q' })]),
  });
  assertXml(
    parseElement(resultFor(request, el('q', { xmlns: 'urn:q' }, 'yes')).toString()),
    `<iq type="result" id="1" from="${JULIET}" to="${ROMEO}"><q xmlns="urn:q">yes</q></iq>`,
  );
  const app = { name: 'too-many', ns: 'urn:app' };
  assertXml(
    parseElement(errorFor(request, new StanzaError('not-allowed', { text: 'No.', type: 'wait', app })).toString()),
    `<iq type="error" id="1" from="${JULIET}" to="${ROMEO}"><error type="wait">
       <not-allowed xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>
       <text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas" xml:lang="en">No.</text><too-many xmlns="urn:app"/></error></iq>`,
  );
  const gone = errorFor(request, new StanzaError('gone', { address: 'xmpp:x@y.example' }));
  assert.match(gone.toString(), /<gone xmlns="[^"]+">xmpp:x@y\.example<\/gone>/);
});

test('only requests, messages and presence may be answered with an error', () => {
  assert.ok(mayBounce(message({ type: 'headline' })));
  assert.ok(mayBounce(presence({ type: 'probe' })));
  assert.ok(mayBounce(iq({ type: 'set' })));
  for (const stanza of [iq({ type: 'result' }), iq({ type: 'error' }), message({ type: 'error' })]) {
    assert.ok(!mayBounce(stanza));
  }
});

test('the condition of an error is one of RFC 6120, whatever the peer wrote', () => {
  const ns = 'urn:ietf:params:xml:ns:xmpp-stanzas';
  const cases: [inner: string, condition: string][] = [
    [`<error type="cancel"><text xmlns="${ns}">x</text><item-not-found xmlns="${ns}"/></error>`, 'item-not-found'],
    ['<error/>', 'undefined-condition'],
    ['', 'undefined-condition'],
    ['<error><item-not-found/></error>', 'undefined-condition'],
    [`<error><constructor xmlns="${ns}"/></error>`, 'undefined-condition'],
    [`<error><sorry xmlns="${ns}"/></error>`, 'undefined-condition'],
  ];
  for (const [inner, condition] of cases) {
    assert.equal(conditionOf(parse(`<iq type="error">${inner}</iq>`)), condition, inner);
  }
});

test('an error keeps the type that its sender gave it, if there is such a type', () => {
  const condition = '<service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>';
  for (const [type, read] of [
    ['wait', 'wait'],
    ['cancel', 'cancel'],
    ['sorry', 'cancel'],
    ['constructor', 'cancel'],
  ]) {
    const error = errorOf(parse(`<iq type="error"><error type="${type}">${condition}</error></iq>`));
    assert.deepEqual([error.condition, error.type], ['service-unavailable', read]);
  }
  assert.equal(errorOf(parse('<iq type="error"/>')).condition, 'undefined-condition');
});

test('a stanza is one of three names in the namespace of the stream', () => {
  for (const xml of ['<message/>', '<presence/>', '<iq/>']) assert.ok(isStanza(parseElement(xml)));
  for (const xml of ['<message xmlns="jabber:server"/>', '<constructor/>', '<r xmlns="urn:xmpp:sm:3"/>']) {
    assert.ok(!isStanza(parseElement(xml)), serialize(parseElement(xml)));
  }
});

test('whether a payload may mention something is told without building it, and in doubt', () => {
  const mentions = (content: string): boolean => Payload.fromText(content).mayMention('urn:x');
  assert.equal(mentions('<body>hi</body>'), false);
  assert.equal(mentions('<a xmlns="urn:x"/>'), true);
  assert.equal(mentions('<a xmlns="urn&#58;x"/>'), true);
});
