import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { Passwords } from '../../src/sasl/passwords.ts';
import { Pbkdf2 } from '../../src/sasl/pbkdf2.ts';
import { preparePassword } from '../../src/sasl/prepare.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScramClient } from '../support/scram-client.ts';
import { Accounts, contextOf, failsWith, ITERATIONS, mechanismOf, start } from './scene.ts';

/** What was asked of node:crypto since the count began. */
class Work {
  readonly calls: string[] = [];

  /** Adds up the calls that cost something, and forgets them. */
  take(): string[] {
    return this.calls.splice(0).sort();
  }
}

let work: Work;

beforeEach(() => {
  work = new Work();
  const { pbkdf2, createHmac, createHash } = crypto;
  mock.method(crypto, 'pbkdf2', (...args: Parameters<typeof pbkdf2>) => {
    work.calls.push(`pbkdf2 ${args[4]} ${args[2]}`);
    pbkdf2(...args);
  });
  mock.method(crypto, 'createHmac', (...args: Parameters<typeof createHmac>) => {
    work.calls.push(`hmac ${args[0]}`);
    return createHmac(...args);
  });
  mock.method(crypto, 'createHash', (...args: Parameters<typeof createHash>) => {
    work.calls.push(`hash ${args[0]}`);
    return createHash(...args);
  });
  syncBuiltinESMExports();
});

afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

const COLD = ['hash sha256', 'hmac sha256', 'hmac sha256', `pbkdf2 sha256 ${ITERATIONS}`];

describe('The keys of a password', () => {
  test('are made for every hash, each with a salt of its own', async () => {
    const passwords = new Passwords({ clock: new ManualClock() });
    const keys = await passwords.deriveKeys('pencil', 5000);
    const again = await passwords.deriveKeys('pencil', 5000);
    const all = [...Object.values(keys), ...Object.values(again)];
    assert.equal(new Set(all.map(({ salt }) => salt.toString('hex'))).size, 6);
    assert.deepEqual(
      all.map(({ iterations }) => iterations),
      new Array(6).fill(5000),
    );
    assert.deepEqual(
      Object.values(keys).map(({ storedKey }) => storedKey.length),
      [20, 32, 64],
    );
  });

  test('fit that password only, whichever of them there are', async () => {
    const passwords = new Passwords({ clock: new ManualClock() });
    const keys = await passwords.deriveKeys('pencil', ITERATIONS);
    for (const hash of ['SHA-1', 'SHA-256', 'SHA-512'] as const) {
      const only = { [hash]: keys[hash] };
      assert.equal(await passwords.verify('pencil', only, ITERATIONS), true);
      assert.equal(await passwords.verify('Pencil', only, ITERATIONS), false);
    }
  });

  test('are checked by SHA-256 when there is a choice', async () => {
    const passwords = new Passwords({ clock: new ManualClock() });
    const keys = await passwords.deriveKeys('pencil', ITERATIONS);
    work.take();
    await passwords.verify('pencil', keys, ITERATIONS);
    assert.deepEqual(work.take(), COLD);
  });
});

describe('A password that was right a short while ago', () => {
  test('is not derived again until it is forgotten', async () => {
    const clock = new ManualClock();
    const passwords = new Passwords({ clock, rememberMs: 60_000 });
    const keys = await passwords.deriveKeys('pencil', ITERATIONS);
    await passwords.verify('pencil', keys, ITERATIONS);
    work.take();
    await clock.advance(59_999);
    assert.equal(await passwords.verify('pencil', keys, ITERATIONS), true);
    assert.deepEqual(work.take(), ['hmac sha256']);
    await clock.advance(1);
    assert.equal(await passwords.verify('pencil', keys, ITERATIONS), true);
    assert.deepEqual(work.take(), COLD);
  });

  test('is of no use once another was set, nor to another account, nor after removal', async () => {
    const passwords = new Passwords({ clock: new ManualClock() });
    const old = await passwords.deriveKeys('pencil', ITERATIONS);
    assert.equal(await passwords.verify('pencil', old, ITERATIONS), true);
    assert.equal(await passwords.verify('pencil', await passwords.deriveKeys('brush', ITERATIONS), ITERATIONS), false);
    assert.equal(await passwords.verify('pencil', undefined, ITERATIONS), false);
    assert.equal(await passwords.verify('brush', old, ITERATIONS), false);
  });

  test('is derived anew when a wrong one was tried: those are not remembered', async () => {
    const passwords = new Passwords({ clock: new ManualClock() });
    const keys = await passwords.deriveKeys('pencil', ITERATIONS);
    await passwords.verify('brush', keys, ITERATIONS);
    work.take();
    await passwords.verify('brush', keys, ITERATIONS);
    assert.deepEqual(work.take(), COLD);
  });

  test('is one of a bounded number', async () => {
    const passwords = new Passwords({ clock: new ManualClock(), maxRemembered: 2 });
    const keys = await passwords.deriveKeys('pencil', ITERATIONS);
    await passwords.verify('pencil', keys, ITERATIONS);
    for (const other of ['a', 'b', 'c']) {
      await passwords.verify(other, await passwords.deriveKeys(other, ITERATIONS), ITERATIONS);
    }
    work.take();
    await passwords.verify('pencil', keys, ITERATIONS);
    assert.deepEqual(work.take(), COLD);
  });
});

