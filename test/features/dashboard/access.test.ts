import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { secondFactors } from '../../../src/features/second-factor/api.ts';
import { PlainBrowser } from '../../support/browser-without-script.ts';
import { DOMAIN, PASSWORD } from '../../support/stage.ts';
import { cookieOf, JULIET, Scene } from './scene.ts';

const LOGIN = '/dashboard/login';

test('whoever has not logged in is sent to the login, and told nothing', async (t) => {
  const scene = await Scene.open(t);
  const page = await scene.ask('GET', '/dashboard');
  assert.deepEqual([page.status, page.headers?.['location']], [303, 'dashboard/login']);
  assert.equal((await scene.ask('GET', '/dashboard/')).headers?.['location'], '../dashboard');
  for (const path of ['/dashboard/figures', '/dashboard/events']) {
    const answer = await scene.ask('GET', path);
    assert.deepEqual([answer.status, answer.headers?.['www-authenticate']], [401, 'Bearer']);
  }
  for (const cookie of ['__Secure-parley-dashboard=guessed', 'parley-dashboard=', 'a=b; c']) {
    assert.equal(await scene.statusWith({ cookie }), 401);
  }
});

test('an administrator logs in, looks, and logs out', async (t) => {
  const scene = await Scene.open(t);
  const form = { action: 'login', username: 'juliet', password: PASSWORD };
  const entered = await scene.ask('POST', LOGIN, { form });
  assert.equal(entered.status, 303);
  assert.match(
    entered.headers?.['set-cookie'] ?? '',
    /^__Secure-parley-dashboard=[\w-]{43}; Max-Age=28800; HttpOnly; SameSite=Strict; Secure$/,
  );
  const cookie = cookieOf(entered);
  assert.equal(scene.stage.log.records.filter(({ event }) => event === 'login.succeeded').length, 1);

  const page = await scene.ask('GET', '/dashboard', { headers: { cookie: `other=1; ${cookie}` } });
  const policy = page.headers?.['content-security-policy'] ?? '';
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
  assert.equal(page.headers?.['cache-control'], 'no-store');
  assert.doesNotMatch(String(page.body), /<script>| style=| on\w+="/);
  const figures = await scene.ask('GET', '/dashboard/figures', { headers: { cookie } });
  assert.equal(figures.status, 200);
  assert.deepEqual(JSON.parse(String(figures.body)).hosts, [DOMAIN]);
  assert.equal((await scene.ask('GET', LOGIN, { headers: { cookie } })).status, 303);

  const left = await scene.ask('POST', '/dashboard/logout', { headers: { cookie } });
  assert.deepEqual([left.status, left.headers?.['location']], [303, 'login']);
  assert.match(left.headers?.['set-cookie'] ?? '', /^__Secure-parley-dashboard=; Max-Age=0;/);
  assert.equal(await scene.statusWith({ cookie }), 401);
});

test('a member does not get in, whatever the password', async (t) => {
  const scene = await Scene.open(t);
  const form = { action: 'login', username: 'romeo', password: PASSWORD };
  const answer = await scene.ask('POST', LOGIN, { form });
  assert.equal(answer.status, 403);
  assert.equal(answer.headers?.['set-cookie'], undefined);
  assert.match(String(answer.body), /not that of an administrator/);
  const refused = scene.stage.log.records.find(({ event }) => event === 'dashboard.refused');
  assert.deepEqual([refused?.fields['jid'], refused?.fields['address']], [`romeo@${DOMAIN}`, '192.0.2.7']);
});

test('a wrong password, a disabled account and too many failures are told apart', async (t) => {
  const quota = { count: 1, perMs: 60_000 };
  const scene = await Scene.open(t, { rates: { address: quota, account: null, accountFromAddress: null } });
  const form = { action: 'login', username: 'juliet', password: 'wrong' };
  const wrong = await scene.ask('POST', LOGIN, { form });
  assert.equal(wrong.status, 403);
  assert.match(String(wrong.body), /name or the password is wrong/);
  const again = await scene.ask('POST', LOGIN, { form });
  assert.equal(again.status, 429);
  assert.ok(Number(again.headers?.['retry-after']) > 0);
  await scene.stage.host.users.setDisabled('juliet', true);
  const disabled = await scene.ask('POST', LOGIN, { form: { ...form, password: PASSWORD }, address: '192.0.2.8' });
  assert.equal(disabled.status, 403);
  assert.match(String(disabled.body), /disabled/);
  for (const bad of [{ action: 'else' }, {}]) {
    assert.equal((await scene.ask('POST', LOGIN, { form: bad })).status, 400);
  }
  assert.equal((await scene.ask('POST', LOGIN)).status, 400);
});

test('the second factor of an account is asked for', async (t) => {
  const scene = await Scene.open(t);
  const browser = new PlainBrowser(scene.stage);
  const account = await browser.submit('/account', (await browser.get('/account')).form('login'), {
    username: 'juliet',
    password: PASSWORD,
  });
  const before = await scene.logIn();
  const setup = await browser.submit('/account', account.form('app-begin'));
  const secret = (/<p class="secret mono">([^<]*)</.exec(setup.markup)?.[1] ?? '').replaceAll(' ', '');
  const code = () => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: scene.stage.clock.now() });
  assert.equal((await browser.submit('/account', setup.form('app-confirm'), { code: code() })).status, 200);
  assert.equal(await scene.statusWith({ cookie: before }), 401, 'a visit without it ends');

  await scene.pass(30_000);
  const second = await browser.post(LOGIN, { action: 'login', username: 'juliet', password: PASSWORD });
  assert.equal(second.status, 200);
  const wrong = await browser.submit(LOGIN, second.form('code'), { code: '000000' });
  assert.equal(wrong.status, 403);
  const { fields } = wrong.form('code');
  const entered = await scene.ask('POST', LOGIN, { form: { ...fields, code: code() } });
  assert.equal(entered.status, 303);
  assert.equal(await scene.statusWith({ cookie: cookieOf(entered) }), 200);
  await scene.stage.host.services.use(secondFactors).remove('juliet');
  assert.equal(
    await scene.statusWith({ cookie: cookieOf(entered) }),
    401,
    'so does one by a factor that is taken away',
  );
  assert.equal(await scene.statusWith({ cookie: await scene.logIn() }), 200);
  await scene.stage.clock.advance(600_000);
  assert.equal((await scene.ask('POST', LOGIN, { form: { ...fields, code: code() } })).status, 403);
});

