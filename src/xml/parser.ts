import { StreamError } from '../errors.ts';
import { CLASSES, PLAIN_TEXT } from './chars.ts';
import { attr, type Element, setAttribute } from './element.ts';
import { notWellFormed, policyViolation, restrictedXml, unsupportedEncoding, type XmlLimits } from './limits.ts';
import { NS_CLIENT } from './ns.ts';
import type { Scanner } from './scanner.ts';
import { type Binding, Tape } from './tape.ts';
import { Tokenizer } from './tokenizer.ts';

export type { XmlLimits } from './limits.ts';

const BANG = 0x21;
const SLASH = 0x2f;
const LT = 0x3c;
const QUESTION = 0x3f;

const MAX_DECLARATION_LENGTH = 256;
const DECLARATION =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'1\.0'|"1\.0")(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:'([A-Za-z][\w.-]*)'|"([A-Za-z][\w.-]*)"))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:'(?:yes|no)'|"(?:yes|no)"))?[ \t\r\n]*\?>$/;

/** The stream's start tag. RFC 6120 §4.7. */
export interface StreamHeader {
  /** The local name. */
  readonly name: string;
  readonly ns: string;
  /** The default namespace that the start tag declares, or ''. RFC 6120 §4.8.2. */
  readonly contentNamespace: string;
  /** Attributes without a prefix, and those with the prefix `xml`; no namespace declarations. */
  readonly attrs: Readonly<Record<string, string>>;
}

/** What a parser calls, from within `write` and `resume`. A handler may throw; the parser then refuses everything. */
export interface XmlHandler {
  /** The stream's start tag is complete. */
  header(header: StreamHeader): void;
  /**
   * A child of the stream's root is complete.
   * `inner` is the text between its tags if that can be passed on as it is, wherever `jabber:client` or another content
   * namespace is the default; otherwise undefined. `bytes` is the length of the whole element as received.
   */
  element(element: Element, inner: string | undefined, bytes: number): void;
  /** The stream's end tag was read. */
  ended(): void;
}

/** One parsed document. */
export interface XmlDocument {
  readonly element: Element;
  /** As in {@link XmlHandler.element}. */
  readonly inner: string | undefined;
  readonly bytes: number;
}

/** Where in its document a parser is. */
type Place = 'start' | 'prolog' | 'root' | 'content' | 'element' | 'epilog';

// One tape serves all parsers in turn: a parser borrows it from the first byte of an element to the last, and only an
// element that arrives in pieces keeps one for longer.
const IDLE_TAPE = new Tape();
let spareTape: Tape | undefined;

/**
 * A strict, bounded parser for one XML stream. RFC 6120 §4, §11.
 *
 * Throws a StreamError from `write` and `resume` at the first fault, and again at every later call. An idle parser keeps
 * no bytes; a partial element is kept in a buffer of its own size.
 */
export class XmlParser {
  readonly #handler: XmlHandler;
  readonly #tokenizer: Tokenizer;
  #place: Place = 'start';
  #hasRestarted = false;
  #isPaused = false;
  #isRunning = false;
  #failure: unknown;
  /** Where the element that is being read began. */
  #elementStart = 0;
  #rootName = '';
  #contentNamespace = '';
  #bindings: readonly Binding[] = [];

  constructor(handler: XmlHandler, limits: XmlLimits) {
    this.#handler = handler;
    this.#tokenizer = new Tokenizer(IDLE_TAPE, limits);
  }

  get limits(): XmlLimits {
    return this.#tokenizer.limits;
  }

  /** May be replaced at any time, also inside a callback. */
  set limits(limits: XmlLimits) {
    this.#tokenizer.limits = limits;
  }

