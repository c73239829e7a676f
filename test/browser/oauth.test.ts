import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { DEVICE_CODE } from '../../src/oauth/client.ts';
import { challengeOf } from '../../src/oauth/pkce.ts';
import { noBrowser, openPage, withAuthenticator } from '../support/browser.ts';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';
import { shortcomings } from '../support/page-shortcomings.ts';

const skip = noBrowser;
const VERIFIER = 'an-example-of-a-verifier-that-is-long-enough-for-rfc7636';

/** An application on the same machine, which waits for the answer on the loopback interface. RFC 8252 §7.3. */
async function startApplication(t: TestContext): Promise<{ redirectUri: string; answer: Promise<URLSearchParams> }> {
  let answered = (_: URLSearchParams): void => {};
  const answer = new Promise<URLSearchParams>((resolve) => {
    answered = resolve;
  });
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1');
    response.setHeader('content-type', 'text/html').end('<title>Application</title><p>Back in the application.');
    if (pathname === '/cb') answered(searchParams);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return { redirectUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/cb`, answer };
}

/** A server with romeo's account, and a browser. */
class Scene {
  readonly live: LiveServer;
  readonly page: Page;

  private constructor(live: LiveServer, page: Page) {
    this.live = live;
    this.page = page;
  }

  static async open(t: TestContext, options: BrowserContextOptions = {}): Promise<Scene> {
    const live = await LiveServer.start(t);
    await live.addUsers('romeo');
    return new Scene(live, await openPage(t, options));
  }

  get issuer(): string {
    return `https://${DOMAIN}:${this.live.port('https')}`;
  }

  /** Sends what an application sends by itself. */
  async post(path: string, body: object | URLSearchParams): Promise<Record<string, unknown>> {
    const isForm = body instanceof URLSearchParams;
    const response = await fetch(`http://${DOMAIN}:${this.live.port('http')}${path}`, {
      method: 'POST',
      body: isForm ? body : JSON.stringify(body),
      headers: isForm ? {} : { 'content-type': 'application/json' },
    });
    return (await response.json()) as Record<string, unknown>;
  }

  /** Registers an application; returns what it sends to say who it is. */
  async register(metadata: object): Promise<{ client_id: string; client_secret?: string }> {
    const website = { client_name: 'Garden diary', client_uri: 'https://garden.example/' };
    const { client_id, client_secret } = await this.post('/oauth2/register', { ...website, ...metadata });
    const secret = client_secret === undefined ? {} : { client_secret: String(client_secret) };
    return { client_id: String(client_id), ...secret };
  }

  async authorizeUrl(redirectUri: string, scope = 'openid xmpp:client:normal'): Promise<{ id: string; url: string }> {
    const { client_id: id } = await this.register({
      redirect_uris: ['http://localhost/cb'],
      token_endpoint_auth_method: 'none',
    });
    const query = new URLSearchParams({
      client_id: id,
      response_type: 'code',
      redirect_uri: redirectUri,
      scope,
      state: 'xyz',
      code_challenge: challengeOf(VERIFIER),
      code_challenge_method: 'S256',
    });
    return { id, url: `${this.issuer}/oauth2/authorize?${query}` };
  }

  async logIn(password = PASSWORD): Promise<void> {
    await this.page.getByLabel('User name').fill('romeo');
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Log in', exact: true }).click();
  }

  allow(): Promise<void> {
    return this.page.getByRole('button', { name: 'Allow' }).click();
  }
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with' : 'without';
  test(`somebody logs in ${how} JavaScript, allows some of it, and the application gets a token`, {
    skip,
  }, async (t) => {
    const scene = await Scene.open(t, { javaScriptEnabled });
    const { page } = scene;
    const { redirectUri, answer } = await startApplication(t);
    const { id, url } = await scene.authorizeUrl(redirectUri, 'openid profile xmpp:client:normal');
    await page.goto(url);
    await scene.logIn('wrong');
    await page.getByText('The user name or the password is wrong.').waitFor();
    await scene.logIn();
    await page.getByRole('heading', { name: 'Allow access?' }).waitFor();
    await page.getByLabel('See your profile').uncheck();
    await scene.allow();
    await page.getByText('Back in the application.').waitFor();
    const given = await answer;
    assert.equal(given.get('state'), 'xyz');
    assert.equal(given.get('iss'), scene.issuer);
    const tokens = await scene.post(
      '/oauth2/token',
      new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: id,
        code: given.get('code') ?? '',
        redirect_uri: redirectUri,
        code_verifier: VERIFIER,
      }),
    );
    assert.equal(tokens['scope'], 'openid xmpp:client:normal');
  });
}

