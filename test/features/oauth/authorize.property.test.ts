import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AUTHORIZE, AuthorizeScene } from './authorize-scene.ts';
import { REDIRECT } from './scene.ts';

const RUNS = { numRuns: 150 };

/** Addresses that differ from the registered one in a few characters, and others. */
const redirectUri = fc.oneof(
  fc.constant(REDIRECT),
  fc
    .record({
      at: fc.nat(REDIRECT.length),
      without: fc.nat(3),
      put: fc.constantFrom('', '/', '.', '..', '@', '%2e', '\\', '#', '?', ':443', 'evil.example', '\t', '\0'),
    })
    .map(({ at, without, put }) => REDIRECT.slice(0, at) + put + REDIRECT.slice(at + without)),
  fc.webUrl(),
  fc.string({ unit: 'binary' }),
);

test('nobody is ever sent anywhere but to what is registered', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  const property = fc.asyncProperty(redirectUri, async (uri) => {
    const { status, headers } = await scene.get(scene.url(id, { redirect_uri: uri, response_type: 'unknown' }));
    assert.ok(status === 303 || status === 400);
    assert.equal(status === 303, uri === REDIRECT || uri === '');
    if (status === 303) assert.ok(headers.location?.startsWith(`${REDIRECT}?error=`));
    else assert.equal(headers.location, undefined);
  });
  await fc.assert(property, RUNS);
});

test('whatever is in the address or the form, there is a page or a redirect, and no markup of others', async (t) => {
  const scene = await AuthorizeScene.open(t);
  const { id } = await scene.scene.register();
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 50 }),
    fc.constantFrom('"><script>alert(1)</script>', "'"),
  );
  const names = fc.constantFrom('state', 'scope', 'nonce', 'login_hint', 'ui_locales', 'prompt', 'response_mode');
  const fields = fc.constantFrom('username', 'password', 'code', 'login_token', 'user_token', 'consent', 'response');
  const property = fc.asyncProperty(fc.dictionary(names, text), fc.dictionary(fields, text), async (query, form) => {
    const url = scene.url(id, query);
    for (const answer of [await scene.get(url), await scene.send(url, form), await scene.get(`${AUTHORIZE}${url}`)]) {
      assert.ok(answer.status < 500, answer.body);
      assert.doesNotMatch(answer.body, /<script(?! src="passkeys\.js" defer>)/);
    }
  });
  await fc.assert(property, { numRuns: 60 });
});
