import type { StreamError } from '../errors.ts';
import { CLASSES, INCOMPLETE, PLAIN_TEXT } from './chars.ts';
import { notWellFormed, policyViolation, restrictedXml, type XmlLimits } from './limits.ts';
import { internText } from './names.ts';
import { checkDeclaration, resolvePrefixes } from './namespaces.ts';
import { NS_CLIENT } from './ns.ts';
import { decodeValue } from './references.ts';
import { Scanner, skipClass } from './scanner.ts';
import type { Tape } from './tape.ts';

const CR = 0x0d;
const BANG = 0x21;
const AMP = 0x26;
const SLASH = 0x2f;
const LT = 0x3c;
const GT = 0x3e;
const QUESTION = 0x3f;
const BRACKET = 0x5d;

const CDATA_START = Buffer.from('<![CDATA[');

/**
 * Reads markup and character data from contiguous bytes onto a tape, strictly.
 *
 * It stops where the bytes end and goes on when there are more: character data anywhere, tags and references at their
 * beginning. A tag that has not arrived whole is not read again until it has, so any way of cutting the input costs
 * linear time.
 */
export class Tokenizer {
  readonly scanner = new Scanner();
  tape: Tape;
  limits: XmlLimits;
  /** Whether the start tag being read needs its prefixes resolved. */
  #isPrefixed = false;
  /** The default namespace that it declares. */
  #declared: string | undefined;

  constructor(tape: Tape, limits: XmlLimits) {
    this.tape = tape;
    this.limits = limits;
  }

  /** Reads on from `<` or from inside an element until the outermost element is complete; false: more bytes are needed. */
  readElement(): boolean {
    const { tape } = this;
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

  /** Reads an end tag at `</` and returns its name as written, or '' if more bytes are needed. */
  readEndTag(): string {
    const { scanner } = this;
    if (scanner.isWaiting()) return '';
    const { position, base } = scanner;
    scanner.position += 2;
    const name = scanner.readName();
    if (name !== '') {
      scanner.skipSpace();
      if (scanner.position < scanner.end) {
        if (scanner.bytes[scanner.position] !== GT) throw notWellFormed('an end tag has more than a name');
        scanner.position++;
        return name;
      }
    }
    scanner.position = position;
    scanner.base = base;
    scanner.awaitTagEnd();
    return '';
  }

  /** Reads a start tag at `<`, which opens an element on the tape; false: more bytes are needed. */
  readStartTag(): boolean {
    const { scanner, tape } = this;
    if (scanner.isWaiting()) return false;
    const { position, base } = scanner;
    const { markCount, nameCount, literalCount, isVerbatim } = tape;
    if (this.#readWholeStartTag()) return true;
    scanner.position = position;
    scanner.base = base;
    tape.markCount = markCount;
    tape.nameCount = nameCount;
    tape.literalCount = literalCount;
    tape.isVerbatim = isVerbatim;
    scanner.awaitTagEnd();
    return false;
  }

  #readMarkup(): boolean {
    const { scanner, tape } = this;
    if (scanner.position + 1 >= scanner.end) return false;
    const next = scanner.bytes[scanner.position + 1];
    if (next === SLASH) return this.#readElementEnd();
    if (next === BANG && tape.depth > 0) return this.#readCdataStart();
    if (next === BANG) throw restrictedXml('comments and declarations are not allowed');
    if (next === QUESTION) throw restrictedXml('processing instructions are not allowed');
    return this.readStartTag();
  }

  #readElementEnd(): boolean {
    const { scanner, tape } = this;
    const innerEnd = scanner.position - scanner.base;
    const name = this.readEndTag();
    if (name === '') return false;
    if (name !== tape.openNames[tape.depth]) throw notWellFormed('an end tag does not match its start tag');
    this.#closeElement();
    if (tape.depth === 0) tape.innerEnd = innerEnd;
    return true;
  }