  /** Takes the next bytes, which must not change afterwards, and calls the handler for what they complete. */
  write(chunk: Buffer): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#tokenizer.scanner.append(chunk);
    this.#run();
  }

  /** Interprets nothing further for now; may be called inside a callback. Bytes that arrive meanwhile are kept. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Goes on with the bytes that were kept. */
  resume(): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#isPaused = false;
    this.#run();
  }

  /** Drops the bytes that were not interpreted yet. */
  discard(): void {
    const { scanner } = this.#tokenizer;
    this.#abandonElement();
    scanner.position = scanner.end;
  }

  /** Expects a new document from the next byte on, also inside a callback. RFC 6120 §4.3.3. */
  reset(): void {
    this.#abandonElement();
    this.#place = 'start';
    this.#hasRestarted = true;
    this.#rootName = '';
    this.#contentNamespace = '';
    this.#bindings = [];
  }

  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (!this.#isPaused && this.#step());
      if (!this.#isPaused) this.#keepRest();
    } catch (error) {
      this.#failure = error;
      this.discard();
      this.#keepRest();
      throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  /** Reads one thing; false: more bytes are needed. */
  #step(): boolean {
    const { scanner } = this.#tokenizer;
    switch (this.#place) {
      case 'start':
        if (this.#hasRestarted) scanner.skipSpace(); // it trailed the last element of the document before
        if (scanner.position === scanner.end || !skipDeclaration(scanner)) return false;
        this.#place = 'prolog';
        return true;
      case 'prolog':
        if (!this.#findMarkup()) return false;
        this.#beginElement('root', '', '');
        return true;
      case 'root':
        return this.#readRoot();
      case 'content':
        if (!this.#findMarkup()) return false;
        if (scanner.bytes[scanner.position + 1] === SLASH) return this.#readRootEnd();
        this.#beginElement('element', this.#contentNamespace, this.#contentNamespace);
        return true;
      case 'element':
        return this.#readElement();
      case 'epilog':
        scanner.skipSpace();
        if (scanner.position < scanner.end) throw notWellFormed('the document has ended');
        return false;
    }
  }

  /** Skips white space up to the next tag; false: it is not known yet whether that begins or ends an element. */
  #findMarkup(): boolean {
    const { scanner, limits } = this.#tokenizer;
    if (scanner.skipSpace() && limits.refusesSpace === true) throw policyViolation('white space is not allowed here');
    const { bytes, position, end } = scanner;
    if (position >= end) return false;
    if (bytes[position] !== LT) throw this.#strayText(bytes[position] as number);
    if (position + 1 >= end) return false;
    const next = bytes[position + 1];
    if (next === BANG) throw restrictedXml('comments and declarations are not allowed');
    if (next === QUESTION) throw restrictedXml('processing instructions are not allowed');
    return true;
  }

  /** Text between stanzas is XML that cannot be processed; before the stream, or made of control characters, it is not XML. */
  #strayText(byte: number): StreamError {
    const isText = this.#place === 'content' && ((CLASSES[byte] as number) & PLAIN_TEXT) !== 0;
    return isText
      ? new StreamError('bad-format', { text: 'text is not allowed here' })
      : notWellFormed('a tag was expected');
  }

  #beginElement(place: 'root' | 'element', ns: string, defaultNamespace: string): void {
    const tape = spareTape ?? new Tape();
    spareTape = undefined;
    tape.clear(ns, defaultNamespace, this.#bindings);
    this.#tokenizer.tape = tape;
    const { scanner } = this.#tokenizer;
    scanner.base = this.#elementStart = scanner.position;
    this.#place = place;
  }

  #readElement(): boolean {
    const tokenizer = this.#tokenizer;
    if (!tokenizer.readElement()) return false;
    this.#checkLength(tokenizer.scanner.position);
    const document = readTape(tokenizer, this.#elementStart);
    this.#releaseTape();
    this.#place = 'content';
    this.#handler.element(document.element, document.inner, document.bytes);
    return true;
  }

  #readRoot(): boolean {
    const tokenizer = this.#tokenizer;
    const { tape } = tokenizer;
    if (!tokenizer.readStartTag()) return false;
    this.#checkLength(tokenizer.scanner.position);
    const isEmpty = tape.depth === 0;
    this.#rootName = tape.openNames[1] as string;
    this.#contentNamespace = tape.defaultNamespaces[1] as string;
    this.#bindings = tape.bindings.map(({ prefix, uri }) => ({ prefix, uri, depth: 0 }));
    if (!isEmpty) tape.close();
    const { element } = readTape(tokenizer, this.#elementStart);
    this.#releaseTape();
    this.#place = isEmpty ? 'epilog' : 'content';
    this.#handler.header(streamHeader(element, this.#contentNamespace));
    if (isEmpty) this.#handler.ended();
    return true;
  }

  #readRootEnd(): boolean {
    const tokenizer = this.#tokenizer;
    this.#elementStart = tokenizer.scanner.position;
    const name = tokenizer.readEndTag();
    if (name === '') return false;
    if (name !== this.#rootName) throw notWellFormed('an end tag does not match its start tag');
    this.#place = 'epilog';
    this.#handler.ended();
    return true;
  }

  #abandonElement(): void {
    this.#tokenizer.scanner.forget();
    if (this.#place !== 'root' && this.#place !== 'element') return;
    this.#releaseTape();
    this.#place = this.#place === 'root' ? 'prolog' : 'content';
  }

  #releaseTape(): void {
    if (!this.#tokenizer.tape.isLarge) spareTape = this.#tokenizer.tape;
    this.#tokenizer.tape = IDLE_TAPE;
  }

  #checkLength(position: number): void {
    const { maxBytes } = this.#tokenizer.limits;
    if (position - this.#elementStart > maxBytes) throw policyViolation(`an element is longer than ${maxBytes} bytes`);
  }

  /** Keeps what belongs to an incomplete element, and nothing else. */
  #keepRest(): void {
    const { scanner } = this.#tokenizer;
    const isInElement = this.#place === 'root' || this.#place === 'element';
    if (!isInElement) this.#elementStart = scanner.position;
    this.#checkLength(scanner.end);
    scanner.keepFrom(this.#elementStart);
    this.#elementStart = 0;
  }
}

/** Skips the XML declaration if there is one; false: more bytes are needed to tell. XML §2.8, RFC 6120 §11.5, §11.6. */
export function skipDeclaration(scanner: Scanner): boolean {
  const { bytes, position, end } = scanner;
  if (bytes[position] !== LT) return true;
  if (position + 1 >= end) return false;
  if (bytes[position + 1] !== QUESTION) return true;
  const close = bytes.subarray(position, end).indexOf('?>');
  const text = bytes.toString('latin1', position, close < 0 ? end : position + close + 2);
  if (!'<?xml '.startsWith(text.slice(0, 6).replace(/[\t\r\n]$/, ' '))) {
    throw restrictedXml('processing instructions are not allowed');
  }
  if (close < 0) {
    if (text.length > MAX_DECLARATION_LENGTH) throw notWellFormed('the XML declaration does not end');
    return false;
  }
  const match = DECLARATION.exec(text);
  if (match === null) throw notWellFormed('the XML declaration is malformed');
  const encoding = match[1] ?? match[2] ?? 'UTF-8';
  if (encoding.toUpperCase() !== 'UTF-8') {
    throw unsupportedEncoding('the only encoding is UTF-8');
  }
  scanner.position = position + close + 2;
  return true;
}

/** Returns what is on the tape, whose first byte is at `start`. */
export function readTape(tokenizer: Tokenizer, start: number): XmlDocument {
  const { scanner, tape } = tokenizer;
  const { bytes, position, base } = scanner;
  const isAscii = base === start; // the base moves with every sequence of more than one byte
  const source = bytes.toString(isAscii ? 'latin1' : 'utf8', start, position);
  return {
    element: tape.build(source),
    inner: tape.isVerbatim ? source.slice(tape.innerStart, tape.innerEnd) : undefined,
    bytes: position - start,
  };
}

function streamHeader(element: Element, contentNamespace: string): StreamHeader {
  const attrs: Record<string, string> = {};
  for (const name of Object.keys(element.attrs)) {
    const isOrdinary = name !== 'xmlns' && (!name.includes(':') || name.startsWith('xml:'));
    if (isOrdinary) setAttribute(attrs, name, attr(element, name) ?? '');
  }
  return { name: element.name, ns: element.attrs['xmlns'] ?? '', contentNamespace, attrs };
}

/** Parses a WebSocket message: one complete element, canonical as in a stream of `jabber:client`. RFC 7395 §3.3. */
export function parseFrame(frame: string | Buffer, limits: XmlLimits): XmlDocument {
  return parseDocument(typeof frame === 'string' ? Buffer.from(frame) : frame, limits, '');
}

const NO_LIMITS: XmlLimits = {
  maxBytes: 64 * 1024 * 1024,
  maxDepth: 1024,
  maxAttributes: 1024,
  maxChildren: 1024 * 1024,
};

/** Parses one element as if it were in a stream of `jabber:client`; for stored text, constants and tests. */
export function parseElement(xml: string): Element {
  return parseDocument(Buffer.from(xml), NO_LIMITS, NS_CLIENT).element;
}

function parseDocument(bytes: Buffer, limits: XmlLimits, defaultNamespace: string): XmlDocument {
  if (bytes.length > limits.maxBytes) throw policyViolation(`an element is longer than ${limits.maxBytes} bytes`);
  const tape = new Tape();
  tape.clear(NS_CLIENT, defaultNamespace, []);
  const tokenizer = new Tokenizer(tape, limits);
  const { scanner } = tokenizer;
  scanner.append(bytes);
  if (bytes[0] !== LT || !skipDeclaration(scanner)) throw notWellFormed('an element was expected');
  scanner.skipSpace(); // between the declaration, if any, and the element
  const start = scanner.position;
  scanner.base = start;
  if (!tokenizer.readElement()) throw notWellFormed('an element is incomplete');
  const document = readTape(tokenizer, start);
  scanner.skipSpace();
  if (scanner.position < scanner.end) throw notWellFormed('something follows the element');
  return document;
}
