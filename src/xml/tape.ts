import { type Element, makeElement, setAttribute } from './element.ts';
import { decodeText, decodeValue, normalizeLines } from './references.ts';

// The kinds of marks. An opening mark carries the number of attributes above its two low bits.
const OPEN = 0;
const CLOSE = 1;
const TEXT = 2;
const CDATA = 3;

/** A prefix in scope from the element at `depth` down. */
export interface Binding {
  readonly prefix: string;
  readonly uri: string;
  readonly depth: number;
}

/**
 * What has been read of one top-level element: a recording without objects, from which the tree is built at the end.
 *
 * Marks are numbers: `OPEN | attributes << 2`, then start and end of each attribute's value; `TEXT` or `CDATA`, then
 * start and end; `CLOSE`. Offsets count UTF-16 units from the element's first character. An end that is stored inverted
 * (`~end`) says that references or line ends must be resolved; a start of -1 says that the value is `literals[end]`.
 */
export class Tape {
  readonly marks: number[] = [];
  markCount = 0;
  /** The names of elements and attributes in the order of their marks. */
  readonly names: string[] = [];
  nameCount = 0;
  readonly literals: string[] = [];
  literalCount = 0;

  /** How many elements are open. The four stacks below are indexed by it; index 0 stands for what surrounds the element. */
  depth = 0;
  readonly openNames: string[] = [''];
  readonly namespaces: string[] = [''];
  readonly defaultNamespaces: string[] = [''];
  readonly childCounts: number[] = [0];
  /** Prefixes declared around the element, and those declared inside it. */
  outerBindings: readonly Binding[] = [];
  readonly bindings: Binding[] = [];

  /** Where the character data that is being read began, or -1. */
  textStart = -1;
  /** Whether that character data has references or carriage returns. */
  textEscaped = false;
  isInCdata = false;
  /** Whether the text between the outermost tags means the same anywhere, in the same words. */
  isVerbatim = true;
  innerStart = 0;
  innerEnd = 0;

  /** Makes ready for a new element inside these namespaces. */
  clear(ns: string, defaultNamespace: string, bindings: readonly Binding[]): void {
    this.outerBindings = bindings;
    this.markCount = 0;
    this.nameCount = 0;
    this.literalCount = 0;
    this.depth = 0;
    this.namespaces[0] = ns;
    this.defaultNamespaces[0] = defaultNamespace;
    this.childCounts[0] = 0;
    if (this.bindings.length > 0) this.bindings.length = 0;
    this.textStart = -1;
    this.textEscaped = false;
    this.isInCdata = false;
    this.isVerbatim = true;
    this.innerStart = 0;
    this.innerEnd = 0;
  }

  /** Tells whether this recording has grown beyond what is worth keeping for the next element. */
  get isLarge(): boolean {
    return this.marks.length > 16_384 || this.literals.length > 1024;
  }

  /** Records the opening of an element, whose attributes follow. */
  open(name: string): void {
    this.names[this.nameCount++] = name;
    this.marks[this.markCount++] = OPEN;
  }

  /** Records an attribute by where its value is in the source. */
  attribute(name: string, start: number, end: number): void {
    this.names[this.nameCount++] = name;
    this.marks[this.markCount++] = start;
    this.marks[this.markCount++] = end;
  }

  /** Records an attribute by its value. */
  literalAttribute(name: string, value: string): void {
    this.attribute(name, -1, this.literalCount);
    this.literals[this.literalCount++] = value;
  }

  /** Takes back the attributes recorded after the name at `firstName`, in order, so that they can be recorded anew. */
  takeAttributes(firstName: number): { name: string; start: number; end: number }[] {
    const taken = [];
    const first = this.markCount - 2 * (this.nameCount - firstName - 1);
    for (let name = firstName + 1, mark = first; name < this.nameCount; name++, mark += 2) {
      taken.push({
        name: this.names[name] as string,
        start: this.marks[mark] as number,
        end: this.marks[mark + 1] as number,
      });
    }
    this.nameCount = firstName + 1;
    this.markCount = first;
    return taken;
  }

  /** Completes the opening mark at `mark` now that the attributes after it are known. */
  setAttributeCount(mark: number): void {
    this.marks[mark] = OPEN | (((this.markCount - mark - 1) >> 1) << 2);
  }

  /** Records the end of the innermost open element. */
  close(): void {
    this.marks[this.markCount++] = CLOSE;
  }

  /** Ends the scope of the prefixes that the innermost open element declares. */
  unbind(): void {
    while (this.bindings.at(-1)?.depth === this.depth) this.bindings.pop();
  }

  /** Records character data by where it is in the source. */
  text(start: number, end: number, isCdata: boolean): void {
    this.marks[this.markCount++] = isCdata ? CDATA : TEXT;
    this.marks[this.markCount++] = start;
    this.marks[this.markCount++] = end;
  }

  /** Builds the tree; `source` is the whole text of the element. */
  build(source: string): Element {
    const { marks, names } = this;
    const outer: (Element | string)[] = [];
    const stack: (Element | string)[][] = [];
    let nodes = outer;
    let nameAt = 0;
    let at = 0;
    while (at < this.markCount) {
      const mark = marks[at++] as number;
      if ((mark & 3) === OPEN) {
        const name = names[nameAt++] as string;
        const attrs: Record<string, string> = {};
        for (let left = mark >> 2; left > 0; left--, at += 2) {
          setAttribute(
            attrs,
            names[nameAt++] as string,
            this.#value(source, marks[at] as number, marks[at + 1] as number),
          );
        }
        const own: (Element | string)[] = [];
        nodes.push(makeElement(name, attrs, own));
        stack.push(nodes);
        nodes = own;
      } else if (mark === CLOSE) {
        nodes = stack.pop() as (Element | string)[];
      } else {
        appendText(nodes, characters(source, marks[at] as number, marks[at + 1] as number, mark === CDATA));
        at += 2;
      }
    }
    return outer[0] as Element;
  }

  #value(source: string, start: number, end: number): string {
    if (start < 0) return this.literals[end] as string;
    return end < 0 ? decodeValue(source.slice(start, ~end)) : source.slice(start, end);
  }
}

/** Character data is one child, however many references and CDATA sections it was written with. */
function appendText(nodes: (Element | string)[], data: string): void {
  const last = nodes.length - 1;
  const before = last < 0 ? undefined : nodes[last]; // asking for an index of -1 is slow
  if (typeof before === 'string') nodes[last] = before + data;
  else nodes.push(data);
}

function characters(source: string, start: number, end: number, isCdata: boolean): string {
  if (end >= 0) return source.slice(start, end);
  const raw = source.slice(start, ~end);
  return isCdata ? normalizeLines(raw) : decodeText(raw);
}
