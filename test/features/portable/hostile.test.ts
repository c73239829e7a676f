import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { offline } from '../../../src/features/offline/index.ts';
import type { ImportSummary } from '../../../src/features/portable/api.ts';
import { portable } from '../../../src/features/portable/index.ts';
import { privateXml } from '../../../src/features/private-xml.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import { counts, documentOf, exported, imported, type Reading } from './moving.ts';

const KEY = Buffer.alloc(20, 1).toString('base64');

function open(t: TestContext, config: Record<string, unknown> = {}): Promise<Stage> {
  return Stage.open(t, { features: [roster, offline, privateXml, portable], config });
}

async function reading(t: TestContext, document: string | Buffer, options: Reading = {}): Promise<ImportSummary> {
  return imported(await open(t), document, options);
}

function scram(mechanism: string, iterations = '4096', salt = 'c2FsdA==', key = KEY): string {
  return `<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='${mechanism}'><iter-count>${iterations}</iter-count>
    <salt>${salt}</salt><server-key>${key}</server-key><stored-key>${key}</stored-key></scram-credentials>`;
}

test('entities, declarations, comments and instructions are refused', async (t) => {
  const bomb = `<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${documentOf('<user name="&b;"/>')}`;
  for (const document of [
    bomb,
    bomb.replace(/^<!.*]>/, ''),
    `<!-- x -->${documentOf()}`,
    `<?php x ?>${documentOf()}`,
  ]) {
    const { faults, added } = await reading(t, document);
    assert.equal(faults.length, 1, document);
    assert.match(faults[0] ?? '', /^the document is damaged behind byte \d+: /);
    assert.equal(added, 0);
  }
});

test('what is nested too deep, or too large, ends the document and nothing else', async (t) => {
  const deep = `<x xmlns='urn:x'>${'<y>'.repeat(200)}${'</y>'.repeat(200)}</x>`;
  const large = `<x xmlns='urn:x'>${'a'.repeat(17 * 1024 * 1024)}</x>`;
  const attributes = `<x xmlns='urn:x' ${Array.from({ length: 200 }, (_, i) => `a${i}=''`).join(' ')}/>`;
  for (const bad of [deep, large, attributes]) {
    const summary = await reading(t, documentOf(`<user name='a' password='x'/>`, `<user name='b'>${bad}</user>`));
    assert.deepEqual([summary.added, summary.faults.length, summary.incomplete], [1, 1, [`b@${DOMAIN}`]]);
  }
});

test('an account may have more in its containers than any element may hold', async (t) => {
  const stage = await open(t, { limits: { account: { offlineMessages: 30_000, offlineBytes: 100_000_000 } } });
  const message = (i: number) => `<message xmlns='jabber:client' id='${i}'><body>${'a'.repeat(800)}</body></message>`;
  const messages = Array.from({ length: 20_000 }, (_, i) => message(i)).join('');
  assert.ok(messages.length > 16 * 1024 * 1024);
  const document = documentOf(`<user name='a'><offline-messages>${messages}</offline-messages></user>`);
  const summary = await imported(stage, document);
  assert.deepEqual([summary.faults, counts(summary)['messages that wait']], [[], '20000/0/0']);
  const order = [...(await exported(stage, 'a')).matchAll(/ id="(\d+)"/g)].map(([, id]) => Number(id));
  assert.deepEqual(
    order,
    Array.from({ length: 20_000 }, (_, i) => i),
  );
});

test('a document that ends too early, or is damaged, says what was taken', async (t) => {
  const whole = documentOf(
    `<user name='a' password='x'/>`,
    `<user name='b' password='x'><query xmlns='jabber:iq:roster'><item jid='c@d.example'/></query></user>`,
  );
  const cut = whole.slice(0, whole.indexOf('</query>') + 8);
  const stage = await open(t);
  const summary = await imported(stage, cut);
  assert.deepEqual([summary.added, summary.incomplete], [2, [`b@${DOMAIN}`]]);
  assert.match(summary.faults[0] ?? '', /the document ends too early/);
  assert.deepEqual(counts(summary), { passwords: '1/0/0', 'contacts and requests': '1/0/0' });
  assert.equal(await stage.host.users.verifyPassword('b', 'x'), false, 'what is not complete cannot be used');
  const mended = await imported(stage, whole);
  assert.deepEqual([mended.faults, counts(mended)], [[], { passwords: '1/1/0', 'contacts and requests': '0/1/0' }]);
  assert.ok(await stage.host.users.verifyPassword('b', 'x'));

  for (const bad of [whole.replace('</host>', '</hots>'), whole.replace("jid='c@", "jid='c@<"), `${whole}<x/>`]) {
    assert.equal((await reading(t, bad)).faults.length, 1, bad);
  }
  const { faults } = await reading(t, Buffer.concat([Buffer.from(documentOf()).subarray(0, 70), Buffer.from([0xff])]));
  assert.equal(faults.length, 1);
});

