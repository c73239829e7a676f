import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FACTORS, HANDLES } from '../../../src/features/second-factor/record.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { DOMAIN, PASSWORD } from '../../support/stage.ts';
import { codesOn, noticeOn, PAGE, ROMEO, Scene, secretOn } from './scene.ts';

const ADDRESS = '192.0.2.7';
const OFF = { totp: false, passkeys: 0, recoveryCodes: 0, isRequired: false, refusesPasswords: false };
const WRONG = { name: 'SaslError', condition: 'not-authorized' };

/** Logs in with a passkey alone. */
async function loginByPasskey(browser: ReturnType<Scene['browser']>, authenticator: Authenticator) {
  const form = (await browser.get(PAGE)).form('passkey');
  const response = authenticator.get(JSON.parse(form.data['options'] ?? ''), { origin: browser.origin });
  return browser.submit(PAGE, form, { response });
}

test('an app is set up by a code of it; recovery codes are shown once, and the next login asks for a code', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  assert.deepEqual(await scene.factors.of('romeo'), OFF);
  const { secret, codes } = await scene.withApp(browser);
  assert.equal(codes.length, 10);
  const on = { ...OFF, totp: true, isRequired: true, recoveryCodes: 10 };
  assert.deepEqual(await scene.factors.of('romeo'), on);
  const second = await scene.withPassword(browser);
  assert.equal(codesOn(second).length, 0);
  assert.doesNotMatch(second.markup, /Your account/);
  const page = await browser.submit(PAGE, second.form('code'), { code: scene.code(secret) });
  assert.match(page.markup, /Authenticator app <span class="state on">on/);
});

test('an app that shows another code is not set up, and keeps its secret for another try', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const setup = await browser.submit(PAGE, (await scene.withPassword(browser)).form('app-begin'));
  const again = await browser.submit(PAGE, setup.form('app-confirm'), { code: '000000' });
  assert.equal(again.status, 403);
  assert.equal(secretOn(again), secretOn(setup));
  assert.deepEqual(await scene.factors.of('romeo'), OFF);
  await browser.submit(PAGE, again.form('app-confirm'), { code: scene.code(secretOn(setup)) });
  assert.equal((await scene.factors.of('romeo')).totp, true);
});

test("one account's setup is of no use to another", async (t) => {
  const scene = await Scene.open(t);
  const { jid } = await scene.stage.host.users.create('juliet', PASSWORD);
  const browser = scene.browser();
  const setup = (await browser.submit(PAGE, (await scene.withPassword(browser)).form('app-begin'))).form('app-confirm');
  const login = (await browser.get(PAGE)).form('login');
  const hers = await browser.submit(PAGE, login, { username: 'juliet', password: PASSWORD });
  const { token = '' } = hers.form('app-begin').fields;
  const page = await browser.submit(PAGE, setup, { token, code: '000000' });
  assert.notEqual(secretOn(page), '');
  assert.notEqual(page.form('app-confirm').fields['state'], setup.fields['state']);
  assert.deepEqual(await scene.factors.of(jid.local), OFF);
});

test('a code is good once, also in two requests at a time', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { secret } = await scene.withApp(browser);
  const form = (await scene.withPassword(browser)).form('code');
  const code = scene.code(secret);
  const pages = await Promise.all([1, 2, 3].map(() => browser.submit(PAGE, form, { code })));
  assert.deepEqual(pages.map(({ status }) => status).toSorted(), [200, 403, 403]);
  assert.equal((await browser.submit(PAGE, form, { code })).status, 403);
});

test('the code that set the app up cannot be used again, nor one from before it', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const setup = await browser.submit(PAGE, (await scene.withPassword(browser)).form('app-begin'));
  const secret = secretOn(setup);
  const before = scene.code(secret);
  await scene.stage.clock.advance(30_000);
  const code = scene.code(secret);
  await browser.submit(PAGE, setup.form('app-confirm'), { code });
  const form = (await scene.withPassword(browser)).form('code');
  for (const used of [code, before]) assert.equal((await browser.submit(PAGE, form, { code: used })).status, 403);
  await scene.stage.clock.advance(30_000);
  assert.equal((await browser.submit(PAGE, form, { code: scene.code(secret) })).status, 200);
});

