import type { Key, KeyPart } from './store.ts';

/*
 * An encoded key is a string whose UTF-8 bytes sort as the tuple does, and whose prefixes end where parts end:
 *
 *   roster/Sromeo@stage.example␀Sjuliet@stage.example␀      table, then one tagged part after the other
 *   offline/Sromeo@stage.example␀J1k5tq0g3v                 a number: the tag says the number of digits, base 32
 *
 * The tags are ordered: a negative number, numbers of 1 to 11 digits, a string. Within strings, NUL ends the part, so
 * it is escaped, and so is what escapes. Half surrogates have no UTF-8; they are written as a mark and their code unit,
 * which sorts them behind U+FFFD, so that every string is a possible key and no two keys are one.
 */
const NEGATIVE = 'A';
const STRING = 'S';
const AFTER_TAGS = '~';
const RADIX = 32;
const NEGATIVE_DIGITS = 11;
const TAG_OF_NO_DIGITS = NEGATIVE.charCodeAt(0);

const NAME = /^[a-z][a-z0-9.-]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const TO_ESCAPE = /[\u0000\u0001\uFFFD\p{Surrogate}]/u;
const EACH_TO_ESCAPE = new RegExp(TO_ESCAPE, 'gu');
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes begin with one
const ESCAPED = /\u0001[12]|\uFFFD(?:1|2[0-9a-f]{4})/g;

/** The keys from `from` (inclusive) to `to` (exclusive), both encoded. */
export interface KeyRange {
  readonly from: string;
  readonly to: string;
}

/** Returns what all keys of the table begin with. Throws TypeError on a name that is not lower-case words, digits, dots and hyphens. */
export function tablePrefix(name: string): string {
  if (!NAME.test(name)) throw new TypeError(`not a name for a table: ${JSON.stringify(name)}`);
  return `${name}/`;
}

/** Encodes `key` behind `prefix`. Throws TypeError on numbers that are not safe integers. */
export function encodeKey(prefix: string, key: Key): string {
  let encoded = prefix;
  for (const part of key) encoded += typeof part === 'string' ? encodeString(part) : encodeNumber(part);
  return encoded;
}

/** Returns the tuple that {@link encodeKey} was given, from an encoded key behind a prefix of `prefixLength` characters. */
export function decodeKey(encoded: string, prefixLength: number): Key {
  const key: KeyPart[] = [];
  for (let at = prefixLength; at < encoded.length; ) {
    const isString = encoded[at] === STRING;
    const end = isString ? encoded.indexOf('\0', at) : at + 1 + digitsOf(encoded.charCodeAt(at));
    const body = encoded.slice(at + 1, end);
    if (isString) key.push(decodeString(body));
    else key.push(encoded[at] === NEGATIVE ? parseInt(body, RADIX) - 2 ** 53 : parseInt(body, RADIX));
    at = isString ? end + 1 : end;
  }
  return key;
}

/** Returns the range of the key `prefix` and every longer key that begins with its parts; whole parts, so `['a']` is not in front of `['ab']`. */
export function rangeOf(encodedPrefix: string): KeyRange {
  return { from: encodedPrefix, to: encodedPrefix + AFTER_TAGS };
}

/** Returns the least encoded key that is greater than `encoded`. */
export function justAfter(encoded: string): string {
  return `${encoded}\0`;
}

/** Compares encoded keys by their UTF-8 bytes, as LevelDB does; JavaScript's own order differs beyond U+FFFF. */
export function compareEncoded(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Ranks a UTF-16 code unit by the UTF-8 bytes of its character: surrogates stand for what comes last. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function encodeNumber(value: number): string {
  if (!Number.isSafeInteger(value)) throw new TypeError(`a number in a key must be a safe integer: ${value}`);
  if (value < 0) return NEGATIVE + (value + 2 ** 53).toString(RADIX).padStart(NEGATIVE_DIGITS, '0');
  const digits = value.toString(RADIX);
  return String.fromCharCode(TAG_OF_NO_DIGITS + digits.length) + digits;
}

function digitsOf(tag: number): number {
  return tag === TAG_OF_NO_DIGITS ? NEGATIVE_DIGITS : tag - TAG_OF_NO_DIGITS;
}

function encodeString(value: string): string {
  return `${STRING}${TO_ESCAPE.test(value) ? value.replace(EACH_TO_ESCAPE, escapeUnit) : value}\0`;
}

function escapeUnit(unit: string): string {
  if (unit === '\0') return '\u00011';
  if (unit === '\u0001') return '\u00012';
  return unit === '\uFFFD' ? '\uFFFD1' : `\uFFFD2${unit.charCodeAt(0).toString(16)}`;
}

function decodeString(body: string): string {
  return body.replace(ESCAPED, (escaped) => {
    if (escaped === '\u00011') return '\0';
    if (escaped === '\u00012') return '\u0001';
    return escaped === '\uFFFD1' ? '\uFFFD' : String.fromCharCode(parseInt(escaped.slice(2), 16));
  });
}
