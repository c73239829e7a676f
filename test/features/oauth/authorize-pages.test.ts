import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseMarkup, parseText } from '../../../src/features/oauth/authorize/template.ts';
import { readTemplates } from '../../../src/features/oauth/authorize/templates.ts';
import { TEXT_PLACES, TEXTS } from '../../../src/features/oauth/authorize/texts.ts';
import { OUT_OF_BAND } from '../../../src/oauth/redirect-uris.ts';
import { eventually } from '../../support/live-server.ts';
import { AUTHORIZE, AuthorizeScene, headingOn } from './authorize-scene.ts';
import type { Answer } from './scene.ts';

function isGuarded({ headers }: Answer): void {
  assert.equal(
    headers['content-security-policy'],
    "frame-ancestors 'none'; base-uri 'none'; default-src 'self'; img-src 'self' data:",
  );
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.match(headers['cache-control'] ?? '', /^(?:no-store|no-cache, private)$/);
  assert.equal(headers['pragma'], 'no-cache');
  assert.equal(headers['access-control-allow-origin'], undefined);
}

test('every page has the headers of a page, and no script or style of its own', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register({ redirect_uris: [OUT_OF_BAND] });
  const url = scene.url(id, { redirect_uri: OUT_OF_BAND });
  const consent = await scene.logIn(url);
  const pages = [
    await scene.get(url),
    await scene.logIn(url, 'romeo', 'wrong'),
    consent,
    await scene.decide(url, consent),
    await scene.decide(url, consent, { consent: 'denied' }),
    await scene.get(AUTHORIZE),
    await scene.scene.http('DELETE', url),
    await scene.scene.http('POST', url, {
      body: 'x'.repeat(70_000),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
  ];
  for (const page of pages) {
    isGuarded(page);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assert.match(page.body, /<html lang="en">/);
    assert.match(page.body, /<footer class="site"><p>Parley · stage\.example<\/p>/);
    assert.doesNotMatch(page.body, /<script(?! src="passkeys\.js" defer)|\son\w+=|style="|<style/);
  }
  assert.deepEqual(
    pages.map(({ status }) => status),
    [200, 403, 200, 200, 200, 400, 405, 413],
  );
});

test('a redirect with a code is kept by nobody', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const url = scene.url((await scene.scene.register()).id);
  const { headers } = await scene.decide(url, await scene.logIn(url));
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['referrer-policy'], 'no-referrer');
});

test('scripts of other sites are told to keep away', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const preflight = await scene.scene.http('OPTIONS', AUTHORIZE, {
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  });
  assert.equal(preflight.status, 403);
  isGuarded(preflight);
});

test('what a client says of itself is text, whatever it is', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const name = `<script>alert("x")</script>'&`;
  const { id } = await scene.scene.register({ client_name: name });
  const url = scene.url(id, { state: '"><script>', login_hint: '<script>', scope: 'openid <script>' });
  for (const page of [await scene.get(url), await scene.logIn(url)]) {
    assert.doesNotMatch(page.body, /<script(?! src="passkeys\.js" defer)/);
    assert.match(page.body, /<bdi>&lt;script&gt;alert\(&quot;x&quot;\)&lt;\/script&gt;&#39;&amp;<\/bdi>/);
  }
});

test('the pages speak the language of the application’s choice, or of the browser', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const german = scene.reading('de-AT,en;q=0.5');
  const { id } = await scene.scene.register({
    'client_name#de': 'Gartentagebuch',
    tos_uri: 'https://garden.example/terms',
    'tos_uri#de': 'https://garden.example/bedingungen',
  });
  const page = await german.get(scene.url(id));
  assert.match(page.body, /<html lang="de">/);
  assert.equal(headingOn(page), 'Anmelden');
  assert.match(page.body, /<bdi>Gartentagebuch<\/bdi> möchte Zugriff/);
  const consent = await german.logIn(scene.url(id, { scope: 'openid xmpp profile' }));
  assert.equal(headingOn(consent), 'Zugriff erlauben?');
  assert.match(consent.body, /garden\.example\/bedingungen/);
  assert.match(consent.body, /Voll auf dein Konto zugreifen/);
  assert.match((await german.logIn(scene.url(id), 'romeo', 'x')).body, /Passwort ist falsch/);
  assert.equal(headingOn(await german.get(AUTHORIZE)), 'Das geht nicht');
  assert.equal(headingOn(await german.get(scene.url(id, { ui_locales: 'fr en de' }))), 'Log in');
  assert.equal(headingOn(await scene.get(scene.url(id, { ui_locales: 'fr de-CH' }))), 'Anmelden');
  assert.equal(headingOn(await german.get(scene.url(id, { ui_locales: 'fr' }))), 'Anmelden');
});