test('a recovery code gets somebody in once, however it is typed', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { codes } = await scene.withApp(browser);
  const form = (await scene.withPassword(browser)).form('code');
  const [first = '', second = ''] = codes;
  const pages = await Promise.all([1, 2].map(() => browser.submit(PAGE, form, { code: first })));
  assert.deepEqual(pages.map(({ status }) => status).toSorted(), [200, 403]);
  assert.equal((await browser.submit(PAGE, form, { code: second.toUpperCase().replace('-', ' ') })).status, 200);
  assert.equal((await scene.factors.of('romeo')).recoveryCodes, 8);
});

test('new recovery codes replace the old ones', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { codes, page } = await scene.withApp(browser);
  const account = await browser.submit(PAGE, page.form('overview'));
  const fresh = codesOn(await browser.submit(PAGE, account.form('codes')));
  assert.equal(fresh.length, 10);
  const form = (await scene.withPassword(browser)).form('code');
  assert.equal((await browser.submit(PAGE, form, { code: codes[0] ?? '' })).status, 403);
  assert.equal((await browser.submit(PAGE, form, { code: fresh[0] ?? '' })).status, 200);
});

test('an account without a factor keeps no recovery codes', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { token = '' } = (await scene.withPassword(browser)).form('app-begin').fields;
  await browser.post(PAGE, { action: 'codes', token });
  await browser.post(PAGE, { action: 'passwords-refuse', token });
  assert.deepEqual(await scene.factors.of('romeo'), OFF);
});

test('without the app nothing is asked for any more, and nothing of it is left', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { secret, page } = await scene.withApp(browser);
  const account = await browser.submit(PAGE, page.form('overview'));
  const off = await browser.submit(PAGE, account.form('app-remove'));
  assert.match(noticeOn(off), /not asked for/);
  assert.deepEqual(await scene.factors.of('romeo'), OFF);
  assert.match((await scene.withPassword(browser)).markup, /Two-step login <span class="state ">off/);
  const { jid } = (await scene.stage.host.users.get('romeo')) ?? assert.fail();
  await assert.rejects(scene.factors.checkCode(jid, scene.code(secret), ADDRESS), WRONG);
});

test('a passkey is added, named, renamed and removed', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const added = await scene.withPasskey(browser, new Authenticator(), await scene.withPassword(browser));
  assert.match(noticeOn(added), /The passkey is added/);
  assert.equal(codesOn(added).length, 10);
  let page = await browser.submit(PAGE, added.form('overview'));
  assert.match(page.markup, /<strong>Phone<\/strong>/);
  assert.match(page.markup, /never used/);
  page = await browser.submit(PAGE, page.form('passkey-rename'), { name: ` <b>Old\u202e\n${'x'.repeat(200)}` });
  const name = (await scene.stage.table(FACTORS).get(DOMAIN, 'romeo'))?.passkeys[0]?.name;
  assert.equal(name, `<b>Old ${'x'.repeat(57)}`);
  assert.match(page.markup, /<strong>&lt;b&gt;Old x+<\/strong>/);
  page = await browser.submit(PAGE, page.form('passkey-remove'));
  assert.match(noticeOn(page), /removed/);
  assert.deepEqual(await scene.factors.of('romeo'), OFF);
});

test('a passkey replaces name, password and second step, where the person was verified', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const authenticator = new Authenticator();
  await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const login = async (circumstances: object = {}) => {
    const form = (await browser.get(PAGE)).form('passkey');
    const options = JSON.parse(form.data['options'] ?? '');
    assert.equal(options.userVerification, 'required');
    const response = authenticator.get(options, { origin: browser.origin, ...circumstances });
    return browser.submit(PAGE, form, { response });
  };
  const unverified = await login({ verified: false });
  assert.equal(unverified.status, 403);
  const page = await login();
  assert.equal(page.status, 200);
  assert.match(page.markup, /last used/);
  assert.doesNotMatch(page.markup, /Current password/, 'who they are was proved by more than the password');
  const { form } = page;
  const changed = await browser.submit(PAGE, form('password'), { next: 'forgotten', again: 'forgotten' });
  assert.match(noticeOn(changed), /is changed/);
});

