import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OUT_OF_BAND } from '../../../src/oauth/redirect-uris.ts';
import { DOMAIN } from '../../support/stage.ts';
import {
  AuthorizeScene,
  alertOn,
  fieldOn,
  headingOn,
  locationOf,
  type Query,
  scopesOn,
  toClient,
} from './authorize-scene.ts';
import { ISSUER } from './scene.ts';

const ALL =
  'xmpp:client:normal xmpp:account:read xmpp:account:write openid profile email address phone offline_access xmpp';

async function begin(t: Parameters<typeof AuthorizeScene.open>[0], query: Query = {}, options: object = {}) {
  const scene = await AuthorizeScene.open(t, options);
  const client = await scene.scene.register();
  const url = scene.url(client.id, query);
  return { scene, client, url, page: await scene.logIn(url) };
}

test('the consent page says who asks, for which account, for what, and where it goes', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register({
    tos_uri: 'https://garden.example/terms',
    policy_uri: 'https://garden.example/policy',
  });
  const page = await scene.logIn(scene.url(id, { scope: ALL }));
  assert.match(page.body, /<bdi>Garden diary<\/bdi> wants access/);
  assert.match(page.body, new RegExp(`<dd>romeo@${DOMAIN} `));
  assert.match(
    page.body,
    /<a href="https:\/\/garden\.example\/" [^>]*rel="noopener noreferrer nofollow">garden\.example</,
  );
  assert.match(page.body, /<a href="https:\/\/garden\.example\/terms"/);
  assert.match(page.body, /<a href="https:\/\/garden\.example\/policy"/);
  assert.match(page.body, /<dt>Back to<\/dt><dd>garden\.example</);
  assert.deepEqual(scopesOn(page), ALL.split(' '));
  assert.match(page.body, /full access: it could read everything/);
  assert.equal(page.headers['cache-control'], 'no-store');
});

test('where nothing warns of full access, it is not asked for', async (t) => {
  const { page } = await begin(t, { scope: 'xmpp:client:normal openid' });
  assert.doesNotMatch(page.body, /full access/);
});

test('an administrator is warned of more, and may give the role away', async (t) => {
  const { scene, client, url, page } = await begin(
    t,
    { scope: 'admin openid' },
    { config: { admins: [`romeo@${DOMAIN}`] } },
  );
  assert.match(page.body, /you are an administrator/);
  assert.deepEqual(scopesOn(page), ['admin', 'openid']);
  const code = locationOf(await scene.decide(url, page)).searchParams.get('code') ?? '';
  assert.equal((await scene.redeem(client, code)).json['scope'], 'admin openid');
});

test('unknown scopes and roles that are not the account’s to give are not shown, nor granted when added', async (t) => {
  const { scene, client, url, page } = await begin(t, { scope: 'openid admin guest nonsense normal' });
  assert.deepEqual(scopesOn(page), ['openid', 'normal']);
  assert.match(page.body, /Chat in your name/);
  const sent = await scene.decide(url, page, { scopes: ['openid', 'admin', 'guest', 'nonsense', 'xmpp', 'email'] });
  const code = locationOf(sent).searchParams.get('code') ?? '';
  assert.equal((await scene.redeem(client, code)).json['scope'], 'openid');
});

test('what is not ticked is not granted', async (t) => {
  const { scene, client, url, page } = await begin(t, { scope: 'openid profile xmpp' });
  const code = locationOf(await scene.decide(url, page, { scopes: ['profile', 'openid'] })).searchParams.get('code');
  assert.equal((await scene.redeem(client, code ?? '')).json['scope'], 'openid profile');
});

test('the ceiling of the client holds, also for what is added to the form', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const client = await scene.scene.register({ scope: 'openid profile' });
  const url = scene.url(client.id, { scope: 'openid xmpp' });
  const page = await scene.logIn(url);
  assert.deepEqual(scopesOn(page), ['openid']);
  const sent = await scene.decide(url, page, { scopes: ['openid', 'profile', 'xmpp'] });
  const code = locationOf(sent).searchParams.get('code') ?? '';
  assert.equal((await scene.redeem(client, code)).json['scope'], 'openid');
});

test('a client that names no scope is offered what it registered', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const client = await scene.scene.register({ scope: 'openid profile' });
  assert.deepEqual(scopesOn(await scene.logIn(scene.url(client.id, { scope: undefined }))), ['openid', 'profile']);
});

test('nothing ticked, or nothing to be ticked, is an error for the client', async (t) => {
  const { scene, client, url, page } = await begin(t);
  toClient(await scene.decide(url, page, { scopes: [] }), 'invalid_scope');
  toClient(await scene.logIn(scene.url(client.id, { scope: 'admin nonsense' })), 'invalid_scope');
});

test('who denies sends the client access_denied; so does whatever is not a yes', async (t) => {
  const { scene, url, page } = await begin(t);
  for (const consent of ['denied', 'maybe', '']) toClient(await scene.decide(url, page, { consent }), 'access_denied');
  const events = scene.scene.stage.log.records.filter(({ event }) => event === 'oauth.denied');
  assert.equal(events.length, 3);
});

test('the answer says who gives it, so that none passes for that of another server', async (t) => {
  const { scene, url, page } = await begin(t);
  const location = locationOf(await scene.decide(url, page));
  assert.deepEqual([...location.searchParams.keys()].sort(), ['code', 'iss', 'state']);
  assert.equal(location.searchParams.get('iss'), ISSUER);
  const without = scene.url((await scene.scene.register()).id, { state: undefined });
  assert.deepEqual([...(await scene.allow(without)).searchParams.keys()].sort(), ['code', 'iss']);
});

