import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secret } from 'otpauth';
import { qrCode } from '../../src/second-factor/qr-code.ts';
import { newRecoveryCodes, RECOVERY_CODES, typedRecoveryCode } from '../../src/second-factor/recovery-codes.ts';
import { newTotpSecret, totpCounter, totpUri } from '../../src/second-factor/totp.ts';

/** RFC 6238 appendix B has eight digits; the last six of them are the code of six. */
const VECTORS: readonly (readonly [seconds: number, code: string])[] = [
  [59, '94287082'],
  [1111111109, '07081804'],
  [1111111111, '14050471'],
  [1234567890, '89005924'],
  [2000000000, '69279037'],
  [20000000000, '65353130'],
];
const SECRET = Secret.fromUTF8('12345678901234567890').base32;
const PERIOD_MS = 30_000;

test('the vectors of RFC 6238 hold', () => {
  for (const [seconds, code] of VECTORS) {
    assert.equal(totpCounter(SECRET, code.slice(2), seconds * 1000), Math.floor(seconds / 30), String(seconds));
  }
});

test('a code is good one period early and late, and no more', () => {
  const [seconds, code] = [1111111109, '081804'];
  const counter = Math.floor(seconds / 30);
  const at = counter * PERIOD_MS;
  assert.equal(totpCounter(SECRET, code, at - PERIOD_MS), counter);
  assert.equal(totpCounter(SECRET, code, at + 2 * PERIOD_MS - 1), counter);
  assert.equal(totpCounter(SECRET, code, at - PERIOD_MS - 1), undefined);
  assert.equal(totpCounter(SECRET, code, at + 2 * PERIOD_MS), undefined);
});

test('a code may be typed with spaces; nothing else is one', () => {
  assert.ok(totpCounter(SECRET, ' 081 804 ', 1111111109_000));
  for (const text of ['', '08180', '0818041', '08180a', '٠٨١٨٠٤', '-81804', '0x1234', '081804\0', 'x'.repeat(1e6)]) {
    assert.equal(totpCounter(SECRET, text, 1111111109_000), undefined, text.slice(0, 20));
  }
});

test('a new secret has 160 bits, and is another each time', () => {
  const [one, other] = [newTotpSecret(), newTotpSecret()];
  assert.match(one, /^[A-Z2-7]{32}$/);
  assert.notEqual(one, other);
});

test('the URI names the site and the account, and says what apps assume anyway', () => {
  const uri = totpUri(SECRET, { issuer: 'Chat: & Co', account: 'romeo@stage.example' });
  const { protocol, host, pathname, searchParams } = new URL(uri);
  assert.deepEqual([protocol, host], ['otpauth:', 'totp']);
  assert.equal(decodeURIComponent(pathname), '/Chat  & Co:romeo@stage.example');
  assert.deepEqual(Object.fromEntries(searchParams), {
    issuer: 'Chat  & Co',
    secret: SECRET,
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  });
});

test('a QR code is a drawing without script or style', () => {
  const drawing = qrCode(totpUri(SECRET, { issuer: 'x'.repeat(64), account: `${'r'.repeat(128)}@stage.example` }));
  assert.match(
    drawing,
    /^<svg viewBox="0 0 \d+ \d+" xmlns="http:\/\/www\.w3\.org\/2000\/svg"><path d="[\w .-]+"\/><\/svg>$/,
  );
});

test('there are ten recovery codes of ten letters, none like another', () => {
  const codes = newRecoveryCodes();
  assert.equal(codes.length, RECOVERY_CODES);
  assert.equal(new Set(codes).size, 10);
  for (const code of codes) assert.match(code, /^[a-km-np-z2-9]{5}-[a-km-np-z2-9]{5}$/);
});

test('a recovery code may be typed in capitals, with spaces or without the hyphen', () => {
  for (const typed of ['abcde-fgh23', 'ABCDE FGH23', ' abcdefgh23 ', 'ab-cd-ef-gh-23']) {
    assert.equal(typedRecoveryCode(typed), 'abcde-fgh23');
  }
  for (const typed of ['', '123456', 'abcde-fgh2', 'abcde-fgh234', 'abcde-fgh2é']) {
    assert.equal(typedRecoveryCode(typed), undefined, typed);
  }
});