test('whoever came in by a passkey, or with one, is out when it is removed', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const authenticator = new Authenticator();
  const owner = await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const form = (await browser.get(PAGE)).form('passkey');
  const response = authenticator.get(JSON.parse(form.data['options'] ?? ''), { origin: browser.origin });
  const thief = await browser.submit(PAGE, form, { response });
  assert.equal((await browser.submit(PAGE, thief.form('app-begin'))).status, 200);
  const account = await browser.submit(PAGE, owner.form('overview'));
  await browser.submit(PAGE, account.form('passkey-remove'));
  const late = await browser.submit(PAGE, thief.form('password'), { next: 'stolen', again: 'stolen' });
  assert.equal(late.status, 403);
  assert.equal((await scene.withPassword(browser)).status, 200, 'the password is what it was');
});

test('a passkey is the second step beside the password, verified or not', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const authenticator = new Authenticator();
  await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const second = (await scene.withPassword(browser)).form('second-passkey');
  const options = JSON.parse(second.data['options'] ?? '');
  assert.equal(options.allowCredentials.length, 1);
  const response = authenticator.get(options, { origin: browser.origin, verified: false });
  assert.equal((await browser.submit(PAGE, second, { response })).status, 200);
});

test('what a page asked for beside a password is of no use once there is another', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const authenticator = new Authenticator();
  await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const second = (await scene.withPassword(browser)).form('second-passkey');
  const alone = (await browser.get(PAGE)).form('passkey');
  const options = JSON.parse(second.data['options'] ?? '');
  const response = authenticator.get(options, { origin: browser.origin, verified: false });
  await scene.stage.clock.advance(1);
  await scene.stage.host.users.setPassword('romeo', 'another');
  const state = second.fields['state'] ?? '';
  assert.equal((await browser.submit(PAGE, alone, { response, state })).status, 403);
});

test('codes that are guessed all at once are no more than those guessed one after the other', async (t) => {
  const rates = { address: null, account: null, accountFromAddress: { count: 5, perMs: 60_000 } };
  const scene = await Scene.open(t, { rates });
  const { secret } = await scene.withApp(scene.browser());
  const { jid } = (await scene.stage.host.users.get('romeo')) ?? {};
  assert.ok(jid);
  const guesses = Array.from({ length: 40 }, (_, i) => scene.factors.checkCode(jid, `guess ${i}`, ADDRESS));
  const outcomes = await Promise.allSettled(guesses);
  const conditions = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.condition);
  assert.equal(conditions.filter((condition) => condition === 'not-authorized').length, 5);
  assert.equal(conditions.filter((condition) => condition === 'temporary-auth-failure').length, 35);
  await assert.rejects(scene.factors.checkCode(jid, scene.code(secret), ADDRESS), {
    condition: 'temporary-auth-failure',
  });
});

test('an answer is good once, also in two requests at a time', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  // One that does not count, so that only the challenge tells.
  const authenticator = new Authenticator({ counts: false });
  await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const form = (await browser.get(PAGE)).form('passkey');
  const response = authenticator.get(JSON.parse(form.data['options'] ?? ''), { origin: browser.origin });
  const pages = await Promise.all([1, 2, 3].map(() => browser.submit(PAGE, form, { response })));
  assert.deepEqual(pages.map(({ status }) => status).toSorted(), [200, 403, 403]);
  assert.equal((await browser.submit(PAGE, form, { response })).status, 403);
});

test('a copied passkey is refused once the original was used', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const authenticator = new Authenticator();
  await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const login = () => loginByPasskey(browser, authenticator);
  assert.equal((await login()).status, 200);
  authenticator.rewind();
  assert.equal((await login()).status, 403);
});

