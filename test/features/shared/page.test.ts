import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeHtml, html } from '../../../src/features/shared/html.ts';
import { preferredLanguage } from '../../../src/features/shared/language.ts';
import { page, pageResponse } from '../../../src/features/shared/page.ts';
import { STYLE } from '../../../src/features/shared/page-style.ts';

test('what stands in a template is escaped, unless a template made it', () => {
  const name = `<script>alert("1" + '&')</script>`;
  const safe = '&lt;script&gt;alert(&quot;1&quot; + &#39;&amp;&#39;)&lt;/script&gt;';
  assert.equal(escapeHtml(name), safe);
  assert.equal(html`<p title="${name}">${name}</p>`.markup, `<p title="${safe}">${safe}</p>`);
  assert.equal(html`<p>${html`<b>${'<'}</b>`}</p>`.markup, '<p><b>&lt;</b></p>');
});

test('of lists every value stands in a template, of nothing none', () => {
  assert.equal(html`${['<', html`<i></i>`, 1, undefined, false]}${undefined}${false}${0}`.markup, '&lt;<i></i>10');
});

test('a page has its language, title and site, and loads scripts only where it says so', () => {
  const site = { name: 'Chat & Co', domain: 'stage.example' };
  const body = html`<h1>Hello</h1>`;
  const plain = page({ site, title: '<Hello>', lang: 'de', body, style: 'account/style.css' });
  assert.match(plain, /^<!DOCTYPE html>\n<html lang="de">/);
  assert.match(plain, /<title>&lt;Hello&gt; – Chat &amp; Co<\/title>/);
  assert.match(plain, /<link rel="stylesheet" href="account\/style\.css">/);
  assert.match(plain, /Parley · stage\.example/);
  assert.doesNotMatch(plain, /<script/);
  const scripted = page({ site, title: 'x', lang: 'en', body, style: 's.css', scripts: ['a.js'] });
  assert.match(scripted, /<script src="a\.js" defer><\/script>/);
});

test('a page cannot be framed, sniffed, kept by others or told where it was, and one with a secret is not kept at all', () => {
  const { status, headers } = pageResponse('x');
  assert.equal(status, 200);
  assert.deepEqual(headers, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'cache-control': 'no-cache, private',
    pragma: 'no-cache',
  });
  const secret = pageResponse('x', { isSecret: true, status: 429, headers: { 'retry-after': '60' } });
  assert.equal(secret.status, 429);
  assert.equal(secret.headers?.['cache-control'], 'no-store');
  assert.equal(secret.headers?.['retry-after'], '60');
});

test('the style loads nothing from elsewhere', () => {
  assert.doesNotMatch(STYLE, /url\(|@import/);
});

test('the language is the one that the browser wants most of those there are', () => {
  const languages = ['en', 'de'] as const;
  const cases: [string | undefined, string][] = [
    [undefined, 'en'],
    ['', 'en'],
    ['de', 'de'],
    ['de-AT,de;q=0.9,en;q=0.8', 'de'],
    ['fr, de;q=0.5, en;q=0.7', 'en'],
    ['de;q=0, en;q=0.1', 'en'],
    ['*', 'en'],
    ['DE', 'de'],
    [';;q=,,;q=9;', 'en'],
    [`${'x,'.repeat(100_000)}de`, 'en'],
  ];
  for (const [header, language] of cases) assert.equal(preferredLanguage(header, languages), language, header);
});

test('no text ever becomes markup', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`;
      assert.doesNotMatch(markup.slice('<p title="'.length, -'</p>'.length).replace('">', ''), /[<>"']/);
    }),
  );
});
