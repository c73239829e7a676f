import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ScramHash } from '../../src/sasl/mechanism.ts';
import { createMechanisms } from '../../src/sasl/mechanisms.ts';
import { CHANNEL_BINDING_TYPES, Scram } from '../../src/sasl/scram.ts';
import { SCRAM_HASHES } from '../../src/sasl/scram-keys.ts';
import { ScramClient, type ScramClientOptions } from '../support/scram-client.ts';
import {
  Accounts,
  contextOf,
  dataOf,
  derive,
  FAKE_SALT_KEY,
  failsWith,
  ITERATIONS,
  julietWith,
  mechanismOf,
  start,
} from './scene.ts';

interface Vector {
  readonly hash: ScramHash;
  readonly salt: string;
  readonly serverNonce: string;
  readonly messages: readonly [first: string, challenge: string, final: string, success: string];
}

// For the user "user" with the password "pencil" at 4096 iterations: RFC 5802 §5, RFC 7677 §3, and one of our own.
const VECTORS: readonly Vector[] = [
  {
    hash: 'SHA-1',
    salt: 'QSXCR+Q6sek8bf92',
    serverNonce: '3rfcNHYJY1ZVvWVs7j',
    messages: [
      'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL',
      'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096',
      'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      'v=rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    ],
  },
  {
    hash: 'SHA-256',
    salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
    serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
    messages: [
      'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
      'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ],
  },
  {
    hash: 'SHA-512',
    salt: 'AAECAwQFBgcICQoLDA0ODw==',
    serverNonce: 'jx/1eKxRLLmwmf2rGOvbYsM7',
    messages: [
      'n,,n=user,r=9IZ2O01zb9IgiIZ1WJ/zgpJB',
      'r=9IZ2O01zb9IgiIZ1WJ/zgpJBjx/1eKxRLLmwmf2rGOvbYsM7,s=AAECAwQFBgcICQoLDA0ODw==,i=4096',
      'c=biws,r=9IZ2O01zb9IgiIZ1WJ/zgpJBjx/1eKxRLLmwmf2rGOvbYsM7,p=OP1SIVQbhzwpk/DIkWz5I96wDWPdcnI3ZNuXTisKWvHCTnw82AyzhqRAni9bD9vsff1rDFYWPIOPBKEHop7xPQ==',
      'v=PY6fgx51qjxtHYJ0T5U3Wjj6po/Z+Dzbp5M3I8N7IIWMWcp50K8t2zv2X1iCWjmaw2Z92uxyom8h3hYi0gV0lw==',
    ],
  },
];

const BINDING = { type: 'tls-exporter', data: Buffer.from('what both ends of the connection know') } as const;

function bound(credentials: Accounts) {
  return contextOf(credentials, { channelBinding: (type) => (type === BINDING.type ? BINDING.data : undefined) });
}

describe('SCRAM', () => {
  for (const { hash, salt, serverNonce, messages } of VECTORS) {
    test(`SCRAM-${hash} gives the messages of its RFC`, async () => {
      const accounts = new Accounts();
      await accounts.add('user', { [hash]: derive(hash, 'pencil', Buffer.from(salt, 'base64')) });
      const options = { fakeSaltKey: FAKE_SALT_KEY, iterations: ITERATIONS, nonce: () => serverNonce };
      const exchange = start(new Scram(hash, false, options), contextOf(accounts));
      const [first, challenge, final, success] = messages;
      assert.equal(dataOf(await exchange.step(Buffer.from(first))).toString(), challenge);
      const step = await exchange.step(Buffer.from(final));
      assert.equal(step.kind, 'success');
      assert.equal(dataOf(step).toString(), success);
      assert.equal(step.kind === 'success' && step.jid.toString(), 'user@capulet.example');
      assert.deepEqual(exchange.claims, ['user']);
    });
  }

  for (const hash of SCRAM_HASHES) {
    for (const binding of ['n', BINDING] as const) {
      const name = `SCRAM-${hash}${binding === 'n' ? '' : '-PLUS'}`;
      test(`${name} and a client written on its own agree`, async () => {
        const accounts = await julietWith('r0m30myr0m30');
        const client = new ScramClient({ hash, username: 'juliet', password: 'r0m30myr0m30', binding });
        const exchange = start(mechanismOf(name), bound(accounts));
        const step = await exchange.step(client.final(dataOf(await exchange.step(client.first()))));
        assert.equal(step.kind, 'success');
        assert.ok(client.verify(dataOf(step)));
      });

      test(`${name} refuses a wrong password`, async () => {
        const accounts = await julietWith('r0m30myr0m30');
        const client = new ScramClient({ hash, username: 'juliet', password: 'wherefore', binding });
        const exchange = start(mechanismOf(name), bound(accounts));
        const final = client.final(dataOf(await exchange.step(client.first())));
        await failsWith('not-authorized', () => exchange.step(final));
      });
    }
  }

  test('a challenge is of no use once the password was changed', async () => {
    const accounts = await julietWith('old');
    const client = new ScramClient({ hash: 'SHA-256', username: 'juliet', password: 'old' });
    const exchange = start(mechanismOf('SCRAM-SHA-256'), contextOf(accounts));
    const final = client.final(dataOf(await exchange.step(client.first())));
    await accounts.add('juliet', 'new');
    await failsWith('not-authorized', () => exchange.step(final));
  });

  test('a client without initial response is asked for it', async () => {
    const exchange = start(mechanismOf('SCRAM-SHA-256'), contextOf(new Accounts()));
    const step = await exchange.step(undefined);
    assert.equal(step.kind, 'challenge');
    assert.equal(dataOf(step).length, 0);
  });

  test('names are unescaped and prepared', async () => {
    const accounts = new Accounts();
    await accounts.add('a=b,c', 'pw');
    const client = new ScramClient({
      hash: 'SHA-1',
      username: 'A=B,C',
      password: 'pw',
      authzid: 'a=b,c@capulet.example',
    });
    const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(accounts));
    const step = await exchange.step(client.final(dataOf(await exchange.step(client.first()))));
    assert.equal(step.kind === 'success' && step.jid.toString(), 'a=b,c@capulet.example');
    assert.deepEqual(exchange.claims, ['a=b,c']);
  });

  for (const authzid of [
    'nurse@capulet.example',
    'juliet@montague.example',
    'juliet@capulet.example/x',
    'capulet.example',
    '@',
    'juliet',
  ]) {
    test(`the authzid ${authzid} is refused`, async () => {
      const client = new ScramClient({ hash: 'SHA-1', username: 'juliet', password: 'pw', authzid });
      const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(await julietWith('pw')));
      await failsWith('invalid-authzid', () => exchange.step(client.first()));
    });
  }

  test('a name that no account can have fails as an unknown one', async () => {
    for (const name of ['a b', 'x/y', 'juliet@capulet.example', '\u0007', '\u00ad', 'x'.repeat(2000)]) {
      const exchange = start(mechanismOf('SCRAM-SHA-1'), contextOf(new Accounts()));
      await failsWith('not-authorized', () => exchange.step(Buffer.from(`n,,n=${name},r=abc`)));
    }
  });
});

