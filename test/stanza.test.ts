import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Payload, parseStanza } from '../src/stanza.ts';
import { serialize, text } from '../src/xml/element.ts';
import { parseElement } from '../src/xml/parser.ts';

const PRESENCE = `<presence from="a@b/c" to="d@e" id="an identifier" xml:lang="it" x="1"><show>away</show><c xmlns="urn:example:c"><d/></c></presence>`;

test('a compact stanza says the same', () => {
  const stanza = parseStanza(parseElement(PRESENCE), undefined);
  assert.equal(stanza.compact().toString(), stanza.toString());
});

test('the elements of a compact payload are built when they are read', () => {
  const payload = parseStanza(parseElement(PRESENCE), undefined).payload.compact();
  assert.equal(text(payload.child('show')), 'away');
  assert.equal(payload.elements.map(serialize).join(''), payload.text);
  assert.ok(payload.child('c', 'urn:example:c'));
});

test('a compact payload without content is the empty one', () => {
  assert.equal(Payload.EMPTY.compact(), Payload.EMPTY);
});