test('every other page speaks German, too', async (t) => {
  const scene = (await AuthorizeScene.open(t)).reading('de');
  const { id } = await scene.scene.register({ redirect_uris: [OUT_OF_BAND] });
  const url = scene.url(id, { redirect_uri: OUT_OF_BAND });
  const consent = await scene.logIn(url);
  assert.match(consent.body, /<dt>Zurück zu<\/dt><dd>der Anwendung, mit einem Code zum Kopieren</);
  assert.equal(headingOn(await scene.decide(url, consent)), 'Dein Code');
  assert.equal(headingOn(await scene.decide(url, consent, { consent: 'denied' })), 'Abgelehnt');
  const refused = await scene.decide(url, consent, { scopes: [] });
  assert.match(refused.body, /<bdi>Garden diary<\/bdi> verlangt etwas, das es nicht bekommen kann/);
});

test('without a key for registrations there are no pages', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { registrationKey: null } });
  for (const path of [AUTHORIZE, '/oauth2/device', '/oauth2/style.css']) {
    assert.equal((await scene.get(path)).status, 404);
  }
});

test('all languages have the same places in the same texts', () => {
  for (const [name, text] of Object.entries(TEXTS.en)) {
    const german = Object.entries(TEXTS.de).find(([other]) => other === name)?.[1] ?? '';
    const places = parseText(text).places.toSorted();
    assert.deepEqual(parseText(german).places.toSorted(), places, name);
    for (const place of places)
      assert.ok(
        TEXT_PLACES.some((known) => known === place),
        name,
      );
  }
});

test('style and script are ours', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  const [, style = ''] = /<link rel="stylesheet" href="([^"]*)">/.exec((await scene.get(scene.url(id))).body) ?? [];
  const css = await scene.get(`/oauth2/${style}`);
  assert.equal(css.headers['content-type'], 'text/css; charset=utf-8');
  assert.match(css.body, /dl\.facts/);
  assert.equal((await scene.get('/oauth2/passkeys.js')).status, 200);
  assert.equal((await scene.get('/oauth2/assets/logo.png')).status, 404);
});

test('a policy of the operator is added to ours, and ours hold', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { securityPolicy: "default-src 'none'; frame-ancestors *" } });
  const { id } = await scene.scene.register();
  assert.equal(
    (await scene.get(scene.url(id))).headers['content-security-policy'],
    "frame-ancestors 'none'; base-uri 'none'; default-src 'none'; frame-ancestors *; img-src 'self' data:",
  );
});

