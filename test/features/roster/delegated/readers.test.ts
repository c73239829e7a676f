import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastActivity } from '../../../../src/features/last-activity.ts';
import { lastlog } from '../../../../src/features/lastlog/index.ts';
import { mam } from '../../../../src/features/mam/index.ts';
import { portable } from '../../../../src/features/portable/index.ts';
import { COPIES, type CopyRecord } from '../../../../src/features/roster/delegated/copy-record.ts';
import { roster } from '../../../../src/features/roster/index.ts';
import { ROSTERS, type RosterRecord } from '../../../../src/features/roster/record.ts';
import { DOMAIN, PASSWORD, Stage } from '../../../support/stage.ts';
import { search } from '../../mam/scene.ts';
import { documentOf, imported } from '../../portable/moving.ts';
import { address, from, hold, items, open } from './serving-scene.ts';

const ONLY_CONTACTS = `<prefs xmlns='urn:xmpp:mam:2' default='roster'><always/><never/></prefs>`;

test('who archives only what contacts write gets that by the roster of the owner; unknown, rather one too many', async (t) => {
  const { stage, source, refresh } = await open(t, { features: [mam] });
  source.befriend('john', 'marie');
  const { desk, marie, eve } = await stage.online({ desk: 'john', marie: 'marie', eve: 'eve' });
  await desk.set(ONLY_CONTACTS);
  const writes = async (what: string): Promise<void> => {
    for (const client of [marie, eve]) {
      await client.sends(`<message to='${address('john')}' type='chat'><body>${client.name} ${what}</body></message>`);
    }
  };
  await writes('1');
  assert.deepEqual((await search(desk)).bodies, ['marie 1']);
  source.befriend('john', 'eve');
  await refresh('john');
  await writes('2');
  // While john is away, the last good roster decides, and without one everything is kept.
  await desk.sends('</stream:stream>');
  await stage.clock.advance(0);
  await writes('3');
  source.copies.delete('john');
  const { phone } = await stage.online({ phone: 'john' });
  source.copies.delete('john');
  await phone.sends('</stream:stream>');
  await stage.clock.advance(0);
  await writes('4');
  const { tablet } = await stage.online({ tablet: 'john' });
  assert.deepEqual((await search(tablet)).bodies, ['marie 1', 'eve 2', 'eve 3', 'marie 4', 'eve 4']);
});

test('what is only for contacts is answered by the roster of the owner', async (t) => {
  const { stage, source, refresh } = await open(t, { features: [lastlog, lastActivity] });
  source.befriend('john', 'marie');
  const { marie, eve, desk } = await stage.online({ marie: 'marie', eve: 'eve', desk: 'john' });
  const QUERY = `<query xmlns='jabber:iq:last'/>`;
  assert.equal((await marie.ask('get', QUERY, address('john'))).attrs['type'], 'result');
  assert.equal((await eve.ask('get', QUERY, address('john'))).attrs['type'], 'error');
  source.befriend('john', 'eve');
  await refresh('john');
  assert.equal((await marie.ask('get', QUERY, address('john'))).attrs['type'], 'error');
  assert.equal((await eve.ask('get', QUERY, address('john'))).attrs['type'], 'result');
  await desk.sends('</stream:stream>');
});

test('the removal of an account drops everything, and its contacts see it go and nothing else', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const { desk, marie } = await stage.online({ desk: 'john', marie: 'marie' });
  await items(marie);
  await stage.host.removeUser('john');
  await marie.receives(from(desk.jid, 'unavailable'));
  await marie.receivesNothing();
  assert.deepEqual(source.forgotten, ['john']);
  assert.deepEqual(await items(marie), [[address('john'), undefined, []]]);
});

test('an account that is removed leaves nothing of the time before its contacts were another’s, or after', async (t) => {
  const { stage } = await open(t);
  await stage.host.users.create('john', PASSWORD);
  const own = await Stage.open(t, { store: stage.store, features: [roster] });
  const record: RosterRecord = { version: '1', items: [], requests: [] };
  const copy: CopyRecord = { at: 0, source: '', contacts: [] };
  for (const { host, name } of [
    { host: stage.host, name: 'john' },
    { host: own.host, name: 'marie' },
  ]) {
    if (!(await host.users.exists(name))) await host.users.create(name, PASSWORD);
    await stage.table(ROSTERS).put([DOMAIN, name], record);
    await stage.table(COPIES).put([DOMAIN, name], copy);
    await host.removeUser(name);
    assert.equal(await stage.table(ROSTERS).get(DOMAIN, name), undefined, name);
    assert.equal(await stage.table(COPIES).get(DOMAIN, name), undefined, name);
  }
});

test('a fetch for a removed account is nothing to whoever takes its name', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const release = hold(source);
  await stage.connected({ desk: 'john' });
  await stage.host.removeUser('john');
  source.held = undefined;
  source.befriend('john', 'ann');
  const { phone } = await stage.connected({ phone: 'john' });
  release();
  await stage.clock.advance(0);
  assert.deepEqual(await items(phone), [[address('ann'), undefined, []]]);
});

test('contacts are not exported with an account: they are not ours', async (t) => {
  const { stage, source } = await open(t, { features: [portable] });
  source.befriend('john', 'marie');
  await stage.connected({ desk: 'john' });
  assert.deepEqual(
    stage.host.portable.filter(({ name }) => name.includes('contacts')),
    [],
  );
});

test('contacts in a document are left out, which is said', async (t) => {
  const { stage, source } = await open(t, { features: [portable] });
  source.befriend('john', 'marie');
  const roster = `<query xmlns='jabber:iq:roster'><item jid='eve@elsewhere.example' subscription='both'/></query>`;
  const request = `<presence xmlns='jabber:client' type='subscribe' from='ann@elsewhere.example' to='${address('john')}'/>`;
  const summary = await imported(
    stage,
    documentOf(`<user name='john' password='${PASSWORD}'>${roster}${request}</user>`),
  );
  assert.deepEqual([summary.added, summary.faults], [1, []]);
  assert.deepEqual(summary.notes.toSorted(), [
    `<presence xmlns='jabber:client'/> is not known here: left out 1 times`,
    `<query xmlns='jabber:iq:roster'/> is not known here: left out 1 times`,
  ]);
  const { desk } = await stage.connected({ desk: 'john' });
  assert.deepEqual(await items(desk), [[address('marie'), undefined, []]]);
});

test('a guest has no contacts, and nobody is asked for them', async (t) => {
  const config = { auth: { mechanisms: ['ANONYMOUS', 'PLAIN'] } };
  const { stage, source } = await open(t, { config });
  await stage.host.users.create('john', PASSWORD);
  const guest = stage.connect('guest');
  await guest.open();
  guest.transport.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>`);
  await guest.nextNamed('success');
  await guest.open();
  await guest.bind('x');
  assert.deepEqual(await items(guest), []);
  await guest.sends('<presence/>');
  await guest.receives(from(guest.jid));
  await guest.sends('</stream:stream>');
  assert.deepEqual(source.fetches, []);
});
