import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { jwtVerify, SignJWT } from 'jose';
import { clientSecret } from '../../src/oauth/client.ts';
import { FlowStates } from '../../src/oauth/flow-state.ts';
import { type HmacKey, signJwt, verifyJwt } from '../../src/oauth/jws.ts';
import { hostKey, isRegistrationKey, type RegistrationKeys } from '../../src/oauth/registration-keys.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ecPem, HOST, KEY, metadata, NOW_SECONDS, openKeys, rsaPem } from './fixtures.ts';

const PAYLOAD = { client_name: 'Demo', iat: NOW_SECONDS };
const HOST_KEY = '82fd284229f19f92ef527ca9edf4c9ee4f7ffc2fb6466002db730e5d7757f0f2';
const SECRET = '49b73eff7fa22e476fd0a9c169dd714aee1a8c9fa0f4c440a64982f95b1f3068';
const ID =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjbGllbnRfbmFtZSI6IkRlbW8iLCJpYXQiOjE3MDAwMDAwMDB9' +
  '.Ji0ZlUObmgff2knkyPsxGAy9Y7Yj4ZpDri1MlM95PBQ';
const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];

function base64url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function payloadOf(id: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(id.split('.')[1] ?? '', 'base64url').toString());
}

function hmac(secret: Buffer): HmacKey {
  return { algorithm: 'HS256', secret };
}

