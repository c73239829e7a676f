import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { BrowserContextOptions, Page } from 'playwright-core';
import type { Figures } from '../../src/features/dashboard/wire.ts';
import { noBrowser, openPage } from '../support/browser.ts';
import { exampleFigures, showExample } from '../support/dashboard-example.ts';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';
import { shortcomings } from '../support/page-shortcomings.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const skip = noBrowser;
const PHONE = { viewport: { width: 360, height: 780 }, hasTouch: true };

async function open(
  t: TestContext,
  options: BrowserContextOptions = {},
): Promise<{ live: LiveServer; page: Page; url: string }> {
  const live = await LiveServer.start(t, { admins: [`juliet@${DOMAIN}`] });
  await live.addUsers('juliet', 'romeo');
  const page = await openPage(t, options);
  return { live, page, url: `https://${DOMAIN}:${live.port('https')}/dashboard` };
}

async function logIn(page: Page, url: string, username = 'juliet'): Promise<void> {
  await page.goto(url);
  await page.fill('#username', username);
  await page.fill('#password', PASSWORD);
  await page.click('main form:first-of-type button');
}

function tile(page: Page, label: string) {
  return page.locator('.tile', { has: page.getByText(label, { exact: true }) }).locator('.value');
}

test('an administrator logs in and sees live who is there and what they send', { skip }, async (t) => {
  const { live, page, url } = await open(t);
  await logIn(page, url, 'romeo');
  await page.getByText('not that of an administrator').waitFor();
  await logIn(page, url);
  await page.getByText('Live', { exact: true }).waitFor();
  assert.equal(await tile(page, 'Sessions').textContent(), '0');

  const romeo = await XmppClient.online(live, 'romeo');
  await page.locator('.tile', { hasText: '1 connection' }).waitFor();
  assert.equal(await tile(page, 'Sessions').textContent(), '1');
  const message = xml('message', { to: `juliet@${DOMAIN}` }, xml('body', {}, 'hi'));
  const sending = setInterval(() => void romeo.send(message), 50);
  try {
    await page.locator('.tile', { hasText: /^Messages[1-9][\d.]*\/s/ }).waitFor();
  } finally {
    clearInterval(sending);
  }
  assert.match((await tile(page, 'Memory').textContent()) ?? '', /^\d+ MB$/);

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByLabel('Password').waitFor();
  await page.goto(url);
  await page.getByLabel('Password').waitFor();
});

test('who is no administrator any more is asked to log in', { skip }, async (t) => {
  const { live, page, url } = await open(t);
  await logIn(page, url);
  await page.getByText('Live', { exact: true }).waitFor();
  await live.reload({ admins: [] });
  await page.getByLabel('Password').waitFor();
});

