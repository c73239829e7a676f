import { isIPv4 } from 'node:net';

/** What a record of a database holds. */
export type MmdbValue = string | number | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

type TreeNode = [left: TreeNode | number | undefined, right: TreeNode | number | undefined];

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const SEPARATOR = Buffer.alloc(16);
const TYPES = { string: 2, uint32: 6, map: 7, array: 11 } as const;
/** Types above this are written in a byte of their own. */
const MAX_SHORT_TYPE = 7;

/**
 * Writes a MaxMind DB of some networks (`192.0.2.0/24`) and what is known of each: the format's version 2.0, with records of 24
 * bits, as https://maxmind.github.io/MaxMind-DB/ has it. With IP version 4 it has no IPv6 networks.
 */
export function mmdb(networks: Readonly<Record<string, MmdbValue>>, ipVersion: 4 | 6 = 6): Buffer {
  const root: TreeNode = [undefined, undefined];
  const data: Buffer[] = [];
  let dataBytes = 0;
  for (const [network, value] of Object.entries(networks)) {
    insert(root, bitsOf(network, ipVersion), dataBytes);
    const encoded = encode(value);
    data.push(encoded);
    dataBytes += encoded.length;
  }
  const nodes = numbered(root);
  const tree = Buffer.concat([...nodes.keys()].map((node) => record(node, nodes)));
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_760_000_000,
    database_type: 'Test-City',
    description: { en: 'Networks for documentation' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.size,
    record_size: 24,
  });
  return Buffer.concat([tree, SEPARATOR, ...data, MARKER, metadata]);
}

/** A record of a place, as the city databases have it. */
export function city(country: string, subdivision?: string, geonameId?: number): MmdbValue {
  return {
    country: { iso_code: country, names: { en: country } },
    ...(subdivision === undefined ? {} : { subdivisions: [{ iso_code: subdivision }] }),
    ...(geonameId === undefined ? {} : { city: { geoname_id: geonameId, names: { en: 'a city' } } }),
  };
}

function insert(root: TreeNode, bits: string, dataOffset: number): void {
  let node = root;
  for (const [index, bit] of [...bits].entries()) {
    const side = bit === '0' ? 0 : 1;
    if (index === bits.length - 1) node[side] = dataOffset;
    else {
      const next = node[side];
      const child: TreeNode = Array.isArray(next) ? next : [undefined, undefined];
      node[side] = child;
      node = child;
    }
  }
}

/** The nodes in the order of the file. */
function numbered(root: TreeNode): ReadonlyMap<TreeNode, number> {
  const nodes = new Map([[root, 0]]);
  // What is added while this runs is visited too.
  for (const node of nodes.keys()) {
    for (const child of node) if (Array.isArray(child)) nodes.set(child, nodes.size);
  }
  return nodes;
}

function record(node: TreeNode, nodes: ReadonlyMap<TreeNode, number>): Buffer {
  const bytes = Buffer.alloc(6);
  for (const [side, child] of node.entries()) {
    const isData = typeof child === 'number';
    const value = isData ? nodes.size + SEPARATOR.length + child : child && nodes.get(child);
    bytes.writeUIntBE(value ?? nodes.size, side * 3, 3);
  }
  return bytes;
}

/** The bits of a network; an IPv4 one lies at the beginning of the IPv6 addresses. */
function bitsOf(network: string, ipVersion: 4 | 6): string {
  const [address = '', prefix] = network.split('/');
  const length = Number(prefix);
  if (!isIPv4(address)) return binary(groupsOf(address), 16).slice(0, length);
  const bits = binary(address.split('.').map(Number), 8).slice(0, length);
  return ipVersion === 6 ? '0'.repeat(96) + bits : bits;
}

function groupsOf(address: string): number[] {
  const [head = '', tail = ''] = address.split('::');
  const [start, end] = [head, tail].map((part) =>
    part === '' ? [] : part.split(':').map((g) => Number.parseInt(g, 16)),
  );
  const zeros = Array.from({ length: 8 - (start?.length ?? 0) - (end?.length ?? 0) }, () => 0);
  return [...(start ?? []), ...zeros, ...(end ?? [])];
}

function binary(numbers: readonly number[], width: number): string {
  return numbers.map((number) => number.toString(2).padStart(width, '0')).join('');
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([control(TYPES.string, bytes.length), bytes]);
  }
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return Buffer.concat([control(TYPES.uint32, bytes.length), bytes]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(TYPES.array, value.length), ...value.map(encode)]);
  const entries = Object.entries(value);
  return Buffer.concat([control(TYPES.map, entries.length), ...entries.flatMap((entry) => entry.map(encode))]);
}

function control(type: number, size: number): Buffer {
  if (size >= 29) throw new RangeError('only short values are written');
  return type <= MAX_SHORT_TYPE ? Buffer.from([(type << 5) | size]) : Buffer.from([size, type - MAX_SHORT_TYPE]);
}
