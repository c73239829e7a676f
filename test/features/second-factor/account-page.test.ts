import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bind2 } from '../../../src/features/bind2.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { sasl2 } from '../../../src/features/sasl2.ts';
import { secondFactor } from '../../../src/features/second-factor/index.ts';
import { PlainBrowser } from '../../support/browser-without-script.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';
import { codesOn, noticeOn, PAGE, ROMEO, Scene, secretOn } from './scene.ts';

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
  pragma: 'no-cache',
};

test('the owner logs in with name and password and sees the account', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const page = await scene.withPassword(browser);
  assert.equal(page.status, 200);
  assert.match(page.markup, new RegExp(`<strong>${ROMEO}</strong>`));
  assert.match(page.markup, /Two-step login <span class="state ">off/);
});

test('every page has the headers of a page, errors too', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const first = await browser.get(PAGE);
  const account = await scene.withPassword(browser);
  const setup = await browser.submit(PAGE, account.form('app-begin'));
  const codes = await browser.submit(PAGE, setup.form('app-confirm'), { code: scene.code(secretOn(setup)) });
  const second = await scene.withPassword(browser);
  const passkey = await browser.submit(PAGE, account.form('passkey-begin'));
  const wrong = await scene.withPassword(browser, 'wrong');
  const hostile = await browser.send(PAGE, Buffer.from([0xff]));
  for (const page of [first, account, setup, codes, second, passkey, wrong, hostile]) {
    assert.deepEqual(page.headers, HEADERS);
    assert.doesNotMatch(page.markup, /<script(?! src="account\/passkeys\.js" defer)|\son\w+=|style="/);
  }
});

test('a wrong name and a wrong password look the same, and the name stays', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const login = (await browser.get(PAGE)).form('login');
  const pages = [];
  for (const username of ['romeo', 'nobody']) {
    const page = await browser.submit(PAGE, login, { username, password: 'wrong' });
    assert.equal(page.status, 403);
    assert.equal(page.form('login').fields['username'], username);
    pages.push(noticeOn(page));
  }
  assert.equal(pages[0], pages[1]);
  assert.equal(pages[0], 'The user name or the password is wrong.');
});

test('a disabled account is told so only to whoever has its password', async (t) => {
  const scene = await Scene.open(t);
  await scene.stage.host.users.setDisabled('romeo', true);
  const browser = scene.browser();
  assert.match(noticeOn(await scene.withPassword(browser)), /disabled/);
  assert.match(noticeOn(await scene.withPassword(browser, 'wrong')), /wrong/);
});

test('the page speaks the language of the browser', async (t) => {
  const scene = await Scene.open(t);
  const german = await scene.browser({ language: 'de-DE,de;q=0.9,en;q=0.5' }).get(PAGE);
  assert.match(german.markup, /<html lang="de">/);
  assert.match(german.markup, /Benutzername/);
  const other = await scene.browser({ language: 'fr' }).get(PAGE);
  assert.match(other.markup, /<html lang="en">/);
});

test('whatever people and programs call themselves is text on the page', async (t) => {
  const scene = await Scene.open(t);
  const evil = `"><script>alert(1)</script><b a='`;
  const browser = scene.browser();
  const login = (await browser.get(PAGE)).form('login');
  const failed = await browser.submit(PAGE, login, { username: evil, password: 'x' });
  assert.doesNotMatch(failed.markup, /<script>/);
  assert.equal(failed.form('login').fields['username'], evil);
});

test('what a client says of itself is text on the page', async (t) => {
  const scene = await Scene.open(t, { features: [sasl2, bind2, clientManagement, secondFactor] });
  const client = scene.stage.connect('client');
  await client.open();
  const initial = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
  const name = '&lt;img src=x onerror=&quot;alert(1)&quot;&gt;';
  await client.sends(
    `<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>${initial}</initial-response>` +
      `<user-agent id='8c2d7c1e-3f41-4a3f-9a63-6f2b0a4f9b10'><software>${name}</software><device>${name}</device></user-agent>` +
      `<bind xmlns='urn:xmpp:bind:0'/></authenticate>`,
  );
  await client.nextNamed('success');
  const page = await scene.withPassword(scene.browser());
  assert.doesNotMatch(page.markup, /<img/);
  assert.ok(page.markup.includes(`<strong>${name}</strong> on ${name} `));
  assert.ok(page.markup.includes(`aria-label="Remove access: ${name}"`));
});

