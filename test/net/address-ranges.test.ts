import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AddressRanges, parseAddressRange } from '../../src/net/address-ranges.ts';

function has(range: string, address: string): boolean {
  return new AddressRanges([range]).has(address);
}

test('an address and a range in CIDR notation are read', () => {
  assert.deepEqual(parseAddressRange('192.0.2.1'), { address: '192.0.2.1', prefixLength: 32 });
  assert.deepEqual(parseAddressRange('10.0.0.0/8'), { address: '10.0.0.0', prefixLength: 8 });
  assert.deepEqual(parseAddressRange('::1'), { address: '::1', prefixLength: 128 });
  assert.deepEqual(parseAddressRange('FD00::/8'), { address: 'FD00::', prefixLength: 8 });
  assert.deepEqual(parseAddressRange('0.0.0.0/0'), { address: '0.0.0.0', prefixLength: 0 });
  assert.deepEqual(parseAddressRange('::ffff:10.0.0.0/104'), { address: '10.0.0.0', prefixLength: 8 });
  assert.deepEqual(parseAddressRange('::ffff:192.0.2.1'), { address: '192.0.2.1', prefixLength: 32 });
});

test('anything else is no range', () => {
  const others = [
    '',
    '/',
    '/8',
    'localhost',
    'example.org/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
  ];
  const more = [
    '10.0.0.0/8/8',
    '10.0.0/8',
    '10/8',
    '::/129',
    '::/1000',
    'fe80::1%eth0',
    '[::1]',
    ' ::1',
    '::ffff:10.0.0.0/95',
  ];
  for (const text of [...others, ...more]) assert.equal(parseAddressRange(text), undefined, JSON.stringify(text));
});

test('a range ends where its bits do', () => {
  const table: readonly (readonly [range: string, within: readonly string[], outside: readonly string[]])[] = [
    ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0', '::a00:0']],
    ['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127', '192.0.3.0']],
    ['192.0.2.77/24', ['192.0.2.0', '192.0.2.255'], ['192.0.1.255']],
    ['192.0.2.1', ['192.0.2.1'], ['192.0.2.0', '192.0.2.2']],
    ['192.0.2.1/31', ['192.0.2.0', '192.0.2.1'], ['192.0.2.2']],
    ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255'], ['::1']],
    ['2001:db8::/33', ['2001:db8:7fff:ffff:ffff:ffff:ffff:ffff'], ['2001:db8:8000::', '2001:db7:ffff::']],
    ['::1', ['::1', '0:0:0:0:0:0:0:1'], ['::', '::2', '0.0.0.1']],
    ['::/0', ['::', 'ffff::'], ['192.0.2.1']],
    ['::/64', ['::5'], ['192.0.2.1', '::ffff:192.0.2.1']],
    ['fe80::/10', ['fe80::1%eth0', 'febf::'], ['fec0::']],
  ];
  for (const [range, within, outside] of table) {
    for (const address of within) assert.equal(has(range, address), true, `${address} in ${range}`);
    for (const address of outside) assert.equal(has(range, address), false, `${address} in ${range}`);
  }
});

test('an IPv4 address is the same in the form of IPv6', () => {
  for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '::FFFF:a01:203', '0:0:0:0:0:ffff:10.1.2.3']) {
    for (const range of ['10.0.0.0/8', '::ffff:10.0.0.0/104', '10.1.2.3', '::ffff:10.1.2.3']) {
      assert.equal(has(range, address), true, `${address} in ${range}`);
    }
    assert.equal(has('11.0.0.0/8', address), false);
  }
});

test('what is no address is in no range', () => {
  const everything = new AddressRanges(['0.0.0.0/0', '::/0']);
  for (const text of ['', 'unknown', '_hidden', '1.2.3', '1.2.3.4:80', '[::1]'])
    assert.equal(everything.has(text), false);
  assert.equal(new AddressRanges([]).has('127.0.0.1'), false);
  assert.equal(new AddressRanges(['nonsense']).has('127.0.0.1'), false);
});

test('an IPv4 range has exactly the addresses whose first bits are its own', () => {
  const address = fc.nat(0xffff_ffff);
  const written = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
  fc.assert(
    fc.property(address, address, fc.nat(32), (base, other, length) => {
      const differing = (base ^ other) >>> 0;
      const isWithin = length === 0 || differing >>> (32 - length) === 0;
      assert.equal(has(`${written(base)}/${length}`, written(other)), isWithin);
      assert.equal(has(`${written(base)}/${length}`, written(base)), true);
    }),
  );
});
