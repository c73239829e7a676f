import { type SaxesAttributeNS, SaxesParser } from 'saxes';
import { StreamError } from '../../src/errors.ts';
import { type Element, el } from '../../src/xml/element.ts';
import { type StreamHeader, XmlParser } from '../../src/xml/parser.ts';

export const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";

export const LIMITS = { maxBytes: 65_536, maxDepth: 16, maxAttributes: 16, maxChildren: 100 };

/** Everything that a parser made of a stream. */
export interface Reading {
  readonly headers: StreamHeader[];
  readonly stanzas: { readonly element: Element; readonly inner: string | undefined; readonly bytes: number }[];
  hasEnded: boolean;
  error: StreamError | undefined;
}

/** Parses a stream, given whole or cut into chunks at the given offsets. Errors other than StreamError are thrown. */
export function read(stream: string | Buffer, cuts: readonly number[] = [], limits = LIMITS): Reading {
  const bytes = Buffer.from(stream);
  const reading: Reading = { headers: [], stanzas: [], hasEnded: false, error: undefined };
  const parser = new XmlParser(
    {
      header: (header) => reading.headers.push(header),
      element: (element, inner, length) => reading.stanzas.push({ element, inner, bytes: length }),
      ended: () => {
        reading.hasEnded = true;
      },
    },
    limits,
  );
  try {
    let from = 0;
    for (const cut of [...cuts, bytes.length]) {
      parser.write(Buffer.from(bytes.subarray(from, cut)));
      from = cut;
    }
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    reading.error = error;
  }
  return reading;
}

/** Offsets that cut `length` bytes into pieces of `size`. */
export function cutsEvery(size: number, length: number): number[] {
  const cuts: number[] = [];
  for (let at = size; at < length; at += size) cuts.push(at);
  return cuts;
}

/** Parses with saxes, the independent judge, into canonical elements; undefined if it refuses the document. */
export function judge(document: Buffer): Element[] | undefined {
  const parser = new SaxesParser({ xmlns: true });
  const stanzas: Element[] = [];
  let contentNamespace = '';
  const open: { name: string; attrs: Record<string, string>; nodes: (Element | string)[]; ns: string }[] = [];
  const addText = (data: string): void => {
    const nodes = open.length > 1 ? open.at(-1)?.nodes : undefined;
    if (nodes === undefined || data === '') return;
    const last = nodes.at(-1);
    if (typeof last === 'string') nodes[nodes.length - 1] = last + data;
    else nodes.push(data);
  };
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('opentag', (tag) => {
    const parentNs = open.length === 1 ? contentNamespace : (open.at(-1)?.ns ?? '');
    if (open.length === 0) contentNamespace = tag.attributes['xmlns']?.value ?? '';
    const attrs = canonicalAttributes(Object.values(tag.attributes));
    if (tag.uri !== parentNs) attrs['xmlns'] = tag.uri;
    open.push({ name: tag.local, attrs, nodes: [], ns: tag.uri });
  });
  parser.on('closetag', () => {
    const done = open.pop();
    if (done === undefined || open.length === 0) return;
    const element = el(done.name, done.attrs, ...done.nodes);
    if (open.length === 1) stanzas.push(element);
    else open.at(-1)?.nodes.push(element);
  });
  try {
    parser.write(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(document)).close();
  } catch {
    return undefined;
  }
  return stanzas;
}

function canonicalAttributes(attributes: readonly SaxesAttributeNS[]): Record<string, string> {
  const attrs: Record<string, string> = {};
  for (const { name, prefix, uri, value } of attributes) {
    if (name === 'xmlns' || prefix === 'xmlns') continue;
    attrs[name] = value;
    if (prefix !== '' && prefix !== 'xml') attrs[`xmlns:${prefix}`] = uri;
  }
  return attrs;
}

// White space, or a reference to some.
const SPACE = '(?:\\s|&#(?:x0*(?:9|a|d|20|a0)|0*(?:9|10|13|32|160));)';
const PADDED = new RegExp(`xmlns[^=]*=\\s*(?:"(?:${SPACE}|[^"]*${SPACE}")|'(?:${SPACE}|[^']*${SPACE}'))`, 'i');

/** Tells whether a namespace begins or ends with white space, which saxes removes although XML does not. */
export function hasPaddedNamespace(document: Buffer): boolean {
  return PADDED.test(document.toString());
}