test('forms without a ticket, with one of another page, account or host, or one that was changed, lead to the login', async (t) => {
  const scene = await Scene.open(t);
  await scene.stage.host.users.create('juliet', PASSWORD);
  const browser = scene.browser();
  const account = await scene.withPassword(browser);
  const form = account.form('app-begin');
  const token = form.fields['token'] ?? '';
  const other = await Scene.open(t);
  const elsewhere = (await other.withPassword(other.browser())).form('app-begin').fields['token'] ?? '';
  const tampered = `${token.slice(0, 20)}${token[20] === 'A' ? 'B' : 'A'}${token.slice(21)}`;
  for (const forged of ['', 'x', tampered, token.slice(1), 'A'.repeat(20_000)]) {
    const page = await browser.submit(PAGE, form, { token: forged });
    assert.equal(page.status, 403, forged);
    assert.ok(page.form('login'));
  }
  assert.equal((await browser.submit(PAGE, form)).status, 200);
  // The same installation secret, as on every stage: the host is the same, and so the ticket is good.
  assert.equal((await browser.submit(PAGE, form, { token: elsewhere })).status, 200);
});

test('a ticket of the second step opens nothing', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { page } = await scene.withApp(browser);
  const { token = '' } = (await scene.withPassword(browser)).form('code').fields;
  const account = page.form('overview');
  assert.equal((await browser.submit(PAGE, account)).status, 200);
  assert.equal((await browser.submit(PAGE, account, { token })).status, 403);
  assert.equal((await browser.post(PAGE, { action: 'app-remove', token })).status, 403);
});

test('a page is good for ten minutes, a visit for an hour', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const first = await scene.withPassword(browser);
  await scene.stage.clock.advance(599_000);
  let page = await browser.submit(PAGE, first.form('app-begin'));
  assert.equal(page.status, 200);
  await scene.stage.clock.advance(1000);
  assert.equal((await browser.submit(PAGE, first.form('app-begin'))).status, 403);
  for (let at = 600_000; at + 500_000 < 3_600_000; at += 500_000) {
    await scene.stage.clock.advance(500_000);
    page = await browser.submit(PAGE, page.form('overview'));
    assert.equal(page.status, 200, String(at));
    page = await browser.submit(PAGE, page.form('app-begin'));
  }
  await scene.stage.clock.advance(500_000);
  const late = await browser.submit(PAGE, page.form('overview'));
  assert.equal(late.status, 403);
  assert.match(noticeOn(late), /too long/);
});

test('what was begun without a second factor ends when the account gets one', async (t) => {
  const scene = await Scene.open(t);
  const intruder = scene.browser({ address: '192.0.2.66' });
  const stolen = await scene.withPassword(intruder);
  await scene.withApp(scene.browser());
  assert.equal((await intruder.submit(PAGE, stolen.form('app-begin'))).status, 403);
});

test('a new password ends what was begun with the old one, a disabled or removed account everything', async (t) => {
  const scene = await Scene.open(t);
  const { users } = scene.stage.host;
  const browser = scene.browser();
  const form = (await scene.withPassword(browser)).form('app-begin');
  await scene.stage.clock.advance(1);
  await users.setPassword('romeo', PASSWORD);
  assert.equal((await browser.submit(PAGE, form)).status, 403);
  const again = (await scene.withPassword(browser)).form('app-begin');
  await users.setDisabled('romeo', true);
  assert.equal((await browser.submit(PAGE, again)).status, 403);
  await users.setDisabled('romeo', false);
  await scene.stage.host.removeUser('romeo');
  assert.equal((await browser.submit(PAGE, again)).status, 403);
});