test("another account's passkey is no second step, and its state is not for this one", async (t) => {
  const scene = await Scene.open(t);
  await scene.stage.host.users.create('juliet', PASSWORD);
  const browser = scene.browser();
  const hers = new Authenticator();
  const login = (await browser.get(PAGE)).form('login');
  const account = await browser.submit(PAGE, login, { username: 'juliet', password: PASSWORD });
  await scene.withPasskey(browser, hers, account);
  await scene.withPasskey(browser, new Authenticator(), await scene.withPassword(browser));
  const second = (await scene.withPassword(browser)).form('second-passkey');
  const alone = (await browser.get(PAGE)).form('passkey');
  const response = hers.get(JSON.parse(alone.data['options'] ?? ''), { origin: browser.origin });
  for (const state of [alone.fields['state'] ?? '', second.fields['state'] ?? '']) {
    assert.equal((await browser.submit(PAGE, second, { response, state })).status, 403);
  }
});

test('a passkey of a disabled or removed account opens nothing', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const authenticator = new Authenticator();
  await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const login = () => loginByPasskey(browser, authenticator);
  await scene.stage.host.users.setDisabled('romeo', true);
  assert.match(noticeOn(await login()), /disabled/);
  await scene.stage.host.users.setDisabled('romeo', false);
  await scene.stage.host.removeUser('romeo');
  await scene.stage.host.users.create('romeo', PASSWORD);
  assert.equal((await login()).status, 403);
});

test('states expire, and passkeys of another origin are refused', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const authenticator = new Authenticator();
  await scene.withPasskey(browser, authenticator, await scene.withPassword(browser));
  const form = (await browser.get(PAGE)).form('passkey');
  const options = JSON.parse(form.data['options'] ?? '');
  const evil = authenticator.get(options, { origin: 'https://evil.example' });
  assert.equal((await browser.submit(PAGE, form, { response: evil })).status, 403);
  const response = authenticator.get(options, { origin: browser.origin });
  await scene.stage.clock.advance(600_000);
  assert.equal((await browser.submit(PAGE, form, { response })).status, 403);
});

test('an account has at most twenty passkeys, each of them once', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  let page = await scene.withPassword(browser);
  for (let i = 0; i < 20; i++) {
    page = await scene.withPasskey(browser, new Authenticator(), page);
    if (i === 0) page = await browser.submit(PAGE, page.form('overview'));
  }
  assert.equal((await scene.factors.of('romeo')).passkeys, 20);
  page = await scene.withPasskey(browser, new Authenticator(), page);
  assert.match(noticeOn(page), /too many passkeys/);
  assert.equal((await scene.factors.of('romeo')).passkeys, 20);
});

test('a passkey that was begun before everything was switched off is not added', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const account = await scene.withPassword(browser);
  const form = (await browser.submit(PAGE, account.form('passkey-begin'))).form('passkey-add');
  const response = new Authenticator().create(JSON.parse(form.data['options'] ?? ''), { origin: browser.origin });
  await scene.factors.remove('romeo');
  assert.equal((await browser.submit(PAGE, form, { name: 'x', response })).status, 403);
  assert.deepEqual(await scene.factors.of('romeo'), OFF);
});

test('where pages are at a bare address there are no passkeys, and the page says why', async (t) => {
  const scene = await Scene.open(t, { config: { http: { publicUrl: 'https://192.0.2.1' } } });
  const browser = scene.browser();
  assert.doesNotMatch((await browser.get(PAGE)).markup, /data-passkey/);
  const account = await scene.withPassword(browser);
  assert.match(account.markup, /Passkeys need an address with https and a name/);
  const { token = '' } = account.form('app-begin').fields;
  assert.match(noticeOn(await browser.post(PAGE, { action: 'passkey-begin', token })), /Passkeys need/);
});

