import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sharedGroups } from '../../../src/features/groups/api.ts';
import { features } from '../../../src/features/registry.ts';
import type { MemoryStore } from '../../../src/store/memory.ts';
import { BIND, REQUEST_TOKEN, Sasl2Client } from '../../c2s/sasl2-scene.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { PlainBrowser } from '../../support/browser-without-script.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';

const GONE = `romeo@${DOMAIN}`;
const BOUND_ALL = `<bind xmlns='urn:xmpp:bind:0'><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>`;

/**
 * Tables that have nothing of accounts. Every other one must have something of the account that is removed: whoever adds a
 * table adds to the test what fills it, or a line here.
 */
const WITHOUT_ACCOUNTS = new Set([
  'secrets',
  'installation',
  'removals',
  'blocking.reports.dropped',
  'visitors',
  'usage.days',
]);

const OTHERS = /juliet|mercutio/;

/** What is left on purpose of an account that was removed: docs/accounts.md. */
const LEFT: readonly { readonly table: string; readonly of: RegExp; readonly why: string }[] = [
  { table: 'mam', of: OTHERS, why: 'what others were sent is theirs' },
  { table: 'mam.conversation', of: OTHERS, why: 'and so is its order' },
  { table: 'roster', of: OTHERS, why: 'whom others have in their rosters is theirs, without a subscription' },
  { table: 'blocking', of: OTHERS, why: 'whom others block is theirs' },
  { table: 'blocking.reports', of: /(?:)/, why: 'what others have reported is for the administrators' },
  { table: 'offline', of: OTHERS, why: 'what waits for others is theirs' },
];

function tableOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

/** The entries of a store that mention somebody. */
function mentions(store: MemoryStore, local: string): [table: string, key: string, text: string][] {
  const all = [...store.dump()].map(([key, text]): [string, string, string] => [tableOf(key), key, text]);
  return all.filter(([, key, text]) => key.includes(local) || text.includes(local));
}

async function openStage(t: TestContext, options: Partial<Parameters<typeof Stage.open>[1]> = {}) {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-removal-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const config = { dataDir, features: { upload: { keepFreeBytes: 0, publicUrl: 'https://files.example' } } };
  return Stage.open(t, { features, config, ...options });
}

async function logIn(stage: Stage, user: string, inner: string): Promise<Sasl2Client> {
  const client = new Sasl2Client(stage.connect(user));
  await client.stage.open();
  const clientId = '8c2d7c1e-3f41-4a3f-9a63-6f2b0a4f9b10';
  assert.equal((await client.plain({ user, clientId, children: inner })).name, 'success');
  return client;
}

/** Has a passkey made on the account page. */
async function fillSecondFactor(stage: Stage): Promise<void> {
  const browser = new PlainBrowser(stage);
  const login = (await browser.get('/account')).form('login');
  const account = await browser.submit('/account', login, { username: 'romeo', password: PASSWORD });
  const form = (await browser.submit('/account', account.form('passkey-begin'))).form('passkey-add');
  const response = new Authenticator().create(JSON.parse(form.data['options'] ?? ''), { origin: browser.origin });
  assert.equal((await browser.submit('/account', form, { name: 'Phone', response })).status, 200);
}

/** Does everything that leaves something behind, by way of the protocols. */
async function fill(stage: Stage): Promise<void> {
  const { juliet, mercutio } = await stage.online({ juliet: 'juliet', mercutio: 'mercutio' });
  await stage.host.users.create('romeo', PASSWORD);
  await juliet.sends(`<message to='${GONE}' type='chat' id='offline'><body>are you there?</body></message>`);
  const first = await logIn(stage, 'romeo', `${REQUEST_TOKEN}${BIND}`);
  await first.stage.sends(`<presence><priority>-1</priority></presence>`);
  await first.stage.sends(`<presence type='unavailable'><status>gone</status></presence>`);
  await first.stage.sends('</stream:stream>');

  const romeo = (await logIn(stage, 'romeo', `${REQUEST_TOKEN}${BOUND_ALL}`)).stage;
  await romeo.sends('<presence><priority>-1</priority></presence>');
  for (const [from, type, to] of [
    [romeo, 'subscribe', 'juliet'],
    [juliet, 'subscribed', 'romeo'],
    [juliet, 'subscribe', 'romeo'],
    [romeo, 'subscribed', 'juliet'],
    [mercutio, 'subscribe', 'romeo'],
  ] as const) {
    await from.sends(`<presence to='${to}@${DOMAIN}' type='${type}'/>`);
  }
  await romeo.forget();
  const photo = `<PHOTO><TYPE>image/png</TYPE><BINVAL>${Buffer.from('x').toString('base64')}</BINVAL></PHOTO>`;
  await romeo.set(`<vCard xmlns='vcard-temp'><FN>Romeo</FN>${photo}</vCard>`);
  await romeo.set(`<query xmlns='jabber:iq:private'><x xmlns='urn:x'>1</x></query>`);
  const report = `<report xmlns='urn:xmpp:reporting:1' reason='urn:xmpp:reporting:spam'/>`;
  await romeo.set(`<block xmlns='urn:xmpp:blocking'><item jid='spam@x.example'>${report}</item></block>`);
  await romeo.set(`<prefs xmlns='urn:xmpp:mam:2' default='always'><always/><never/></prefs>`);
  for (let i = 0; i < 70; i++) {
    await romeo.sends(`<message to='juliet@${DOMAIN}' type='chat' id='m${i}'><body>${i}</body></message>`);
  }
  await romeo.set(`<query xmlns='urn:xmpp:mam:2'/>`);
  await romeo.forget();
  await fillSecondFactor(stage);
  await romeo.set(`<enable xmlns='urn:xmpp:push:0' jid='push.example' node='n'/>`);
  await romeo.get(`<request xmlns='urn:xmpp:http:upload:0' filename='a.txt' size='1'/>`, `upload.${DOMAIN}`);
  await juliet.set(`<block xmlns='urn:xmpp:blocking'><item jid='${GONE}'>${report}</item></block>`);
  await juliet.set(`<unblock xmlns='urn:xmpp:blocking'><item jid='${GONE}'/></unblock>`);
  await juliet.set(`<block xmlns='urn:xmpp:blocking'><item jid='${GONE}/old'/></block>`);
  const groups = stage.host.services.use(sharedGroups);
  await groups.add('Family', false);
  for (const local of ['romeo', 'mercutio']) await groups.join('Family', local);
}