test('the token of one flow is of no use in another, for another client, or after ten minutes', async (t) => {
  const { scene, client, url, page } = await begin(t);
  const other = await scene.scene.register({ client_name: 'Other' });
  const token = fieldOn(page, 'user_token');
  const send = (to: string, user_token: string) => scene.send(to, { user_token, consent: 'granted', scope: 'openid' });
  const again = async (answer: ReturnType<typeof send>) => {
    const shown = await answer;
    assert.equal(shown.status, 403);
    assert.equal(headingOn(shown), 'Log in');
    assert.equal(alertOn(shown), 'You were away for too long. Log in again.');
  };
  for (const query of [{ state: 'other' }, { scope: 'openid' }, { nonce: 'n' }, { code_challenge: 'y'.repeat(43) }]) {
    await again(send(scene.url(client.id, query), token));
  }
  await again(send(scene.url(other.id), token));
  await again(send(url, `${token.slice(0, -4)}AAAA`));
  await again(send(url, client.id));
  await again(scene.send(url, { consent: 'granted', scope: 'openid' }));
  await again(scene.send(url, { consent: 'denied' }));
  await scene.scene.clock.advance(600_000);
  await again(send(url, token));
});

test('a password that was changed, and an account that was disabled or removed, end the flow', async (t) => {
  const { scene, url } = await begin(t);
  const { users } = scene.scene.stage.host;
  const changed = await scene.logIn(url);
  await scene.scene.clock.advance(1000);
  await users.setPassword('romeo', 'another one');
  assert.equal((await scene.decide(url, changed)).status, 403);
  const disabled = await scene.logIn(url, 'romeo', 'another one');
  await users.setDisabled('romeo', true);
  assert.equal((await scene.decide(url, disabled)).status, 403);
});

test('what is granted is in the log and counted', async (t) => {
  const { scene, url, page } = await begin(t);
  await scene.decide(url, page);
  const granted = scene.scene.stage.log.records.find(({ event }) => event === 'oauth.granted');
  assert.deepEqual(
    [granted?.fields['jid'], granted?.fields['client'], granted?.fields['scope']],
    [`romeo@${DOMAIN}`, 'Garden diary', 'openid xmpp'],
  );
  const metrics = await scene.scene.stage.metrics.text();
  assert.match(metrics, /oauth_consents_total\{[^}]*outcome="granted"[^}]*\} 1/);
  assert.match(metrics, /oauth_logins_total\{[^}]*outcome="succeeded"[^}]*\} 1/);
});

test('prompt is not looked at unless it is to be', async (t) => {
  const { scene, client } = await begin(t);
  assert.equal((await scene.get(scene.url(client.id, { prompt: 'none' }))).status, 200);
});

test('where prompt is looked at, what the client does not want is an error when it is needed', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { respectPrompt: true } });
  const client = await scene.scene.register();
  const get = (query: Query) => scene.get(scene.url(client.id, query));
  toClient(await get({ prompt: 'none' }), 'login_required');
  toClient(await get({ prompt: 'none login' }), 'invalid_request');
  toClient(await get({ prompt: 'consent' }), 'login_required');
  toClient(await get({ prompt: 'login' }), 'account_selection_required');
  const hinted = { prompt: 'login', login_hint: 'romeo' };
  toClient(await get({ ...hinted, scope: 'openid offline_access' }), 'consent_required');
  assert.equal((await get({})).status, 200);
  const url = scene.url(client.id, hinted);
  toClient(await scene.logIn(url), 'consent_required');

  const code = (await scene.allow(scene.url(client.id, { prompt: 'login select_account consent' }))).searchParams;
  assert.equal((await scene.redeem(client, code.get('code') ?? '')).status, 200);
  assert.match(locationOf(await scene.logIn(url)).searchParams.get('code') ?? '', /^[\w-]{24}$/);
  toClient(await scene.logIn(scene.url(client.id, { ...hinted, scope: 'openid' })), 'consent_required');
  const other = await scene.scene.register();
  toClient(await scene.logIn(scene.url(other.id, hinted)), 'consent_required');
});

test('the website counts as certain only where the answer goes there', async (t) => {
  const { scene, page } = await begin(t);
  assert.match(page.body, /<dt>Website<\/dt><dd><a href="https:\/\/garden\.example\/"/);
  const { id } = await scene.scene.register({
    redirect_uris: ['org.bank.app:/cb'],
    client_uri: 'https://bank.example/',
  });
  const claimed = await scene.logIn(scene.url(id, { redirect_uri: 'org.bank.app:/cb' }));
  assert.match(claimed.body, /<dt>Website, as it says<\/dt><dd><a href="https:\/\/bank\.example\/"/);
});

test('a client that anybody can pass for is never let in without consent', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { respectPrompt: true } });
  const open = await scene.scene.register({ token_endpoint_auth_method: 'none' });
  const byHand = await scene.scene.register({ redirect_uris: [OUT_OF_BAND] });
  const unseen = { prompt: 'login select_account' };
  await scene.allow(scene.url(open.id));
  toClient(await scene.get(scene.url(open.id, unseen)), 'consent_required');
  const page = await scene.get(scene.url(byHand.id, { ...unseen, redirect_uri: OUT_OF_BAND }));
  assert.match(page.body, /consent_required/);
  assert.equal((await scene.get(scene.url(open.id, { prompt: `${unseen.prompt} consent` }))).status, 200);
});
