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
  PLAIN_TEXT,
  PLAIN_VALUE,
  SPACE,
} from './chars.ts';
import { notWellFormed, policyViolation, restrictedXml, type XmlLimits } from './limits.ts';
import { intern, internText } from './names.ts';
import { checkDeclaration, resolvePrefixes } from './namespaces.ts';
import { NS_CLIENT } from './ns.ts';
import { codePointOf, decodeValue, type Tape } from './tape.ts';

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const BANG = 0x21;
const QUOT = 0x22;
const HASH = 0x23;
const AMP = 0x26;
const APOS = 0x27;
const SLASH = 0x2f;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const LT = 0x3c;
const EQUALS = 0x3d;
const GT = 0x3e;
const QUESTION = 0x3f;
const BRACKET = 0x5d;

const CDATA_START = Buffer.from('<![CDATA[');

/** More than any reference to a character needs: `#x0010FFFF`. */
const MAX_REFERENCE_LENGTH = 16;

/**
 * Reads markup and character data from contiguous bytes onto a tape, strictly.
 *
 * It stops where the bytes end and goes on when there are more: character data anywhere, tags and references at their
 * beginning. A tag that has not arrived whole is not read again until it has, so any way of cutting the input costs
 * linear time.
 */
export class Tokenizer {
  bytes: Buffer = Buffer.alloc(0);
  /** The next byte to read, and the end of the bytes at hand. */
  position = 0;
  end = 0;
  /** A position minus this is an offset on the tape: where the element began, plus its UTF-8 bytes beyond UTF-16 units. */
  base = 0;
  tape: Tape;
  limits: XmlLimits;
  /** How far beyond `position` the end of an incomplete tag was looked for, and the quote that was open there. */
  #searched = 0;
  #openQuote = 0;
  /** Where the colon is in the name just read, or -1. */
  #colon = -1;
  /** Whether the attribute value just read has references or white space to normalise. */
  #isEscaped = false;
  /** Whether the start tag being read needs its prefixes resolved, and the default namespace that it declares. */
  #isPrefixed = false;
  #declared: string | undefined;

  constructor(tape: Tape, limits: XmlLimits) {
    this.tape = tape;
    this.limits = limits;
  }

