import type { StreamError } from '../errors.ts';
import {
  CLASSES,
  decodeCodePoint,
  INCOMPLETE,
  INVALID,
  isChar,
  isNameChar,
  isNameStart,
  NAME,
  NAME_START,
  PLAIN_VALUE,
  SPACE,
} from './chars.ts';
import { notWellFormed, restrictedXml, unsupportedEncoding } from './limits.ts';
import { intern, internText } from './names.ts';
import { checkReference } from './references.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const QUOT = 0x22;
const HASH = 0x23;
const AMP = 0x26;
const APOS = 0x27;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const LT = 0x3c;
const EQUALS = 0x3d;
const GT = 0x3e;

/** More than any reference to a character needs: `#x0010FFFF`. */
const MAX_REFERENCE_LENGTH = 16;

const NO_BYTES = Buffer.alloc(0);

/** A place in contiguous bytes, and the reading of the smallest things there: names, values, references, characters. */
export class Scanner {
  bytes: Buffer = NO_BYTES;
  /** The next byte to read. */
  position = 0;
  /** Where the bytes at hand end; the buffer may have room beyond. */
  end = 0;
  /** A position minus this is an offset in UTF-16 units: where those begin, plus the surplus of UTF-8 bytes since then. */
  base = 0;
  /** Where the colon is in the name just read, or -1. */
  colon = -1;
  /** Whether the attribute value just read has references or white space to normalise. */
  isEscaped = false;
  /** Whether it has white space to normalise. */
  isNormalized = false;
  /** How far beyond `position` the end of an incomplete tag was looked for, and the quote that was open there. */
  #searched = 0;
  #openQuote = 0;
  /** Whether `bytes` is a buffer of ours rather than a chunk from elsewhere. */
  #ownsBytes = false;

  /** Adds a chunk to the bytes at hand. It is not copied, and must not change, unless it continues something incomplete. */
  append(chunk: Buffer): void {
    const { bytes, end } = this;
    if (this.position === end && !this.#ownsBytes) {
      this.bytes = chunk;
      this.position = 0;
      this.end = chunk.length;
      return;
    }
    const length = end + chunk.length;
    if (!this.#ownsBytes || length > bytes.length) {
      this.bytes = Buffer.allocUnsafeSlow(Math.max(length, 2 * end));
      this.bytes.set(bytes.subarray(0, end));
      this.#ownsBytes = true;
    }
    this.bytes.set(chunk, end);
    this.end = length;
  }

  /** Lets go of the bytes before `start`, which becomes position 0; what is left does not hold on to the chunk it came in. */
  keepFrom(start: number): void {
    if (start === this.end) {
      this.bytes = NO_BYTES;
      this.#ownsBytes = false;
    } else if (start > 0 || !this.#ownsBytes) {
      const rest = this.bytes.subarray(start, this.end);
      this.bytes = Buffer.allocUnsafeSlow(rest.length);
      this.bytes.set(rest);
      this.#ownsBytes = true;
    }
    this.position -= start;
    this.end -= start;
    this.base -= start;
  }

  /** Skips white space; returns whether there was any. */
  skipSpace(): boolean {
    const { bytes, end, position } = this;
    let at = position;
    while (at < end && (CLASSES[bytes[at] as number] as number) & SPACE) at++;
    this.position = at;
    return at > position;
  }

  /** Reads a name, with its prefix if any, or returns '' if it has not arrived whole. */
  readName(): string {
    const { bytes, end, position } = this;
    let at = position;
    let byte = 0;
    this.colon = -1;
    while (at < end) {
      byte = bytes[at] as number;
      if (((CLASSES[byte] as number) & NAME) === 0) break;
      at++;
    }
    if (at === end) return '';
    if (byte === COLON || byte >= 0x80) return this.#readUnusualName();
    if (at === position || !((CLASSES[bytes[position] as number] as number) & NAME_START)) throw badName();
    this.position = at;
    return intern(bytes, position, at);
  }

