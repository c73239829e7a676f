import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseForm } from '../../src/oauth/form.ts';
import { challengeOf, checkCodeVerifier, readCodeChallenge } from '../../src/oauth/pkce.ts';

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
const S256 = { challenge: CHALLENGE, method: 'S256' } as const;
const STRICT = { methods: ['S256'], isRequired: true } as const;

function form(fields: Readonly<Record<string, string>>) {
  return parseForm(Buffer.from(new URLSearchParams(fields).toString()));
}

test('the challenge of a verifier is that of RFC 7636 appendix B', () => {
  assert.equal(challengeOf(VERIFIER), CHALLENGE);
});

test('a challenge is read with its method', () => {
  const read = readCodeChallenge(form({ code_challenge: CHALLENGE, code_challenge_method: 'S256' }), STRICT);
  assert.deepEqual(read, S256);
});

test('a challenge that is missing, malformed or by a method that is off is an invalid request', () => {
  const wrong = [
    {},
    { code_challenge_method: 'S256' },
    { code_challenge: CHALLENGE },
    { code_challenge: CHALLENGE, code_challenge_method: 'plain' },
    { code_challenge: CHALLENGE, code_challenge_method: 's256' },
    { code_challenge: CHALLENGE.slice(1), code_challenge_method: 'S256' },
    { code_challenge: 'x'.repeat(129), code_challenge_method: 'S256' },
    { code_challenge: `${CHALLENGE} `, code_challenge_method: 'S256' },
  ];
  for (const fields of wrong) {
    assert.throws(() => readCodeChallenge(form(fields), STRICT), { code: 'invalid_request' }, JSON.stringify(fields));
  }
});

test('a challenge may be left out where none is required, and not by a method alone', () => {
  const rules = { methods: ['S256', 'plain'], isRequired: false } as const;
  assert.equal(readCodeChallenge(form({}), rules), undefined);
  assert.throws(() => readCodeChallenge(form({ code_challenge_method: 'S256' }), rules), { code: 'invalid_request' });
  const plain = readCodeChallenge(form({ code_challenge: VERIFIER }), rules);
  assert.deepEqual(plain, { challenge: VERIFIER, method: 'plain' });
  checkCodeVerifier(plain, VERIFIER);
});

test('only the verifier of the challenge redeems, and none where there was no challenge', () => {
  checkCodeVerifier(S256, VERIFIER);
  checkCodeVerifier(undefined, undefined);
  for (const wrong of [undefined, '', CHALLENGE, VERIFIER.slice(1), `${VERIFIER}x`]) {
    assert.throws(() => checkCodeVerifier(S256, wrong), { code: 'invalid_grant' });
  }
  assert.throws(() => checkCodeVerifier(undefined, VERIFIER), { code: 'invalid_grant' });
});

test('a verifier must have 43 to 128 unreserved characters, even if its hash is right', () => {
  for (const verifier of ['x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(43)}!`]) {
    const bound = { challenge: challengeOf(verifier), method: 'S256' } as const;
    assert.throws(() => checkCodeVerifier(bound, verifier), { code: 'invalid_grant' });
  }
});

test('any other text is an invalid grant and nothing worse', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      assert.throws(() => checkCodeVerifier(S256, text), { code: 'invalid_grant' });
    }),
    { numRuns: 300 },
  );
});