test('a page that is being made while the password is changed is the last of its visit', async (t) => {
  const scene = await Scene.open(t);
  const { users } = scene.stage.host;
  const { factors } = scene;
  const browser = scene.browser();
  const account = await scene.withPassword(browser);
  const of = factors.of.bind(factors);
  factors.of = async (local) => {
    factors.of = of;
    await scene.stage.clock.advance(1);
    await users.setPassword('romeo', PASSWORD);
    return of(local);
  };
  const late = await browser.submit(PAGE, account.form('app-begin'));
  assert.equal(late.status, 200);
  assert.equal((await browser.submit(PAGE, late.form('app-confirm'))).status, 403);
});

test('what browsers do not send is answered by a page, and never by 500', async (t) => {
  const scene = await Scene.open(t);
  const browser = scene.browser();
  const { token = '' } = (await scene.withPassword(browser)).form('app-begin').fields;
  const field = `token=${encodeURIComponent(token)}`;
  const bad: [string | Buffer, string?][] = [
    [''],
    ['action=login&action=login'],
    [`${field}&action=nothing`],
    [`${field}&action=__proto__`],
    [`${field}&action=constructor`],
    ['action=%ff'],
    [Buffer.from([0xff, 0xfe])],
    ['{"action":"login"}', 'application/json'],
    ['action=login', 'text/plain'],
    [Array.from({ length: 200 }, (_, i) => `f${i}=1`).join('&')],
    [Buffer.alloc(1024 * 1024, 'a')],
    ['action=passkey&state=x&response=x'],
    ['action=passkey'],
    ['action=code&token=x&code=1'],
    ['action=login'],
    [`action=login&username=${'x'.repeat(5000)}&password=${'y'.repeat(5000)}`],
    [`${field}&action=revoke&id=client/nothing`],
    [`${field}&action=passkey-add&state=x&response={}&name=x`],
    [`${field}&action=passkey-remove&id=nothing`],
    [`${field}&action=password`],
    [`${field}&action=app-confirm&state=x&code=1`],
  ];
  for (const [body, type] of bad) {
    const { status, headers } = await browser.send(PAGE, body, type);
    assert.ok(status < 500, `${status}: ${String(body).slice(0, 60)}`);
    assert.equal(headers['x-frame-options'], 'DENY');
  }
});

test('passwords are not asked for in the clear, but on this machine', async (t) => {
  const config = { http: { publicUrl: `https://chat.${DOMAIN}/xmpp` } };
  const scene = await Scene.open(t, { config });
  const clear = scene.browser({ secure: false });
  const page = await clear.get(PAGE);
  assert.deepEqual([page.status, page.headers['location']], [308, `https://chat.${DOMAIN}/xmpp/account`]);
  assert.equal((await clear.post(PAGE, { action: 'login' })).status, 403);
  assert.equal((await scene.browser({ secure: false, address: '127.0.0.1' }).get(PAGE)).status, 200);
});

test('where there is no TLS at all, the page says that it needs it', async (t) => {
  const scene = await Scene.open(t, { config: { listen: { https: [] } } });
  const page = await scene.browser({ secure: false }).get(PAGE);
  assert.equal(page.status, 403);
  assert.match(page.markup, /This page is for https only/);
});

test('the site has the name that the operator gave it, on pages and in apps', async (t) => {
  const scene = await Scene.open(t, { config: { features: { secondFactor: { siteName: 'Verona <Chat>' } } } });
  const browser = scene.browser();
  const account = await scene.withPassword(browser);
  assert.match(account.markup, /<title>Your account – Verona &lt;Chat&gt;<\/title>/);
  const setup = await browser.submit(PAGE, account.form('app-begin'));
  assert.match(setup.markup, /issuer=Verona%20%3CChat%3E/);
});

