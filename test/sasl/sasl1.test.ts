import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SaslError, StreamError } from '../../src/errors.ts';
import type { AuthenticationFailure } from '../../src/sasl/authentication.ts';
import type { SaslContext } from '../../src/sasl/mechanism.ts';
import { selectMechanisms } from '../../src/sasl/mechanisms.ts';
import { Sasl1 } from '../../src/sasl/sasl1.ts';
import { LoginThrottle } from '../../src/sasl/throttle.ts';
import { attr, type Element, el, elements, firstElement, serialize, text } from '../../src/xml/element.ts';
import { NS_SASL } from '../../src/xml/ns.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScramClient } from '../support/scram-client.ts';
import { Accounts, contextOf, julietWith, mechanisms } from './scene.ts';

const OFF = { address: null, accountFromAddress: null, account: null };
const CONFIGURED = ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', 'PLAIN', 'EXTERNAL', 'ANONYMOUS'];

interface SceneOptions {
  readonly accounts?: Accounts;
  readonly context?: Partial<SaslContext>;
  readonly configured?: readonly string[];
  readonly maxFailures?: number;
  readonly throttle?: LoginThrottle;
}

function scene({
  accounts = new Accounts(),
  context,
  configured = CONFIGURED,
  maxFailures = 5,
  throttle,
}: SceneOptions) {
  const failures: AuthenticationFailure[] = [];
  const sasl = new Sasl1({
    context: contextOf(accounts, context),
    mechanisms: selectMechanisms(mechanisms, configured),
    throttle: throttle ?? new LoginThrottle({ clock: new ManualClock(), rates: OFF }),
    address: '192.0.2.1',
    maxFailures,
    onFailure: (failure) => failures.push(failure),
  });
  return { sasl, failures };
}

function auth(mechanism: string, content?: string): Element {
  return el('auth', { xmlns: NS_SASL, mechanism }, content);
}

function response(content?: string): Element {
  return el('response', { xmlns: NS_SASL }, content);
}

function base64(data: string | Buffer): string {
  return Buffer.from(data).toString('base64');
}

/** The condition of the failure that an element is answered with. */
async function failure(sasl: Sasl1, element: Element): Promise<string | undefined> {
  const { reply, authenticated } = await sasl.handle(element);
  assert.equal(authenticated, undefined);
  assert.equal(reply.name, 'failure');
  assert.equal(attr(reply, 'xmlns'), NS_SASL);
  return firstElement(reply)?.name;
}

const RIGHT = base64('\0juliet\0pw');
const WRONG = base64('\0juliet\0guess');

describe('SASL as of RFC 6120 §6', () => {
  test('offers what can be used on the stream, in the order configured', () => {
    const names = (context: Partial<SaslContext>): string[] => {
      const offer = scene({ context }).sasl.offer();
      return offer === undefined ? [] : elements(offer).map((mechanism) => text(mechanism));
    };
    assert.deepEqual(names({}), ['SCRAM-SHA-256', 'PLAIN', 'ANONYMOUS']);
    assert.deepEqual(names({ channelBinding: () => Buffer.alloc(32) }), [
      'SCRAM-SHA-256-PLUS',
      'SCRAM-SHA-256',
      'PLAIN',
      'ANONYMOUS',
    ]);
    assert.deepEqual(names({ secure: false }), ['SCRAM-SHA-256', 'ANONYMOUS']);
    assert.equal(scene({ configured: ['PLAIN'], context: { secure: false } }).sasl.offer(), undefined);
  });

  test('writes the offer as the RFC shows it', () => {
    const offer = scene({ configured: ['PLAIN'] }).sasl.offer();
    assert.ok(offer);
    assert.equal(serialize(offer), `<mechanisms xmlns="${NS_SASL}"><mechanism>PLAIN</mechanism></mechanisms>`);
  });

  test('runs SCRAM to the end', async () => {
    const { sasl } = scene({ accounts: await julietWith('pw') });
    const client = new ScramClient({ hash: 'SHA-256', username: 'juliet', password: 'pw' });
    const { reply: challenge } = await sasl.handle(auth('SCRAM-SHA-256', base64(client.first())));
    assert.equal(challenge.name, 'challenge');
    const final = client.final(Buffer.from(text(challenge), 'base64'));
    const { reply, ...rest } = await sasl.handle(response(base64(final)));
    assert.equal(reply.name, 'success');
    assert.ok(client.verify(Buffer.from(text(reply), 'base64')));
    assert.ok(rest.authenticated);
    assert.equal(rest.authenticated.toString(), 'juliet@capulet.example');
    assert.equal(rest.mechanism, 'SCRAM-SHA-256');
    assert.equal(rest.anonymous, false);
  });

  test('runs PLAIN with and without an initial response', async () => {
    const accounts = await julietWith('pw');
    const { reply } = await scene({ accounts }).sasl.handle(auth('PLAIN', RIGHT));
    assert.equal(serialize(reply), `<success xmlns="${NS_SASL}"/>`);
    const { sasl } = scene({ accounts });
    assert.equal(serialize((await sasl.handle(auth('PLAIN'))).reply), `<challenge xmlns="${NS_SASL}"/>`);
    assert.equal((await sasl.handle(response(RIGHT))).authenticated?.local, 'juliet');
  });

  test('takes "=" for an initial response of no bytes, and says who is anonymous', async () => {
    for (const content of ['=', undefined]) {
      const result = await scene({}).sasl.handle(auth('ANONYMOUS', content));
      assert.ok(result.authenticated);
      assert.equal(result.anonymous, true);
    }
  });

  test('lets the client try again after a failure, with another mechanism too', async () => {
    const { sasl, failures } = scene({ accounts: await julietWith('pw') });
    assert.equal(await failure(sasl, auth('PLAIN', WRONG)), 'not-authorized');
    assert.equal((await sasl.handle(auth('PLAIN', RIGHT))).reply.name, 'success');
    assert.deepEqual(
      failures.map(({ mechanism, username, error }) => [mechanism, username, error.condition]),
      [['PLAIN', 'juliet', 'not-authorized']],
    );
  });
});

