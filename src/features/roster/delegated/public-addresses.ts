import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { AddressRanges } from '../../../net/address-ranges.ts';

/** What is not on the public internet (RFC 6890), and IPv6 addresses that stand for IPv4 ones (RFC 6052, 3056, 4380). */
const NOT_PUBLIC = new AddressRanges([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]);

/** A name or address leads to no address of the public internet, where nothing else is allowed. */
export class PrivateAddressError extends Error {
  override readonly name = 'PrivateAddressError';
}

/** Whether an address is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  return !NOT_PUBLIC.has(address);
}

/**
 * Looks a name up as sockets want it, and yields its public addresses only, or a PrivateAddressError. What is checked is what is
 * connected to: a name that changes its meaning in between gains nothing.
 */
export const lookUpPublic: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, []);
    const allowed = addresses.filter(({ address }) => isPublicAddress(address));
    const [first] = allowed;
    if (first === undefined) return done(new PrivateAddressError(`${hostname} has no public address`), []);
    if (options.all === true) done(null, allowed);
    else done(null, first.address, first.family);
  });
};
