import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeJwt } from 'jose';
import { Secret, TOTP } from 'otpauth';
import type { Feature } from '../../../src/core/feature.ts';
import { formLoggedIn } from '../../../src/core/points.ts';
import { LoginLimits } from '../../../src/features/oauth/authorize/login-limits.ts';
import { secondFactor } from '../../../src/features/second-factor/index.ts';
import { Authenticator } from '../../support/authenticator.ts';
import { PlainBrowser } from '../../support/browser-without-script.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DOMAIN, PASSWORD } from '../../support/stage.ts';
import { AuthorizeScene, alertOn, fieldOn, headingOn, locationOf } from './authorize-scene.ts';
import type { Answer } from './scene.ts';

test('a wrong name and a wrong password look the same', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  const url = scene.url(id);
  const pages = [await scene.logIn(url, 'romeo', 'wrong'), await scene.logIn(url, 'nobody', 'wrong')];
  for (const page of pages) {
    assert.equal(page.status, 403);
    assert.equal(alertOn(page), 'The user name or the password is wrong.');
    assert.match(page.body, /<input id="password"[^>]* aria-describedby="problem" aria-invalid="true">/);
  }
  const [romeo, nobody] = pages.map(({ body }) => body.replaceAll(/value="(romeo|nobody)"/g, ''));
  assert.equal(romeo, nobody);
});

test('people log in with their name or their address, in any spelling', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  for (const name of ['romeo', ' Romeo ', `romeo@${DOMAIN}`, `ROMEO@${DOMAIN.toUpperCase()}`]) {
    assert.equal(headingOn(await scene.logIn(scene.url(id), name)), 'Allow access?');
  }
  assert.equal((await scene.logIn(scene.url(id), 'romeo@other.example')).status, 403);
  assert.equal((await scene.send(scene.url(id), {})).status, 403);
});

test('logins are announced and logged like those of streams', async (t) => {
  const announced: string[] = [];
  const listener: Feature = {
    name: 'listener',
    specs: [],
    setup: (host) => host.observe(formLoggedIn, ({ jid }) => void announced.push(jid.toString())),
  };
  const scene = await AuthorizeScene.open(t, { features: [listener] });
  const { stage, register } = scene.scene;
  const { id } = await register();
  await scene.logIn(scene.url(id), 'romeo', 'wrong');
  assert.deepEqual(announced, []);
  await scene.logIn(scene.url(id));
  assert.deepEqual(announced, [`romeo@${DOMAIN}`]);
  const events = stage.log.records.map(({ event }) => event).filter((event) => event.startsWith('login.'));
  assert.deepEqual(events, ['login.failed', 'login.succeeded']);
});

test('an account that is disabled is told so, after the right password only', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { stage, register } = scene.scene;
  await stage.host.users.setDisabled('romeo', true);
  const url = scene.url((await register()).id);
  assert.match(alertOn(await scene.logIn(url)), /disabled/);
  assert.match(alertOn(await scene.logIn(url, 'romeo', 'wrong')), /wrong/);
});

test('after five failures an account is closed for ten minutes, however its name is written', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { clock, register } = scene.scene;
  const url = scene.url((await register()).id);
  for (const name of ['romeo', 'ROMEO', `romeo@${DOMAIN}`, ' romeo', 'romeo']) {
    assert.equal((await scene.logIn(url, name, 'wrong')).status, 403);
  }
  const page = await scene.logIn(url);
  assert.equal(page.status, 429);
  assert.equal(page.headers['retry-after'], '600');
  assert.match(alertOn(page), /too many failed logins/);
  await clock.advance(600_000);
  assert.equal((await scene.logIn(url)).status, 200);
});

test('logins that succeed are no failures', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const url = scene.url((await scene.scene.register()).id);
  for (let i = 0; i < 25; i++) assert.equal((await scene.logIn(url)).status, 200);
});

test('twenty failures close the pages for an address, whatever the names', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const url = scene.url((await scene.scene.register()).id);
  for (let i = 0; i < 20; i++) assert.equal((await scene.logIn(url, `user${i}`, 'wrong')).status, 403);
  assert.equal((await scene.logIn(url)).status, 429);
});

