import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasContent, isStorable } from '../../../src/features/shared/storable.ts';
import { type Message, parseStanza } from '../../../src/stanza.ts';
import { parseElement } from '../../../src/xml/parser.ts';

const BODY = '<body>hi</body>';
const STATE = '<composing xmlns="http://jabber.org/protocol/chatstates"/>';
const ORIGIN = '<origin-id xmlns="urn:xmpp:sid:0" id="1"/>';

function message(content: string, type = 'chat'): Message {
  const stanza = parseStanza(parseElement(`<message type="${type}">${content}</message>`), undefined);
  assert.ok(stanza.kind === 'message');
  return stanza;
}

function hint(name: string): string {
  return `<${name} xmlns="urn:xmpp:hints"/>`;
}

// Each row: content, type, whether to keep until delivered, whether to keep for good.
const TABLE: readonly (readonly [string, string, boolean, boolean])[] = [
  [BODY, 'chat', true, true],
  [BODY, 'normal', true, true],
  [BODY, 'headline', false, false],
  [BODY, 'groupchat', false, false],
  [BODY, 'error', false, false],
  [STATE, 'chat', false, false],
  [`${STATE}<thread>1</thread>${ORIGIN}`, 'chat', false, false],
  [`${STATE}${BODY}`, 'chat', true, true],
  ['', 'normal', false, false],
  ['<received xmlns="urn:xmpp:receipts" id="1"/>', 'chat', true, true],
  [BODY + hint('no-store'), 'chat', false, false],
  [BODY + hint('no-permanent-store'), 'chat', true, false],
  [STATE + hint('store'), 'chat', true, true],
  [BODY + hint('store'), 'headline', true, true],
  [BODY + hint('store'), 'error', false, false],
  [BODY + hint('store') + hint('no-store'), 'chat', false, false],
];

for (const [content, type, untilDelivered, forGood] of TABLE) {
  test(`a message of type ${type} with ${content || 'nothing'} is ${untilDelivered ? '' : 'not '}kept`, () => {
    assert.equal(isStorable(message(content, type), 'until-delivered'), untilDelivered);
    assert.equal(isStorable(message(content, type), 'for-good'), forGood);
  });
}

test('a hint is no content', () => {
  assert.equal(hasContent(message(hint('no-copy'))), false);
  assert.equal(hasContent(message('<body/>')), true);
});
