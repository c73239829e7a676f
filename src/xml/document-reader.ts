import type { Element } from './element.ts';
import { notWellFormed, policyViolation, restrictedXml, type XmlLimits } from './limits.ts';
import { NS_CLIENT } from './ns.ts';
import { readTape, skipDeclaration } from './parser.ts';
import { type Binding, Tape } from './tape.ts';
import { Tokenizer } from './tokenizer.ts';

const BANG = 0x21;
const SLASH = 0x2f;
const LT = 0x3c;
const QUESTION = 0x3f;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** What has been read of a document. Elements are as in a stream of `jabber:client`, each on its own. */
export type DocumentEvent =
  /** The start tag of an element that is entered: it has no children here, they follow. */
  | { readonly kind: 'open'; readonly element: Element }
  /** A whole element. */
  | { readonly kind: 'element'; readonly element: Element }
  /** The end of the element that was entered last. */
  | { readonly kind: 'close' };

/** Whether an element is entered, and its children are told of one by one; `path` are the elements around it, the root first. */
export type Enters = (name: string, ns: string, path: readonly Element[]) => boolean;

/** An element that was entered. */
interface Level {
  /** As written. */
  readonly name: string;
  readonly defaultNamespace: string;
  readonly bindings: readonly Binding[];
}

/**
 * Reads a document of any length that has large parts and many of them: what is entered is told of piece by piece, what is
 * not as a whole, within the limits, so that memory depends on neither. As strict as the parser of streams: no declarations,
 * no comments, no processing instructions, no entities but the five of XML.
 */
export class DocumentReader {
  readonly #tokenizer: Tokenizer;
  readonly #tape = new Tape();
  readonly #enters: Enters;
  readonly #levels: Level[] = [];
  readonly #path: Element[] = [];
  #place: 'start' | 'content' | 'tag' | 'element' | 'epilog' = 'start';
  #events: DocumentEvent[] = [];
  #elementStart = 0;
  #bytes = 0;
  #failure: unknown;

  /** `limits` are those of each element that is not entered. */
  constructor(limits: XmlLimits, enters: Enters) {
    this.#tokenizer = new Tokenizer(this.#tape, limits);
    this.#enters = enters;
  }

