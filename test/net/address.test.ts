import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressGroup, normalizeAddress } from '../../src/net/address.ts';

test('an IPv4 address in IPv6 clothes is an IPv4 address', () => {
  assert.equal(normalizeAddress('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(normalizeAddress('::FFFF:192.0.2.1'), '192.0.2.1');
  assert.equal(normalizeAddress('::ffff:c000:201'), '192.0.2.1');
  assert.equal(normalizeAddress('0:0:0:0:0:ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(normalizeAddress('192.0.2.1'), '192.0.2.1');
});

test('other addresses stay as they are, without a zone', () => {
  assert.equal(normalizeAddress('2001:db8::1'), '2001:db8::1');
  assert.equal(normalizeAddress('::1'), '::1');
  assert.equal(normalizeAddress('::'), '::');
  assert.equal(normalizeAddress('fe80::1%eth0'), 'fe80::1');
  assert.equal(normalizeAddress('64:ff9b::192.0.2.1'), '64:ff9b::192.0.2.1');
  assert.equal(normalizeAddress('0:ffff::1'), '0:ffff::1');
  assert.equal(normalizeAddress(''), '');
});

test('IPv6 addresses of one /64 are one', () => {
  assert.equal(addressGroup('2001:db8:1:2:aaaa:bbbb:cccc:dddd'), '2001:db8:1:2::/64');
  assert.equal(addressGroup('2001:0db8:1:2::7'), '2001:db8:1:2::/64');
  assert.equal(addressGroup('2001:db8::1'), '2001:db8:0:0::/64');
  assert.equal(addressGroup('::1'), '0:0:0:0::/64');
  assert.equal(addressGroup('64:ff9b::192.0.2.1'), '64:ff9b:0:0::/64');
  assert.equal(addressGroup('fe80::1%eth0'), 'fe80:0:0:0::/64');
});

test('IPv4 addresses are counted one by one', () => {
  assert.equal(addressGroup('192.0.2.1'), '192.0.2.1');
  assert.equal(addressGroup('::ffff:192.0.2.1'), '192.0.2.1');
});

test('however it is written, an address belongs to the same group', () => {
  const groups = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, (numbers) => {
      const full = numbers.map((n) => n.toString(16).padStart(4, '0')).join(':');
      const short = new URL(`http://[${full}]/`).hostname.slice(1, -1);
      assert.equal(addressGroup(short), addressGroup(full));
    }),
    { numRuns: 300 },
  );
});
