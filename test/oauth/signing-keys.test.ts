import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { JID } from '../../src/jid.ts';
import { isSigningKey, SigningKeys, subjectOf } from '../../src/oauth/signing-keys.ts';
import { client, ecPem, NOW_SECONDS, rsaPem } from './fixtures.ts';

const ISSUER = 'https://example.org';
const FACTS = {
  issuer: ISSUER,
  jid: JID.parse('alice@example.org/phone'),
  now: NOW_SECONDS * 1000 + 999,
  authTime: NOW_SECONDS * 1000 - 5000,
  nonce: 'n-0S6_WzA2Mj',
  amr: ['pwd'],
};
const EXPECTED = { issuer: ISSUER, audience: 'id', currentDate: new Date(FACTS.now) };
const EC = ecPem();
const RSA = rsaPem();

/** Verifies a token by what is published, as clients do. */
async function verify(keys: SigningKeys, token: string | undefined) {
  return jwtVerify(token ?? '', createLocalJWKSet({ keys: [...keys.jwks.keys] }), EXPECTED);
}

describe('An ID token', () => {
  for (const [algorithm, pem] of [
    ['ES256', EC],
    ['RS256', RSA],
  ] as const) {
    test(`signed by ${algorithm} is verified by the published key`, async () => {
      const keys = await SigningKeys.open({ current: pem });
      const { payload, protectedHeader } = await verify(keys, await keys.signIdToken(client(), FACTS));
      assert.deepEqual(payload, {
        iss: ISSUER,
        sub: 'xmpp:alice@example.org',
        aud: 'id',
        iat: NOW_SECONDS,
        exp: NOW_SECONDS + 3600,
        auth_time: NOW_SECONDS - 5,
        nonce: 'n-0S6_WzA2Mj',
        amr: ['pwd'],
      });
      assert.deepEqual(protectedHeader, { alg: algorithm, kid: keys.jwks.keys[0]?.kid, typ: 'JWT' });
      assert.deepEqual(keys.algorithms, [algorithm, 'HS256']);
    });
  }

  test('signed by HS256 is verified by the text of the secret', async () => {
    const keys = await SigningKeys.open({ current: undefined });
    const one = client();
    const token = (await keys.signIdToken(one, { ...FACTS, nonce: undefined })) ?? '';
    const { payload } = await jwtVerify(token, Buffer.from(one.secret ?? ''), EXPECTED);
    assert.equal('nonce' in payload, false);
    assert.equal(decodeProtectedHeader(token).alg, 'HS256');
    assert.deepEqual(keys.algorithms, ['HS256']);
  });

  test('is signed as the client registered, as long as there is a key for that', async () => {
    const keys = await SigningKeys.open({ current: RSA, previous: [EC] });
    const algorithmFor = async (alg: string | undefined): Promise<string | undefined> => {
      const token = await keys.signIdToken(client({ id_token_signed_response_alg: alg }), FACTS);
      return decodeProtectedHeader(token ?? '').alg;
    };
    assert.equal(await algorithmFor(undefined), 'RS256');
    assert.equal(await algorithmFor('ES256'), 'ES256');
    assert.equal(await algorithmFor('HS256'), 'HS256');
    const lost = await SigningKeys.open({ current: RSA });
    const token = await lost.signIdToken(client({ id_token_signed_response_alg: 'ES256' }), FACTS);
    assert.equal(decodeProtectedHeader(token ?? '').alg, 'RS256');
  });

  test('is not there for a client without a secret where there is no key', async () => {
    const open = client({ token_endpoint_auth_method: 'none' });
    assert.equal(await (await SigningKeys.open({ current: undefined })).signIdToken(open, FACTS), undefined);
    assert.ok(await (await SigningKeys.open({ current: EC })).signIdToken(open, FACTS));
  });
});

describe('The published keys', () => {
  test('are public, and those of before are among them', async () => {
    const before = await SigningKeys.open({ current: EC });
    const token = await before.signIdToken(client(), FACTS);
    const after = await SigningKeys.open({ current: RSA, previous: [EC] });
    await verify(after, token);
    assert.equal(after.jwks.keys.length, 2);
    for (const key of after.jwks.keys) {
      assert.equal(key.use, 'sig');
      for (const secret of ['d', 'p', 'q', 'k']) assert.equal(secret in key, false);
    }
    assert.deepEqual(after.jwks.keys[1], before.jwks.keys[0]);
    await assert.rejects(verify(await SigningKeys.open({ current: ecPem() }), token));
  });

  test('are none without a key', async () => {
    assert.deepEqual((await SigningKeys.open({ current: undefined })).jwks, { keys: [] });
  });

  test('are on P-256 or RSA of 2048 bits', async () => {
    for (const pem of [EC, RSA]) assert.equal(isSigningKey(pem), true);
    for (const pem of [ecPem('P-384'), rsaPem(1024), 'no key', '']) {
      await assert.rejects(SigningKeys.open({ current: pem }), TypeError);
      assert.equal(isSigningKey(pem), false);
    }
  });
});

test('the subject of an account is its bare address as a URI', () => {
  assert.equal(subjectOf(FACTS.jid), 'xmpp:alice@example.org');
});