  /** How many bytes have been read. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes the next bytes, which must not change afterwards; returns what they complete. What is wrong with them is thrown by
   * the next call, as a StreamError, so that nothing is lost that was complete before.
   */
  write(chunk: Buffer): DocumentEvent[] {
    if (this.#failure !== undefined) throw this.#failure;
    const { scanner } = this.#tokenizer;
    const before = scanner.end - scanner.position;
    scanner.append(chunk);
    try {
      while (this.#step());
      this.#bytes += before + chunk.length - (scanner.end - scanner.position);
      this.#keepRest();
    } catch (error) {
      this.#failure = error;
    }
    return this.#events.splice(0);
  }

  /** Says that there are no more bytes. Throws StreamError for what is wrong, or when the document is not complete. */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#place !== 'epilog') throw notWellFormed('the document ends too early');
  }

  /** Reads one thing; false: more bytes are needed. */
  #step(): boolean {
    const { scanner } = this.#tokenizer;
    switch (this.#place) {
      case 'start':
        if (!this.#skipProlog()) return false;
        this.#place = 'content';
        return true;
      case 'content':
        if (!this.#findMarkup()) return false;
        if (scanner.bytes[scanner.position + 1] === SLASH) return this.#leave();
        this.#begin();
        return true;
      case 'tag':
        return this.#readStart();
      case 'element':
        if (!this.#tokenizer.readElement()) return false;
        this.#complete();
        return true;
      case 'epilog':
        scanner.skipSpace();
        if (scanner.position < scanner.end) throw notWellFormed('something follows the document');
        return false;
    }
  }

  // A file, unlike a stream, may begin with a byte order mark.
  #skipProlog(): boolean {
    const { scanner } = this.#tokenizer;
    const first = scanner.bytes.subarray(scanner.position, Math.min(scanner.position + 3, scanner.end));
    if (first.length > 0 && BYTE_ORDER_MARK.subarray(0, first.length).equals(first)) {
      if (first.length < BYTE_ORDER_MARK.length) return false;
      scanner.position += BYTE_ORDER_MARK.length;
    }
    return scanner.position < scanner.end && skipDeclaration(scanner);
  }

  #findMarkup(): boolean {
    const { scanner } = this.#tokenizer;
    scanner.skipSpace();
    const { bytes, position, end } = scanner;
    if (position >= end) return false;
    if (bytes[position] !== LT) throw notWellFormed('a tag was expected');
    if (position + 1 >= end) return false;
    const next = bytes[position + 1];
    if (next === BANG) throw restrictedXml('comments and declarations are not allowed');
    if (next === QUESTION) throw restrictedXml('processing instructions are not allowed');
    if (next === SLASH && this.#levels.length === 0) throw notWellFormed('an end tag has no start tag');
    return true;
  }

  #begin(): void {
    const { scanner } = this.#tokenizer;
    const level = this.#levels.at(-1);
    this.#tape.clear(NS_CLIENT, level?.defaultNamespace ?? '', level?.bindings ?? []);
    scanner.base = this.#elementStart = scanner.position;
    this.#place = 'tag';
  }

  #readStart(): boolean {
    const tape = this.#tape;
    if (!this.#tokenizer.readStartTag()) return false;
    const isEntered = this.#enters(tape.names[0] ?? '', tape.namespaces[1] ?? '', this.#path);
    if (isEntered) this.#enter();
    else if (tape.depth === 0) this.#complete();
    else this.#place = 'element';
    return true;
  }

  #enter(): void {
    const tape = this.#tape;
    const isEmpty = tape.depth === 0;
    const defaultNamespace = tape.defaultNamespaces[1] ?? '';
    // The bindings of an element that is empty are out of scope already, and nobody needs them.
    const bindings = [...tape.outerBindings, ...tape.bindings];
    if (!isEmpty) tape.close();
    const element = this.#built();
    this.#events.push({ kind: 'open', element });
    if (isEmpty) {
      this.#events.push({ kind: 'close' });
      this.#place = this.#levels.length === 0 ? 'epilog' : 'content';
      return;
    }
    this.#levels.push({ name: tape.openNames[1] ?? '', defaultNamespace, bindings });
    this.#path.push(element);
    this.#place = 'content';
  }

  #complete(): void {
    this.#events.push({ kind: 'element', element: this.#built() });
    this.#place = this.#levels.length === 0 ? 'epilog' : 'content';
  }

  #built(): Element {
    this.#checkLength(this.#tokenizer.scanner.position);
    return readTape(this.#tokenizer, this.#elementStart).element;
  }

  #leave(): boolean {
    const { scanner } = this.#tokenizer;
    this.#elementStart = scanner.position;
    const name = this.#tokenizer.readEndTag();
    if (name === '') return false;
    if (name !== this.#levels.pop()?.name) throw notWellFormed('an end tag does not match its start tag');
    this.#path.pop();
    this.#events.push({ kind: 'close' });
    this.#place = this.#levels.length === 0 ? 'epilog' : 'content';
    return true;
  }

  #checkLength(position: number): void {
    const { maxBytes } = this.#tokenizer.limits;
    if (position - this.#elementStart > maxBytes) throw policyViolation(`an element is longer than ${maxBytes} bytes`);
  }

  /** Keeps what belongs to something incomplete, and nothing else. */
  #keepRest(): void {
    const { scanner } = this.#tokenizer;
    const isInElement = this.#place === 'tag' || this.#place === 'element';
    if (!isInElement) this.#elementStart = scanner.position;
    this.#checkLength(scanner.end);
    scanner.keepFrom(this.#elementStart);
    this.#elementStart = 0;
  }
}
