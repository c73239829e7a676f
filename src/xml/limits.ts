import { StreamError } from '../errors.ts';

/** What one element may cost. Exceeding any of them is a `policy-violation`. */
export interface XmlLimits {
  /** The length of a top-level element, or of the stream's start tag, in bytes. */
  readonly maxBytes: number;
  /** How many elements may be open at a time; a top-level element alone is 1. */
  readonly maxDepth: number;
  /** Attributes of one element, namespace declarations included; also prefixes in scope. */
  readonly maxAttributes: number;
  /** Child elements of one element. */
  readonly maxChildren: number;
  /** Nothing may stand between top-level elements, not even white space. */
  readonly refusesSpace?: boolean;
}

/** Input that is not XML, or not Namespaces in XML. RFC 6120 §4.9.3.13. */
export function notWellFormed(text: string): StreamError {
  return new StreamError('not-well-formed', { text });
}

/** Another encoding than UTF-8, or bytes that break its rules. RFC 6120 §4.9.3.22, §11.6. */
export function unsupportedEncoding(text: string): StreamError {
  return new StreamError('unsupported-encoding', { text });
}

/** XML that XMPP forbids. RFC 6120 §4.9.3.18, §11.1. */
export function restrictedXml(text: string): StreamError {
  return new StreamError('restricted-xml', { text });
}

/** A limit was exceeded. RFC 6120 §4.9.3.14. */
export function policyViolation(text: string): StreamError {
  return new StreamError('policy-violation', { text });
}