test('the password is changed by whoever knows it, and all else ends', async (t) => {
  const scene = await Scene.open(t);
  const { romeo } = await scene.stage.connected({ romeo: 'romeo' });
  const browser = scene.browser();
  const form = (await scene.withPassword(browser)).form('password');
  const change = (current: string, next: string, again = next) => browser.submit(PAGE, form, { current, next, again });
  const wrong = await change('wrong', 'a new one');
  assert.deepEqual([wrong.status, noticeOn(wrong)], [403, 'The current password is wrong.']);
  assert.match(noticeOn(await change(PASSWORD, 'a new one', 'another')), /not the same/);
  assert.match(noticeOn(await change(PASSWORD, 'a\u0007bell')), /cannot be a password/);
  await scene.stage.clock.advance(1);
  const changed = await change(PASSWORD, 'a new one');
  assert.match(noticeOn(changed), /is changed/);
  assert.equal((await browser.submit(PAGE, changed.form('app-begin'))).status, 200, 'whoever changed it stays');
  assert.equal((await scene.withPassword(browser)).status, 403);
  assert.equal((await scene.withPassword(browser, 'a new one')).status, 200);
  await romeo.isClosedWith('reset');
});

test('where users cannot change their passwords, there is no form for it, and no way around', async (t) => {
  const scene = await Scene.open(t, { config: { registration: { allowPasswordChange: false } } });
  const browser = scene.browser();
  const page = await scene.withPassword(browser);
  assert.doesNotMatch(page.markup, /value="password"/);
  const { token = '' } = page.form('app-begin').fields;
  await browser.post(PAGE, { action: 'password', token, current: PASSWORD, next: 'another', again: 'another' });
  assert.equal((await scene.withPassword(browser)).status, 200);
});

test('clients are listed, and their access is removed', async (t) => {
  const scene = await Scene.open(t);
  const { romeo } = await scene.stage.connected({ romeo: 'romeo' });
  const browser = scene.browser();
  const page = await scene.withPassword(browser);
  assert.match(page.markup, /<span class="state on">connected<\/span>/);
  assert.match(page.markup, /knows the password · last seen/);
  const revoked = await browser.submit(PAGE, page.form('revoke'));
  assert.match(noticeOn(revoked), /Change the password to keep it out/);
  await romeo.isClosedWith('reset');
  const unknown = await browser.submit(PAGE, page.form('revoke'), { id: 'client/nothing' });
  assert.match(noticeOn(unknown), /had no access/);
});

test('the page works where nobody keeps records of clients', async (t) => {
  const stage = await Stage.open(t, { features: [secondFactor] });
  await stage.host.users.create('romeo', PASSWORD);
  const browser = new PlainBrowser(stage);
  const login = (await browser.get(PAGE)).form('login');
  const page = await browser.submit(PAGE, login, { username: 'romeo', password: PASSWORD });
  assert.equal(page.status, 200);
  assert.doesNotMatch(page.markup, /Apps and devices/);
});

test('too many failures are answered by 429, and by when to come again', async (t) => {
  const rate = { count: 5, perMs: 60_000 };
  const rates = { address: null, account: null, accountFromAddress: rate };
  const scene = await Scene.open(t, { rates, features: [clientManagement, secondFactor] });
  const browser = scene.browser();
  for (let i = 0; i < 5; i++) assert.equal((await scene.withPassword(browser, 'wrong')).status, 403);
  const refused = await scene.withPassword(browser);
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.match(noticeOn(refused), /too many failed logins/);
  await scene.stage.clock.advance(Number(refused.headers['retry-after']) * 1000);
  assert.equal((await scene.withPassword(browser)).status, 200);
});

test('codes cannot be guessed: too many wrong ones are answered by 429, from the right page too', async (t) => {
  const rate = { count: 5, perMs: 60_000 };
  const rates = { address: null, account: null, accountFromAddress: rate };
  const scene = await Scene.open(t, { rates });
  const browser = scene.browser();
  const { secret } = await scene.withApp(browser);
  const form = (await scene.withPassword(browser)).form('code');
  for (let i = 0; i < 5; i++) assert.equal((await browser.submit(PAGE, form, { code: `00000${i}` })).status, 403);
  const refused = await browser.submit(PAGE, form, { code: scene.code(secret) });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  assert.equal((await scene.withPassword(browser)).status, 429, 'nor can passwords meanwhile');
  assert.equal(codesOn(refused).length, 0);
});