/** Signs as HS256 whatever is said to be the header. */
function hs256(header: unknown, payload: unknown, key: Buffer | string): string {
  const input = `${base64url(header)}.${base64url(payload)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
}

describe('The formulas of registration', () => {
  const key = hostKey('example-registration-key', HOST);

  test('give the vectors', async () => {
    assert.equal(key.toString('hex'), HOST_KEY);
    assert.equal(await signJwt(PAYLOAD, hmac(key)), ID);
    assert.equal(clientSecret(key, ID), SECRET);
  });

  test('are those of the keys of a host', async () => {
    const keys = openKeys();
    const client = await keys.sign(metadata());
    const own = createHmac('sha256', KEY).update(HOST).digest();
    assert.equal(client.id, hs256({ alg: 'HS256', typ: 'JWT' }, payloadOf(client.id), own));
    assert.equal(client.secret, createHmac('sha256', own).update(client.id).digest('hex'));
    assert.equal(client.hash, createHash('sha256').update(client.id).digest('base64url'));
    assert.equal(keys.deviceCodeOf('BCDF-GHJK'), createHmac('sha256', own).update('BCDF-GHJK').digest('base64url'));
  });

  test('recognise the vector', async () => {
    assert.deepEqual(await verifyJwt(ID, hmac(key)), PAYLOAD);
  });

  test('are understood by jose, and it by us', async () => {
    const { payload, protectedHeader } = await jwtVerify(ID, key, { algorithms: ['HS256'] });
    assert.deepEqual([payload, protectedHeader], [PAYLOAD, { alg: 'HS256', typ: 'JWT' }]);
    assert.equal(await new SignJWT(PAYLOAD).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).sign(key), ID);
  });
});

describe('A client', () => {
  test('is known by its identifier alone, with all that it registered', async () => {
    const keys = openKeys();
    const wanted = metadata({
      scope: 'openid xmpp',
      contacts: ['root@garden.example'],
      'client_name#de': 'Gartentagebuch',
    });
    const { id, secret } = await keys.sign(wanted);
    const client = await keys.verify(id);
    assert.deepEqual(client?.metadata, wanted);
    assert.equal(client.secret, secret);
    assert.equal(client.issuedAt, NOW_SECONDS);
    assert.equal(client.expiresAt, undefined);
    assert.equal(client.isPublic, false);
    assert.match(client.secret ?? '', /^[0-9a-f]{64}$/);
    assert.equal(client.localised('client_name', 'de'), 'Gartentagebuch');
    assert.equal(client.localised('client_name', 'fr'), 'Garden diary');
    assert.equal(client.localised('tos_uri', 'fr'), undefined);
  });

  test('is another one when the same is registered again', async () => {
    const keys = openKeys();
    const [one, other] = [await keys.sign(metadata()), await keys.sign(metadata())];
    assert.notEqual(one.id, other.id);
    assert.notEqual(one.secret, other.secret);
    assert.match(String(payloadOf(one.id)['nonce']), /^[\w-]{12}$/);
    assert.equal('exp' in payloadOf(one.id), false);
    assert.equal('host' in payloadOf(one.id), false);
  });

  test('without a secret needs no nonce, and no secret is its own', async () => {
    const keys = openKeys();
    const client = await keys.sign(metadata({ token_endpoint_auth_method: 'none' }));
    assert.equal('nonce' in payloadOf(client.id), false);
    assert.equal(client.isPublic, true);
    assert.equal(client.secret, undefined);
    assert.equal(client.hasSecret(''), false);
    assert.equal(client.hasSecret(clientSecret(hostKey(KEY, HOST), client.id)), false);
  });

  test('is told by its secret and by no other text', async () => {
    const client = await openKeys().sign(metadata());
    const secret = client.secret ?? '';
    assert.equal(client.hasSecret(secret), true);
    for (const wrong of ['', secret.slice(1), `${secret} `, secret.toUpperCase(), '0'.repeat(64), 'é'.repeat(32)]) {
      assert.equal(client.hasSecret(wrong), false, wrong);
    }
  });

  test('shows its secret to nobody by accident', async () => {
    const client = await openKeys().sign(metadata());
    assert.equal(JSON.stringify(client).includes(client.secret ?? '-'), false);
  });

  test('whose identifier would be longer than 4096 characters is refused', async () => {
    const keys = openKeys();
    const uri = (i: number): string => `https://garden.example/${i}/${'x'.repeat(900)}`;
    const long = metadata({ redirect_uris: [uri(1), uri(2), uri(3), uri(4)] });
    await assert.rejects(keys.sign(long), { code: 'invalid_client_metadata' });
    const { id } = await keys.sign(metadata({ redirect_uris: [uri(1), uri(2)] }));
    assert.ok(await keys.verify(id));
  });

  test('outlives a year without a ttl', async () => {
    const clock = new ManualClock(NOW_SECONDS * 1000);
    const keys = openKeys({ clock });
    const { id } = await keys.sign(metadata());
    clock.advance(366 * 86_400_000);
    assert.ok(await keys.verify(id));
  });

  test('expires with the second that the ttl says, whatever its identifier says', async () => {
    const clock = new ManualClock(NOW_SECONDS * 1000);
    const keys = openKeys({ clock, ttlMs: 60_000 });
    const early = await openKeys({ clock }).sign(metadata());
    const client = await keys.sign(metadata());
    assert.equal(client.expiresAt, NOW_SECONDS + 60);
    assert.equal(payloadOf(client.id)['exp'], NOW_SECONDS + 60);
    clock.advance(59_999);
    assert.equal((await keys.verify(client.id))?.expiresAt, NOW_SECONDS + 60);
    assert.ok(await keys.verify(early.id));
    clock.advance(1);
    assert.equal(await keys.verify(client.id), undefined);
    assert.equal(await keys.verify(early.id), undefined);
    const lasting = openKeys({ clock });
    assert.ok(await lasting.verify(client.id), 'without a ttl what the identifier says is not looked at');
  });
});