test('whatever is no document of XEP-0227 is refused', async (t) => {
  for (const bad of ['', 'hello', '<server-data/>', `<server-data xmlns='urn:x'/>`, `<user xmlns='urn:xmpp:pie:0'/>`]) {
    const { faults, added, merged } = await reading(t, bad);
    assert.deepEqual([faults.length, added, merged], [1, 0, 0], bad);
  }
});

test('elements of other namespaces are left out, and counted', async (t) => {
  const summary = await reading(
    t,
    `<server-data xmlns='urn:xmpp:pie:0'><x xmlns='urn:x'/><host xmlns='urn:x' jid='${DOMAIN}'><user name='no'/></host>
     <host jid='${DOMAIN}'><user xmlns='urn:y' name='no'/><user name='a' password='x'>
       <query xmlns='jabber:iq:privacy'/><query xmlns='jabber:iq:privacy'/><message><body/></message>
       <archive xmlns='urn:xmpp:pie:0#mam'><result xmlns='urn:xmpp:mam:2'/></archive>
       <offline-messages><x xmlns='urn:z'/></offline-messages></user></host></server-data>`,
  );
  assert.deepEqual([summary.faults, summary.added], [[], 1]);
  assert.deepEqual(summary.notes.toSorted(), [
    `<archive xmlns='urn:xmpp:pie:0#mam'/> is not known here: left out 1 times`,
    `<host xmlns='urn:x'/> is not known here: left out 1 times`,
    `<message xmlns='urn:xmpp:pie:0'/> is not known here: left out 1 times`,
    `<query xmlns='jabber:iq:privacy'/> is not known here: left out 2 times`,
    `<user xmlns='urn:y'/> is not known here: left out 1 times`,
    `<x xmlns='urn:x'/> is not known here: left out 1 times`,
    `<x xmlns='urn:z'/> is not known here: left out 1 times`,
  ]);
});

test('names and addresses that cannot be are left out, with the reason', async (t) => {
  const summary = await reading(
    t,
    documentOf(
      `<user/><user name=''/><user name='a b'/><user name='${'x'.repeat(2000)}'/><user name='a@b.example'/>`,
      `<user name='ok' password='x'><query xmlns='jabber:iq:roster'>
         <item/><item jid='@'/><item jid='a@b.example/c'/><item jid='ok@${DOMAIN}'/><item jid='c@d.example' subscription='maybe'/>
         <item jid='e@f.example'><group/></item><item jid='g@h.example' name='${'n'.repeat(2000)}'/>
         <item jid='i@j.example' subscription='both' ask='subscribe' approved='true'/></query>
         <presence xmlns='jabber:client' type='subscribe'/><presence xmlns='jabber:client' type='subscribe' from='@'/>
         <presence xmlns='jabber:client' type='subscribe' from='i@j.example'/>
         <offline-messages><message xmlns='jabber:client' from='@'/></offline-messages>
         <query xmlns='jabber:iq:private'><x>1</x><y xmlns='jabber:iq:roster'>2</y></query></user>`,
    ),
  );
  assert.deepEqual(
    [summary.faults, summary.added, summary.notes.length],
    [[], 1, 5 + 7 + 2 + 1 + 2],
    String(summary.notes),
  );
  assert.deepEqual(counts(summary), {
    passwords: '1/0/0',
    'contacts and requests': '1/1/9',
    'messages that wait': '0/0/1',
    'private elements': '0/0/2',
  });
});

test('limits hold for what comes by a document, too', async (t) => {
  const limits = { account: { rosterItems: 2, offlineMessages: 2, privateXmlBytes: 40 } };
  const stage = await open(t, { limits });
  const message = `<message xmlns='jabber:client' from='a@b.example'><body>`;
  const requests = Array.from(
    { length: 102 },
    (_, i) => `<presence xmlns='jabber:client' type='subscribe' from='r${i}@x.example'/>`,
  );
  const summary = await imported(
    stage,
    documentOf(`<user name='a' password='x'>
      <query xmlns='jabber:iq:roster'><item jid='1@x.example'/><item jid='2@x.example'/><item jid='3@x.example'/></query>
      <offline-messages>${[1, 2, 3].map((i) => `${message}${i}</body></message>`).join('')}</offline-messages>
      <query xmlns='jabber:iq:private'><a xmlns='urn:a'>a</a><b xmlns='urn:b'>${'b'.repeat(30)}</b></query>
      ${requests.join('')}</user>`),
  );
  assert.deepEqual(counts(summary), {
    passwords: '1/0/0',
    'contacts and requests': '102/0/3',
    'messages that wait': '2/0/1',
    'private elements': '1/0/1',
  });
  assert.equal(summary.notes.length, 5);
});

