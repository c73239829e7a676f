// Names and namespaces come in their thousands and are few: the same string is handed out for the same bytes. The
// table has a fixed number of places, so names that a peer makes up displace each other and never make it grow.

const PLACES = 2048;
const MAX_LENGTH = 64;
const strings: string[] = new Array(PLACES).fill('');
/** The bytes of each string, because comparing them is faster than asking the string for its characters. */
const contents = new Uint8Array(PLACES * MAX_LENGTH);

/** Returns the string of ASCII bytes from `from` to `to`, which are at least one. */
export function intern(bytes: Buffer, from: number, to: number): string {
  const length = to - from;
  if (length > MAX_LENGTH) return bytes.toString('latin1', from, to);
  const place = placeOf(bytes, from, to);
  const known = strings[place] as string;
  if (known.length === length && isAt(place * MAX_LENGTH, bytes, from, length)) return known;
  const added = asPropertyKey(bytes.toString('latin1', from, to));
  strings[place] = added;
  contents.set(bytes.subarray(from, to), place * MAX_LENGTH);
  return added;
}

/** Returns the string of UTF-8 bytes from `from` to `to`, interned where they are ASCII. */
export function internText(bytes: Buffer, from: number, to: number): string {
  for (let i = from; i < to; i++) if ((bytes[i] as number) >= 0x80) return bytes.toString('utf8', from, to);
  return from === to ? '' : intern(bytes, from, to);
}

/** A hash of the length and of four bytes: names that differ only elsewhere displace each other, which is harmless. */
function placeOf(bytes: Buffer, from: number, to: number): number {
  const first = bytes[from] as number;
  const middle = bytes[(from + to) >> 1] as number;
  const late = bytes[from + (((to - from) * 3) >> 2)] as number;
  const last = bytes[to - 1] as number;
  return (first ^ (middle << 3) ^ (late << 1) ^ (last << 5) ^ ((to - from) << 4)) & (PLACES - 1);
}

function isAt(place: number, bytes: Buffer, from: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (contents[place + i] !== bytes[from + i]) return false;
  return true;
}

/** Returns the engine's own copy of the string, which it finds faster as the name of a property. */
function asPropertyKey(name: string): string {
  return Object.keys({ [name]: true })[0] ?? name;
}
