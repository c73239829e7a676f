// Makes the pictures of docs/images: a real browser on the pages of a real server. Run with `tsx tools/screenshots.ts [directory]`.
// The certificate is one of its own, and example.org is this machine.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret, TOTP } from 'otpauth';
import { type Browser, chromium, type Page } from 'playwright-core';
import { loadConfig } from '../src/config/load.ts';
import { featureSections } from '../src/features/registry.ts';
import { createLogger } from '../src/log/log.ts';
import { DEVICE_CODE } from '../src/oauth/client.ts';
import { challengeOf } from '../src/oauth/pkce.ts';
import { OUT_OF_BAND } from '../src/oauth/redirect-uris.ts';
import { Server } from '../src/server.ts';
import { showExample } from '../test/support/dashboard-example.ts';
import { withPalette } from './png.ts';

const DOMAIN = 'example.org';
const USER = 'alice';
const PASSWORD = 'correct horse battery staple';
const MAX_BYTES = 120 * 1024;
const target = process.argv[2] ?? join(import.meta.dirname, '../docs/images');

/** How a picture is taken. */
interface Look {
  readonly width: number;
  readonly scheme: 'light' | 'dark';
  readonly locale: string;
}

const WIDE: Look = { width: 640, scheme: 'light', locale: 'en-GB' };
const NARROW: Look = { width: 360, scheme: 'dark', locale: 'de-DE' };

/** The server whose pages are shown, and what applications ask of it. */
class Stage {
  readonly browser: Browser;
  readonly #port: number;

  constructor(browser: Browser, port: number) {
    this.browser = browser;
    this.#port = port;
  }

  get origin(): string {
    return `https://${DOMAIN}:${this.#port}`;
  }

  /** Opens a page, or what a button of it leads to, as somebody with that look sees it. */
  async open({ width, scheme, locale }: Look, path: string): Promise<Page> {
    const viewport = { width, height: 480 };
    const context = await this.browser.newContext({ ignoreHTTPSErrors: true, locale, colorScheme: scheme, viewport });
    const page = await context.newPage();
    await page.goto(this.origin + path);
    return page;
  }

  /** Asks for something as an application does that is a script on a page. */
  async post(path: string, body: object, type: 'json' | 'x-www-form-urlencoded'): Promise<Reply> {
    const page = await this.open(WIDE, '/account');
    const text = type === 'json' ? JSON.stringify(body) : new URLSearchParams({ ...body }).toString();
    const init = JSON.stringify({ method: 'POST', body: text, headers: { 'content-type': `application/${type}` } });
    const reply = await page.evaluate<Reply>(`fetch('${path}', ${init}).then((answer) => answer.json())`);
    await page.context().close();
    return reply;
  }

  register(metadata: object): Promise<Reply> {
    const client = { client_name: 'Garden diary', client_uri: 'https://garden.example/', ...metadata };
    return this.post('/oauth2/register', client, 'json');
  }
}

type Reply = Readonly<Record<string, string>>;

async function startServer(directory: string): Promise<Server> {
  const port = await freePort();
  const file = JSON.stringify({
    dataDir: directory,
    hosts: { [DOMAIN]: {} },
    admins: [`${USER}@${DOMAIN}`],
    listen: { c2s: [], c2sTls: [], http: [], https: [{ address: '127.0.0.1', port }] },
    auth: { iterations: 4096 },
    features: { oauth: { siteName: 'Example Chat' }, secondFactor: { siteName: 'Example Chat' } },
  });
  const { config } = loadConfig(join(directory, 'config.json'), { sections: featureSections, readFile: () => file });
  const server = await Server.start({ config, log: createLogger({ level: 'error', format: 'json' }) });
  await server.hosts.get(DOMAIN)?.users.create(USER, PASSWORD);
  return server;
}

// The port is part of the issuer, so it has to be known before the server starts.
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
}

function authorizePath(client: Reply, redirectUri: string, scope: string): string {
  const query = new URLSearchParams({
    client_id: client['client_id'] ?? '',
    response_type: 'code',
    redirect_uri: redirectUri,
    scope,
    code_challenge: challengeOf('v'.repeat(43)),
    code_challenge_method: 'S256',
  });
  return `/oauth2/authorize?${query}`;
}

async function logIn(page: Page, password = PASSWORD): Promise<Page> {
  await page.fill('#username', USER);
  await page.fill('#password', password);
  await page.click('main form:first-of-type button');
  return page;
}

