import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_CODE } from '../../../src/oauth/client.ts';
import { AuthorizeScene, alertOn, headingOn, locationOf, onPage, scopesOn } from './authorize-scene.ts';
import { ISSUER, payloadOf, type SceneOptions } from './scene.ts';

const DEVICE = '/oauth2/device';
const TELEVISION = {
  client_name: 'Television',
  grant_types: [DEVICE_CODE, 'refresh_token'],
  response_types: [],
  redirect_uris: undefined,
};

/** A television that shows a code. */
async function begin(
  t: Parameters<typeof AuthorizeScene.open>[0],
  { scope = 'openid xmpp:client:normal', ...options }: SceneOptions & { readonly scope?: string } = {},
) {
  const scene = await AuthorizeScene.open(t, options);
  const client = await scene.scene.register(TELEVISION);
  const start = async () => {
    const { json, status, body } = await scene.scene.post(DEVICE, { scope }, { as: client });
    assert.equal(status, 200, body);
    return { userCode: String(json['user_code']), deviceCode: String(json['device_code']), json };
  };
  const poll = (deviceCode: string) =>
    scene.scene.post('/oauth2/token', { grant_type: DEVICE_CODE, device_code: deviceCode }, { as: client });
  /** Types the code; returns the address of the login. */
  const type = async (userCode: string) => {
    const location = locationOf(await scene.send(DEVICE, { user_code: userCode }));
    assert.equal(location.origin, ISSUER);
    return location.pathname + location.search;
  };
  return { scene, client, start, poll, type };
}

test('somebody types the code, logs in and lets the device in', async (t) => {
  const { scene, start, poll, type } = await begin(t);
  const { userCode, deviceCode } = await start();
  const form = await scene.get(DEVICE);
  assert.equal(form.status, 200);
  assert.equal(headingOn(form), 'Connect a device');
  const url = await type(userCode.toLowerCase().replace('-', ' '));
  const login = await scene.get(url);
  assert.match(login.body, /<bdi>Television<\/bdi>, on another device, wants access/);
  const page = await scene.logIn(url);
  assert.match(page.body, /Go on only if you have the other device before you and it shows this code/);
  assert.ok(page.body.includes(`your other device <b class="mono">${userCode}</b>`));
  assert.deepEqual(scopesOn(page), ['openid', 'xmpp:client:normal']);
  assert.equal((await poll(deviceCode)).json['error'], 'authorization_pending');
  const done = await scene.decide(url, page);
  assert.deepEqual([done.status, headingOn(done)], [200, 'Done']);
  await scene.scene.clock.advance(5000);
  const { json } = await poll(deviceCode);
  assert.equal(json['scope'], 'openid xmpp:client:normal');
  assert.equal(json['token_type'], 'bearer');
  onPage(await scene.decide(url, page), /has expired or was used/);
});

test('whoever has typed the code cannot speak for the device by changing the address', async (t) => {
  const { scene, start, poll, type } = await begin(t, { scope: 'openid' });
  const { userCode, deviceCode } = await start();
  const url = `${await type(userCode)}&scope=xmpp&nonce=foreign`;
  const page = await scene.logIn(url);
  assert.deepEqual(scopesOn(page), ['openid']);
  await scene.decide(url, page, { scopes: ['openid', 'xmpp'] });
  const { json } = await poll(deviceCode);
  assert.equal(json['scope'], 'openid');
  assert.equal(payloadOf(String(json['id_token']))['nonce'], undefined);
});

test('consent to a device is asked for each time, whatever the address says', async (t) => {
  const { scene, start, poll, type } = await begin(t, { oauth: { respectPrompt: true } });
  for (let i = 0; i < 2; i++) {
    const { userCode, deviceCode } = await start();
    const url = `${await type(userCode)}&prompt=login+select_account`;
    const page = await scene.logIn(url);
    assert.equal(headingOn(page), 'Allow access?');
    assert.equal((await poll(deviceCode)).json['error'], 'authorization_pending');
    await scene.decide(url, page);
    await scene.scene.clock.advance(5000);
    assert.equal((await poll(deviceCode)).status, 200);
  }
});

