import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BearerTokens, bearerTokens } from '../../../src/core/access.ts';
import type { Feature } from '../../../src/core/feature.ts';
import { bind2 } from '../../../src/features/bind2.ts';
import { fast } from '../../../src/features/fast/index.ts';
import { sasl2 } from '../../../src/features/sasl2.ts';
import { secondFactor } from '../../../src/features/second-factor/index.ts';
import { child, text } from '../../../src/xml/element.ts';
import { BIND, conditionOf, PHONE, REQUEST_TOKEN, Sasl2Client, tokenOf } from '../../c2s/sasl2-scene.ts';
import { PASSWORD } from '../../support/stage.ts';
import { noticeOn, PAGE, Scene } from './scene.ts';

/** Applications that have access of their own, as far as the account page asks: there are some. */
const apps: Feature = {
  name: 'apps',
  specs: [],
  setup(host) {
    const tokens: BearerTokens = {
      verify: () => undefined,
      verifyForLogin: () => undefined,
      isMadeUp: () => true,
      require: () => Promise.reject(new Error('not on this stage')),
      discoveryUrl: undefined,
      loginScope: 'xmpp',
      asPasswords: false,
      isToken: () => false,
    };
    host.provide(bearerTokens, tokens);
  },
};

const FEATURES = [sasl2, bind2, fast, secondFactor, apps];

async function client(scene: Scene): Promise<Sasl2Client> {
  const connected = new Sasl2Client(scene.stage.connect('client'));
  connected.features = await connected.stage.open();
  return connected;
}

test('who refuses the password lets clients in by tokens only; the password is still for pages', async (t) => {
  const scene = await Scene.open(t, { features: FEATURES });
  const browser = scene.browser();
  const { secret, page } = await scene.withApp(browser);
  const before = await (await client(scene)).plain({ clientId: PHONE, children: `${REQUEST_TOKEN}${BIND}` });
  const account = await browser.submit(PAGE, page.form('overview'));
  const refused = await browser.submit(PAGE, account.form('passwords-refuse'));
  assert.match(noticeOn(refused), /Clients cannot log in with the password any more/);

  const failure = await (await client(scene)).plain();
  assert.equal(conditionOf(failure), 'mechanism-too-weak');
  assert.match(text(child(failure, 'text')), /only apps that its owner has approved/);
  const old = scene.stage.connect('old');
  await old.open();
  const initial = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
  await old.sends(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${initial}</auth>`);
  assert.equal(
    (await old.next()).children.some((one) => typeof one === 'object' && one.name === 'mechanism-too-weak'),
    true,
  );
  const token = await (await client(scene)).token(tokenOf(before), { children: BIND });
  assert.equal(token.name, 'success');

  const second = (await scene.withPassword(browser)).form('code');
  const again = await browser.submit(PAGE, second, { code: scene.code(secret) });
  await browser.submit(PAGE, again.form('passwords-allow'));
  assert.equal((await (await client(scene)).plain()).name, 'success');
});

test('a wrong password is told nothing of that, and a right one counts as no failure', async (t) => {
  const rates = { address: null, account: null, accountFromAddress: { count: 2, perMs: 60_000 } };
  const scene = await Scene.open(t, { features: FEATURES, rates });
  const browser = scene.browser();
  const { page } = await scene.withApp(browser);
  const account = await browser.submit(PAGE, page.form('overview'));
  await browser.submit(PAGE, account.form('passwords-refuse'));
  for (let i = 0; i < 4; i++) assert.equal(conditionOf(await (await client(scene)).plain()), 'mechanism-too-weak');
  assert.equal(conditionOf(await (await client(scene)).plain({ password: 'wrong' })), 'not-authorized');
});

test('without a second factor the password cannot be refused, and with the last one gone it is good again', async (t) => {
  const scene = await Scene.open(t, { features: FEATURES });
  const browser = scene.browser();
  assert.doesNotMatch((await scene.withPassword(browser)).markup, /passwords-refuse/);
  const { page } = await scene.withApp(browser);
  let account = await browser.submit(PAGE, page.form('overview'));
  account = await browser.submit(PAGE, account.form('passwords-refuse'));
  await browser.submit(PAGE, account.form('app-remove'));
  assert.equal((await (await client(scene)).plain()).name, 'success');
});

test('where no application could get in, the password is not offered to be refused', async (t) => {
  const scene = await Scene.open(t);
  const { page } = await scene.withApp(scene.browser());
  const account = await scene.browser().submit(PAGE, page.form('overview'));
  assert.doesNotMatch(account.markup, /passwords-refuse/);
});
