import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocking } from '../../../src/features/blocking/index.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { lastActivity } from '../../../src/features/last-activity.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { portable } from '../../../src/features/portable/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { privateXml } from '../../../src/features/private-xml.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';
import { counts, documentOf, exported, imported } from './moving.ts';

const ALL = [lastlog, lastActivity, roster, presence, offline, clientManagement, privateXml, portable];
const NOTE = '<notes xmlns="urn:example:notes">about <b>Mercutio</b> &amp; co</notes>';

async function stageWithRomeo(t: Parameters<typeof Stage.open>[0]): Promise<Stage> {
  const stage = await Stage.open(t, { features: ALL });
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.set(
    '<query xmlns="jabber:iq:roster"><item jid="mercutio@stage.example" name="M &amp; co"><group>Friends</group></item></query>',
  );
  await romeo.sends(`<presence to='juliet@${DOMAIN}' type='subscribe'/>`);
  await juliet.sends(`<presence to='romeo@${DOMAIN}' type='subscribed'/>`);
  await juliet.sends(`<presence to='romeo@${DOMAIN}' type='subscribe'><nick xmlns='urn:n'>J</nick></presence>`);
  await romeo.set(`<query xmlns="jabber:iq:private">${NOTE}</query>`);
  await romeo.sends(`<presence type='unavailable'><status>off to bed</status></presence>`);
  await romeo.sends('</stream:stream>');
  for (const word of ['one', 'two']) {
    await juliet.sends(`<message to='romeo@${DOMAIN}' type='chat' id='${word}'><body>${word} &lt;</body></message>`);
  }
  await juliet.forget();
  return stage;
}

test('an account that was moved is the same, and moving it again changes nothing', async (t) => {
  const before = await stageWithRomeo(t);
  const document = await exported(before, 'romeo');
  const after = await Stage.open(t, { features: ALL, clock: before.clock });
  const summary = await imported(after, document);
  assert.deepEqual([summary.faults, summary.notes, summary.added, summary.merged], [[], [], 1, 0]);
  assert.deepEqual(counts(summary), {
    passwords: '1/0/0',
    'contacts and requests': '3/0/0',
    'messages that wait': '2/0/0',
    'private elements': '1/0/0',
    'times of login and logout': '2/0/0',
    'words on leaving': '1/0/0',
    clients: '1/0/0',
  });
  assert.equal(await exported(after, 'romeo'), document);

  const again = await imported(after, document);
  assert.deepEqual([again.faults, again.notes, again.added, again.merged], [[], [], 0, 1]);
  assert.deepEqual(counts(again), {
    passwords: '0/1/0',
    'contacts and requests': '0/3/0',
    'messages that wait': '0/2/0',
    'private elements': '0/1/0',
    'times of login and logout': '0/2/0',
    'words on leaving': '0/1/0',
    clients: '0/1/0',
  });
  assert.equal(await exported(after, 'romeo'), document);
});

test('who was moved logs in with the old password, and finds what was left', async (t) => {
  const before = await stageWithRomeo(t);
  const after = await Stage.open(t, { features: ALL, clock: before.clock });
  await imported(after, await exported(before, 'romeo'), { chunk: 7 });
  const { romeo } = await after.connected({ romeo: 'romeo' });
  const contacts = await romeo.get('<query xmlns="jabber:iq:roster"/>');
  assert.equal(contacts?.children.length, 2);
  await romeo.sends('<presence/>');
  await romeo.receives(`<presence from='romeo@${DOMAIN}/romeo' to='*'/>`);
  assert.equal((await romeo.nextNamed('presence')).attrs['type'], 'subscribe');
  const received = [await romeo.nextNamed('message'), await romeo.nextNamed('message')];
  assert.deepEqual(
    received.map(({ attrs }) => attrs['id']),
    ['one', 'two'],
  );
});

test('an account that is online is told of its new contacts, and gets its messages', async (t) => {
  const stage = await Stage.open(t, { features: ALL });
  const { romeo } = await stage.online({ romeo: 'romeo' });
  await romeo.get('<query xmlns="jabber:iq:roster"/>');
  await imported(
    stage,
    documentOf(`<user name='romeo'><query xmlns='jabber:iq:roster'><item jid='a@b.example' subscription='to'/></query>
      <offline-messages><message xmlns='jabber:client' id='m' from='a@b.example'><body>hi</body></message></offline-messages>
      <presence xmlns='jabber:client' type='subscribe' from='c@b.example'/></user>`),
  );
  await romeo.receives(
    `<iq type='set' id='*' to='romeo@${DOMAIN}/romeo'><query xmlns='jabber:iq:roster' ver='*'><item jid='a@b.example' subscription='to'/></query></iq>`,
  );
  await romeo.sends(`<presence type='unavailable'/>`);
  await romeo.sends('<presence/>');
  await romeo.receives(`<presence from='*' to='*' type='unavailable'/>`);
  await romeo.receives(`<presence from='*' to='*'/>`);
  await romeo.receives(`<presence from='c@b.example' to='*' type='subscribe'/>`);
  assert.equal((await romeo.nextNamed('message')).attrs['id'], 'm');
});

