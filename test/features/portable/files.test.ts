import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mam } from '../../../src/features/mam/index.ts';
import { portable } from '../../../src/features/portable/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import { open } from '../upload/scene.ts';
import { counts, documentOf, exported, imported } from './moving.ts';

test('files are listed with their links, and stay where they are', async (t) => {
  const { stage, upload } = await open(t, { features: [portable] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'meow', { filename: 'cat &amp; co.txt' });
  const document = await exported(stage, 'romeo');
  assert.ok(document.includes(`name="cat &amp; co.txt"`), document);
  assert.ok(document.includes(`url="${url}"`), document);
  const again = await imported(stage, document);
  assert.deepEqual(counts(again)['files'], '0/1/0');
  const elsewhere = await Stage.open(t, { features: [portable] });
  const { notes } = await imported(elsewhere, document);
  assert.deepEqual(notes, [`<files xmlns='urn:parley:files:0'/> is not known here: left out 1 times`]);
  const other = await imported(stage, document.replaceAll('romeo', 'mercutio'));
  assert.deepEqual(other.notes, [`mercutio@${DOMAIN}: the file "cat & co.txt": files do not move: it stays at ${url}`]);
});

test('an archive moves with what is said in it, to whom, and whose messages are wanted', async (t) => {
  const features = [roster, mam, portable];
  const before = await Stage.open(t, { features });
  const { romeo, juliet } = await before.connected({ romeo: 'romeo', juliet: 'juliet' });
  for (const word of ['but', 'soft']) {
    await romeo.sends(`<message to='juliet@${DOMAIN}' type='chat' id='${word}'><body>${word}</body></message>`);
    await before.clock.advance(1000);
  }
  await juliet.sends(
    `<message to='romeo@${DOMAIN}/x' type='chat' id='ay'><body>ay <b xmlns='urn:b'>me</b></body></message>`,
  );
  await romeo.set(
    `<prefs xmlns='urn:xmpp:mam:2' default='roster'><always><jid>a@b.example</jid></always><never/></prefs>`,
  );
  await before.clock.advance(1000);
  const document = await exported(before, 'romeo');
  assert.match(
    document,
    /<message xmlns="jabber:client" from="romeo@stage.example\/romeo" to="juliet@stage.example" id="but"/,
  );

  const after = await Stage.open(t, { features, clock: before.clock });
  const summary = await imported(after, document, { chunk: 100 });
  assert.deepEqual([summary.faults, summary.notes], [[], []]);
  assert.equal(counts(summary)['messages of the archive'], '3/0/0');
  assert.equal(await exported(after, 'romeo'), document);
  assert.equal(counts(await imported(after, document))['messages of the archive'], '0/3/0');
  const client = (await after.connected({ romeo: 'romeo' })).romeo;
  const form = `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>
    <field var='with'><value>juliet@${DOMAIN}</value></field></x>`;
  await client.set(`<query xmlns='urn:xmpp:mam:2'>${form}</query>`);
  for (let i = 0; i < 3; i++) assert.equal((await client.nextNamed('message')).attrs['from'], `romeo@${DOMAIN}`);
});

test('what an account sent under its former name is with whom it was sent to', async (t) => {
  const stage = await Stage.open(t, { features: [roster, mam, portable] });
  const result = (id: string, from: string, to: string, stamp: string): string =>
    `<result xmlns='urn:xmpp:mam:2' id='${id}'><forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='${stamp}'/>
     <message xmlns='jabber:client' from='${from}' to='${to}' type='chat' id='${id}'><body>${id}</body></message></forwarded></result>`;
  const results = [
    result('1', 'a@old.example/x', 'b@c.example', '2020-01-01T00:00:00Z'),
    result('2', 'b@c.example/y', 'a@old.example', '2020-01-01T00:00:00Z'),
    result('3', 'a@old.example/x', 'b@c.example', '2020-01-01T00:00:01Z'),
    result('4', 'a@old.example/x', 'b@c.example', '2099-01-01T00:00:00Z'),
    result('5', 'a@old.example/x', 'b@c.example', 'yesterday'),
    `<result xmlns='urn:xmpp:mam:2' id='6'/>`,
  ].join('');
  const document = documentOf(
    `<user name='a' password='x'><archive xmlns='urn:xmpp:pie:0#mam'>${results}</archive></user>`,
  );
  const moved = document.replace(`jid='${DOMAIN}'`, `jid='old.example'`);
  const summary = await imported(stage, moved, { into: stage.host });
  assert.equal(counts(summary)['messages of the archive'], '3/0/3');
  const again = await imported(stage, moved, { into: stage.host });
  assert.equal(counts(again)['messages of the archive'], '0/3/3');
  const order = [...(await exported(stage, 'a')).matchAll(/<body>(\d)/g)].map(([, word]) => word);
  assert.deepEqual(order, ['1', '2', '3']);
});
