import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SaslError } from '../../src/errors.ts';
import { JID } from '../../src/jid.ts';
import type { SaslContext, SaslStep, TokenSource } from '../../src/sasl/mechanism.ts';
import { parseBearerMessage } from '../../src/sasl/oauthbearer.ts';
import { Sasl1 } from '../../src/sasl/sasl1.ts';
import { LoginThrottle } from '../../src/sasl/throttle.ts';
import { type Element, el, firstElement } from '../../src/xml/element.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { Accounts, contextOf, dataOf, failsWith, mechanismOf, start } from './scene.ts';

const oauthbearer = mechanismOf('OAUTHBEARER');
const plain = mechanismOf('PLAIN');
const JULIET = JID.parse('juliet@capulet.example');
const DISCOVERY = 'https://capulet.example/.well-known/oauth-authorization-server';
const ACCESS = { jid: JULIET, role: 'member', grantId: 'g', tokenId: 't' };

/** One token that is good for a login, and one that is not. */
const tokens: TokenSource = {
  verifyForLogin: (token) => {
    if (token === 'secret-token:good') return ACCESS;
    return token === 'secret-token:openid' ? { ...ACCESS, role: undefined } : undefined;
  },
  isMadeUp: (token) => token !== 'secret-token:expired',
  loginScope: 'xmpp',
  discoveryUrl: DISCOVERY,
  asPasswords: false,
  isToken: (text) => text.startsWith('secret-token:'),
};

const context = (differences: Partial<SaslContext> = {}): SaslContext =>
  contextOf(new Accounts(), { tokens, ...differences });
const begin = (message: string, differences?: Partial<SaslContext>) => {
  const exchange = start(oauthbearer, context(differences));
  return { exchange, first: async () => exchange.step(Buffer.from(message.replaceAll('^A', '\x01'))) };
};
const errorIn = (step: SaslStep): unknown => {
  assert.equal(step.kind, 'challenge');
  return JSON.parse(dataOf(step).toString());
};