test('names that are made up do not push out what is known of others', async () => {
  const limits = new LoginLimits(new ManualClock());
  for (let i = 0; i < 5; i++) limits.begin('romeo', '192.0.2.1');
  const guess = (name: string) => () => limits.begin(name, '192.0.2.2');
  for (let i = 0; i < 20; i++) guess(`user${i}`)();
  for (let i = 0; i < 40_000; i++) assert.throws(guess(`made-up-${i}`), { status: 429 });
  assert.throws(() => limits.begin('romeo', '192.0.2.3'), { status: 429 });
});

test('many tries at once are no way around the limit', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const url = scene.url((await scene.scene.register()).id);
  const pages = await Promise.all(Array.from({ length: 12 }, () => scene.logIn(url, 'romeo', 'wrong')));
  assert.equal(pages.filter(({ status }) => status === 403).length, 5);
  assert.equal(pages.filter(({ status }) => status === 429).length, 7);
});

test('the hint of the application is filled in, and escaped', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  const page = await scene.get(scene.url(id, { login_hint: 'romeo"><b>' }));
  assert.match(page.body, /name="username" type="text" value="romeo&quot;&gt;&lt;b&gt;"/);
});

test('a name of a page and more is not given back', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const page = await scene.logIn(scene.url((await scene.scene.register()).id), '"'.repeat(20_000), 'x');
  assert.equal(page.status, 403);
  assert.ok(page.body.length < 20_000);
});

test('the shared throttle closes the pages, too', async (t) => {
  const rates = { address: null, account: { count: 1, perMs: 60_000 }, accountFromAddress: null };
  const scene = await AuthorizeScene.open(t, { rates });
  const url = scene.url((await scene.scene.register()).id);
  await scene.logIn(url, 'romeo', 'wrong');
  const page = await scene.logIn(url);
  assert.equal(page.status, 429);
  assert.ok(Number(page.headers['retry-after']) > 0);
});

/** A scene in which romeo's account asks for a code of an app. */
async function withApp(scene: AuthorizeScene): Promise<{ code(): string; recovery: string }> {
  const browser = new PlainBrowser(scene.scene.stage);
  const account = await browser.submit('/account', (await browser.get('/account')).form('login'), {
    username: 'romeo',
    password: PASSWORD,
  });
  const setup = await browser.submit('/account', account.form('app-begin'));
  const secret = (/<p class="secret mono">([^<]*)</.exec(setup.markup)?.[1] ?? '').replaceAll(' ', '');
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  const code = (): string => totp.generate({ timestamp: scene.scene.clock.now() });
  const done = await browser.submit('/account', setup.form('app-confirm'), { code: code() });
  await scene.scene.clock.advance(30_000);
  return { code, recovery: /<li>([a-z2-9]{5}-[a-z2-9]{5})<\/li>/.exec(done.markup)?.[1] ?? '' };
}

async function claimsOf(scene: AuthorizeScene, client: { id: string; secret: string }, url: string, page: Answer) {
  const code = locationOf(await scene.decide(url, page)).searchParams.get('code') ?? '';
  const answer = await scene.redeem(client, code);
  assert.equal(answer.status, 200, answer.body);
  return decodeJwt(String(answer.json['id_token']));
}

test('an ID token says when and how its owner logged in', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const client = await scene.scene.register();
  const url = scene.url(client.id, { nonce: 'n-0S6' });
  const page = await scene.logIn(url);
  const at = Math.floor(scene.scene.clock.now() / 1000);
  await scene.scene.clock.advance(60_000);
  const claims = await claimsOf(scene, client, url, page);
  assert.deepEqual(claims['amr'], ['pwd']);
  assert.equal(claims['auth_time'], at);
  assert.equal(claims['nonce'], 'n-0S6');
  assert.equal(claims['sub'], `xmpp:romeo@${DOMAIN}`);
});