describe('No client', () => {
  test('is one of another host or another key', async () => {
    const { id } = await openKeys().sign(metadata());
    for (const other of [{ host: 'example.net' }, { current: { text: `${KEY}!`, algorithm: 'HS256' as const } }]) {
      assert.equal(await openKeys(other).verify(id), undefined);
    }
  });

  test('is one with another header, even if the signature is right', async () => {
    const keys = openKeys();
    const own = hostKey(KEY, HOST);
    const payload = payloadOf((await keys.sign(metadata())).id);
    const headers = [
      { alg: 'none', typ: 'JWT' },
      { alg: 'none' },
      { alg: 'HS256' },
      { typ: 'JWT', alg: 'HS256' },
      { alg: 'HS512', typ: 'JWT' },
      { alg: 'RS256', typ: 'JWT' },
      { alg: 'HS256', typ: 'JWT', kid: '1' },
      { alg: 'HS256', typ: 'JWT', crit: ['b64'], b64: false },
    ];
    for (const header of headers) assert.equal(await keys.verify(hs256(header, payload, own)), undefined);
    const unsigned = `${base64url({ alg: 'none', typ: 'JWT' })}.${base64url(payload)}.`;
    assert.equal(await keys.verify(unsigned), undefined);
    assert.ok(await keys.verify(hs256({ alg: 'HS256', typ: 'JWT' }, payload, own)), 'the test signs rightly');
  });

  test('is one signed by the key itself, as siblings would be', async () => {
    const keys = openKeys();
    const payload = payloadOf((await keys.sign(metadata())).id);
    assert.equal(await keys.verify(hs256({ alg: 'HS256', typ: 'JWT' }, payload, KEY)), undefined);
  });

  test('is the state of a login', async () => {
    const [clock, binding] = [new ManualClock(), { clientId: 'id', query: '' }];
    const states = new FlowStates({ clock, secret: hostKey(KEY, HOST) });
    const text = await states.issue({ name: 'login', parse: (json) => json }, binding, { ...metadata() });
    assert.equal(await openKeys().verify(text), undefined);
  });

  test('is one that says nothing, or what could not be registered', async () => {
    const keys = openKeys();
    const jws = hmac(hostKey(KEY, HOST));
    for (const payload of [
      {},
      PAYLOAD,
      { ...metadata() },
      { ...metadata(), iat: '1' },
      { ...metadata(), client_uri: 'x', iat: 1 },
    ]) {
      assert.equal(await keys.verify(await signJwt(payload, jws)), undefined);
    }
  });

  test('is one altered by one character', async () => {
    const keys = openKeys();
    const { id } = await keys.sign(metadata());
    const change = fc.tuple(fc.nat(id.length - 1), fc.constantFrom(...BASE64URL, '.', '=', '+', ' ', 'é'));
    const isKnown = async (text: string): Promise<boolean> => (await keys.verify(text)) !== undefined;
    await fc.assert(
      fc.asyncProperty(change, async ([at, char]) => {
        const text = id.slice(0, at) + char + id.slice(at + 1);
        assert.equal(await isKnown(text), text === id);
      }),
      { numRuns: 600 },
    );
    for (const char of BASE64URL) {
      const text = id.slice(0, -1) + char;
      assert.equal(await isKnown(text), text === id, 'bits that a decoder drops count, too');
    }
    for (const text of [`${id}=`, `${id}.`, ` ${id}`, `${id}\n`, id.slice(0, -1), id.slice(1), `${id}.x`]) {
      assert.equal(await isKnown(text), false);
    }
  });

  test('is any other text', async () => {
    const keys = openKeys();
    const { id } = await keys.sign(metadata());
    const header = id.split('.')[0] ?? '';
    const part = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    );
    const texts = fc.oneof(
      fc.string({ maxLength: 5000 }),
      fc.tuple(part, part, part).map((parts) => parts.join('.')),
      fc.tuple(part, part).map((parts) => [header, ...parts].join('.')),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => assert.equal(await keys.verify(text), undefined)),
      { numRuns: 500 },
    );
    assert.equal(await keys.verify(`${id}${'A'.repeat(100_000)}`), undefined);
  });
});