test('a request that is too long is kept without its content', async (t) => {
  const stage = await open(t);
  const nick = `<nick xmlns='urn:n'>${'n'.repeat(3000)}</nick>`;
  await imported(
    stage,
    documentOf(
      `<user name='a'><presence xmlns='jabber:client' type='subscribe' from='b@c.example'>${nick}</presence></user>`,
    ),
  );
  assert.match(await exported(stage, 'a'), /from="b@c.example" to="a@stage.example" type="subscribe"\/>/);
});

test('notes and kinds are bounded, however much is wrong', async (t) => {
  const users = Array.from({ length: 1000 }, () => `<user name=''/>`).join('');
  const kinds = Array.from({ length: 300 }, (_, i) => `<x${i} xmlns='urn:x'/>`).join('');
  const summary = await reading(
    t,
    documentOf(users, `<user name='a'>${kinds}</user>`, `<user name='${'y'.repeat(100_000)}'/>`),
  );
  assert.equal(summary.notes.length, 300);
  assert.ok(summary.moreNotes >= 700);
  assert.ok(summary.notes.every((note) => note.length <= 500));
});

test('keys that are damaged, unknown, doubled or costly are left out', async (t) => {
  const bad = [
    scram('SCRAM-SHA-1', '0'),
    scram('SCRAM-SHA-1', '01'),
    scram('SCRAM-SHA-1', '-1'),
    scram('SCRAM-SHA-1', '4096.5'),
    scram('SCRAM-SHA-1', '999999999'),
    scram('SCRAM-SHA-1', '4096', ''),
    scram('SCRAM-SHA-1', '4096', '!!'),
    scram('SCRAM-SHA-1', '4096', Buffer.alloc(2000).toString('base64')),
    scram('SCRAM-SHA-1', '4096', 'c2FsdA==', 'c2hvcnQ='),
    scram('SCRAM-SHA-256'),
    scram('SCRAM-MD5'),
    scram('SCRAM-SHA-1-PLUS'),
    `<scram-credentials xmlns='urn:xmpp:pie:0#scram'/>`,
  ];
  const stage = await open(t);
  const summary = await imported(stage, documentOf(`<user name='a'>${bad.join('')}</user>`));
  assert.deepEqual(counts(summary), { passwords: `0/0/${bad.length + 1}` });
  assert.deepEqual(await stage.host.users.keys('a'), {});
  const doubled = await imported(
    stage,
    documentOf(`<user name='b'>${scram('SCRAM-SHA-1')}${scram('SCRAM-SHA-1', '5000')}</user>`),
  );
  assert.deepEqual(counts(doubled), { passwords: '1/0/1' });
  assert.equal((await stage.host.users.keys('b'))['SHA-1']?.iterations, 4096);
});

test('keys in the place of a password are keys, and never a password', async (t) => {
  const stage = await open(t);
  const password = `scram:${KEY},${KEY},c2FsdA==,4096`;
  await imported(
    stage,
    documentOf(`<user name='a' password='${password}'/><user name='b' password='scram-sha-256:x'/>`),
  );
  assert.equal(await stage.host.users.verifyPassword('a', password), false);
  assert.deepEqual(Object.keys(await stage.host.users.keys('a')), ['SHA-1']);
  assert.deepEqual(await stage.host.users.keys('b'), {});
  const { notes } = await imported(stage, documentOf(`<user name='c' password='&#x1f600;&#x0a;'/>`));
  assert.match(notes[0] ?? '', /password/);
});

test('users of hosts that are not here are left out, unless they are to come into another', async (t) => {
  const document = `<server-data xmlns='urn:xmpp:pie:0'><host jid='old.example'><user name='a' password='x'/><user name='b'/></host>
    <host jid='${DOMAIN.toUpperCase()}'><user name='c' password='x'/></host><host jid='not a domain'><user name='d'/></host><host/></server-data>`;
  const stage = await open(t);
  const summary = await imported(stage, document);
  assert.deepEqual(
    [summary.added, summary.notes],
    [1, ['2 users left out: old.example is not served here', '1 user left out: not a domain is not served here']],
  );
  const moved = await imported(stage, document, { into: stage.host });
  assert.equal(moved.added, 2);
  assert.ok(await stage.host.users.verifyPassword('a', 'x'));
  assert.match(String(moved.notes), /is a second host; --domain moves one/);
});

