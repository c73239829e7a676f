import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blocking } from '../../../src/features/blocking/index.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { mam } from '../../../src/features/mam/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { portable } from '../../../src/features/portable/index.ts';
import { privateXml } from '../../../src/features/private-xml.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { vcard } from '../../../src/features/vcard/index.ts';
import { Stage } from '../../support/stage.ts';
import { documentOf, exported, imported } from './moving.ts';

const FEATURES = [lastlog, blocking, roster, vcard, mam, offline, clientManagement, privateXml, portable];
const KEY = Buffer.alloc(20, 1).toString('base64');
const MESSAGE = `<message xmlns='jabber:client' from='a@b.example/c' to='u@stage.example' type='chat'><body>hi</body></message>`;
const DELAY = `<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>`;

/** One of each kind. */
const DOCUMENT = documentOf(`<user name='u'><account xmlns='urn:parley:account:0' created='2020-01-01T00:00:00Z'/>
<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>4096</iter-count><salt>c2FsdA==</salt>
<server-key>${KEY}</server-key><stored-key>${KEY}</stored-key></scram-credentials>
<query xmlns='jabber:iq:roster'><item jid='a@b.example' name='A' subscription='both' ask='subscribe'><group>G</group></item></query>
<presence xmlns='jabber:client' type='subscribe' from='c@d.example'/><vCard xmlns='vcard-temp'><FN>U</FN></vCard>
<query xmlns='jabber:iq:private'><x xmlns='urn:x'>1</x></query><offline-messages>${MESSAGE}</offline-messages>
<blocklist xmlns='urn:xmpp:blocking'><item jid='e@f.example'/></blocklist><login xmlns='urn:parley:activity:0' at='2020-01-01T00:00:00Z'/>
<client xmlns='urn:parley:clients:0' id='i' handle='h' first-seen='2020-01-01T00:00:00Z' last-seen='2020-01-01T00:00:00Z'/>
<archive xmlns='urn:xmpp:pie:0#mam'><result xmlns='urn:xmpp:mam:2' id='1'><forwarded xmlns='urn:xmpp:forward:0'>${DELAY}${MESSAGE}</forwarded>
</result></archive><prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs></user>`);

/** Pieces that stand where they should not: tags without ends, ends without tags, values of other kinds, bytes that are no text. */
const rubbish = fc.constantFrom(
  '',
  '<',
  '>',
  "'",
  '</user>',
  '<user>',
  '&',
  '&amp;',
  '@',
  '-1',
  'x',
  '\u0000',
  '\ufffd',
  '<x/>',
  ' ',
);

test('whatever happens to a document, what can be read of it is taken, and nothing breaks', async (t) => {
  const places = fc.array(fc.tuple(fc.nat(DOCUMENT.length), fc.nat(12), rubbish), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(places, fc.integer({ min: 1, max: 2000 }), async (damages, chunk) => {
      let document = DOCUMENT;
      for (const [at, length, text] of damages) document = document.slice(0, at) + text + document.slice(at + length);
      const stage = await Stage.open(t, { features: FEATURES });
      const summary = await imported(stage, document, { chunk });
      assert.ok(summary.added <= 2 && summary.faults.length <= 1, JSON.stringify(summary));
      // What was taken of a damaged document is good: it can be written, and read without any fault.
      const after = await Stage.open(t, { features: FEATURES });
      assert.deepEqual((await imported(after, await exported(stage))).faults, []);
      assert.equal(await exported(after), await exported(stage));
      await Promise.all([stage.close(), after.close()]);
    }),
    { numRuns: 120, endOnFailure: true, interruptAfterTimeLimit: 4000 },
  );
});