describe('The failure', () => {
  test('aborted: the client gives up, and may begin again', async () => {
    const { sasl } = scene({ accounts: await julietWith('pw') });
    await sasl.handle(auth('PLAIN'));
    assert.equal(await failure(sasl, el('abort', { xmlns: NS_SASL })), 'aborted');
    assert.equal(await failure(sasl, response(RIGHT)), 'malformed-request');
    assert.equal((await sasl.handle(auth('PLAIN', RIGHT))).reply.name, 'success');
  });

  test('account-disabled: only for who knows the password', async () => {
    const accounts = new Accounts();
    await accounts.add('juliet', 'pw', 'disabled');
    const { sasl } = scene({ accounts });
    assert.equal(await failure(sasl, auth('PLAIN', WRONG)), 'not-authorized');
    assert.equal(await failure(sasl, auth('PLAIN', RIGHT)), 'account-disabled');
  });

  test('encryption-required: the mechanism is for TLS only', async () => {
    const { sasl } = scene({ context: { secure: false } });
    assert.equal(await failure(sasl, auth('PLAIN', RIGHT)), 'encryption-required');
    assert.equal(await failure(sasl, auth('SCRAM-SHA-256-PLUS', 'AA==')), 'encryption-required');
    assert.equal(await failure(sasl, auth('SCRAM-SHA-1', 'AA==')), 'invalid-mechanism');
  });

  test('incorrect-encoding: the base64 is wrong', async () => {
    for (const content of ['AA', 'AA=', 'AA==\n', ' AA==', 'A*==', 'AB==', 'AA==AA==', '==', '-_==', 'é']) {
      assert.equal(await failure(scene({}).sasl, auth('PLAIN', content)), 'incorrect-encoding', content);
      const { sasl } = scene({});
      await sasl.handle(auth('PLAIN'));
      assert.equal(await failure(sasl, response(content)), 'incorrect-encoding', content);
      assert.equal(await failure(sasl, response(RIGHT)), 'malformed-request');
    }
  });

  test('invalid-authzid: the address of another', async () => {
    const { sasl } = scene({ accounts: await julietWith('pw') });
    assert.equal(await failure(sasl, auth('PLAIN', base64('nurse@capulet.example\0juliet\0pw'))), 'invalid-authzid');
  });

  test('invalid-mechanism: not offered on this stream', async () => {
    const { sasl } = scene({ maxFailures: 10 });
    for (const name of ['EXTERNAL', 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1', 'DIGEST-MD5', 'plain', '', 'constructor']) {
      assert.equal(await failure(sasl, auth(name, RIGHT)), 'invalid-mechanism');
    }
    assert.equal(await failure(sasl, el('auth', { xmlns: NS_SASL }, RIGHT)), 'invalid-mechanism');
  });

  test('malformed-request: an element out of turn, too much data, or something else inside', async () => {
    const { sasl } = scene({ maxFailures: 10 });
    assert.equal(await failure(sasl, response(RIGHT)), 'malformed-request');
    assert.equal(await failure(sasl, el('success', { xmlns: NS_SASL })), 'malformed-request');
    assert.equal(await failure(sasl, auth('PLAIN', 'A'.repeat(8196))), 'malformed-request');
    assert.equal(await failure(sasl, el('auth', { xmlns: NS_SASL, mechanism: 'PLAIN' }, el('x'))), 'malformed-request');
    await sasl.handle(auth('PLAIN'));
    assert.equal(await failure(sasl, auth('PLAIN', RIGHT)), 'malformed-request');
  });

  test('not-authorized: also when the account goes away during the exchange', async () => {
    const accounts = await julietWith('pw');
    const { sasl } = scene({ accounts });
    const client = new ScramClient({ hash: 'SHA-256', username: 'juliet', password: 'pw' });
    const { reply } = await sasl.handle(auth('SCRAM-SHA-256', base64(client.first())));
    accounts.remove('juliet');
    const final = client.final(Buffer.from(text(reply), 'base64'));
    assert.equal(await failure(sasl, response(base64(final))), 'not-authorized');
  });

  test('temporary-auth-failure: too many wrong passwords, even if the next is right', async () => {
    const clock = new ManualClock();
    const throttle = new LoginThrottle({ clock, rates: { ...OFF, accountFromAddress: { count: 2, perMs: 60_000 } } });
    const accounts = await julietWith('pw');
    await accounts.add('nurse', 'pw');
    const { sasl } = scene({ accounts, throttle, maxFailures: 10 });
    assert.equal(await failure(sasl, auth('PLAIN', WRONG)), 'not-authorized');
    assert.equal(await failure(sasl, el('abort', { xmlns: NS_SASL })), 'aborted');
    assert.equal(await failure(sasl, auth('PLAIN', WRONG)), 'not-authorized');
    assert.equal(await failure(sasl, auth('PLAIN', RIGHT)), 'temporary-auth-failure');
    assert.equal(await failure(sasl, auth('PLAIN', base64('\0JULIET\0pw'))), 'temporary-auth-failure');
    assert.equal(
      (await scene({ accounts, throttle }).sasl.handle(auth('PLAIN', base64('\0nurse\0pw')))).reply.name,
      'success',
    );
    await clock.advance(30_000);
    assert.equal((await sasl.handle(auth('PLAIN', RIGHT))).reply.name, 'success');
  });
});

describe('The stream ends with policy-violation', () => {
  test('at the last failure that is allowed', async () => {
    const { sasl, failures } = scene({ accounts: await julietWith('pw'), maxFailures: 3 });
    assert.equal(await failure(sasl, auth('PLAIN', WRONG)), 'not-authorized');
    assert.equal(await failure(sasl, el('abort', { xmlns: NS_SASL })), 'aborted');
    await assert.rejects(sasl.handle(auth('PLAIN', WRONG)), (error) => {
      assert.ok(error instanceof StreamError && error.cause instanceof SaslError);
      assert.equal(error.condition, 'policy-violation');
      return true;
    });
    assert.equal(failures.length, 3);
  });

  test('when the client logs in again after success', async () => {
    const { sasl } = scene({ accounts: await julietWith('pw') });
    await sasl.handle(auth('PLAIN', RIGHT));
    await assert.rejects(sasl.handle(auth('PLAIN', RIGHT)), { name: 'StreamError', condition: 'policy-violation' });
  });
});

describe('Whatever elements arrive', () => {
  test('nobody is authenticated without the password, and nothing but StreamError is thrown', async () => {
    const mechanism = fc.constantFrom('SCRAM-SHA-256', 'PLAIN', 'EXTERNAL', 'SCRAM-SHA-256-PLUS', 'X');
    const content = fc.oneof(
      fc.constantFrom('', '=', WRONG, base64('n,,n=juliet,r=x')),
      fc.base64String(),
      fc.string(),
    );
    const element = fc.oneof(
      fc.tuple(mechanism, content).map(([name, data]) => auth(name, data)),
      content.map((data) => response(data)),
      fc.constant(el('abort', { xmlns: NS_SASL })),
    );
    const accounts = await julietWith('pw');
    await fc.assert(
      fc.asyncProperty(fc.array(element, { maxLength: 8 }), async (sequence) => {
        const { sasl } = scene({ accounts, context: { channelBinding: () => Buffer.alloc(32) } });
        try {
          for (const next of sequence) assert.equal((await sasl.handle(next)).authenticated, undefined);
        } catch (error) {
          assert.ok(error instanceof StreamError, String(error));
        }
      }),
      { numRuns: 150 },
    );
  });
});