  /** Reads a name that has a prefix or characters beyond ASCII. */
  #readUnusualName(): string {
    const { bytes, end, position } = this;
    let at = position;
    let surplus = 0;
    let isStart = true;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte === COLON) {
        if (isStart || this.colon >= 0) throw badName();
        this.colon = at - position - surplus;
        isStart = true;
        at++;
      } else if (byte < 0x80) {
        if (((CLASSES[byte] as number) & (isStart ? NAME_START : NAME)) === 0) break;
        isStart = false;
        at++;
      } else {
        const code = decodeCodePoint(bytes, at, end);
        if (code === INCOMPLETE) return '';
        if (!(isStart ? isNameStart(code) : isNameChar(code))) throw badName();
        isStart = false;
        at += sequenceLength(code);
        surplus += sequenceSurplus(code);
      }
    }
    if (at === end) return '';
    if (isStart) throw badName();
    this.position = at;
    this.base += surplus;
    return internText(bytes, position, at);
  }

  /** Reads `=` and the opening quote, which it returns. */
  readQuote(): number {
    if (this.bytes[this.position] !== EQUALS) {
      this.skipSpace();
      if (this.position >= this.end) return INCOMPLETE;
      if (this.bytes[this.position] !== EQUALS) throw notWellFormed('an attribute has no value');
    }
    this.position++;
    this.skipSpace();
    if (this.position >= this.end) return INCOMPLETE;
    const quote = this.bytes[this.position++] as number;
    if (quote !== QUOT && quote !== APOS) throw notWellFormed('an attribute value is not in quotes');
    return quote;
  }

  /** Reads an attribute value up to its closing quote. */
  readValue(quote: number): boolean {
    const { bytes, end } = this;
    let at = this.position;
    this.isEscaped = false;
    this.isNormalized = false;
    for (;;) {
      at = skipClass(bytes, at, end, PLAIN_VALUE);
      if (at >= end) return false;
      const byte = bytes[at] as number;
      if (byte === quote) break;
      if (byte >= 0x80 || byte === AMP) {
        at = byte === AMP ? this.skipReference(at) : this.skipSequence(at);
        if (at === INCOMPLETE) return false;
        if (byte === AMP) this.isEscaped = true;
      } else if (byte === TAB || byte === LF || byte === CR) {
        this.isEscaped = true;
        this.isNormalized = true;
        at++;
      } else if (byte === QUOT || byte === APOS) {
        at++;
      } else {
        throw notWellFormed(byte === LT ? 'an attribute value contains <' : 'a control character is not allowed');
      }
    }
    this.position = at;
    return true;
  }

  /** Checks the UTF-8 sequence or control character at `at` and returns where it ends, or `INCOMPLETE`. */
  skipSequence(at: number): number {
    if ((this.bytes[at] as number) < 0x80) throw notWellFormed('a control character is not allowed');
    const code = decodeCodePoint(this.bytes, at, this.end);
    if (code === INCOMPLETE) return INCOMPLETE;
    if (code === INVALID) throw unsupportedEncoding('the input is not UTF-8');
    if (!isChar(code)) throw notWellFormed('a character is not allowed in XML');
    this.base += sequenceSurplus(code);
    return at + sequenceLength(code);
  }

  /** Checks the reference at `&` and returns where it ends, or `INCOMPLETE`. */
  skipReference(at: number): number {
    for (let i = at + 1; i < this.end; i++) {
      const byte = this.bytes[i] as number;
      if (byte === SEMICOLON) {
        checkReference(this.bytes.toString('latin1', at + 1, i));
        return i + 1;
      }
      if (byte !== HASH && ((CLASSES[byte] as number) & NAME) === 0)
        throw notWellFormed('& does not begin a reference');
      if (i - at > MAX_REFERENCE_LENGTH) throw restrictedXml('a reference is too long to be a predefined one');
    }
    return INCOMPLETE;
  }

  /** Tells whether a tag that was found incomplete, at `position`, still is. */
  isWaiting(): boolean {
    return this.#searched > 0 && !this.awaitTagEnd();
  }

  /**
   * Looks for the end of the tag at `position` that has not arrived whole, going on where the last search stopped: so that
   * the tag is read once more when it can be read to its end, not with every byte. Returns whether the end is there.
   */
  awaitTagEnd(): boolean {
    const { bytes, end, position } = this;
    for (let at = position + Math.max(this.#searched, 1); at < end; at++) {
      const byte = bytes[at];
      if (byte === LT) throw notWellFormed('a tag contains <');
      if (this.#openQuote > 0) {
        if (byte === this.#openQuote) this.#openQuote = 0;
      } else if (byte === QUOT || byte === APOS) {
        this.#openQuote = byte;
      } else if (byte === GT) {
        this.forget();
        return true;
      }
    }
    this.#searched = end - position;
    return false;
  }

  /** Forgets a tag that was being waited for. */
  forget(): void {
    this.#searched = 0;
    this.#openQuote = 0;
  }
}

/** Returns where the bytes from `from` on leave the class. Four at a time, because this is where most bytes are. */
export function skipClass(bytes: Buffer, from: number, end: number, wanted: number): number {
  let at = from;
  while (
    at + 4 <= end &&
    (CLASSES[bytes[at] as number] as number) &
      (CLASSES[bytes[at + 1] as number] as number) &
      (CLASSES[bytes[at + 2] as number] as number) &
      (CLASSES[bytes[at + 3] as number] as number) &
      wanted
  ) {
    at += 4;
  }
  while (at < end && (CLASSES[bytes[at] as number] as number) & wanted) at++;
  return at;
}

function sequenceLength(code: number): number {
  return code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

/** By how much the UTF-8 bytes of a character beyond ASCII outnumber its UTF-16 units. */
function sequenceSurplus(code: number): number {
  return code < 0x800 ? 1 : 2;
}

function badName(): StreamError {
  return notWellFormed('a name was expected');
}
