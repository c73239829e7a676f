import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Where Debian and most others have it. */
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Why tests with a real browser are skipped, if they are: there is none, and nobody says that there must be (`CI`). */
export const noBrowser: string | false =
  existsSync(EXECUTABLE) || process.env['CI'] !== undefined ? false : `there is no ${EXECUTABLE}`;

/** Starts Chromium without a window; the end of the test closes it. */
export async function openBrowser(t: TestContext): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    // Nothing of other sites is opened, and containers often forbid what the sandbox needs.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--ignore-certificate-errors'],
  });
  t.after(() => browser.close());
  return browser;
}

/** Opens an empty page in a browser of its own; whatever goes wrong in the page's scripts, or breaks its policy, fails the test. */
export async function openPage(t: TestContext, options: BrowserContextOptions = {}): Promise<Page> {
  const browser = await openBrowser(t);
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  t.after(() => {
    if (problems.length > 0) throw new Error(`on the page: ${problems.join('; ')}`);
  });
  return page;
}

/** A device that verifies the person without asking anybody. WebAuthn Level 3 §11. */
export async function withAuthenticator(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
