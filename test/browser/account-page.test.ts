import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import type { Page } from 'playwright-core';
import { noBrowser, openPage, withAuthenticator } from '../support/browser.ts';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';

const skip = noBrowser;

async function open(t: TestContext, options: object = {}): Promise<{ page: Page; url: string }> {
  const live = await LiveServer.start(t);
  await live.addUsers('romeo');
  const page = await openPage(t, options);
  return { page, url: `https://${DOMAIN}:${live.port('https')}/account` };
}

async function logIn(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('User name').fill('romeo');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

test('a person makes a passkey in a browser, and logs in with it alone', { skip }, async (t) => {
  const { page, url } = await open(t);
  await withAuthenticator(page);
  await logIn(page, url);
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByLabel('Name').fill('My <b>phone</b>');
  await page.getByRole('button', { name: 'Create the passkey' }).click();
  await page.getByRole('heading', { name: 'Your recovery codes' }).waitFor();
  assert.equal(await page.locator('ol.codes li').count(), 10);
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByText('My <b>phone</b>', { exact: true }).waitFor();

  await page.getByRole('link', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await page.getByText('You are logged in as').waitFor();
  await page.getByText('last used').waitFor();

  await page.getByRole('link', { name: 'Log out' }).click();
  await logIn(page, url);
  await page.getByRole('button', { name: 'Use your passkey' }).click();
  await page.getByText('You are logged in as').waitFor();
});

test('a browser that has no passkey for the page says so, and everything else goes on', { skip }, async (t) => {
  const { page, url } = await open(t);
  await withAuthenticator(page);
  await page.goto(url);
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await page.getByText('That did not work').waitFor();
  await logIn(page, url);
  await page.getByText('You are logged in as').waitFor();
});

test('without JavaScript an app is set up, and asked for at the next login', { skip }, async (t) => {
  const { page, url } = await open(t, { javaScriptEnabled: false });
  await logIn(page, url);
  assert.equal(await page.getByRole('button', { name: 'Log in with a passkey' }).count(), 0);
  await page.getByRole('button', { name: 'Set up an app' }).click();
  await page.getByRole('img', { name: 'QR code' }).waitFor();
  const secret = ((await page.locator('.secret').textContent()) ?? '').replaceAll(' ', '');
  const totp = new TOTP({ secret: Secret.fromBase32(secret) });
  await page.getByLabel('Code that the app shows now').fill(totp.generate());
  await page.getByRole('button', { name: 'Turn on' }).click();
  const code = (await page.locator('ol.codes li').first().textContent()) ?? '';
  await logIn(page, url);
  await page.getByLabel('Code', { exact: true }).fill(code);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('9 codes left').waitFor();
});
