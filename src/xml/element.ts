// Elements are canonical: local names only, and an `xmlns` attribute exactly where the namespace differs from the
// parent's. The parent of a top-level element is the stream, whose content namespace is therefore never written.
// Nobody changes an element once it is made, so trees may be shared freely; for the same reason ltx's `parent`
// pointers are left empty.

import { Element as LtxElement } from '@xmpp/xml';

/** An XML element in canonical form, never changed after it was made. An ltx Element is one. */
export interface Element {
  readonly name: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly children: readonly (Element | string)[];
}

/** What may stand among the children given to {@link el}; `undefined` is left out. */
export type Child = Element | string | undefined;

/** Makes an element; attributes and children that are `undefined` are left out. */
export function el(name: string, attrs?: Readonly<Record<string, string | undefined>>, ...nodes: Child[]): Element {
  const own: Record<string, string> = {};
  for (const key in attrs) {
    const value = attrs[key];
    if (value !== undefined) setAttribute(own, key, value);
  }
  const present: (Element | string)[] = [];
  for (const node of nodes) if (node !== undefined) present.push(node);
  return makeElement(name, own, present);
}

/** Makes an element that owns the given attributes and children; nobody may change either afterwards. */
export function makeElement(
  name: string,
  attrs: Record<string, string>,
  nodes: readonly (Element | string)[],
): Element {
  const element = new LtxElement(name);
  element.attrs = attrs;
  element.children = nodes as LtxElement['children'];
  return element as Element;
}

/** Sets an attribute whose name may come from a peer: `__proto__` becomes a property like any other. */
export function setAttribute(attrs: Record<string, string>, name: string, value: string): void {
  if (name === '__proto__') {
    Object.defineProperty(attrs, name, { value, writable: true, enumerable: true, configurable: true });
  } else {
    attrs[name] = value;
  }
}

/**
 * Finds the first child element of that name and namespace.
 * Without `ns` the child is in the parent's namespace; with it, in `ns`, declared by the child or by the parent itself.
 */
export function child(parent: Element, name: string, ns?: string): Element | undefined {
  for (const node of parent.children) {
    if (typeof node !== 'string' && node.name === name && hasNamespace(node, parent, ns)) return node;
  }
  return undefined;
}

/** Finds all child elements of that name and namespace, by the rule of {@link child}; without a name, of any name. */
export function children(parent: Element, name?: string, ns?: string): Element[] {
  const found: Element[] = [];
  for (const node of parent.children) {
    if (typeof node === 'string' || (name !== undefined && node.name !== name)) continue;
    if (hasNamespace(node, parent, ns)) found.push(node);
  }
  return found;
}

function hasNamespace(node: Element, parent: Element, ns: string | undefined): boolean {
  const declared = node.attrs['xmlns'];
  if (declared === undefined) return ns === undefined || ns === parent.attrs['xmlns'];
  return declared === (ns ?? parent.attrs['xmlns']);
}

/** Returns the first child element, whatever its name and namespace. */
export function firstElement(parent: Element): Element | undefined {
  for (const node of parent.children) if (typeof node !== 'string') return node;
  return undefined;
}

/** Returns all child elements, whatever their names and namespaces. */
export function elements(parent: Element): Element[] {
  const found: Element[] = [];
  for (const node of parent.children) if (typeof node !== 'string') found.push(node);
  return found;
}

/** Returns the character data directly inside the element, joined; nothing for `undefined`. */
export function text(element: Element | undefined): string {
  let data = '';
  if (element !== undefined) for (const node of element.children) if (typeof node === 'string') data += node;
  return data;
}

/** Returns the attribute's value; safe for any name, even `constructor`. */
export function attr(element: Element, name: string): string | undefined {
  return Object.hasOwn(element.attrs, name) ? element.attrs[name] : undefined;
}

/** Writes the element as a child of the stream's content namespace: `xmlns` appears as given. */
export function serialize(element: Element): string {
  let xml = `<${element.name}`;
  const { attrs, children: nodes } = element;
  for (const name in attrs) xml += ` ${name}="${escapeAttribute(attrs[name] as string)}"`;
  if (nodes.length === 0) return `${xml}/>`;
  xml += '>';
  for (const node of nodes) xml += typeof node === 'string' ? escapeText(node) : serialize(node);
  return `${xml}</${element.name}>`;
}

// Replacements by character code, for ASCII. An empty one drops the character.
const TEXT_ESCAPES: (string | undefined)[] = new Array(128).fill(undefined);
for (let code = 0; code < 0x20; code++) TEXT_ESCAPES[code] = '';
TEXT_ESCAPES[0x09] = undefined;
TEXT_ESCAPES[0x0a] = undefined;
TEXT_ESCAPES[0x0d] = '&#xD;'; // a literal one would be read back as a line feed
TEXT_ESCAPES[0x26] = '&amp;';
TEXT_ESCAPES[0x3c] = '&lt;';
TEXT_ESCAPES[0x3e] = '&gt;';

const ATTRIBUTE_ESCAPES = [...TEXT_ESCAPES];
ATTRIBUTE_ESCAPES[0x09] = '&#x9;'; // literal white space would be read back as spaces
ATTRIBUTE_ESCAPES[0x0a] = '&#xA;';
ATTRIBUTE_ESCAPES[0x22] = '&quot;';
ATTRIBUTE_ESCAPES[0x27] = '&apos;';

// Most strings need nothing, which these find out fastest. Surrogates, even in pairs, are looked at one by one.
const NOT_PLAIN_TEXT = /[^\t\n -%'-;=?-\ud7ff\ue000-\ufffd]/;
const NOT_PLAIN_VALUE = /[^ !#-%(-;=?-\ud7ff\ue000-\ufffd]/;

/** Escapes character data. Characters that XML 1.0 cannot carry, and lone surrogates, are dropped. */
export function escapeText(s: string): string {
  return NOT_PLAIN_TEXT.test(s) ? replaceCharacters(s, TEXT_ESCAPES) : s;
}

/** Escapes an attribute value for either kind of quotes. Characters that XML 1.0 cannot carry are dropped. */
export function escapeAttribute(s: string): string {
  return NOT_PLAIN_VALUE.test(s) ? replaceCharacters(s, ATTRIBUTE_ESCAPES) : s;
}

function replaceCharacters(s: string, escapes: readonly (string | undefined)[]): string {
  let written = '';
  let from = 0;
  for (let i = 0; i < s.length; i++) {
    const code = s.charCodeAt(i);
    let replacement: string | undefined;
    if (code < 0x80) {
      replacement = escapes[code];
    } else if (code >= 0xd800) {
      if (isSurrogatePair(code, s.charCodeAt(i + 1))) i++;
      else if (code <= 0xdfff || code >= 0xfffe) replacement = '';
    }
    if (replacement !== undefined) {
      written += s.slice(from, i) + replacement;
      from = i + 1;
    }
  }
  return from === 0 ? s : written + s.slice(from);
}

function isSurrogatePair(high: number, low: number): boolean {
  return high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}