test('without JavaScript passkeys are not shown, and all else is there', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const first = await browser.get(PAGE);
  assert.match(first.markup, /<form method="post" data-passkey="get" [^>]* hidden>/);
  const account = await scene.withPassword(browser);
  const passkey = await browser.submit(PAGE, account.form('passkey-begin'));
  assert.match(passkey.markup, /Your browser has no passkeys, or JavaScript is switched off/);
  const script = await browser.get('/account/passkeys.js');
  assert.equal(script.headers['content-type'], 'text/javascript; charset=utf-8');
  assert.match(script.markup, /SimpleWebAuthnBrowser/);
});

test('neither secrets nor codes are in the store or the log', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { secret, codes } = await scene.withApp(browser);
  const form = (await scene.withPassword(browser)).form('code');
  await browser.submit(PAGE, form, { code: codes[0] ?? '' });
  const stored = JSON.stringify([...scene.stage.store.dump()]);
  const logged = JSON.stringify(scene.stage.log.records);
  for (const text of [secret, ...codes, codes[0]?.replace('-', '') ?? '']) {
    assert.ok(!stored.includes(text) && !logged.includes(text), text);
  }
});

test('factors outlive a restart, and so do pages that people are on', async (t) => {
  const before = await Scene.open(t);
  const { secret } = await before.withApp(before.browser());
  const form = (await before.withPassword(before.browser())).form('code');
  await before.stage.close();
  const { store, clock } = before.stage;
  const after = await Scene.open(t, { store, clock });
  assert.equal((await after.browser().submit(PAGE, form, { code: after.code(secret) })).status, 200);
});

test('nothing is left of a removed account, and whoever has its name begins anew', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { page } = await scene.withApp(browser);
  await scene.withPasskey(browser, new Authenticator(), await browser.submit(PAGE, page.form('overview')));
  const { handle = '' } = (await scene.stage.table(FACTORS).get(DOMAIN, 'romeo')) ?? {};
  assert.equal(await scene.stage.table(HANDLES).get(DOMAIN, handle), 'romeo');
  await scene.stage.host.removeUser('romeo');
  assert.equal(await scene.stage.table(FACTORS).get(DOMAIN, 'romeo'), undefined);
  assert.equal(await scene.stage.table(HANDLES).get(DOMAIN, handle), undefined);
  await scene.stage.host.users.create('romeo', PASSWORD);
  assert.deepEqual(await scene.factors.of('romeo'), OFF);
});

test('what is changed and refused is in the log, by whom and from where', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  await scene.withApp(browser);
  const form = (await scene.withPassword(browser)).form('code');
  await browser.submit(PAGE, form, { code: '000000' });
  await browser.post(PAGE, { action: 'passkey', state: 'x', response: 'x' });
  const { records } = scene.stage.log;
  const changes = records.filter(({ event }) => event === 'account.second-factor-changed');
  assert.deepEqual(
    changes.map(({ fields }) => [fields['jid'], fields['change']]),
    [
      [ROMEO, 'appOn'],
      [ROMEO, 'recoveryCodes'],
    ],
  );
  const failures = records.filter(({ event }) => event === 'login.failed');
  assert.deepEqual(
    failures.map(({ fields }) => [fields['user'], fields['mechanism'], fields['address']]),
    [
      ['romeo', 'code', ADDRESS],
      [undefined, 'passkey', ADDRESS],
    ],
  );
});

test('the owner is told of changes on all devices, but not without end', async (t) => {
  const scene = await Scene.open(t);
  const { phone, laptop } = await scene.stage.connected({ phone: 'romeo', laptop: 'romeo' });
  const browser = scene.browser();
  const { page } = await scene.withApp(browser);
  for (const device of [phone, laptop]) {
    await device.receives(
      `<message type='headline' from='${DOMAIN}' to='*'><subject>Your account was changed</subject><body>*</body></message>`,
    );
    await device.forget();
  }
  let account = await browser.submit(PAGE, page.form('overview'));
  for (let i = 0; i < 30; i++) {
    const codes = await browser.submit(PAGE, account.form('codes'));
    account = await browser.submit(PAGE, codes.form('overview'));
  }
  let told = 0;
  for (let one = await phone.next(); one.name === 'message'; one = await phone.next()) {
    told++;
    if (told === 8) break;
  }
  await phone.receivesNothing();
});