  #closeElement(): void {
    const { tape } = this;
    if (tape.bindings.length > 0) tape.unbind();
    tape.close();
    tape.depth--;
  }

  #readWholeStartTag(): boolean {
    const { scanner, tape, limits } = this;
    scanner.position++;
    const name = scanner.readName();
    if (name === '') return false;
    const mark = tape.markCount;
    const firstName = tape.nameCount;
    this.#isPrefixed = scanner.colon >= 0;
    this.#declared = undefined;
    tape.open(name);
    for (let count = 0; ; count++) {
      const isSpaced = scanner.skipSpace();
      if (scanner.position >= scanner.end) return false;
      const byte = scanner.bytes[scanner.position];
      if (byte === GT) break;
      if (byte === SLASH) {
        if (scanner.position + 1 >= scanner.end) return false;
        if (scanner.bytes[scanner.position + 1] !== GT) throw notWellFormed('a tag has a stray /');
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
    const { scanner, tape } = this;
    const name = scanner.readName();
    if (name === '') return false;
    const colon = scanner.colon;
    const quote = scanner.readQuote();
    if (quote === INCOMPLETE) return false;
    const from = scanner.position;
    const start = from - scanner.base;
    if (!scanner.readValue(quote)) return false;
    if (scanner.isNormalized) tape.isVerbatim = false;
    const to = scanner.position++;
    const end = to - scanner.base;
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
      tape.attribute(name, start, scanner.isEscaped ? ~end : end);
    }
    return true;
  }

  /** Returns the attribute value just read. */
  #namespaceAt(from: number, to: number): string {
    const { bytes, isEscaped } = this.scanner;
    return isEscaped ? decodeValue(bytes.toString('utf8', from, to)) : internText(bytes, from, to);
  }

  /** Reads the end of a start tag, at `>` or `/>`, whose opening mark is at `mark`, and enters the element. */
  #openElement(name: string, mark: number, firstName: number): void {
    const { scanner, tape, limits } = this;
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
    const isEmpty = scanner.bytes[scanner.position] === SLASH;
    scanner.position += isEmpty ? 2 : 1;
    if (parentDepth === 0) {
      tape.isVerbatim = ns === defaultNs;
      tape.innerStart = tape.innerEnd = scanner.position - scanner.base;
    }
    if (isEmpty) this.#closeElement();
  }

  /** Whether the declaration in this tag means something else in a stream whose content namespace is `jabber:client`. */
  #dependsOnStream(): boolean {
    const content = this.tape.namespaces[0];
    return content !== NS_CLIENT && (this.#declared === NS_CLIENT || this.#declared === content);
  }

  /** Reads character data up to the next `<`; false: more bytes are needed. */
  #readText(): boolean {
    const { scanner, tape } = this;
    const { bytes, end } = scanner;
    let at = scanner.position;
    if (tape.textStart < 0) tape.textStart = at - scanner.base;
    for (;;) {
      at = skipClass(bytes, at, end, PLAIN_TEXT);
      if (at >= end) break;
      const byte = bytes[at] as number;
      if (byte === LT) {
        scanner.position = at;
        this.#recordText(at - scanner.base, false);
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
        const next = byte === AMP ? scanner.skipReference(at) : scanner.skipSequence(at);
        if (next === INCOMPLETE) break;
        if (byte === AMP) tape.textEscaped = true;
        at = next;
      }
    }
    scanner.position = at;
    return false;
  }

  #readCdataStart(): boolean {
    const { scanner, tape } = this;
    const available = Math.min(scanner.end - scanner.position, CDATA_START.length);
    for (let i = 2; i < available; i++) {
      if (scanner.bytes[scanner.position + i] !== CDATA_START[i])
        throw restrictedXml('comments and declarations are not allowed');
    }
    if (available < CDATA_START.length) return false;
    scanner.position += available;
    tape.isVerbatim = false;
    tape.isInCdata = true;
    tape.textStart = scanner.position - scanner.base;
    return true;
  }

  /** Reads a CDATA section up to and with its `]]>`; false: more bytes are needed. */
  #readCdata(): boolean {
    const { scanner, tape } = this;
    const { bytes, end } = scanner;
    let at = scanner.position;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte === GT && bytes[at - 1] === BRACKET && bytes[at - 2] === BRACKET) {
        scanner.position = at + 1;
        this.#recordText(at - 2 - scanner.base, true);
        tape.isInCdata = false;
        return true;
      }
      if (byte === CR) tape.textEscaped = true;
      if ((CLASSES[byte] as number) & PLAIN_TEXT || byte === LT || byte === AMP || byte === GT || byte === CR) {
        at++;
      } else {
        const next = scanner.skipSequence(at);
        if (next === INCOMPLETE) break;
        at = next;
      }
    }
    scanner.position = at;
    return false;
  }

  #recordText(end: number, isCdata: boolean): void {
    const { tape } = this;
    if (end > tape.textStart) tape.text(tape.textStart, tape.textEscaped ? ~end : end, isCdata);
    tape.textStart = -1;
    tape.textEscaped = false;
  }
}

function duplicateAttribute(): StreamError {
  return notWellFormed('an element has two attributes of the same name');
}