test('a window in the background asks for nothing, and goes on when it is seen again', { skip }, async (t) => {
  const { page, url } = await open(t);
  await logIn(page, url);
  await page.getByText('Live', { exact: true }).waitFor();
  const setVisibility = (value: string) =>
    page.evaluate(
      `Object.defineProperty(document, 'visibilityState', { value: '${value}', configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
    );
  await setVisibility('hidden');
  const asked = page.waitForRequest('**/dashboard/events*');
  await setVisibility('visible');
  await asked;
  await page.getByText('Live', { exact: true }).waitFor();
});

for (const [name, options] of Object.entries({
  'in the light': { colorScheme: 'light' },
  'in the dark': { colorScheme: 'dark' },
  'on a phone': { ...PHONE, colorScheme: 'light' },
  'on a phone in the dark, in German': { ...PHONE, colorScheme: 'dark', locale: 'de-DE' },
} as const)) {
  test(`everybody can read and use the dashboard ${name}`, { skip }, async (t) => {
    const { page, url } = await open(t, options);
    await showExample(page);
    await page.goto(url);
    assert.deepEqual(await shortcomings(page), []);
    await logIn(page, url);
    await page.getByText('Conversations').waitFor();
    await page.getByText(/^Live$/).waitFor();
    assert.deepEqual(await shortcomings(page), []);
  });
}

test('without a mouse the time is chosen and charts are read as tables', { skip }, async (t) => {
  const { page, url } = await open(t);
  await showExample(page);
  await logIn(page, url);
  await page.getByText('Conversations').waitFor();
  await page.getByRole('radio', { name: '90 days' }).focus();
  await page.keyboard.press('ArrowLeft');
  assert.ok(await page.getByRole('radio', { name: '30 days', exact: true }).isChecked());
  const chart = page.getByRole('figure', { name: 'Active users' });
  await chart.locator('summary').focus();
  await page.keyboard.press('Enter');
  const rows = chart.getByRole('row');
  // Browsers tell the page a moment later that a table is to be seen.
  await rows.nth(1).waitFor();
  assert.equal(await rows.count(), 31);
  const { month = 0, week = 0, day = 0 } = exampleFigures().active ?? {};
  assert.deepEqual(await rows.nth(1).getByRole('cell').allTextContents(), [month, week, day].map(String));
  assert.match((await rows.nth(1).getByRole('rowheader').textContent()) ?? '', /^18 Mar 2026$/);
  await page.getByLabel('Month').selectOption('2026-01');
  await page.getByRole('row', { name: 'Germany 150' }).waitFor();
  await page.getByText('3 more').click();
  await page.getByRole('row', { name: 'Others, too few to show' }).waitFor();
});

test('a German reads German, and numbers as Germans write them', { skip }, async (t) => {
  const { page, url } = await open(t, { locale: 'de-AT' });
  await showExample(page);
  await logIn(page, url);
  await page.getByRole('row', { name: 'Frankreich 64 15,9 %' }).waitFor();
  await page.getByText('Besucher im März 2026').waitFor();
});

test('figures that cannot be read are said to be missing, and are asked for again', { skip }, async (t) => {
  const { page, url } = await open(t);
  let isBroken = true;
  await page.route('**/dashboard/figures*', (route) => (isBroken ? route.fulfill({ status: 500 }) : route.continue()));
  await page.clock.install();
  await logIn(page, url);
  await page.getByText('The figures could not be read').waitFor();
  isBroken = false;
  await page.clock.fastForward(20_000);
  await page.getByRole('alert').filter({ hasText: 'The figures' }).waitFor({ state: 'hidden' });
});

test('a server that has just been set up has nothing to show, says so, and shows numbers once there are any', {
  skip,
}, async (t) => {
  const { page, url } = await open(t);
  const figures = exampleFigures();
  let json: Figures = {
    ...figures,
    active: null,
    days: [],
    months: [{ month: '2026-03', total: 0, countries: [], clients: [] }],
  };
  await page.route('**/dashboard/figures*', (route) => route.fulfill({ json }));
  await page.clock.install();
  await logIn(page, url);
  await page.locator('.tile', { hasText: 'not counted yet' }).waitFor();
  await page.getByRole('figure', { name: 'Active users' }).getByText('nothing to show yet').waitFor();
  assert.equal(await page.getByText('No visitors have been counted').count(), 2);
  assert.deepEqual(await shortcomings(page), []);
  json = figures;
  await page.clock.fastForward(20_000);
  await page.locator('.tile', { hasText: '307 in 7 days' }).waitFor();
});

test('one host is chosen of several', { skip }, async (t) => {
  const live = await LiveServer.start(t, { hosts: { 'verona.test': {} }, admins: [`juliet@${DOMAIN}`] });
  await live.addUsers('juliet');
  const page = await openPage(t);
  await logIn(page, `https://${DOMAIN}:${live.port('https')}/dashboard`);
  await page.getByText('Live', { exact: true }).waitFor();
  const choice = page.getByLabel('Host');
  assert.deepEqual(await choice.locator('option').allTextContents(), ['All hosts', DOMAIN, 'verona.test']);
  const asked = Promise.all(
    ['figures', 'events'].map((path) => page.waitForRequest(`**/dashboard/${path}?host=verona.test`)),
  );
  await choice.selectOption('verona.test');
  await asked;
  await page.getByText('Live', { exact: true }).waitFor();
  assert.equal(await page.getByText(/\d connections/).count(), 0, 'nobody knows whose they are');
});

test('who comes when too many look is told so', { skip }, async (t) => {
  const live = await LiveServer.start(t, { admins: [`juliet@${DOMAIN}`], features: { dashboard: { maxViewers: 1 } } });
  await live.addUsers('juliet');
  const page = await openPage(t);
  const url = `https://${DOMAIN}:${live.port('https')}/dashboard`;
  await logIn(page, url);
  await page.getByText('Live', { exact: true }).waitFor();
  const second = await page.context().newPage();
  await second.goto(url);
  await second.getByText('Too many windows').waitFor();
});