test('who denies sends the device away', async (t) => {
  const { scene, start, poll, type } = await begin(t);
  const { userCode, deviceCode } = await start();
  const url = await type(userCode);
  const denied = await scene.decide(url, await scene.logIn(url), { consent: 'denied' });
  assert.deepEqual([denied.status, headingOn(denied)], [200, 'Denied']);
  assert.equal((await poll(deviceCode)).json['error'], 'access_denied');
});

test('a link fills the code in and does not use it up', async (t) => {
  const { scene, start, type } = await begin(t);
  const { userCode, json } = await start();
  const link = new URL(String(json['verification_uri_complete']));
  for (let i = 0; i < 3; i++) {
    const page = await scene.get(link.pathname + link.search);
    assert.equal(fieldValue(page.body), userCode);
    assert.match(page.body, /Go on only if your device shows exactly this code/);
  }
  await type(userCode);
  const again = await scene.send(DEVICE, { user_code: userCode });
  assert.equal(again.status, 400);
  assert.match(alertOn(again), /wrong, was used already or has expired/);
});

test('wrong codes lead back to the form, and after five of them in a minute nowhere', async (t) => {
  const { scene, start } = await begin(t);
  for (const code of ['BCDF-GHJK', '', 'x'.repeat(5000), '<script>', 'ß']) {
    const page = await scene.send(DEVICE, { user_code: code || ' ' });
    assert.equal(page.status, 400);
    assert.match(alertOn(page), /wrong/);
    assert.doesNotMatch(page.body, /<script/);
  }
  const { userCode } = await start();
  const page = await scene.send(DEVICE, { user_code: userCode });
  assert.equal(page.status, 429);
  assert.ok(Number(page.headers['retry-after']) > 0);
  assert.match(alertOn(page), /too many wrong codes/);
  await scene.scene.clock.advance(60_000);
  assert.equal((await scene.send(DEVICE, { user_code: userCode })).status, 303);
});

test('the login of a device ends with its code, and is for its client', async (t) => {
  const { scene, start, type } = await begin(t);
  const { userCode } = await start();
  const url = await type(userCode);
  const other = await scene.scene.register();
  const query = new URLSearchParams(url.split('?')[1]);
  query.set('client_id', other.id);
  onPage(await scene.get(`/oauth2/authorize?${query}`), /has expired or was used/);
  query.set('state', 'x');
  onPage(await scene.get(`/oauth2/authorize?${query}`), /has expired or was used/);
  query.delete('state');
  onPage(await scene.get(`/oauth2/authorize?${query}`), /has expired or was used/);
  await scene.scene.clock.advance(600_000);
  onPage(await scene.get(url), /has expired or was used/);
});

test('a device that gets nothing is told so', async (t) => {
  const { scene, start, poll, type } = await begin(t);
  const { userCode, deviceCode } = await start();
  const url = await type(userCode);
  onPage(await scene.decide(url, await scene.logIn(url), { scopes: [] }), /cannot be given/);
  assert.equal((await poll(deviceCode)).json['error'], 'access_denied');
});

test('the page speaks German, and has the headers of a page', async (t) => {
  const { scene } = await begin(t);
  const page = await scene.reading('de').get(DEVICE);
  assert.equal(headingOn(page), 'Gerät verbinden');
  assert.match(String(page.headers['content-security-policy']), /frame-ancestors 'none'/);
  assert.equal(page.headers['x-frame-options'], 'DENY');
  assert.equal(page.headers['cache-control'], 'no-store');
  assert.equal(headingOn(await scene.get(`${DEVICE}?user_code=a&user_code=b`)), 'Connect a device');
});

function fieldValue(markup: string): string {
  return /name="user_code" type="text" value="([^"]*)"/.exec(markup)?.[1] ?? '';
}
