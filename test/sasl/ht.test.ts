import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SaslError } from '../../src/errors.ts';
import {
  type HtToken,
  type HtTokens,
  htMechanism,
  htMechanisms,
  initiatorHash,
  parseHtMessage,
  responderHash,
} from '../../src/sasl/ht.ts';
import type { SaslContext, SaslMechanism } from '../../src/sasl/mechanism.ts';
import { Accounts, contextOf, dataOf, failsWith, start } from './scene.ts';

const DEMO = { mechanism: 'HT-SHA-256-NONE', secret: 'secret-token:fast-demo' };
const MESSAGE = Buffer.from('YWxpY2UA011TGl3ckTyK1T5YvFVZ7i8PGp6+7IA+c8GKOpGDLog=', 'base64');
const NONE = Buffer.alloc(0);

function tokensOf(all: Readonly<Record<string, readonly HtToken[]>>, proved: HtTokens['proved'] = () => {}): HtTokens {
  return { candidates: (username) => all[username] ?? [], proved };
}

function mechanism(name: string, tokens: HtTokens): SaslMechanism {
  const made = htMechanism(name, tokens);
  assert.ok(made);
  return made;
}

const context = contextOf(new Accounts());

function bound(data: Partial<Record<string, Buffer>>): SaslContext {
  return contextOf(new Accounts(), { channelBinding: (type) => data[type] });
}

describe('Hashed tokens', () => {
  test('verify bit for bit as the vectors have it', async () => {
    const exchange = start(mechanism(DEMO.mechanism, tokensOf({ alice: [DEMO] })), context);
    const step = await exchange.step(MESSAGE);
    assert.equal(step.kind === 'success' && step.jid.toString(), 'alice@capulet.example');
    assert.equal(dataOf(step).toString('base64'), 'gZmR0yIdKExHCLxhz91XxDne8ahVJKXcuXAQfx3SXUA=');
    assert.deepEqual(exchange.claims, ['alice']);
  });

  test('a hash containing NUL works', async () => {
    let i = 0;
    while (!initiatorHash(`token-${i}`, NONE).includes(0)) i++;
    const token = { ...DEMO, secret: `token-${i}` };
    const exchange = start(mechanism(DEMO.mechanism, tokensOf({ alice: [token] })), context);
    const message = Buffer.concat([Buffer.from('alice\0'), initiatorHash(token.secret, NONE)]);
    assert.equal((await exchange.step(message)).kind, 'success');
  });

  test('are offered with the bindings that the stream has', () => {
    assert.deepEqual(htMechanisms(context), ['HT-SHA-256-NONE']);
    const all = bound({ 'tls-exporter': Buffer.alloc(32), 'tls-server-end-point': Buffer.alloc(32) });
    assert.deepEqual(htMechanisms(all), ['HT-SHA-256-EXPR', 'HT-SHA-256-ENDP', 'HT-SHA-256-NONE']);
    assert.equal(htMechanism('HT-SHA-512-NONE', tokensOf({})), undefined);
  });

  for (const [name, type] of [
    ['HT-SHA-256-EXPR', 'tls-exporter'],
    ['HT-SHA-256-ENDP', 'tls-server-end-point'],
  ] as const) {
    test(`are bound by ${name}`, async () => {
      const data = Buffer.alloc(32, 9);
      const token = { mechanism: name, secret: 's' };
      const run = (hash: Buffer) =>
        start(mechanism(name, tokensOf({ alice: [token] })), bound({ [type]: data })).step(
          Buffer.concat([Buffer.from('alice\0'), hash]),
        );
      assert.deepEqual(dataOf(await run(initiatorHash('s', data))), responderHash('s', data));
      await failsWith('not-authorized', () => run(initiatorHash('s', NONE)));
      await failsWith('not-authorized', () => run(initiatorHash('s', Buffer.alloc(32, 8))));
      await failsWith('not-authorized', () => run(responderHash('s', data)));
    });
  }

  test('work with their own mechanism only', async () => {
    const token = { ...DEMO, mechanism: 'HT-SHA-256-EXPR' };
    const exchange = start(mechanism('HT-SHA-256-NONE', tokensOf({ alice: [token] })), context);
    await failsWith('not-authorized', () => exchange.step(MESSAGE));
  });

  test('are tried in order, and the one that fits is judged', async () => {
    const judged: HtToken[] = [];
    const other = { ...DEMO, secret: 'other' };
    const tokens = tokensOf({ alice: [other, DEMO] }, (token) => {
      judged.push(token);
      throw new SaslError('credentials-expired');
    });
    await failsWith('credentials-expired', () => start(mechanism(DEMO.mechanism, tokens), context).step(MESSAGE));
    assert.deepEqual(judged, [DEMO]);
  });

  test('take a bare JID of the host for a user name, and no other address', async () => {
    const hash = initiatorHash(DEMO.secret, NONE);
    const run = (authcid: string) =>
      start(mechanism(DEMO.mechanism, tokensOf({ alice: [DEMO] })), context).step(
        Buffer.concat([Buffer.from(`${authcid}\0`), hash]),
      );
    for (const authcid of ['alice', 'ALICE', 'alice@capulet.example', 'Alice@Capulet.Example']) {
      assert.equal((await run(authcid)).kind, 'success', authcid);
    }
    for (const authcid of ['bob', 'alice@elsewhere.example', 'alice@capulet.example/x', '@', 'a b', 'alice@']) {
      await failsWith('not-authorized', () => run(authcid));
    }
  });

  test('ask for the first message when the client did not send it', async () => {
    const exchange = start(mechanism(DEMO.mechanism, tokensOf({ alice: [DEMO] })), context);
    assert.equal((await exchange.step(undefined)).kind, 'challenge');
    assert.equal((await exchange.step(MESSAGE)).kind, 'success');
  });
});

describe('The message of the client', () => {
  test('is read back, whatever the name and the hash', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0'));
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(name, hash, (authcid, bytes) => {
        const message = Buffer.concat([Buffer.from(`${authcid}\0`), bytes]);
        assert.deepEqual(parseHtMessage(message), { authcid, hash: Buffer.from(bytes) });
      }),
      { numRuns: 300 },
    );
  });

  test('is refused as malformed when it is anything else, and never otherwise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const message = Buffer.from(bytes);
        const end = message.indexOf(0);
        try {
          const { authcid, hash } = parseHtMessage(message);
          assert.ok(end > 0 && hash.length === 32 && authcid !== '');
        } catch (error) {
          assert.ok(error instanceof SaslError && error.condition === 'malformed-request', String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});