test('nothing of a removed account is left in the store, but what belongs to others', async (t) => {
  const before = await openStage(t);
  await fill(before);
  // A stop in good order writes what waits, and the sessions that may be resumed.
  await before.shutDown();
  await before.close();
  const { store, clock } = before;
  const filled = new Set(mentions(store, 'romeo').map(([table]) => table));
  const tables = new Set([...store.dump().keys()].filter((key) => !key.startsWith('!')).map(tableOf));
  const empty = [...tables].filter((table) => !filled.has(table) && !WITHOUT_ACCOUNTS.has(table));
  assert.deepEqual(empty, ['upload.due'], 'the due times of files have no owner: they are looked for below');

  const stage = await openStage(t, { store, clock, isOffline: true });
  await stage.host.removeUser('romeo');
  const left = mentions(store, 'romeo').filter(
    ([table, key]) => !LEFT.some((exception) => exception.table === table && exception.of.test(key)),
  );
  assert.deepEqual(left, []);
  // What has another name than its owner's, such as that of a file or a session.
  const strays = [...store.dump()].filter(([key, text]) => {
    return !key.startsWith('!') && !WITHOUT_ACCOUNTS.has(tableOf(key)) && !OTHERS.test(key) && !OTHERS.test(text);
  });
  assert.deepEqual(
    strays.map(([key]) => tableOf(key)),
    ['blocking.reports'],
    'the report of the account itself, without its name',
  );
  assert.ok(strays.every(([, text]) => !text.includes('romeo') && text.includes('spam@x.example')));
});

test('whoever takes the name of a removed account inherits nothing', async (t) => {
  const before = await openStage(t);
  await fill(before);
  await before.host.removeUser('romeo');
  const { romeo } = await before.connected({ romeo: 'romeo' });
  await romeo.sends('<presence/>');
  await romeo.receives(`<presence from='${GONE}/romeo' to='*'/>`);
  await romeo.receivesNothing();
  assert.equal((await romeo.get('<query xmlns="jabber:iq:roster"/>'))?.children.length, 0);
  assert.equal((await romeo.get('<blocklist xmlns="urn:xmpp:blocking"/>'))?.children.length, 0);
  assert.equal(await romeo.refused('get', '<vCard xmlns="vcard-temp"/>'), 'item-not-found');
  assert.equal((await romeo.get('<metadata xmlns="urn:xmpp:mam:2"/>'))?.children.length, 0);
});

test('contacts are told that a removed account is gone and no contact any more', async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet, nurse } = await stage.online({ romeo: 'romeo', juliet: 'juliet', nurse: 'nurse' });
  for (const [from, type, to] of [
    [romeo, 'subscribe', 'juliet'],
    [juliet, 'subscribed', 'romeo'],
    [juliet, 'subscribe', 'romeo'],
    [romeo, 'subscribed', 'juliet'],
    [romeo, 'subscribe', 'nurse'],
  ] as const) {
    await from.sends(`<presence to='${to}@${DOMAIN}' type='${type}'/>`);
  }
  await juliet.get('<query xmlns="jabber:iq:roster"/>');
  for (const client of [juliet, nurse]) await client.forget();
  await stage.host.removeUser('romeo');
  const told: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { name, attrs } = await juliet.next();
    told.push(name === 'iq' ? name : `${attrs['from']} ${attrs['type']}`);
  }
  assert.deepEqual(told.filter((line) => line !== 'iq').toSorted(), [
    `${GONE} unsubscribe`,
    `${GONE} unsubscribed`,
    `${GONE}/romeo unavailable`,
  ]);
  const roster = await juliet.get('<query xmlns="jabber:iq:roster"/>');
  assert.deepEqual(
    roster?.children.map((item) => typeof item !== 'string' && item.attrs['subscription']),
    ['none'],
  );
});
