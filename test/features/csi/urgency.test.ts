import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canWait, subjectOf } from '../../../src/features/csi/urgency.ts';
import { parseStanza } from '../../../src/stanza.ts';
import { parseElement } from '../../../src/xml/parser.ts';

const STATES = 'http://jabber.org/protocol/chatstates';
const EVENT = "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='mood'/></event>";
const MUC_USER = 'http://jabber.org/protocol/muc#user';

function read(xml: string) {
  return parseStanza(parseElement(xml), undefined);
}

function carbon(direction: string, message: string): string {
  return `<message type='chat'><${direction} xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>${message.replace(
    '<message',
    "<message xmlns='jabber:client'",
  )}</forwarded></${direction}></message>`;
}

const COPIED_STATE = `<message type='chat'><active xmlns='${STATES}'/></message>`;

const CAN_WAIT = {
  'presence that comes and goes': [
    '<presence from="a@b/c"/>',
    '<presence from="a@b/c"><show>away</show></presence>',
    '<presence from="a@b/c" type="unavailable"/>',
  ],
  'occupants of rooms': [
    `<presence from="r@b/c"><x xmlns='${MUC_USER}'><item role='visitor'/></x></presence>`,
    `<presence from="r@b/c" type="unavailable"><x xmlns='${MUC_USER}'><status code='307'/></x></presence>`,
  ],
  'chat states': [
    `<message type='chat'><composing xmlns='${STATES}'/><thread>1</thread><no-store xmlns='urn:xmpp:hints'/></message>`,
    `<message type='groupchat'><active xmlns='${STATES}'/><occupant-id xmlns='urn:xmpp:occupant-id:0' id='1'/></message>`,
    carbon('sent', COPIED_STATE),
    carbon('received', COPIED_STATE),
  ],
  'answers to what was read': [
    "<message><received xmlns='urn:xmpp:receipts' id='1'/><stanza-id xmlns='urn:xmpp:sid:0' id='2' by='a@b'/></message>",
    "<message type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>",
  ],
  'news of nodes': [
    `<message type='headline'>${EVENT}</message>`,
    `<message>${EVENT}<delay xmlns='urn:xmpp:delay'/></message>`,
  ],
  'nothing at all': ['<message type="chat"/>'],
};

const CANNOT_WAIT = {
  requests: ["<iq type='get'><ping xmlns='urn:xmpp:ping'/></iq>", "<iq type='result'/>", "<iq type='error'/>"],
  subscriptions: ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'error'].map(
    (type) => `<presence type='${type}'/>`,
  ),
  'the own entrance into a room': [
    `<presence from="r@b/c"><x xmlns='${MUC_USER}'><item role='visitor'/><status code='100'/><status code='110'/></x></presence>`,
    `<presence from="r@b/c" type="unavailable"><x xmlns='${MUC_USER}'><status code='110'/></x></presence>`,
  ],
  'messages to read': [
    '<message><body>1</body></message>',
    `<message type='chat'><active xmlns='${STATES}'/><body>1</body></message>`,
    '<message type="groupchat"><body>1</body></message>',
    '<message type="groupchat"><subject>1</subject></message>',
    '<message type="headline"><subject>1</subject><body>1</body></message>',
    carbon('sent', '<message type="chat"><body>1</body></message>'),
    carbon('received', '<message type="chat"><body>1</body></message>'),
  ],
  'encrypted messages': [
    "<message type='chat'><encrypted xmlns='urn:xmpp:omemo:2'/><store xmlns='urn:xmpp:hints'/></message>",
    "<message type='chat'><encrypted xmlns='eu.siacs.conversations.axolotl'/></message>",
    "<message type='chat'><openpgp xmlns='urn:xmpp:openpgp:0'/></message>",
  ],
  calls: [
    "<message type='chat'><propose xmlns='urn:xmpp:jingle-message:0' id='1'/></message>",
    carbon('received', "<message type='chat'><retract xmlns='urn:xmpp:jingle-message:0' id='1'/></message>"),
  ],
  'what asks for an answer': [
    "<message><request xmlns='urn:xmpp:receipts'/></message>",
    "<message><markable xmlns='urn:xmpp:chat-markers:0'/></message>",
  ],
  errors: [
    `<message type='error'><active xmlns='${STATES}'/></message>`,
    carbon('received', `<message type='error'><active xmlns='${STATES}'/></message>`),
  ],
  'what nobody knows': [
    "<message type='chat'><x xmlns='urn:example'/></message>",
    carbon('sent', carbon('sent', COPIED_STATE)),
  ],
};

for (const [what, examples] of Object.entries(CAN_WAIT)) {
  test(`it can wait: ${what}`, () => {
    for (const xml of examples) assert.equal(canWait(read(xml), false), true, xml);
  });
}

for (const [what, examples] of Object.entries(CANNOT_WAIT)) {
  test(`it cannot wait: ${what}`, () => {
    for (const xml of examples) assert.equal(canWait(read(xml), false), false, xml);
  });
}

test('messages in group chats can wait where the operator says so, and no others', () => {
  assert.equal(canWait(read('<message type="groupchat"><body>1</body></message>'), true), true);
  assert.equal(canWait(read('<message type="chat"><body>1</body></message>'), true), false);
});

test('only of presence the last is enough, for each resource', () => {
  assert.equal(subjectOf(read('<presence from="a@b/c"/>')), 'a@b/c');
  assert.equal(subjectOf(read('<presence from="a@b" type="unavailable"/>')), 'a@b');
  assert.equal(subjectOf(read('<presence/>')), undefined);
  assert.equal(subjectOf(read('<message from="a@b/c"/>')), undefined);
});