test('an account whose name is being freed is left out, and the others are taken', async (t) => {
  const stage = await open(t);
  await stage.host.users.create('a', 'x');
  await stage.host.users.beginRemoval('a');
  const item = `<query xmlns='jabber:iq:roster'><item jid='b@c.example'/></query>`;
  const summary = await imported(
    stage,
    documentOf(`<user name='a'>${item}${item}</user>`, `<user name='b' password='x'/>`),
  );
  assert.deepEqual([summary.added, summary.notes], [1, [`a@${DOMAIN} left out: This user name is taken.`]]);
});

test('included documents are read once, and faults in one end no other', async (t) => {
  const include = (attributes: string) => `<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' ${attributes}/>`;
  const user = (name: string) => `<?xml version='1.0'?><user xmlns='urn:xmpp:pie:0' name='${name}' password='x'>`;
  const files = {
    'host.xml': `<host xmlns='urn:xmpp:pie:0' jid='${DOMAIN}'>${['a', 'broken', 'b', 'host'].map((name) => include(`href='${name}.xml'`)).join('')}</host>`,
    'a.xml': `${user('a')}${include(`href='roster.xml'`)}<query xmlns='jabber:iq:private'>${include(`href='secret.xml'`)}</query></user>`,
    'roster.xml': `<query xmlns='jabber:iq:roster'><item jid='x@y.example'/></query>`,
    'secret.xml': `<secret xmlns='urn:s'/>`,
    'broken.xml': `${user('broken')}<query xmlns='jabber:iq:roster'>`,
    'b.xml': `${user('b')}</user>`,
  };
  const stage = await open(t);
  const summary = await imported(
    stage,
    `<server-data xmlns='urn:xmpp:pie:0'>${['host', 'host', 'gone'].map((name) => include(`href='${name}.xml'`)).join('')}
     ${include(`href='a.xml' parse='text'`)}${include(`href='a.xml' xpointer='x'`)}${include('')}</server-data>`,
    { files },
  );
  assert.equal(summary.added, 2);
  assert.deepEqual(counts(summary), {
    passwords: '2/0/0',
    'contacts and requests': '1/0/0',
    'private elements': '1/0/0',
  });
  assert.match(await exported(stage, 'a'), /<include href="secret.xml" xmlns="http:\/\/www.w3.org\/2001\/XInclude"\/>/);
  assert.match(summary.faults[0] ?? '', /^"broken.xml" is damaged behind byte/);
  assert.match(String(summary.faults), /"gone.xml" cannot be included: there is no such file/);
  assert.match(String(summary.notes), /"host.xml" is not included: it was before/);
  assert.match(String(summary.notes), /"a.xml" is not included: only whole documents are/);
});

test('of documents that include one another few are open at the same time', async (t) => {
  const stage = await open(t);
  const include = (name: string) => `<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='${name}'/>`;
  const files = (count: number) => ({
    ...Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}`, include(`${index + 1}`)])),
    [`${count}`]: `<user xmlns='urn:xmpp:pie:0' name='a' password='x'/>`,
  });
  const deep = await imported(stage, documentOf(include('0')), { files: files(1000) });
  assert.equal(deep.added, 0);
  assert.deepEqual(deep.faults, ['"15" cannot be included: 16 documents are open around it']);
  const shallow = await imported(stage, documentOf(include('0')), { files: files(10) });
  assert.deepEqual([shallow.added, shallow.faults], [1, []]);
});

test('documents as other servers write them are understood', async (t) => {
  const stage = await open(t);
  const prosody = `<?xml version='1.0' encoding='utf-8'?>
    <server-data xmlns='urn:xmpp:pie:0'><host jid='${DOMAIN}'><user name='p'>${scram('SCRAM-SHA-1', '10000')}
    <query xmlns='jabber:iq:roster' version='3'><item jid='a@b.example' subscription='both'/></query>
    <presence type='subscribe' from='c@b.example' xmlns='jabber:client'/></user></host></server-data>`;
  const ejabberd = `<?xml version='1.0' encoding='UTF-8'?><server-data xmlns='http://www.xmpp.org/extensions/xep-0227.html#ns'>
    <host jid='${DOMAIN}'><user name='e' password='secret'><offline-messages><message xmlns='jabber:client' type='chat'
     from='a@b.example/r' to='e@${DOMAIN}'><body>hi</body></message></offline-messages></user></host></server-data>`;
  const first = await imported(stage, prosody);
  assert.deepEqual(
    [first.faults, first.notes, counts(first)],
    [[], [], { passwords: '1/0/0', 'contacts and requests': '2/0/0' }],
  );
  const second = await imported(stage, `\ufeff${ejabberd}`);
  assert.deepEqual(
    [second.faults, second.notes, counts(second)],
    [[], [], { passwords: '1/0/0', 'messages that wait': '1/0/0' }],
  );
  assert.ok(await stage.host.users.verifyPassword('e', 'secret'));
});
