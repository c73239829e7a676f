import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SaslError } from '../../src/errors.ts';
import { type FailureRates, LoginThrottle } from '../../src/sasl/throttle.ts';
import { ManualClock } from '../support/manual-clock.ts';

const OFF: FailureRates = { address: null, accountFromAddress: null, account: null };
const JULIET = 'juliet@capulet.example';
const HOME = '192.0.2.1';

function scene(rates: Partial<FailureRates>, maxEntries = 1000) {
  const clock = new ManualClock();
  const throttle = new LoginThrottle({ clock, rates: { ...OFF, ...rates }, maxEntries, trustMs: 3_600_000 });
  const admits = (address: string, account: string | undefined = JULIET): boolean => {
    try {
      throttle.admit({ address, account });
      return true;
    } catch (error) {
      assert.ok(error instanceof SaslError && error.condition === 'temporary-auth-failure');
      return false;
    }
  };
  const fail = (times: number, address: string, account: string | undefined = JULIET): void => {
    for (let i = 0; i < times; i++) throttle.failed({ address, account });
  };
  const succeed = (address: string, account = JULIET): void => throttle.succeeded({ address, account });
  return { clock, throttle, admits, fail, succeed };
}

const RATE = { count: 3, perMs: 60_000 };

describe('Failed logins', () => {
  test('of one address are limited, whichever accounts they are about', () => {
    const { admits, fail } = scene({ address: RATE });
    for (const account of ['a@x', 'b@x', undefined]) {
      assert.ok(admits(HOME));
      fail(1, HOME, account);
    }
    assert.equal(admits(HOME), false);
    assert.equal(admits('192.0.2.2'), true);
  });

  test('are forgiven one by one', async () => {
    const { clock, admits, fail } = scene({ address: RATE });
    fail(3, HOME);
    await clock.advance(19_999);
    assert.equal(admits(HOME), false);
    await clock.advance(1);
    assert.equal(admits(HOME), true);
    fail(1, HOME);
    assert.equal(admits(HOME), false);
  });

  test('of attempts that were already under way are charged too, to a point', async () => {
    const { clock, admits, fail } = scene({ address: RATE });
    fail(9, HOME);
    await clock.advance(120_000);
    assert.equal(admits(HOME), false);
    await clock.advance(20_000);
    assert.equal(admits(HOME), true);
    fail(1_000_000, HOME);
    await clock.advance(10 * RATE.perMs);
    assert.equal(admits(HOME), true);
  });

  test('of an IPv6 /64 count together', () => {
    const { admits, fail } = scene({ address: RATE });
    for (const address of ['2001:db8::1', '2001:db8::2', '2001:db8:0:0:ffff::3']) fail(1, address);
    assert.equal(admits('2001:db8::4'), false);
    assert.equal(admits('2001:db8:0:1::4'), true);
  });

  test('of an IPv4 address count together, however it is written', () => {
    const { admits, fail } = scene({ address: RATE });
    fail(3, `::ffff:${HOME}`);
    assert.equal(admits(HOME), false);
    assert.equal(admits('::ffff:192.0.2.2'), true);
  });

  test('are not forgiven by a success', () => {
    const { admits, fail, succeed } = scene({ address: RATE });
    fail(3, HOME);
    succeed(HOME, 'mallory@capulet.example');
    assert.equal(admits(HOME), false);
  });

  test('of one account from one address leave other accounts and addresses alone', () => {
    const { admits, fail } = scene({ accountFromAddress: RATE });
    fail(3, HOME);
    assert.equal(admits(HOME), false);
    assert.equal(admits(HOME, 'nurse@capulet.example'), true);
    assert.equal(admits('192.0.2.2'), true);
  });

  test('of one account are limited, wherever they come from', () => {
    const { admits, fail } = scene({ account: RATE });
    for (const address of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) fail(1, address);
    assert.equal(admits('198.51.100.4'), false);
    assert.equal(admits('198.51.100.4', 'nurse@capulet.example'), true);
  });

  test('do not lock the owner out of the places that he uses', async () => {
    const { clock, admits, fail, succeed } = scene({ account: RATE, accountFromAddress: RATE });
    succeed(HOME);
    for (let i = 0; i < 100; i++) fail(1, `198.51.100.${i}`);
    assert.equal(admits(HOME), true);
    assert.equal(admits('192.0.2.9'), false);
    await clock.advance(3_600_000);
    for (let i = 0; i < 3; i++) fail(1, `198.51.100.${i}`);
    assert.equal(admits(HOME), false);
  });

  test('at a place that the owner uses are limited too, but do not shut his other places out', () => {
    const { admits, fail, succeed } = scene({ account: RATE, accountFromAddress: RATE });
    succeed(HOME);
    fail(3, HOME);
    assert.equal(admits(HOME), false);
    assert.equal(admits('192.0.2.9'), true);
  });

  test('are no concern when the limits are off, and limits can change', () => {
    const { throttle, admits, fail } = scene({});
    fail(1000, HOME);
    assert.equal(admits(HOME), true);
    throttle.configure({ ...OFF, address: { count: 1, perMs: 1000 } });
    fail(1, HOME);
    assert.equal(admits(HOME), false);
  });

  test('of a million names leave a bounded memory, where the latest are known', () => {
    const { admits, fail } = scene({ account: { count: 1, perMs: 60_000 } }, 100);
    for (let i = 0; i < 100_000; i++) fail(1, HOME, `${i}@x`);
    assert.equal(admits(HOME, '99999@x'), false);
    assert.equal(admits(HOME, '0@x'), true);
  });
});