test('an account with a second factor is asked for it after the password', async (t) => {
  const scene = await AuthorizeScene.open(t, { features: [secondFactor] });
  const client = await scene.scene.register();
  const { code, recovery } = await withApp(scene);
  const url = scene.url(client.id);
  const second = await scene.logIn(url);
  assert.equal(second.status, 200);
  assert.equal(headingOn(second), 'Second step');
  assert.doesNotMatch(second.body, /user_token/);
  const token = fieldOn(second, 'login_token');

  const wrong = await scene.send(url, { login_token: token, code: '000000' });
  assert.equal(wrong.status, 403);
  assert.match(alertOn(wrong), /code is wrong/);
  const page = await scene.send(url, { login_token: token, code: code() });
  assert.equal(headingOn(page), 'Allow access?');
  assert.deepEqual((await claimsOf(scene, client, url, page))['amr'], ['pwd', 'otp', 'mfa']);
  assert.equal((await scene.send(url, { login_token: token, code: recovery })).status, 200);

  // The token of the second step is not good for consent, nor in another flow.
  assert.equal((await scene.send(url, { user_token: token, consent: 'granted', scope: 'xmpp' })).status, 403);
  const other = scene.url(client.id, { state: 'other' });
  await scene.scene.clock.advance(30_000);
  assert.equal((await scene.send(other, { login_token: token, code: code() })).status, 403);
  assert.match(alertOn(await scene.send(url, { login_token: 'x', code: code() })), /away for too long/);
});

test('codes are guessed five times, no more', async (t) => {
  const scene = await AuthorizeScene.open(t, { features: [secondFactor] });
  const { id } = await scene.scene.register();
  const { code } = await withApp(scene);
  const url = scene.url(id);
  const token = fieldOn(await scene.logIn(url), 'login_token');
  for (let i = 0; i < 5; i++) assert.equal((await scene.send(url, { login_token: token, code: '000000' })).status, 403);
  assert.equal((await scene.send(url, { login_token: token, code: code() })).status, 429);
  assert.equal((await scene.logIn(url)).status, 429);
});

test('a second factor that is turned on meanwhile is asked for', async (t) => {
  const scene = await AuthorizeScene.open(t, { features: [secondFactor] });
  const { id } = await scene.scene.register();
  const url = scene.url(id);
  const page = await scene.logIn(url);
  await withApp(scene);
  const late = await scene.decide(url, page);
  assert.equal(late.status, 403);
  assert.match(alertOn(late), /away for too long/);
});

test('a passkey takes the place of the password, and of the code', async (t) => {
  const scene = await AuthorizeScene.open(t, { features: [secondFactor] });
  const client = await scene.scene.register();
  const url = scene.url(client.id);
  const browser = new PlainBrowser(scene.scene.stage);
  const authenticator = new Authenticator();
  const account = await browser.submit('/account', (await browser.get('/account')).form('login'), {
    username: 'romeo',
    password: PASSWORD,
  });
  const creation = (await browser.submit('/account', account.form('passkey-begin'))).form('passkey-add');
  const made = authenticator.create(JSON.parse(creation.data['options'] ?? ''), { origin: browser.origin });
  await browser.submit('/account', creation, { name: 'Phone', response: made });

  const pages = new PlainBrowser(scene.scene.stage);
  const first = await pages.get(url);
  const [, alone] = first.forms;
  assert.ok(alone);
  const response = authenticator.get(JSON.parse(alone.data['options'] ?? ''), { origin: pages.origin });
  const consent = await pages.submit(url, alone, { response });
  assert.match(consent.markup, /Allow access\?/);
  const token = consent.forms[0]?.fields['user_token'] ?? '';
  const sent = await scene.send(url, { user_token: token, consent: 'granted', scope: ['openid'] });
  const answer = await scene.redeem(client, locationOf(sent).searchParams.get('code') ?? '');
  assert.deepEqual(decodeJwt(String(answer.json['id_token']))['amr'], ['hwk', 'user', 'mfa']);

  const again = await pages.submit(url, alone, { response });
  assert.equal(again.status, 403);
  assert.match(again.markup, /passkey is not known here/);

  const second = await pages.post(url, { username: 'romeo', password: PASSWORD });
  const beside = second.forms.at(-1);
  assert.ok(beside);
  const proof = authenticator.get(JSON.parse(beside.data['options'] ?? ''), { origin: pages.origin });
  assert.match((await pages.submit(url, beside, { response: proof })).markup, /Allow access\?/);
});

test('passkeys are nothing where there is no second factor', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const url = scene.url((await scene.scene.register()).id);
  assert.doesNotMatch((await scene.get(url)).body, /data-passkey/);
  assert.equal((await scene.send(url, { response: '{}', state: 'x' })).status, 403);
});