test('a visit ends after its time, and with the role, the password or the account', async (t) => {
  const scene = await Scene.open(t);
  const { users } = scene.stage.host;
  const late = await scene.logIn();
  await scene.stage.clock.advance(28_799_000);
  assert.equal(await scene.statusWith({ cookie: late }), 200);
  await scene.stage.clock.advance(1000);
  assert.equal(await scene.statusWith({ cookie: late }), 401);

  const old = await scene.logIn();
  await users.setPassword('juliet', 'another one');
  assert.equal(await scene.statusWith({ cookie: old }), 401);

  const disabled = await scene.logIn('juliet', 'another one');
  await users.setDisabled('juliet', true);
  assert.equal(await scene.statusWith({ cookie: disabled }), 401);
  await users.setDisabled('juliet', false);
  assert.equal(await scene.statusWith({ cookie: disabled }), 401, 'it does not come back');

  const removed = await scene.logIn('juliet', 'another one');
  await scene.stage.host.removeUser('juliet');
  await users.create('juliet', PASSWORD, 'admin');
  assert.equal(await scene.statusWith({ cookie: removed }), 401);
});

test('whom the configuration makes an administrator is one as long as it does', async (t) => {
  const config = { http: { publicUrl: `https://${DOMAIN}` }, features: { clientManagement: {}, oauth: {} } };
  const scene = await Scene.open(t, { config: { admins: [`romeo@${DOMAIN}`] } });
  const cookie = await scene.logIn('romeo');
  assert.equal(await scene.statusWith({ cookie }), 200);
  scene.stage.reload({ ...config, admins: [] });
  assert.equal(await scene.statusWith({ cookie }), 401);
});

test('an account has ten visits at most, of which the oldest ends', async (t) => {
  const scene = await Scene.open(t);
  const cookies: string[] = [];
  for (let i = 0; i < 11; i++) cookies.push(await scene.logIn());
  const statuses = await Promise.all(cookies.map((cookie) => scene.statusWith({ cookie })));
  assert.deepEqual(statuses, [401, ...Array.from({ length: 10 }, () => 200)]);
});

