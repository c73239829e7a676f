import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SaslError } from '../../src/errors.ts';
import { Accounts, contextOf, failsWith, julietWith, mechanismOf, start } from './scene.ts';

const plain = mechanismOf('PLAIN');

describe('PLAIN', () => {
  test('lets in whoever knows the password', async () => {
    const accounts = await julietWith('r0m30');
    for (const message of ['\0juliet\0r0m30', '\0JULIET\0r0m30', 'juliet@capulet.example\0juliet\0r0m30']) {
      const exchange = start(plain, contextOf(accounts));
      const step = await exchange.step(Buffer.from(message));
      assert.equal(step.kind === 'success' && step.jid.toString(), 'juliet@capulet.example');
      assert.deepEqual(exchange.claims, ['juliet']);
    }
  });

  test('refuses a wrong password and an unknown account alike', async () => {
    const accounts = await julietWith('r0m30');
    for (const message of ['\0juliet\0romeo', '\0nobody\0r0m30', '\0a b\0r0m30', '\0juliet@capulet.example\0r0m30']) {
      await failsWith('not-authorized', () => start(plain, contextOf(accounts)).step(Buffer.from(message)));
    }
  });

  test('refuses the authzid of another', async () => {
    const accounts = await julietWith('r0m30');
    for (const authzid of ['nurse@capulet.example', 'juliet@montague.example', 'juliet@capulet.example/x', 'juliet']) {
      const message = Buffer.from(`${authzid}\0juliet\0r0m30`);
      await failsWith('invalid-authzid', () => start(plain, contextOf(accounts)).step(message));
    }
  });

  test('refuses what is not three parts of UTF-8', async () => {
    const accounts = await julietWith('r0m30');
    for (const message of [
      '',
      '\0',
      '\0\0',
      'juliet',
      'juliet\0r0m30',
      '\0juliet\0',
      '\0\0r0m30',
      '\0juliet\0r0m30\0',
      '\0j\0p\0q',
    ]) {
      await failsWith('malformed-request', () => start(plain, contextOf(accounts)).step(Buffer.from(message)));
    }
    const latin1 = Buffer.from('\0juliet\0r\xf6m30', 'latin1');
    await failsWith('malformed-request', () => start(plain, contextOf(accounts)).step(latin1));
  });

  test('asks for the message when there was no initial response', async () => {
    const step = await start(plain, contextOf(new Accounts())).step(undefined);
    assert.deepEqual(step, { kind: 'challenge', data: Buffer.alloc(0) });
  });

  test('is for TLS only, unless the operator wants otherwise', () => {
    const accounts = new Accounts();
    assert.equal(plain.usable(contextOf(accounts)), true);
    assert.equal(plain.usable(contextOf(accounts, { secure: false })), false);
    assert.equal(plain.usable(contextOf(accounts, { secure: false, allowPlaintext: true })), true);
  });

  test('throws nothing but SaslError and lets nobody in, whatever is sent', async () => {
    const accounts = new Accounts();
    const piece = fc.constantFrom('\0', 'juliet', 'é', '@', 'capulet.example', ' ', '\u00ad', '😀');
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.from(pieces.join(''))),
    );
    await fc.assert(
      fc.asyncProperty(message, async (bytes) => {
        await assert.rejects(async () => start(plain, contextOf(accounts)).step(bytes), SaslError);
      }),
      { numRuns: 200 },
    );
  });
});
