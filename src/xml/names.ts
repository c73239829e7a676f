// Names and namespaces come in their thousands and are few: the same string is handed out for the same bytes. The
// table has a fixed number of slots, so names that a peer makes up displace each other and never make it grow.

const SLOTS = 2048;
const MAX_LENGTH = 64;
const table: string[] = new Array(SLOTS).fill('');

/** Returns the string of ASCII bytes from `from` to `to`, where `hash` was computed from the bytes by {@link hashByte}. */
export function intern(bytes: Buffer, from: number, to: number, hash: number): string {
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const known = table[slot] as string;
  if (known.length === to - from && isAt(known, bytes, from)) return known;
  const name = bytes.toString('latin1', from, to);
  if (name.length <= MAX_LENGTH) table[slot] = name;
  return name;
}

/** Returns the string of UTF-8 bytes from `from` to `to`, interned where they are ASCII. */
export function internText(bytes: Buffer, from: number, to: number): string {
  let hash = 0;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] as number;
    if (byte >= 0x80) return bytes.toString('utf8', from, to);
    hash = hashByte(hash, byte);
  }
  return intern(bytes, from, to, hash);
}

/** Takes one more byte into a hash that began as 0. */
export function hashByte(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

function isAt(name: string, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