describe('SCRAM with channel binding', () => {
  const plus = ['SCRAM-SHA-1-PLUS'];

  async function first(name: string, options: Partial<ScramClientOptions>, offered: readonly string[]) {
    const accounts = await julietWith('pw');
    const client = new ScramClient({ hash: 'SHA-1', username: 'juliet', password: 'pw', ...options });
    const exchange = start(mechanismOf(name), bound(accounts), offered);
    return { client, exchange, step: () => exchange.step(client.first()) };
  }

  test('is offered when there is anything to bind to that can be announced', () => {
    const mechanism = mechanismOf('SCRAM-SHA-256-PLUS');
    assert.equal(mechanism.usable(contextOf(new Accounts())), false);
    for (const type of CHANNEL_BINDING_TYPES) {
      const channelBinding = (asked: string) => (asked === type ? Buffer.alloc(32) : undefined);
      assert.equal(mechanism.usable(contextOf(new Accounts(), { channelBinding })), type !== 'tls-unique');
    }
  });

  test('a client that saw no -PLUS although it was offered is warned of a downgrade', async () => {
    await failsWith('malformed-request', (await first('SCRAM-SHA-1', { binding: 'y' }, ['SCRAM-SHA-512-PLUS'])).step);
  });

  test('a client that saw no -PLUS is welcome where none was offered', async () => {
    const { client, exchange, step } = await first('SCRAM-SHA-1', { binding: 'y' }, []);
    assert.equal((await exchange.step(client.final(dataOf(await step())))).kind, 'success');
  });

  test('a client without channel binding is welcome although it is offered', async () => {
    const { client, exchange, step } = await first('SCRAM-SHA-1', { binding: 'n' }, plus);
    assert.equal((await exchange.step(client.final(dataOf(await step())))).kind, 'success');
  });

  test('binding without -PLUS and -PLUS without binding are refused', async () => {
    await failsWith('malformed-request', (await first('SCRAM-SHA-1', { binding: BINDING }, plus)).step);
    await failsWith('malformed-request', (await first('SCRAM-SHA-1-PLUS', { binding: 'n' }, [])).step);
    await failsWith('malformed-request', (await first('SCRAM-SHA-1-PLUS', { binding: 'y' }, [])).step);
  });

  test('a type that is unknown or not to be had is refused', async () => {
    for (const type of ['tls-unique', 'tls-server-end-point', 'TLS-EXPORTER', 'x']) {
      const binding = { type, data: BINDING.data };
      await failsWith('malformed-request', (await first('SCRAM-SHA-1-PLUS', { binding }, [])).step);
    }
  });

  test('a client at the other end of another connection is refused', async () => {
    const binding = { type: BINDING.type, data: Buffer.from('what the man in the middle knows') };
    const { client, exchange, step } = await first('SCRAM-SHA-1-PLUS', { binding }, []);
    const final = client.final(dataOf(await step()));
    await failsWith('not-authorized', () => exchange.step(final));
  });
});

