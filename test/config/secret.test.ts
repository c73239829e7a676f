import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';
import { Secret } from '../../src/config/secret.ts';
import type { LogValue } from '../../src/log/log.ts';

test('a secret does not show itself, however it is printed', () => {
  const secret = new Secret('hunter2');
  const printed = [`${secret}`, JSON.stringify({ secret }), inspect({ secret }, { depth: 9, showHidden: true })];
  printed.push(format('%s %o %j', secret, secret, secret), JSON.stringify(Object.entries(secret)), String(secret));
  for (const text of printed) assert.doesNotMatch(text, /hunter2/);
  assert.match(`${secret}`, /\[secret\]/);
});

test('a secret is revealed on request only and compared by its text', () => {
  assert.equal(new Secret('hunter2').reveal(), 'hunter2');
  assert.ok(new Secret('a').equals(new Secret('a')));
  assert.ok(!new Secret('a').equals(new Secret('b')));
});

test('a secret is no value of a log field', () => {
  // @ts-expect-error a secret must not type-check here
  const value: LogValue = new Secret('hunter2');
  assert.ok(value);
});