  /** Reads on from `<` or from inside an element until the outermost element is complete; false: more bytes are needed. */
  readElement(): boolean {
    const tape = this.tape;
    for (;;) {
      if (tape.isInCdata) {
        if (!this.#readCdata()) return false;
      } else {
        if (tape.depth > 0 && !this.#readText()) return false;
        if (!this.#readMarkup()) return false;
        if (tape.depth === 0) return true;
      }
    }
  }

  /** Forgets a tag that was being waited for. */
  forget(): void {
    this.#searched = 0;
    this.#openQuote = 0;
  }

  /** Reads an end tag at `</` and returns its name as written, or '' if more bytes are needed. */
  readEndTag(): string {
    if (this.#searched > 0 && !this.#findTagEnd()) return '';
    const { position, base } = this;
    this.position += 2;
    const name = this.#readName();
    if (name !== '') {
      this.skipSpace();
      if (this.position < this.end) {
        if (this.bytes[this.position] !== GT) throw notWellFormed('an end tag has more than a name');
        this.position++;
        return name;
      }
    }
    this.position = position;
    this.base = base;
    this.#findTagEnd();
    return '';
  }

  /** Reads a start tag at `<`, which opens an element on the tape; false: more bytes are needed. */
  readStartTag(): boolean {
    if (this.#searched > 0 && !this.#findTagEnd()) return false;
    const { position, base, tape } = this;
    const { markCount, nameCount, literalCount, isVerbatim } = tape;
    if (this.#readWholeStartTag()) return true;
    this.position = position;
    this.base = base;
    tape.markCount = markCount;
    tape.nameCount = nameCount;
    tape.literalCount = literalCount;
    tape.isVerbatim = isVerbatim;
    this.#findTagEnd();
    return false;
  }

  /** Skips white space; returns whether there was any. */
  skipSpace(): boolean {
    const { bytes, end, position } = this;
    let at = position;
    while (at < end && (CLASSES[bytes[at] as number] as number) & SPACE) at++;
    this.position = at;
    return at > position;
  }

  #readMarkup(): boolean {
    const tape = this.tape;
    if (this.position + 1 >= this.end) return false;
    const next = this.bytes[this.position + 1];
    if (next === SLASH) return this.#readElementEnd();
    if (next === BANG && tape.depth > 0) return this.#readCdataStart();
    if (next === BANG) throw restrictedXml('comments and declarations are not allowed');
    if (next === QUESTION) throw restrictedXml('processing instructions are not allowed');
    return this.readStartTag();
  }

  #readElementEnd(): boolean {
    const tape = this.tape;
    const innerEnd = this.position - this.base;
    const name = this.readEndTag();
    if (name === '') return false;
    if (name !== tape.openNames[tape.depth]) throw notWellFormed('an end tag does not match its start tag');
    this.#closeElement();
    if (tape.depth === 0) tape.innerEnd = innerEnd;
    return true;
  }

  #closeElement(): void {
    const tape = this.tape;
    const { bindings } = tape;
    while (bindings.at(-1)?.depth === tape.depth) bindings.pop();
    tape.close();
    tape.depth--;
  }

  #readWholeStartTag(): boolean {
    const { tape, limits } = this;
    this.position++;
    const name = this.#readName();
    if (name === '') return false;
    const mark = tape.markCount;
    const firstName = tape.nameCount;
    this.#isPrefixed = this.#colon >= 0;
    this.#declared = undefined;
    tape.open(name);
    for (let count = 0; ; count++) {
      const isSpaced = this.skipSpace();
      if (this.position >= this.end) return false;
      const byte = this.bytes[this.position];
      if (byte === GT) break;
      if (byte === SLASH) {
        if (this.position + 1 >= this.end) return false;
        if (this.bytes[this.position + 1] !== GT) throw notWellFormed('a tag has a stray /');
        break;
      }
      if (!isSpaced) throw notWellFormed('white space is missing between attributes');
      if (count >= limits.maxAttributes) throw policyViolation(`an element has more than ${count} attributes`);
      if (!this.#readAttribute(firstName)) return false;
    }
    this.#openElement(name, mark, firstName);
    return true;
  }

  #readAttribute(firstName: number): boolean {
    const tape = this.tape;
    const name = this.#readName();
    if (name === '') return false;
    const colon = this.#colon;
    const quote = this.#readQuote();
    if (quote === INCOMPLETE) return false;
    const from = this.position;
    const start = from - this.base;
    if (!this.#readValue(quote)) return false;
    const to = this.position++;
    const end = to - this.base;
    for (let i = firstName + 1; i < tape.nameCount; i++) if (tape.names[i] === name) throw duplicateAttribute();
    if (name === 'xmlns') {
      if (this.#declared !== undefined) throw duplicateAttribute();
      this.#declared = this.#namespaceAt(from, to);
      checkDeclaration('', this.#declared);
      if (this.#declared !== tape.namespaces[tape.depth]) tape.literalAttribute(name, this.#declared);
    } else if (colon === 5 && name.startsWith('xmlns')) {
      this.#isPrefixed = true;
      tape.literalAttribute(name, this.#namespaceAt(from, to));
    } else {
      if (colon >= 0 && !name.startsWith('xml:')) this.#isPrefixed = true;
      tape.attribute(name, start, this.#isEscaped ? ~end : end);
    }
    return true;
  }

  #namespaceAt(from: number, to: number): string {
    return this.#isEscaped ? decodeValue(this.bytes.toString('utf8', from, to)) : internText(this.bytes, from, to);
  }

  /** Reads the end of a start tag, at `>` or `/>`, whose opening mark is at `mark`, and enters the element. */
  #openElement(name: string, mark: number, firstName: number): void {
    const { tape, limits } = this;
    const parentDepth = tape.depth;
    const depth = parentDepth + 1;
    if (depth > limits.maxDepth) throw policyViolation(`elements are nested deeper than ${limits.maxDepth}`);
    const siblings = (tape.childCounts[parentDepth] as number) + 1;
    tape.childCounts[parentDepth] = siblings;
    if (siblings > limits.maxChildren) throw policyViolation(`an element has more than ${limits.maxChildren} children`);
    const parentNs = tape.namespaces[parentDepth] as string;
    const defaultNs = this.#declared ?? (tape.defaultNamespaces[parentDepth] as string);
    let ns = defaultNs;
    if (this.#isPrefixed) ns = resolvePrefixes(tape, firstName, defaultNs, limits.maxAttributes);
    else if (this.#declared === undefined && defaultNs !== parentNs) tape.literalAttribute('xmlns', defaultNs);
    tape.setAttributeCount(mark);
    if (parentDepth > 0 && (this.#isPrefixed || this.#dependsOnStream())) tape.isVerbatim = false;
    tape.depth = depth;
    tape.openNames[depth] = name;
    tape.namespaces[depth] = ns;
    tape.defaultNamespaces[depth] = defaultNs;
    tape.childCounts[depth] = 0;
    const isEmpty = this.bytes[this.position] === SLASH;
    this.position += isEmpty ? 2 : 1;
    if (parentDepth === 0) {
      tape.isVerbatim = ns === defaultNs;
      tape.innerStart = tape.innerEnd = this.position - this.base;
    }
    if (isEmpty) this.#closeElement();
  }

  /** Whether the declaration in this tag means something else in a stream whose content namespace is `jabber:client`. */
  #dependsOnStream(): boolean {
    const content = this.tape.namespaces[0];
    return content !== NS_CLIENT && (this.#declared === NS_CLIENT || this.#declared === content);
  }

  /** Reads `=` and the opening quote, which it returns. */
  #readQuote(): number {
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
  #readValue(quote: number): boolean {
    const { bytes, end } = this;
    let at = this.position;
    this.#isEscaped = false;
    for (;;) {
      at = skipClass(bytes, at, end, PLAIN_VALUE);
      if (at >= end) return false;
      const byte = bytes[at] as number;
      if (byte === quote) break;
      if (byte >= 0x80 || byte === AMP) {
        at = byte === AMP ? this.#skipReference(at) : this.#skipSequence(at);
        if (at === INCOMPLETE) return false;
        if (byte === AMP) this.#isEscaped = true;
      } else if (byte === TAB || byte === LF || byte === CR) {
        this.#isEscaped = true;
        this.tape.isVerbatim = false;
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

  /** Reads a name, with its prefix if any, or returns '' if it has not arrived whole. */
  #readName(): string {
    const { bytes, end, position } = this;
    let at = position;
    let byte = 0;
    this.#colon = -1;
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
        if (isStart || this.#colon >= 0) throw badName();
        this.#colon = at - position - surplus;
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

  /** Reads character data up to the next `<`; false: more bytes are needed. */
  #readText(): boolean {
    const { bytes, end, tape } = this;
    let at = this.position;
    if (tape.textStart < 0) tape.textStart = at - this.base;
    for (;;) {
      at = skipClass(bytes, at, end, PLAIN_TEXT);
      if (at >= end) break;
      const byte = bytes[at] as number;
      if (byte === LT) {
        this.position = at;
        this.#recordText(at - this.base, false);
        return true;
      }
      if (byte === GT) {
        // What goes before character data ends in `>`, so this never looks back beyond its beginning.
        if (bytes[at - 1] === BRACKET && bytes[at - 2] === BRACKET) throw notWellFormed(']]> is not allowed in text');
        at++;
      } else if (byte === CR) {
        tape.textEscaped = true;
        tape.isVerbatim = false;
        at++;
      } else {
        const next = byte === AMP ? this.#skipReference(at) : this.#skipSequence(at);
        if (next === INCOMPLETE) break;
        if (byte === AMP) tape.textEscaped = true;
        at = next;
      }
    }
    this.position = at;
    return false;
  }

  #readCdataStart(): boolean {
    const tape = this.tape;
    const available = Math.min(this.end - this.position, CDATA_START.length);
    for (let i = 2; i < available; i++) {
      if (this.bytes[this.position + i] !== CDATA_START[i])
        throw restrictedXml('comments and declarations are not allowed');
    }
    if (available < CDATA_START.length) return false;
    this.position += available;
    tape.isVerbatim = false;
    tape.isInCdata = true;
    tape.textStart = this.position - this.base;
    return true;
  }

  /** Reads a CDATA section up to and with its `]]>`; false: more bytes are needed. */
  #readCdata(): boolean {
    const { bytes, end, tape } = this;
    let at = this.position;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte === GT && bytes[at - 1] === BRACKET && bytes[at - 2] === BRACKET) {
        this.position = at + 1;
        this.#recordText(at - 2 - this.base, true);
        tape.isInCdata = false;
        return true;
      }
      if (byte === CR) tape.textEscaped = true;
      if ((CLASSES[byte] as number) & PLAIN_TEXT || byte === LT || byte === AMP || byte === GT || byte === CR) {
        at++;
      } else {
        const next = this.#skipSequence(at);
        if (next === INCOMPLETE) break;
        at = next;
      }
    }
    this.position = at;
    return false;
  }

  #recordText(end: number, isCdata: boolean): void {
    const tape = this.tape;
    if (end > tape.textStart) tape.text(tape.textStart, tape.textEscaped ? ~end : end, isCdata);
    tape.textStart = -1;
    tape.textEscaped = false;
  }

  /** Checks the UTF-8 sequence or control character at `at` and returns where it ends, or `INCOMPLETE`. */
  #skipSequence(at: number): number {
    if ((this.bytes[at] as number) < 0x80) throw notWellFormed('a control character is not allowed');
    const code = decodeCodePoint(this.bytes, at, this.end);
    if (code === INCOMPLETE) return INCOMPLETE;
    if (code === INVALID) throw notWellFormed('the input is not UTF-8');
    if (!isChar(code)) throw notWellFormed('a character is not allowed in XML');
    this.base += sequenceSurplus(code);
    return at + sequenceLength(code);
  }

  /** Checks the reference at `&` and returns where it ends, or `INCOMPLETE`. */
  #skipReference(at: number): number {
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

  /** Looks for the end of a tag that has not arrived whole, going on where it stopped before. */
  #findTagEnd(): boolean {
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
}

/** Returns where the bytes from `at` on leave the class. Four at a time, because this is where most bytes are. */
function skipClass(bytes: Buffer, from: number, end: number, wanted: number): number {
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

function checkReference(reference: string): void {
  const code = codePointOf(reference);
  if (code === undefined) {
    if (/^[A-Za-z_]/.test(reference)) throw restrictedXml('entities other than the predefined ones are not allowed');
    throw notWellFormed('a reference is malformed');
  }
  if (!isChar(code)) throw notWellFormed('a reference stands for a character that is not allowed in XML');
}

function badName(): StreamError {
  return notWellFormed('a name was expected');
}

function duplicateAttribute(): StreamError {
  return notWellFormed('an element has two attributes of the same name');
}
