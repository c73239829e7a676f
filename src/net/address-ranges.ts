import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { normalizeAddress } from './address.ts';

/** The addresses that begin with the same bits as one of them. RFC 4632 §3.1, RFC 4291 §2.3. */
export interface AddressRange {
  /** An address without zone; IPv4 in the form of IPv4. */
  readonly address: string;
  readonly prefixLength: number;
}

/** The bits that come before an IPv4 address in an IPv4-mapped IPv6 address. RFC 4291 §2.5.5.2. */
const MAPPED_BITS = 96;

/** Reads an address (`192.0.2.1`) or a range in CIDR notation (`10.0.0.0/8`, `fd00::/8`); undefined when it is neither. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [, given = '', prefix] = /^([\da-f:.]+)(?:\/(0|[1-9]\d{0,2}))?$/i.exec(text) ?? [];
  if (!isIPv4(given) && !isIPv6(given)) return undefined;
  const bits = isIPv4(given) ? 32 : 128;
  const givenLength = prefix === undefined ? bits : Number(prefix);
  if (givenLength > bits) return undefined;
  const address = normalizeAddress(given);
  const isMapped = isIPv6(given) && isIPv4(address);
  if (!isMapped) return { address, prefixLength: givenLength };
  if (givenLength < MAPPED_BITS) return undefined;
  return { address, prefixLength: givenLength - MAPPED_BITS };
}

/** A set of addresses, given as ranges. */
export class AddressRanges {
  // Apart, because a BlockList takes an IPv4 address for an IPv6 one too, and `::/64` would have all of them.
  readonly #ipv4 = new BlockList();
  readonly #ipv6 = new BlockList();

  /** The ranges as text; what is none is left out. */
  constructor(ranges: Iterable<string>) {
    for (const text of ranges) {
      const range = parseAddressRange(text);
      if (range === undefined) continue;
      if (isIPv4(range.address)) this.#ipv4.addSubnet(range.address, range.prefixLength, 'ipv4');
      else this.#ipv6.addSubnet(range.address, range.prefixLength, 'ipv6');
    }
  }

  /** Whether an address, in whatever form, is in one of the ranges. */
  has(address: string): boolean {
    const plain = normalizeAddress(address);
    if (isIPv4(plain)) return this.#ipv4.check(plain, 'ipv4');
    return isIPv6(plain) && this.#ipv6.check(plain, 'ipv6');
  }
}
