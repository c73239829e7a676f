import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatToken, looksLikeToken, parseToken, SECRET_BYTES } from '../../src/oauth/token-text.ts';

const JID = 'alice@example.org';
const of = (secret: Buffer) => ({ grantId: 'tR4x_9pLw0Za', secret, jid: JID });

describe('The text of a token', () => {
  test('is that of the specification', () => {
    const text = formatToken(of(Buffer.alloc(SECRET_BYTES, 'x')));
    const inside = Buffer.from('2;tR4x_9pLw0Za;xxxxxxxxxxxxxxxxxx;alice@example.org').toString('base64');
    assert.equal(text, `secret-token:${inside}`);
    assert.match(text, /^secret-token:Mjt0/);
    assert.ok(looksLikeToken(text));
  });

  test('is read by lengths: a secret may be made of what separates', () => {
    const secret = Buffer.alloc(SECRET_BYTES, ';');
    assert.deepEqual(parseToken(formatToken(of(secret))), of(secret));
  });

  test('says what was written, whatever that is', () => {
    const bytes = fc.uint8Array({ minLength: SECRET_BYTES, maxLength: SECRET_BYTES });
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
    const jid = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(id, bytes, jid, (grantId, secret, account) => {
        const parts = { grantId, secret: Buffer.from(secret), jid: account };
        assert.deepEqual(parseToken(formatToken(parts)), parts);
      }),
      { numRuns: 300 },
    );
  });

  test('is none when anything is wrong with it', () => {
    const inside = (text: string): string => `secret-token:${Buffer.from(text).toString('base64')}`;
    const wrong = [
      '',
      'secret-token:',
      'Mjt0',
      inside('1;id;xxxxxxxxxxxxxxxxxx;alice@example.org'),
      inside('2;;xxxxxxxxxxxxxxxxxx;alice@example.org'),
      inside('2;id;xxxxxxxxxxxxxxxxx;alice@example.org'),
      inside('2;id;xxxxxxxxxxxxxxxxxx'),
      inside('2;id;xxxxxxxxxxxxxxxxxx;'),
      inside('2;id'),
      inside(`2;${'i'.repeat(65)};xxxxxxxxxxxxxxxxxx;alice@example.org`),
      inside(`2;id;xxxxxxxxxxxxxxxxxx;${'a'.repeat(4096)}`),
      `${inside('2;id;xxxxxxxxxxxxxxxxxx;alice@example.org')} `,
      inside('2;id;xxxxxxxxxxxxxxxxxx;alice@example.org').replace(/=+$/, ''),
    ];
    for (const text of wrong) assert.equal(parseToken(text), undefined, text);
  });

  test('of any kind does no harm', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        parseToken(text);
        parseToken(`secret-token:${Buffer.from(`2;${text}`).toString('base64')}`);
      }),
      { numRuns: 500 },
    );
  });
});