test('what an account has stays, and only what it has not is added', async (t) => {
  const stage = await Stage.open(t, { features: ALL });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.set(
    '<query xmlns="jabber:iq:roster"><item jid="a@b.example" name="mine"><group>own</group></item></query>',
  );
  await romeo.set('<query xmlns="jabber:iq:private"><x xmlns="urn:x">mine</x></query>');
  const summary = await imported(
    stage,
    documentOf(`<user name='ROMEO' password='another'>
      <query xmlns='jabber:iq:roster'><item jid='a@b.example' name='theirs' subscription='both'/><item jid='c@b.example'/></query>
      <query xmlns='jabber:iq:private'><x xmlns='urn:x'>theirs</x><y xmlns='urn:x'>new</y></query></user>`),
  );
  assert.equal(summary.merged, 1);
  assert.deepEqual(counts(summary), {
    passwords: '0/0/1',
    'contacts and requests': '1/1/0',
    'private elements': '1/1/0',
  });
  assert.deepEqual(summary.notes, [
    `romeo@${DOMAIN}: the password: the account has another one; --replace-password takes this one`,
  ]);
  assert.ok(await stage.host.users.verifyPassword('romeo', PASSWORD));
  const contacts = await romeo.get('<query xmlns="jabber:iq:roster"/>');
  assert.deepEqual(
    contacts?.children.map((item) =>
      typeof item === 'string' ? item : [item.attrs['name'], item.attrs['subscription']],
    ),
    [
      ['mine', 'none'],
      [undefined, 'none'],
    ],
  );
});

test('a password is replaced when that is wanted, which ends the sessions of the old one', async (t) => {
  const stage = await Stage.open(t, { features: ALL });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const summary = await imported(stage, documentOf(`<user name='romeo' password='another'/>`), {
    replacePasswords: true,
  });
  assert.deepEqual(counts(summary), { passwords: '1/0/0' });
  assert.ok(await stage.host.users.verifyPassword('romeo', 'another'));
  await romeo.isClosedWith('reset');
});

test('who was denied everything by a privacy list in force is blocked', async (t) => {
  const stage = await Stage.open(t, { features: [blocking, portable] });
  const item = (type: string, value: string, action: string, inner = ''): string =>
    `<item type='${type}' value='${value}' action='${action}' order='1'>${inner}</item>`;
  const summary = await imported(
    stage,
    documentOf(`<user name='romeo' password='${PASSWORD}'><query xmlns='jabber:iq:privacy'><default name='on'/>
      <list name='off'>${item('jid', 'off@x.example', 'deny')}</list>
      <list name='on'>${item('jid', 'spam@x.example', 'deny')}${item('jid', 'y.example', 'deny')}${item('jid', 'a@x.example', 'allow')}
      ${item('group', 'Enemies', 'deny')}${item('jid', 'm@x.example', 'deny', '<message/>')}<item action='allow' order='2'/></list></query></user>
      <user name='juliet' password='x'><query xmlns='jabber:iq:privacy'><list name='off'>${item('jid', 'b@x.example', 'deny')}</list></query></user>`),
  );
  assert.equal(counts(summary)['blocked addresses'], '2/0/3');
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const list = await romeo.get('<blocklist xmlns="urn:xmpp:blocking"/>');
  assert.deepEqual(
    list?.children.map((blocked) => typeof blocked !== 'string' && blocked.attrs['jid']),
    ['spam@x.example', 'y.example'],
  );
});

test('nobody becomes an administrator by a document, unless that is wanted', async (t) => {
  const before = await Stage.open(t, { features: ALL });
  await before.host.users.create('admin', PASSWORD, 'admin');
  await before.host.users.create('idle', PASSWORD);
  await before.host.users.setDisabled('idle', true);
  const document = await exported(before);
  const wary = await Stage.open(t, { features: ALL, clock: before.clock });
  const summary = await imported(wary, document);
  assert.equal((await wary.host.users.get('admin'))?.role, 'member');
  assert.deepEqual(summary.notes, [`admin@${DOMAIN}: no administrator any more; --keep-admins makes it one`]);
  assert.equal((await wary.host.users.get('idle'))?.disabled, true);
  const trusting = await Stage.open(t, { features: ALL, clock: before.clock });
  await imported(trusting, document, { keepAdmins: true });
  assert.equal((await trusting.host.users.get('admin'))?.role, 'admin');
  assert.equal(await exported(trusting), document);
});