describe('After a rotation', () => {
  const old = { text: 'the key that was used up to yesterday', algorithm: 'HS256' } as const;

  test('clients of previous keys stay what they are, and new ones are of the new key', async () => {
    const before = openKeys({ current: old });
    const after = openKeys({ previous: [old] });
    const early = await before.sign(metadata());
    const known = await after.verify(early.id);
    assert.equal(known?.secret, early.secret);
    assert.deepEqual(known?.metadata, early.metadata);
    const late = await after.sign(metadata());
    assert.equal(await before.verify(late.id), undefined);
    assert.equal((await after.verify(late.id))?.secret, late.secret);
    assert.equal(late.secret, (await openKeys().verify(late.id))?.secret);
  });

  test('clients of a key that is kept no longer are unknown', async () => {
    const { id } = await openKeys({ current: old }).sign(metadata());
    assert.equal(await openKeys().verify(id), undefined);
  });

  test('each key is used with its own algorithm only', async () => {
    const pem = ecPem();
    const keys = openKeys({ current: { text: pem, algorithm: 'ES256' }, previous: [old] });
    const early = await openKeys({ current: old }).sign(metadata());
    assert.equal((await keys.verify(early.id))?.secret, early.secret);
    const confused = hs256({ alg: 'HS256', typ: 'JWT' }, { ...metadata(), host: HOST, iat: 1 }, pem);
    assert.equal(await keys.verify(confused), undefined);
  });
});

describe('A private key', () => {
  const pems = { ES256: ecPem(), ES512: ecPem('P-521'), RSA: rsaPem() };
  const cases = [
    ['ES256', pems.ES256],
    ['ES512', pems.ES512],
    ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const).map((name) => [name, pems.RSA] as const),
  ] as const;

  for (const [algorithm, text] of cases) {
    test(`signs clients by ${algorithm}, for its host`, async () => {
      const keys = openKeys({ current: { text, algorithm } });
      const client = await keys.sign(metadata());
      assert.equal(client.id.split('.')[0], base64url({ alg: algorithm, typ: 'JWT' }));
      assert.equal(payloadOf(client.id)['host'], HOST);
      assert.equal(client.secret, clientSecret(createHmac('sha256', text).update(HOST).digest(), client.id));
      const known = await keys.verify(client.id);
      assert.deepEqual(known?.metadata, metadata());
      assert.equal(known?.secret, client.secret);
      const sibling = openKeys({ current: { text, algorithm }, host: 'example.net' });
      assert.equal(await sibling.verify(client.id), undefined);
    });
  }

  test('is not confused with a secret for HS256', async () => {
    const keys = openKeys({ current: { text: pems.RSA, algorithm: 'RS256' } });
    const payload = payloadOf((await keys.sign(metadata())).id);
    for (const alg of ['HS256', 'RS256', 'PS256']) {
      assert.equal(await keys.verify(hs256({ alg, typ: 'JWT' }, payload, pems.RSA)), undefined);
      assert.equal(await keys.verify(hs256({ alg, typ: 'JWT' }, payload, hostKey(pems.RSA, HOST))), undefined);
    }
  });

  test('must suit its algorithm', () => {
    const open = (algorithm: 'ES256' | 'RS256', text: string): RegistrationKeys =>
      openKeys({ current: { algorithm, text } });
    assert.equal(isRegistrationKey({ text: pems.RSA, algorithm: 'PS512' }), true);
    assert.equal(isRegistrationKey({ text: 'any', algorithm: 'HS256' }), true);
    for (const text of [pems.RSA, pems.ES512, 'any'])
      assert.equal(isRegistrationKey({ text, algorithm: 'ES256' }), false);
    assert.throws(() => open('ES256', pems.RSA), TypeError);
    assert.throws(() => open('RS256', pems.ES256), TypeError);
    assert.throws(() => open('ES256', pems.ES512), TypeError);
    assert.throws(() => open('RS256', rsaPem(1024)), TypeError);
    assert.throws(() => open('RS256', 'no key'), { message: 'the text is not a private key in PEM' });
  });
});