describe('An account that does not exist, or lacks the hash,', () => {
  async function challenge(
    accounts: Accounts,
    username: string,
    hash: ScramHash = 'SHA-256',
    mechanism = mechanismOf(`SCRAM-${hash}`),
  ) {
    const client = new ScramClient({ hash, username, password: 'guess', nonce: 'n' });
    const exchange = start(mechanism, contextOf(accounts));
    const data = dataOf(await exchange.step(client.first()));
    const [, salt = '', iterations = ''] = /s=([^,]+),i=(\d+)$/.exec(data.toString()) ?? [];
    return { client, exchange, data, salt, iterations };
  }

  test('gets a challenge of the usual form and fails as a wrong password does', async () => {
    const accounts = new Accounts();
    await accounts.add('juliet', 'pw');
    await accounts.add('nurse', { 'SHA-1': (await accounts.passwords.deriveKeys('guess', ITERATIONS))['SHA-1'] });
    const real = await challenge(accounts, 'juliet');
    for (const username of ['nobody', 'nurse']) {
      const fake = await challenge(accounts, username);
      assert.equal(fake.salt.length, real.salt.length);
      assert.equal(fake.iterations, real.iterations);
      const final = fake.client.final(fake.data);
      await failsWith('not-authorized', () => fake.exchange.step(final));
    }
  });

  test('shows the same salt each time, after a restart too, and others for other names, hashes and installations', async () => {
    const accounts = new Accounts();
    const { salt } = await challenge(accounts, 'nobody');
    const options = { fakeSaltKey: FAKE_SALT_KEY, iterations: ITERATIONS };
    const restarted = createMechanisms(options).get('SCRAM-SHA-256');
    const elsewhere = createMechanisms({ ...options, fakeSaltKey: Buffer.alloc(32, 8) }).get('SCRAM-SHA-256');
    assert.equal((await challenge(accounts, 'NOBODY')).salt, salt);
    assert.equal((await challenge(accounts, 'nobody', 'SHA-256', restarted)).salt, salt);
    const others = [
      (await challenge(accounts, 'nobody2')).salt,
      (await challenge(accounts, 'nobody', 'SHA-1')).salt,
      (await challenge(accounts, 'nobody', 'SHA-256', elsewhere)).salt,
    ];
    assert.equal(new Set([salt, ...others]).size, 4);
  });
});