test('pages of other sites can log nobody in or out', async (t) => {
  const scene = await Scene.open(t);
  const cookie = await scene.logIn();
  const form = { action: 'login', username: 'juliet', password: PASSWORD };
  const foreign = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ];
  for (const headers of foreign) {
    const answer = await scene.ask('POST', LOGIN, { form, headers });
    assert.deepEqual([answer.status, answer.headers?.['set-cookie']], [200, undefined]);
    await scene.ask('POST', '/dashboard/logout', { headers: { ...headers, cookie } });
    assert.equal(await scene.statusWith({ cookie }), 200);
  }
  const own = { origin: `https://${DOMAIN}`, 'sec-fetch-site': 'same-origin' };
  assert.equal((await scene.ask('POST', LOGIN, { form, headers: own })).status, 303);
  assert.equal((await scene.ask('POST', LOGIN, { form, headers: { origin: `https://${DOMAIN}` } })).status, 303);
});

test('nothing is served in the clear, but to this machine', async (t) => {
  const scene = await Scene.open(t);
  const cookie = await scene.logIn();
  for (const path of ['/dashboard', LOGIN]) {
    const answer = await scene.ask('GET', path, { secure: false });
    assert.deepEqual([answer.status, answer.headers?.['location']], [308, `https://${DOMAIN}${path}`]);
  }
  for (const path of ['/dashboard/figures', '/dashboard/events']) {
    assert.equal((await scene.ask('GET', path, { secure: false, headers: { cookie } })).status, 403);
  }
  const form = { action: 'login', username: 'juliet', password: PASSWORD };
  assert.equal((await scene.ask('POST', LOGIN, { secure: false, form })).status, 403);
  const local = await scene.ask('POST', LOGIN, { secure: false, form, address: '127.0.0.1' });
  assert.match(
    local.headers?.['set-cookie'] ?? '',
    /^parley-dashboard=[\w-]{43}; Max-Age=28800; HttpOnly; SameSite=Strict$/,
  );
});

test('a bearer token does as well, if it gives all that an administrator may', async (t) => {
  const scene = await Scene.open(t);
  const { oauth, stage } = scene;
  const client = await oauth.register();
  const juliet = (await stage.host.users.get('juliet'))?.jid;
  assert.ok(juliet);
  const statusOf = (token: string) => scene.statusWith({ authorization: `Bearer ${token}` });
  const admin = await oauth.tokensFor(client, 'xmpp', { jid: juliet });
  assert.equal(await statusOf(admin.access), 200);
  assert.equal(await statusOf((await oauth.tokensFor(client, 'xmpp')).access), 403, 'a member');
  const restricted = await oauth.tokensFor(client, 'xmpp:client:normal', { jid: juliet });
  assert.equal(await statusOf(restricted.access), 403, 'a restricted application');
  assert.equal(await statusOf(admin.refresh), 401, 'a refresh token');
  assert.equal(await statusOf('guessed'), 401);
  // A header counts even where there is a cookie.
  const both = { cookie: await scene.logIn(), authorization: 'Bearer guessed' };
  assert.equal(await scene.statusWith(both), 401);
  await stage.clock.advance(86_400_000);
  assert.equal(await statusOf(admin.access), 401, 'an expired one');
});

test('pages are in the language of the browser', async (t) => {
  const scene = await Scene.open(t);
  const headers = { 'accept-language': 'de-AT,de;q=0.9,en;q=0.5' };
  assert.match(String((await scene.ask('GET', LOGIN, { headers })).body), /<html lang="de">[\s\S]*Benutzername/);
  const cookie = await scene.logIn();
  const page = await scene.ask('GET', '/dashboard', { headers: { ...headers, cookie } });
  assert.match(String(page.body), /<html lang="de">[\s\S]*Abmelden/);
});

test('the script and the style are kept by browsers until they change', async (t) => {
  const scene = await Scene.open(t);
  for (const [path, type] of [
    ['/dashboard/page.js', 'text/javascript; charset=utf-8'],
    ['/dashboard/page.css', 'text/css; charset=utf-8'],
  ] as const) {
    const first = await scene.ask('GET', path);
    assert.deepEqual([first.status, first.headers?.['content-type']], [200, type]);
    const etag = first.headers?.['etag'] ?? '';
    assert.match(etag, /^"[\w-]{22}"$/);
    const again = await scene.ask('GET', path, { headers: { 'if-none-match': `"x", W/${etag}` } });
    assert.deepEqual([again.status, again.body], [304, undefined]);
  }
});

test('the administrator is named nowhere in what is logged of looking', async (t) => {
  const scene = await Scene.open(t);
  const cookie = await scene.logIn();
  const before = scene.stage.log.records.length;
  await scene.statusWith({ cookie });
  const said = JSON.stringify(scene.stage.log.records.slice(before));
  assert.ok(!said.includes(JULIET) && !said.includes(cookie));
});