test('somebody denies, and the application is told so', { skip }, async (t) => {
  const scene = await Scene.open(t);
  const { redirectUri, answer } = await startApplication(t);
  await scene.page.goto((await scene.authorizeUrl(redirectUri)).url);
  await scene.logIn();
  await scene.page.getByRole('button', { name: 'Deny' }).click();
  const given = await answer;
  assert.equal(given.get('error'), 'access_denied');
  assert.equal(given.get('code'), null);
});

test('somebody types the code of a device, which is let in', { skip }, async (t) => {
  const scene = await Scene.open(t, { javaScriptEnabled: false });
  const { page } = scene;
  const television = await scene.register({
    client_name: 'Television',
    grant_types: [DEVICE_CODE],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
  });
  const start = await scene.post('/oauth2/device', new URLSearchParams({ ...television, scope: 'openid' }));
  await page.goto(`${scene.issuer}/oauth2/device`);
  await page.getByLabel('Code').fill('BCDF-GHJK');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('That code is wrong').waitFor();
  await page.getByLabel('Code').fill(String(start['user_code']).toLowerCase());
  await page.getByRole('button', { name: 'Continue' }).click();
  await scene.logIn();
  await page.getByText('Go on only if you have the other device before you').waitFor();
  await scene.allow();
  await page.getByRole('heading', { name: 'Done' }).waitFor();
  const form = new URLSearchParams({
    grant_type: DEVICE_CODE,
    ...television,
    device_code: String(start['device_code']),
  });
  assert.equal((await scene.post('/oauth2/token', form))['scope'], 'openid');
});

test('an account with an app is asked for its code', { skip }, async (t) => {
  const scene = await Scene.open(t);
  const { page } = scene;
  await page.goto(`${scene.issuer}/account`);
  await scene.logIn();
  await page.getByRole('button', { name: 'Set up an app' }).click();
  const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  await page.getByLabel('Code that the app shows now').fill(totp.generate());
  await page.getByRole('button', { name: 'Turn on' }).click();
  const recovery = (await page.locator('ol.codes li').first().textContent()) ?? '';
  const { redirectUri, answer } = await startApplication(t);
  await page.goto((await scene.authorizeUrl(redirectUri)).url);
  await scene.logIn();
  await page.getByRole('heading', { name: 'Second step' }).waitFor();
  await page.getByLabel('Code', { exact: true }).fill(recovery);
  await page.getByRole('button', { name: 'Continue' }).click();
  await scene.allow();
  assert.ok((await answer).get('code'));
});

test('somebody lets an application in with a passkey alone', { skip }, async (t) => {
  const scene = await Scene.open(t);
  const { page } = scene;
  await withAuthenticator(page);
  await page.goto(`${scene.issuer}/account`);
  await scene.logIn();
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByLabel('Name').fill('Phone');
  await page.getByRole('button', { name: 'Create the passkey' }).click();
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  const { redirectUri, answer } = await startApplication(t);
  await page.goto((await scene.authorizeUrl(redirectUri)).url);
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await scene.allow();
  assert.ok((await answer).get('code'));
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [360, 1280]) {
    test(`everybody can read and use the pages: ${colorScheme}, ${width} pixels`, { skip }, async (t) => {
      const scene = await Scene.open(t, { colorScheme, viewport: { width, height: 800 } });
      const { page } = scene;
      const { redirectUri } = await startApplication(t);
      const { url } = await scene.authorizeUrl(redirectUri, 'xmpp openid profile email offline_access');
      await page.goto(url);
      assert.deepEqual(await shortcomings(page), []);
      await page.locator('#username:focus').waitFor();
      await scene.logIn('wrong');
      await page.getByRole('alert').waitFor();
      assert.deepEqual(await shortcomings(page), []);
      const described = await page.getByLabel('Password').getAttribute('aria-describedby');
      assert.equal(await page.locator(`#${described}`).getAttribute('role'), 'alert');
      await scene.logIn();
      await page.getByText('It asks for full access').waitFor();
      assert.deepEqual(await shortcomings(page), []);
      await page.goto(`${scene.issuer}/oauth2/device?user_code=BCDF-GHJK`);
      assert.deepEqual(await shortcomings(page), []);
      await page.goto(`${scene.issuer}/oauth2/authorize`);
      assert.deepEqual(await shortcomings(page), []);
    });
  }
}
