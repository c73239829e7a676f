import { isIPv4, isIPv6 } from 'node:net';

const GROUPS = 8;

/**
 * Returns an IP address in the form that people write: an IPv4 address that a dual-stack socket shows as IPv6
 * (`::ffff:192.0.2.1`) as IPv4, and without the zone of a link-local one. RFC 4291 §2.5.5.2, RFC 4007 §11.
 */
export function normalizeAddress(address: string): string {
  const zone = address.indexOf('%');
  const plain = zone < 0 ? address : address.slice(0, zone);
  if (!isIPv6(plain) || !/^[0:]*:ffff:/i.test(plain)) return plain;
  const groups = groupsOf(plain);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (!isMapped) return plain;
  const [high = 0, low = 0] = groups.slice(6);
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/**
 * Returns what counts as one address when strangers are counted: an IPv4 address itself, an IPv6 address's /64, because
 * one subscriber has at least that many. Anything else is returned as it is.
 */
export function addressGroup(address: string): string {
  const plain = normalizeAddress(address);
  if (isIPv4(plain) || !isIPv6(plain)) return plain;
  const prefix = groupsOf(plain)
    .slice(0, 4)
    .map((group) => group.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The eight 16-bit groups of a valid IPv6 address. RFC 4291 §2.2. */
function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const start = numbersOf(head);
  if (tail === undefined) return start;
  const end = numbersOf(tail);
  const zeros = Array.from({ length: Math.max(0, GROUPS - start.length - end.length) }, () => 0);
  return [...start, ...zeros, ...end];
}

function numbersOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}
