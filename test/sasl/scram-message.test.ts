import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SaslError } from '../../src/errors.ts';
import { ScramClient } from '../support/scram-client.ts';
import { Accounts, contextOf, dataOf, derive, failsWith, julietWith, mechanismOf, start } from './scene.ts';

describe('A SCRAM message that the grammar does not allow', () => {
  const FIRST = [
    '',
    'n',
    'n,',
    'n,,',
    'n,,n=juliet',
    'n,,r=abc,n=juliet',
    'n,,n=juliet,r=',
    'n,,n=,r=abc',
    'n,,n=juliet,r=a\u00e9c',
    'n,,n=juliet,r=a c',
    'n,,n=juliet,r=abc,',
    'n,,n=juliet,r=abc,x',
    'n,,n=juliet,r=abc,x=',
    'n,,n=juliet,r=abc,x=1,x=2',
    'n,,n=juliet,r=abc,r=abc',
    'n,,n=juliet,r=abc,n=romeo',
    'n,,n=juliet,n=romeo,r=abc',
    'n,,m=1,n=juliet,r=abc',
    'n,,n=juliet,r=abc,m=1',
    'n,,n=jul=iet,r=abc',
    'n,,n=juliet=2c,r=abc',
    'n,,n=juliet=,r=abc',
    'n,a=,n=juliet,r=abc',
    'n,b=x,n=juliet,r=abc',
    'n,a=x=y,n=juliet,r=abc',
    'x,,n=juliet,r=abc',
    'p,,n=juliet,r=abc',
    'p=,,n=juliet,r=abc',
    'p=a b,,n=juliet,r=abc',
    'n=1,,n=juliet,r=abc',
    ' n,,n=juliet,r=abc',
    '\ufeffn,,n=juliet,r=abc',
    'n,,n=juliet\0,r=abc',
    'n,,N=juliet,r=abc',
  ];
  for (const message of FIRST) {
    test(`as the first: ${JSON.stringify(message)}`, async () => {
      const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(await julietWith('pw')));
      await failsWith('malformed-request', () => exchange.step(Buffer.from(message)));
    });
  }

  test('as the first: bytes that are not UTF-8', async () => {
    const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(await julietWith('pw')));
    await failsWith('malformed-request', () => exchange.step(Buffer.from('n,,n=juli\xe9t,r=abc', 'latin1')));
  });

  type Change = (final: string) => string;
  const FINAL: readonly (readonly [string, Change])[] = [
    ['nothing', () => ''],
    ['no proof', (m) => m.replace(/,p=.*/, '')],
    ['an empty proof', (m) => m.replace(/p=.*/, 'p=')],
    ['a proof that is not last', (m) => `${m},x=1`],
    ['two proofs', (m) => `${m}${m.slice(m.indexOf(',p='))}`],
    ['no channel binding', (m) => m.replace(/^c=[^,]*,/, '')],
    ['another order', (m) => m.replace(/^(c=[^,]*),(r=[^,]*)/, '$2,$1')],
    ['another nonce', (m) => m.replace(/r=/, 'r=x')],
    ['the client nonce only', (m) => m.replace(/r=[^,]*/, 'r=n')],
    ['a mandatory extension', (m) => m.replace(/,p=/, ',m=1,p=')],
    ['an extension twice', (m) => m.replace(/,p=/, ',x=1,x=1,p=')],
    ['base64 without padding', (m) => m.replace(/=+$/, '')],
    ['base64 with stray bits', (m) => m.replace('c=biws', 'c=biwt=')],
    ['base64 with white space', (m) => m.replace('c=biws', 'c=bi ws')],
    ['base64url', (m) => `${m.slice(0, m.indexOf('p='))}p=-_==`],
    ['NUL', (m) => m.replace(/,p=/, ',x=\0,p=')],
  ];
  for (const [name, change] of FINAL) {
    test(`as the last: ${name}`, async () => {
      const client = new ScramClient({ hash: 'SHA-1', username: 'juliet', password: 'pw', nonce: 'n' });
      const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(await julietWith('pw')));
      const final = client.final(dataOf(await exchange.step(client.first()))).toString();
      await failsWith('malformed-request', () => exchange.step(Buffer.from(change(final))));
    });
  }

  test('optional extensions are ignored but signed', async () => {
    const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(await julietWith('pw')));
    assert.equal((await exchange.step(Buffer.from('n,,n=juliet,r=n,x=1,y=2=3'))).kind, 'challenge');
    const client = new ScramClient({ hash: 'SHA-1', username: 'juliet', password: 'pw', nonce: 'n' });
    const other = start(mechanismOf('SCRAM-SHA-1'), contextOf(await julietWith('pw')));
    const final = client.final(dataOf(await other.step(client.first()))).toString();
    await failsWith('not-authorized', () => other.step(Buffer.from(final.replace(',p=', ',x=1,p='))));
  });

  test('a proof of another length is wrong, not an error of ours', async () => {
    const client = new ScramClient({ hash: 'SHA-1', username: 'juliet', password: 'pw', nonce: 'n' });
    const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(await julietWith('pw')));
    const final = client.final(dataOf(await exchange.step(client.first()))).toString();
    await failsWith('not-authorized', () => exchange.step(Buffer.from(final.replace(/p=.*/, 'p=AAAA'))));
  });
});

describe('Whatever a client sends', () => {
  test('SCRAM throws nothing but SaslError and authenticates nobody without the password', async () => {
    const salt = Buffer.alloc(16, 1);
    const accounts = new Accounts();
    await accounts.add('juliet', { 'SHA-1': derive('SHA-1', 'pw', salt) });
    const piece = fc.constantFrom(
      'n',
      'y',
      'p=',
      ',',
      'n=',
      'r=',
      'a=',
      'c=',
      'p=',
      'biws',
      '=2C',
      'juliet',
      'm=',
      'x=1',
      '\0',
      'é',
    );
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.array(piece, { maxLength: 12 }).map((p) => Buffer.from(p.join(''))),
    );
    const edit = fc.record({ at: fc.nat(200), byte: fc.nat(255), cut: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(noise, edit, fc.boolean(), async (bytes, { at, byte, cut }, noisy) => {
        const client = new ScramClient({ hash: 'SHA-1', username: 'juliet', password: 'guess', nonce: 'n' });
        const mangled = (message: Buffer): Buffer => {
          const copy = Buffer.from(cut ? message.subarray(0, at) : message);
          if (at < copy.length) copy[at] = byte;
          return copy;
        };
        const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(accounts));
        try {
          const step = await exchange.step(noisy ? Buffer.from(bytes) : client.first());
          assert.equal(step.kind, 'challenge');
          const final = noisy ? Buffer.from(bytes) : mangled(client.final(dataOf(step)));
          await exchange.step(final);
          assert.fail('authenticated');
        } catch (error) {
          assert.ok(error instanceof SaslError, String(error));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a right client-final-message with any byte changed is refused', async () => {
    const salt = Buffer.alloc(16, 1);
    const accounts = new Accounts();
    await accounts.add('juliet', { 'SHA-1': derive('SHA-1', 'pw', salt) });
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.integer({ min: 1, max: 255 }), async (position, difference) => {
        const client = new ScramClient({ hash: 'SHA-1', username: 'juliet', password: 'pw', nonce: 'n' });
        const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(accounts));
        const final = client.final(dataOf(await exchange.step(client.first())));
        const at = position % final.length;
        final[at] = (final[at] ?? 0) ^ difference;
        await assert.rejects(async () => exchange.step(final), SaslError);
      }),
      { numRuns: 200 },
    );
  });
});