describe('OAUTHBEARER', () => {
  test('lets in whoever has a good token, and says what the login depends on', async () => {
    for (const message of [
      'n,a=juliet@capulet.example,^Ahost=capulet.example^Aport=5222^Aauth=Bearer secret-token:good^A^A',
      'n,,^Aauth=Bearer secret-token:good^A^A',
      'y,,^Aauth=bearer  secret-token:good ^A^A',
      'n,a=JULIET@capulet.example,^Aauth=Bearer secret-token:good^Aunknown=^A^A',
    ]) {
      const { exchange, first } = begin(message);
      const step = await first();
      assert.equal(step.kind, 'success', message);
      assert.deepEqual(step.kind === 'success' && [step.jid, step.access], [JULIET, ACCESS]);
      assert.deepEqual(exchange.claims, ['', 'juliet'], 'nobody is named before the token is proved');
    }
  });

  test('asks for the first message when none came along', async () => {
    const step = await start(oauthbearer, context()).step(undefined);
    assert.equal(dataOf(step).length, 0);
  });

  test('tells whoever has no token where to get one, and then fails', async () => {
    for (const message of ['n,,^Aauth=Bearer ^A^A', 'n,,^Aauth=Bearer^A^A', 'n,,^Aauth=^A^A', 'n,,^A^A']) {
      const { exchange, first } = begin(message);
      assert.deepEqual(errorIn(await first()), { status: 'invalid_token', 'openid-configuration': DISCOVERY });
      await failsWith('not-authorized', () => exchange.step(Buffer.from('\x01')));
    }
  });

  test('tells the same to whoever has a token that is not good', async () => {
    for (const token of ['secret-token:bad', 'x', '"]}']) {
      const { first } = begin(`n,,^Aauth=Bearer ${token}^A^A`);
      assert.deepEqual(errorIn(await first()), { status: 'invalid_token', 'openid-configuration': DISCOVERY });
    }
  });

  test('tells whose token is not for logins which scope it lacks', async () => {
    const { exchange, first } = begin('n,,^Aauth=Bearer secret-token:openid^A^A');
    const error = { status: 'insufficient_scope', scope: 'xmpp', 'openid-configuration': DISCOVERY };
    assert.deepEqual(errorIn(await first()), error);
    await failsWith('not-authorized', () => exchange.step(Buffer.from('\x01')));
  });

  test('leaves out where to get a token when that is nowhere', async () => {
    const { first } = begin('n,,^A^A', { tokens: { ...tokens, discoveryUrl: undefined } });
    assert.deepEqual(errorIn(await first()), { status: 'invalid_token' });
  });

  test('is for the account of the token only', async () => {
    for (const authzid of ['romeo@capulet.example', 'juliet@capulet.example/balcony', 'juliet', '@']) {
      await failsWith('invalid-authzid', begin(`n,a=${authzid},^Aauth=Bearer secret-token:good^A^A`).first);
    }
  });

  test('charges a token that was made up at once, and once; one that has ended or is empty never', async () => {
    const charged = async (token: string): Promise<number> => {
      let guesses = 0;
      const exchange = oauthbearer.start({
        context: context(),
        offered: new Set(),
        claim: () => {},
        guessed: () => void guesses++,
      });
      await exchange.step(Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`));
      await assert.rejects(
        async () => exchange.step(Buffer.from('\x01')),
        (error) => error instanceof SaslError && !error.isGuess,
      );
      return guesses;
    };
    assert.equal(await charged('secret-token:bad'), 1);
    assert.equal(await charged('secret-token:expired'), 0);
    assert.equal(await charged(''), 0);
    assert.equal(await charged('secret-token:openid'), 0);
  });

  test('charges wrong tokens to the address that they come from, and never to the account that they name', async () => {
    const rate = { count: 2, perMs: 60_000 };
    const rates = { address: rate, account: rate, accountFromAddress: rate };
    const throttle = new LoginThrottle({ clock: new ManualClock(), rates });
    const attempt = async (token: string, address: string): Promise<string | undefined> => {
      const accounts = new Accounts();
      await accounts.add('juliet', {});
      const mechanisms = [oauthbearer];
      const sasl = new Sasl1({ context: contextOf(accounts, { tokens }), mechanisms, throttle, address });
      const send = async (name: string, data: string): Promise<Element> => {
        const attrs = { xmlns: 'urn:ietf:params:xml:ns:xmpp-sasl', mechanism: 'OAUTHBEARER' };
        return (await sasl.handle(el(name, attrs, Buffer.from(data).toString('base64')))).reply;
      };
      const first = await send('auth', `n,a=juliet@capulet.example,\x01auth=Bearer ${token}\x01\x01`);
      const last = first.name === 'challenge' ? await send('response', '\x01') : first;
      return last.name === 'success' ? 'success' : firstElement(last)?.name;
    };
    for (let i = 0; i < 5; i++) assert.equal(await attempt('', '192.0.2.1'), 'not-authorized');
    for (let i = 0; i < 2; i++) assert.equal(await attempt('secret-token:bad', '192.0.2.1'), 'not-authorized');
    assert.equal(await attempt('secret-token:good', '192.0.2.1'), 'temporary-auth-failure');
    assert.equal(await attempt('secret-token:good', '198.51.100.1'), 'success');
  });

  test('refuses what is malformed', async () => {
    const wrong = [
      '',
      '^A',
      'n,,',
      'n,,^A',
      'p=tls-exporter,,^Aauth=Bearer secret-token:good^A^A',
      'x,,^Aauth=Bearer secret-token:good^A^A',
      'n,^Aauth=Bearer secret-token:good^A^A',
      'n,,n=juliet^Aauth=Bearer secret-token:good^A^A',
      'n,juliet,^Aauth=Bearer secret-token:good^A^A',
      'n,a=,^Aauth=Bearer secret-token:good^A^A',
      'n,a=a=b,^Aauth=Bearer secret-token:good^A^A',
      'n,,^Aauth=Bearer secret-token:good^A',
      'n,,^Aauth=Bearer secret-token:good',
      'n,,^Aauth=Bearer secret-token:good^A^A^A',
      'n,,^Aauth=Bearer secret-token:good^A^Ax',
      'n,,^Aauth=Bearer secret-token:good^Aauth=Bearer ^A^A',
      'n,,^Aauth=Basic eDp5^A^A',
      'n,,^Aauth=Bearer secret-token:good and more^A^A',
      'n,,^Aauth=Bearer\0secret-token:good^A^A',
      'n,,^Aau-th=x^A^A',
    ];
    for (const message of wrong) await failsWith('malformed-request', begin(message).first);
    await failsWith('malformed-request', () => start(oauthbearer, context()).step(Buffer.from([0x6e, 0xff])));
  });

  test('reads an authzid with commas and equals signs', () => {
    const message = Buffer.from('n,a=a=2Cb=3Dc@capulet.example,\x01auth=Bearer x\x01\x01');
    assert.deepEqual(parseBearerMessage(message), { authzid: 'a,b=c@capulet.example', token: 'x' });
  });

  test('is offered where there are tokens, and only on streams that are encrypted', () => {
    const usable = (differences: Partial<SaslContext>): boolean => oauthbearer.usable(context(differences));
    assert.equal(usable({}), true);
    assert.equal(usable({ tokens: undefined }), false);
    assert.equal(usable({ secure: false }), false);
    assert.equal(usable({ secure: false, allowPlaintext: true }), true);
  });

  test('throws nothing but SaslError, whatever is sent', async () => {
    const piece = fc.oneof(fc.constantFrom('n,,', '\x01', 'auth=', 'Bearer ', 'a=', ',', '='), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        try {
          const step = await start(oauthbearer, context()).step(Buffer.from(pieces.join('')));
          assert.equal(step.kind, 'challenge');
        } catch (error) {
          assert.ok(error instanceof SaslError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('PLAIN with a token in the place of the password', () => {
  const as = async (message: string, asPasswords = true) => {
    const accounts = new Accounts();
    await accounts.add('juliet', 'secret-token:good');
    const exchange = start(plain, contextOf(accounts, { tokens: { ...tokens, asPasswords } }));
    return exchange.step(Buffer.from(message));
  };

  test('is tried as a token only, where that is allowed', async () => {
    const step = await as('\0juliet\0secret-token:good');
    assert.deepEqual(step.kind === 'success' && step.access, ACCESS);
    await failsWith('not-authorized', () => as('\0juliet\0secret-token:bad'));
    for (const [token, isGuess] of [
      ['secret-token:bad', true],
      ['secret-token:expired', false],
    ]) {
      await assert.rejects(as(`\0juliet\0${token}`), { condition: 'not-authorized', isGuess });
    }
    await failsWith('not-authorized', () => as('\0juliet\0secret-token:openid'));
    await failsWith('not-authorized', () => as('\0romeo\0secret-token:good'));
  });

  test('is a password like others where it is not', async () => {
    const step = await as('\0juliet\0secret-token:good', false);
    assert.deepEqual(step.kind === 'success' && step.access, undefined);
  });
});
