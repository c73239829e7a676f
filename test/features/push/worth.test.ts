import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isCall, isForOneResource, isWorthWaking } from '../../../src/features/push/worth.ts';
import { JID } from '../../../src/jid.ts';
import { type Message, parseStanza } from '../../../src/stanza.ts';
import { parseElement } from '../../../src/xml/parser.ts';

const ROMEO = JID.parse('romeo@stage.example');
const BODY = '<body>hi</body>';
const HINT = (name: string): string => `<${name} xmlns="urn:xmpp:hints"/>`;
const CALL = (name: string): string => `<${name} xmlns="urn:xmpp:jingle-message:0" id="c1"/>`;
const STORE = HINT('store');
const OMEMO = '<encrypted xmlns="eu.siacs.conversations.axolotl"/>';

function read(content: string, { type = 'chat', from = 'juliet@stage.example/balcony', to = ROMEO.toString() } = {}) {
  const stanza = parseStanza(
    parseElement(`<message from="${from}" to="${to}" type="${type}">${content}</message>`),
    undefined,
  );
  assert.equal(stanza.kind, 'message');
  return stanza as Message;
}

test('what somebody says, and a call, is worth waking a client for', () => {
  const worth: [content: string, type?: string][] = [
    [BODY],
    [BODY, 'normal'],
    [OMEMO],
    [OMEMO + STORE],
    [`${BODY}<active xmlns="http://jabber.org/protocol/chatstates"/><request xmlns="urn:xmpp:receipts"/>`],
    [BODY + HINT('no-permanent-store')],
    [CALL('propose') + STORE],
    ['<x xmlns="jabber:x:conference" jid="room@conference.example"/>', 'normal'],
    [BODY, 'groupchat'],
  ];
  for (const [content, type = 'chat'] of worth)
    assert.equal(isWorthWaking(read(content, { type }), ROMEO), true, content);
});

test('what tells a client something that it need not wake up for is not', () => {
  const idle: [content: string, type?: string][] = [
    ['<composing xmlns="http://jabber.org/protocol/chatstates"/>'],
    ['<received xmlns="urn:xmpp:receipts" id="1"/>'],
    [`<displayed xmlns="urn:xmpp:chat-markers:0" id="1"/>${STORE}`],
    [BODY, 'headline'],
    [BODY + STORE, 'headline'],
    [BODY + STORE, 'error'],
    [BODY + HINT('no-store')],
    [BODY + HINT('no-store'), 'groupchat'],
    ['<subject>a room</subject>', 'groupchat'],
    [STORE],
    ['<thread>t</thread>'],
    [''],
    [CALL('retract') + STORE],
    [CALL('accept') + STORE],
    ['<event xmlns="http://jabber.org/protocol/pubsub#event"/>', 'normal'],
  ];
  for (const [content, type = 'chat'] of idle)
    assert.equal(isWorthWaking(read(content, { type }), ROMEO), false, content);
});

test('nor is what the account has sent itself', () => {
  assert.equal(isWorthWaking(read(BODY, { from: `${ROMEO}/laptop` }), ROMEO), false);
});

test('a call is a proposal, and nothing else of its protocol', () => {
  assert.equal(isCall(read(CALL('propose'))), true);
  assert.equal(isCall(read(CALL('retract'))), false);
  assert.equal(isCall(read(BODY)), false);
});

test('only what is addressed to a resource can be for that one alone', () => {
  const to = `${ROMEO}/phone`;
  assert.equal(isForOneResource(read(BODY, { to, type: 'groupchat' })), true);
  assert.equal(isForOneResource(read(BODY + HINT('no-copy'), { to })), true);
  assert.equal(isForOneResource(read(`${BODY}<private xmlns="urn:xmpp:carbons:2"/>`, { to })), true);
  assert.equal(isForOneResource(read(BODY, { to })), false);
  assert.equal(isForOneResource(read(BODY + HINT('no-copy'))), false);
});