describe('The work for an unknown account', () => {
  test('is that for a wrong password with PLAIN', async () => {
    const accounts = new Accounts();
    await accounts.add('juliet', 'pencil');
    const login = async (username: string): Promise<string[]> => {
      work.take();
      const exchange = start(mechanismOf('PLAIN'), contextOf(accounts));
      await failsWith('not-authorized', () => exchange.step(Buffer.from(`\0${username}\0guess`)));
      return work.take();
    };
    assert.deepEqual(await login('nobody'), COLD);
    assert.deepEqual(await login('juliet'), COLD);
  });

  for (const hash of ['SHA-1', 'SHA-256', 'SHA-512'] as const) {
    test(`is that for a wrong password with SCRAM-${hash}, without any key derivation`, async () => {
      const accounts = new Accounts();
      await accounts.add('juliet', 'pencil');
      const login = async (username: string): Promise<string[]> => {
        const client = new ScramClient({ hash, username, password: 'guess' });
        const exchange = start(mechanismOf(`SCRAM-${hash}`), contextOf(accounts));
        work.take();
        const challenge = await exchange.step(client.first());
        const first = work.take();
        const final = client.final(challenge.data ?? Buffer.alloc(0));
        work.take();
        await failsWith('not-authorized', () => exchange.step(final));
        return [...first, ...work.take()];
      };
      const digest = hash.toLowerCase().replace('-', '');
      const expected = ['hmac sha512', `hash ${digest}`, `hmac ${digest}`];
      assert.deepEqual(await login('nobody'), expected);
      assert.deepEqual(await login('juliet'), expected);
    });
  }
});

describe('Key derivation', () => {
  const salt = Buffer.alloc(16);

  test('runs a few at a time, the rest in order', async () => {
    const pending: (() => void)[] = [];
    const started: string[] = [];
    mock.method(
      crypto,
      'pbkdf2',
      (password: string, ...[, , , , done]: [Buffer, number, number, string, (e: null, k: Buffer) => void]) => {
        started.push(password);
        pending.push(() => done(null, Buffer.from(password)));
      },
    );
    syncBuiltinESMExports();
    const pbkdf2 = new Pbkdf2({ maxConcurrent: 2, maxQueued: 2 });
    const derived = ['a', 'b', 'c', 'd'].map((password) => pbkdf2.derive('SHA-1', password, salt, 1));
    assert.deepEqual(started, ['a', 'b']);
    await failsWith('temporary-auth-failure', () => pbkdf2.derive('SHA-1', 'e', salt, 1));
    while (pending.length > 0) pending.shift()?.();
    assert.deepEqual(started, ['a', 'b', 'c', 'd']);
    assert.deepEqual((await Promise.all(derived)).map(String), ['a', 'b', 'c', 'd']);
  });

  test('makes room again after an error', async () => {
    const pbkdf2 = new Pbkdf2({ maxConcurrent: 1, maxQueued: 1 });
    mock.method(crypto, 'pbkdf2', (...args: unknown[]) => {
      const done = args.at(-1);
      if (typeof done === 'function') done(new Error('no memory'));
    });
    syncBuiltinESMExports();
    await assert.rejects(pbkdf2.derive('SHA-1', 'a', salt, 1), /no memory/);
    mock.restoreAll();
    syncBuiltinESMExports();
    assert.equal((await pbkdf2.derive('SHA-1', 'a', salt, 1)).length, 20);
  });
});

describe('A password', () => {
  test('is prepared by SASLprep', () => {
    assert.equal(preparePassword('I\u00adX'), 'IX');
    assert.equal(preparePassword('\u00aa'), 'a');
    assert.equal(preparePassword('\u2168'), 'IX');
    assert.equal(preparePassword('a\u00a0b'), 'a b');
    assert.equal(preparePassword('correct 🐎'), 'correct 🐎');
  });

  test('is refused when it is empty, too long or cannot be prepared', () => {
    for (const password of ['', '\u00ad', '\u0007', '\u0627\u0031', 'x'.repeat(1025), '\ufdfa'.repeat(300)]) {
      assert.equal(preparePassword(password), undefined);
    }
    assert.equal(preparePassword('x'.repeat(1024))?.length, 1024);
  });
});
