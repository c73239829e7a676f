import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { authenticateClient, readClientCredentials } from '../../src/oauth/client-credentials.ts';
import { OAuthError } from '../../src/oauth/errors.ts';
import { parseForm } from '../../src/oauth/form.ts';
import { metadata, openKeys } from './fixtures.ts';

function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}

function read(authorization: string | undefined, fields: Readonly<Record<string, string>> = {}) {
  return readClientCredentials(authorization, parseForm(Buffer.from(new URLSearchParams(fields).toString())));
}

const UNKNOWN = { code: 'invalid_client', status: 401 };

describe('Credentials of a client', () => {
  test('come by Basic, both halves encoded as in a form', () => {
    assert.deepEqual(read(basic('a.b', 'c')), { id: 'a.b', secret: 'c' });
    assert.deepEqual(read(basic('a%3Ab+c', '%C3%BC:x')), { id: 'a:b c', secret: 'ü:x' });
    assert.deepEqual(read(basic('a', '').replace('Basic', 'bAsIc ')), { id: 'a', secret: undefined });
    assert.deepEqual(read(basic('a', 'b'), { client_id: 'a' }), { id: 'a', secret: 'b' });
  });

  test('come in the body', () => {
    assert.deepEqual(read(undefined, { client_id: 'a', client_secret: 'b' }), { id: 'a', secret: 'b' });
    assert.deepEqual(read(undefined, { client_id: 'a' }), { id: 'a', secret: undefined });
    assert.equal(read(undefined), undefined);
  });

  test('do not come in two ways', () => {
    const refused = { code: 'invalid_request', status: 400 };
    assert.throws(() => read(basic('a', 'b'), { client_id: 'a', client_secret: 'b' }), refused);
    assert.throws(() => read(basic('a', 'b'), { client_secret: 'b' }), refused);
    assert.throws(() => read(basic('a', 'b'), { client_id: 'c' }), refused);
    assert.throws(() => read(undefined, { client_secret: 'b' }), refused);
  });

  test('that are malformed are those of nobody, and the answer says how it is done', () => {
    const wrong = [
      '',
      'Basic',
      'Basic ',
      'Bearer x',
      'Basic !!!',
      'Basic YQ==',
      'Basic YTpi=',
      basic('', 'b'),
      basic('%ff', 'b'),
      basic('a', '%'),
    ];
    wrong.push(`Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`);
    for (const header of wrong) {
      assert.throws(
        () => read(header),
        (error) => {
          assert.ok(error instanceof OAuthError && error.code === 'invalid_client' && error.status === 401);
          return /^Basic realm="/.test(error.headers['www-authenticate'] ?? '');
        },
        header,
      );
    }
  });

  test('of any kind are read or refused', () => {
    const header = fc.oneof(
      fc.string(),
      fc.string().map((text) => `Basic ${text}`),
      fc.base64String().map((text) => `Basic ${text}`),
    );
    fc.assert(
      fc.property(header, (text) => {
        try {
          read(text);
        } catch (error) {
          assert.ok(error instanceof OAuthError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('A client authenticates', () => {
  test('by its secret, in either way', async () => {
    const keys = openKeys();
    for (const method of ['client_secret_basic', 'client_secret_post']) {
      const { id, secret = '' } = await keys.sign(metadata({ token_endpoint_auth_method: method }));
      assert.equal((await authenticateClient(keys, read(basic(id, secret)))).id, id);
      assert.equal((await authenticateClient(keys, read(undefined, { client_id: id, client_secret: secret }))).id, id);
    }
  });

  test('by its identifier alone if it has no secret', async () => {
    const keys = openKeys();
    const { id } = await keys.sign(metadata({ token_endpoint_auth_method: 'none' }));
    assert.equal((await authenticateClient(keys, { id, secret: undefined })).id, id);
    await assert.rejects(authenticateClient(keys, { id, secret: 'x' }), UNKNOWN);
  });

  test('not by anything else', async () => {
    const keys = openKeys();
    const [one, other] = [await keys.sign(metadata()), await keys.sign(metadata())];
    const wrong = [
      undefined,
      { id: one.id, secret: undefined },
      { id: one.id, secret: other.secret },
      { id: one.id, secret: '0'.repeat(64) },
      { id: `${one.id}x`, secret: one.secret },
      { id: 'x', secret: 'y' },
    ];
    for (const credentials of wrong) await assert.rejects(authenticateClient(keys, credentials), UNKNOWN);
  });
});