async function directory(t: TestContext, files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'parley-pages-'));
  t.after(() => rm(path, { recursive: true }));
  await mkdir(join(path, 'assets'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return path;
}

test('operators put their own header, footer, style, texts, pages and files in', async (t) => {
  const templatePath = await directory(t, {
    'header.html': '<img src="assets/logo.png" alt="{{siteName}}"> {{ domain }}',
    'footer.html': '<p lang="{{lang}}"><a href="https://stage.example/imprint">Imprint</a></p>',
    'style.css': ':root { --accent: #a30; }',
    'login.html': '<p>Before</p>{{content}}<p>After</p>',
    'texts.de.json': JSON.stringify({ 'login.title': 'Hereinspaziert' }),
    'texts.fr.json': JSON.stringify({ 'login.title': 'Connexion', 'login.intro': '{client} <b> veut {site}.' }),
    'assets/logo.png': Buffer.from([0x89, 0x50]),
  });
  const scene = await AuthorizeScene.open(t, { oauth: { templatePath, siteName: 'Stage & Co' } });
  const { id } = await scene.scene.register();
  const page = await scene.reading('fr').get(scene.url(id));
  assert.match(page.body, /<html lang="fr">/);
  assert.match(page.body, /<header class="site"><img src="assets\/logo\.png" alt="Stage &amp; Co"> stage\.example</);
  assert.match(page.body, /<p lang="fr"><a href="https:\/\/stage\.example\/imprint">/);
  assert.match(page.body, /<main>\n<p>Before<\/p><section class="card">[\s\S]*<p>After<\/p>/);
  assert.match(page.body, /<bdi>Garden diary<\/bdi> &lt;b&gt; veut Stage &amp; Co\./);
  assert.match(page.body, /<label for="password">Password</);
  assert.equal(headingOn(await scene.reading('de').get(scene.url(id))), 'Hereinspaziert');
  assert.doesNotMatch((await scene.logIn(scene.url(id))).body, /Before/);
  assert.match((await scene.get('/oauth2/style.css')).body, /--accent: #a30; \}$/);
  const logo = await scene.get('/oauth2/assets/logo.png');
  assert.deepEqual([logo.status, logo.headers['content-type']], [200, 'image/png']);
  for (const path of ['../header.html', '%2e%2e/header.html', 'logo.png/', '']) {
    assert.equal((await scene.get(`/oauth2/assets/${path}`)).status, 404);
  }
});

test('a reload reads the files again; what is wrong is in the log, and the pages stay', async (t) => {
  const templatePath = await directory(t, { 'header.html': 'First' });
  const scene = await AuthorizeScene.open(t, { oauth: { templatePath } });
  const { stage } = scene.scene;
  const header = async () => /<header class="site">(.*)<\/header>/.exec((await scene.get(AUTHORIZE)).body)?.[1];
  const reload = () =>
    stage.reload({ http: { publicUrl: 'https://stage.example' }, features: { oauth: { templatePath } } });
  const becomes = async (wanted: string): Promise<void> => {
    const until = performance.now() + 5000;
    while ((await header()) !== wanted) assert.ok(performance.now() < until, `the header does not become ${wanted}`);
  };
  assert.equal(await header(), 'First');
  await writeFile(join(templatePath, 'header.html'), 'Second');
  reload();
  await becomes('Second');
  await writeFile(join(templatePath, 'header.html'), '{{nobody}}');
  reload();
  const refusal = () => stage.log.records.find(({ event }) => event === 'oauth.templates-refused');
  const { fields } = await eventually('the templates are refused', refusal);
  assert.match(String(fields['reason']), /header\.html there is no \{\{nobody\}\}, only \{\{siteName\}\}/);
  assert.equal(await header(), 'Second');
});

test('what is wrong with a file is said', async (t) => {
  const fails = async (files: Parameters<typeof directory>[1], why: RegExp) =>
    assert.rejects(readTemplates(await directory(t, files)), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, why);
      return true;
    });
  await fails({ 'heading.html': '' }, /heading\.html is none of the files/);
  await fails({ 'login.html': 'nothing' }, /login\.html must have \{\{content\}\} once/);
  await fails({ 'login.html': '{{content}}{{content}}' }, /once/);
  await fails({ 'header.html': '{{content}}' }, /there is no \{\{content\}\}/);
  await fails({ 'texts.de.json': '[' }, /texts\.de\.json is not a JSON object/);
  await fails({ 'texts.de.json': '[]' }, /is not a JSON object/);
  await fails({ 'texts.de.json': '{"login.heading":"x"}' }, /there is no text "login\.heading"/);
  await fails({ 'texts.de.json': '{"login.title":1}' }, /"login\.title" is not a string/);
  await fails({ 'texts.de.json': '{"login.title":"{nobody}"}' }, /"login\.title": there is no \{nobody\}/);
  await fails({ 'style.css': Buffer.from([0xff]) }, /style\.css is not UTF-8/);
  await fails({ 'style.css': 'x'.repeat(1_048_577) }, /larger than/);
  await fails({ 'assets/run.js': '' }, /run\.js is not named like a file that can be served/);
  await assert.rejects(readTemplates('/nowhere/at/all'), /cannot be read: ENOENT/);
});

test('in texts and markup only places are replaced, and only once', () => {
  assert.equal(parseMarkup('<b>{{ a }}</b>{a}').fill({ a: '<{{a}}>' }).markup, '<b>&lt;{{a}}&gt;</b>{a}');
  assert.equal(parseText('<b>{a} {{a}} {}').fill({ a: 'x' }).markup, '&lt;b&gt;x {x} {}');
  assert.deepEqual(parseMarkup('{{}}').places, ['']);
});
