import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blocking } from '../../../src/features/blocking/index.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { lastActivity } from '../../../src/features/last-activity.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { mam } from '../../../src/features/mam/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { portable } from '../../../src/features/portable/index.ts';
import { privateXml } from '../../../src/features/private-xml.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { vcard } from '../../../src/features/vcard/index.ts';
import { type Element, el, serialize } from '../../../src/xml/element.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import { documentOf, exported, imported } from './moving.ts';

const FEATURES = [lastlog, lastActivity, blocking, roster, vcard, mam, offline, clientManagement, privateXml, portable];

// What cannot be in XML is not in accounts; line ends and blanks at the ends of attributes are as XML has them.
const words = fc
  .string({ unit: 'grapheme', maxLength: 20 })
  .map((text) => text.replace(/[^\p{L}\p{N}\p{P}\p{S}]/gu, '_'));
const word = words.map((text) => text || '_');
const name = fc.stringMatching(/^[a-z]{1,8}$/);
const jid = fc.tuple(name, fc.constantFrom('a.example', 'b.example')).map(([local, domain]) => `${local}@${domain}`);
const time = fc.integer({ min: 1_500_000_000_000, max: 1_700_000_000_000 }).map((ms) => new Date(ms).toISOString());

function elementWith(inner: fc.Arbitrary<Element[]>): fc.Arbitrary<Element> {
  return fc
    .tuple(name, word, words, inner, fc.constantFrom('urn:x:1', 'urn:x:2'))
    .map(([tag, value, text, nodes, ns]) => el(tag, { xmlns: ns, value }, ...(text === '' ? [] : [text]), ...nodes));
}

const leaf = elementWith(fc.constant([]));
const content = elementWith(fc.array(leaf, { maxLength: 2 }));

const item = fc
  .record({
    jid,
    name: fc.option(word, { nil: undefined }),
    subscription: fc.constantFrom('none', 'to', 'from', 'both'),
    ask: fc.constantFrom('subscribe', undefined),
    approved: fc.constantFrom('true', undefined),
    groups: fc.uniqueArray(word, { maxLength: 3 }),
  })
  .map(({ groups, ...attrs }) => el('item', attrs, ...groups.map((group) => el('group', {}, group))));

const message = fc
  .record({
    from: jid,
    id: word,
    type: fc.constantFrom('chat', 'headline', undefined),
    inner: fc.array(content, { maxLength: 2 }),
    at: time,
  })
  .map(({ inner, at, ...attrs }) =>
    el(
      'message',
      { xmlns: 'jabber:client', to: `user@${DOMAIN}`, ...attrs },
      ...inner,
      el('delay', { xmlns: 'urn:xmpp:delay', stamp: at }),
    ),
  );

const result = fc
  .record({ id: word, at: time, message })
  .map(({ id, at, message }) =>
    el(
      'result',
      { xmlns: 'urn:xmpp:mam:2', id },
      el('forwarded', { xmlns: 'urn:xmpp:forward:0' }, el('delay', { xmlns: 'urn:xmpp:delay', stamp: at }), message),
    ),
  );

const keys = (mechanism: string, length: number) =>
  fc
    .record({
      iterations: fc.integer({ min: 1, max: 10_000_000 }),
      salt: bytes(1, 64),
      server: bytes(length),
      stored: bytes(length),
    })
    .map((key) =>
      el(
        'scram-credentials',
        { xmlns: 'urn:xmpp:pie:0#scram', mechanism },
        el('iter-count', {}, String(key.iterations)),
        el('salt', {}, key.salt),
        el('server-key', {}, key.server),
        el('stored-key', {}, key.stored),
      ),
    );

function bytes(minLength: number, maxLength = minLength): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array).toString('base64'));
}

function maybe(arbitrary: fc.Arbitrary<Element>): fc.Arbitrary<Element[]> {
  return fc.option(arbitrary, { nil: undefined }).map((element) => (element === undefined ? [] : [element]));
}

/** Everything that a document can say of a user, in any order. */
const user = fc
  .tuple(
    maybe(
      fc
        .tuple(time, fc.constantFrom('true', undefined))
        .map(([created, disabled]) => el('account', { xmlns: 'urn:parley:account:0', created, disabled })),
    ),
    maybe(keys('SCRAM-SHA-1', 20)),
    maybe(keys('SCRAM-SHA-256', 32)),
    maybe(keys('SCRAM-SHA-512', 64)),
    maybe(fc.array(item, { maxLength: 6 }).map((items) => el('query', { xmlns: 'jabber:iq:roster' }, ...items))),
    maybe(jid.map((from) => el('presence', { xmlns: 'jabber:client', type: 'subscribe', from }))),
    maybe(content.map((card) => el('vCard', { xmlns: 'vcard-temp' }, el('FN', {}, 'x'), card))),
    maybe(fc.array(content, { maxLength: 3 }).map((all) => el('query', { xmlns: 'jabber:iq:private' }, ...all))),
    maybe(
      fc.array(message, { maxLength: 4 }).map((all) => el('offline-messages', { xmlns: 'urn:xmpp:pie:0' }, ...all)),
    ),
    maybe(fc.array(result, { maxLength: 5 }).map((all) => el('archive', { xmlns: 'urn:xmpp:pie:0#mam' }, ...all))),
    maybe(
      fc
        .uniqueArray(jid, { maxLength: 3 })
        .map((all) =>
          el('blocklist', { xmlns: 'urn:xmpp:blocking' }, ...all.map((address) => el('item', { jid: address }))),
        ),
    ),
    maybe(time.map((at) => el('login', { xmlns: 'urn:parley:activity:0', at }))),
    maybe(word.map((text) => el('farewell', { xmlns: 'urn:parley:farewell:0' }, text))),
  )
  .map((parts) => `<user name='user'>${parts.flat().map(serialize).join('')}</user>`);

test('whatever an account has, it has all of it where it was moved to', async (t) => {
  let moved = 0;
  await fc.assert(
    fc.asyncProperty(user, fc.integer({ min: 1, max: 5000 }), async (document, chunk) => {
      const [one, other] = [await Stage.open(t, { features: FEATURES }), await Stage.open(t, { features: FEATURES })];
      const taken = await imported(one, documentOf(document), { chunk });
      assert.deepEqual(taken.faults, []);
      const first = await exported(one);
      const there = await imported(other, first, { chunk });
      for (const { taken: count } of there.parts) moved += count;
      // A document of ours leaves no room for doubt, but for a password that there never was.
      assert.deepEqual(
        there.notes.filter((note) => !note.includes('the password')),
        [],
      );
      assert.equal(await exported(other), first);
      const again = await imported(other, first);
      assert.ok(
        again.parts.every((part) => part.taken === 0),
        JSON.stringify(again.parts),
      );
      assert.equal(await exported(other), first);
    }),
    { numRuns: 40, endOnFailure: true, interruptAfterTimeLimit: 4000 },
  );
  assert.ok(moved > 40, 'something has moved');
});