/** Keeps a picture of the page, as high as it is, or of as much as fits the window. */
async function keep(page: Page, name: string, fullPage = true): Promise<void> {
  await page.evaluate('document.activeElement?.blur()');
  const picture = await page.screenshot({ fullPage });
  // A window's worth of charts has more colours than a palette, and is not large.
  const png = fullPage || picture.length > MAX_BYTES ? withPalette(picture) : picture;
  await writeFile(join(target, `${name}.png`), png);
  const note = png.length > MAX_BYTES ? ': too large' : '';
  console.log(`${name}.png ${Math.ceil(png.length / 1024)} KiB${note}`);
  await page.context().close();
}

/** Turns codes of an app on for the account. */
async function protect(stage: Stage): Promise<void> {
  const page = await logIn(await stage.open(WIDE, '/account'));
  await page.click('form:has([value="app-begin"]) button');
  const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
  await page.fill('#code', new TOTP({ secret: Secret.fromBase32(secret) }).generate());
  await page.click('button[value="app-confirm"]');
  await page.locator('ol.codes').waitFor();
  await page.context().close();
}

/** The dashboard of a made-up server: how it is used, how it is doing, and on a phone. */
async function takeDashboard(stage: Stage): Promise<void> {
  const open = async (look: Look, height: number): Promise<Page> => {
    const page = await stage.open(look, '/dashboard');
    await page.setViewportSize({ width: look.width, height });
    await showExample(page);
    await logIn(page);
    await page.getByText('Conversations').waitFor();
    await page.waitForFunction("document.querySelectorAll('figure:not([hidden]) canvas').length > 8");
    return page;
  };
  const dashboard: Look = { width: 1120, scheme: 'light', locale: 'en-GB' };
  await keep(await open(dashboard, 1290), 'dashboard-light', false);
  const dark = await open({ ...dashboard, scheme: 'dark' }, 1300);
  await dark.evaluate("document.getElementById('hour').scrollIntoView()");
  await keep(dark, 'dashboard-dark', false);
  await keep(await open({ ...NARROW, scheme: 'light' }, 900), 'dashboard-phone', false);
}

async function take(stage: Stage): Promise<void> {
  const redirect = 'https://garden.example/signed-in';
  const links = { tos_uri: 'https://garden.example/terms', policy_uri: 'https://garden.example/privacy' };
  const diary = await stage.register({ redirect_uris: [redirect], ...links, 'client_name#de': 'Gartentagebuch' });
  const modest = authorizePath(diary, redirect, 'openid profile xmpp:client:normal offline_access');
  const greedy = authorizePath(diary, redirect, 'xmpp openid');
  for (const [look, suffix] of [
    [WIDE, ''],
    [NARROW, '-de-dark'],
  ] as const) {
    await keep(await stage.open(look, modest), `oauth-login${suffix}`);
    await keep(await logIn(await stage.open(look, modest)), `oauth-consent${suffix}`);
    await keep(await logIn(await stage.open(look, greedy)), `oauth-consent-full${suffix}`);
  }
  await keep(await logIn(await stage.open(WIDE, modest), 'wrong'), 'oauth-login-wrong');
  const television = await stage.register({
    client_name: 'Television',
    grant_types: [DEVICE_CODE],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
  });
  const credentials = { client_id: television['client_id'] ?? '', client_secret: television['client_secret'] ?? '' };
  const start = await stage.post('/oauth2/device', { ...credentials, scope: 'openid' }, 'x-www-form-urlencoded');
  const link = `/oauth2/device?user_code=${start['user_code']}`;
  await keep(await stage.open(WIDE, link), 'oauth-device');
  const device = await stage.open(NARROW, link);
  await device.click('main button');
  await logIn(device);
  await device.click('[value=granted]');
  await keep(device, 'oauth-device-done-de-dark');
  const byHand = await stage.register({ redirect_uris: [OUT_OF_BAND] });
  const code = await logIn(await stage.open(WIDE, authorizePath(byHand, OUT_OF_BAND, 'openid')));
  await code.click('[value=granted]');
  await keep(code, 'oauth-code');
  await keep(await stage.open(WIDE, authorizePath(diary, 'https://evil.example/', 'openid')), 'oauth-error');
  await takeDashboard(stage);
  await protect(stage);
  await keep(await logIn(await stage.open(WIDE, modest)), 'oauth-second-step');
}

const directory = await mkdtemp(join(tmpdir(), 'parley-screenshots-'));
await mkdir(target, { recursive: true });
const server = await startServer(directory);
const port = server.listeners.find(({ service }) => service === 'https')?.port ?? 0;
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', `--host-resolver-rules=MAP ${DOMAIN} 127.0.0.1`],
});
try {
  await take(new Stage(browser, port));
} finally {
  await browser.close();
  await server.stop();
  await rm(directory, { recursive: true });
}
