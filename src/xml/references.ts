import { isChar } from './chars.ts';
import { notWellFormed, restrictedXml } from './limits.ts';

const ENTITIES: Readonly<Record<string, number>> = { amp: 0x26, apos: 0x27, gt: 0x3e, lt: 0x3c, quot: 0x22 };

/** Returns the code point that a reference stands for, without `&` and `;`, or undefined. XML §4.1, §4.6. */
function codePointOf(reference: string): number | undefined {
  if (reference.charCodeAt(0) !== 0x23) return Object.hasOwn(ENTITIES, reference) ? ENTITIES[reference] : undefined;
  if (/^#[0-9]+$/.test(reference)) return Number(reference.slice(1));
  if (/^#x[0-9A-Fa-f]+$/.test(reference)) return Number(`0${reference.slice(1)}`);
  return undefined;
}

/** Refuses a reference, given without `&` and `;`, that does not stand for a character of XML. XML §4.1. */
export function checkReference(reference: string): void {
  const code = codePointOf(reference);
  if (code === undefined) {
    if (/^[A-Za-z_]/.test(reference)) throw restrictedXml('entities other than the predefined ones are not allowed');
    throw notWellFormed('a reference is malformed');
  }
  if (!isChar(code)) throw notWellFormed('a reference stands for a character that is not allowed in XML');
}

/** Resolves the references in character data that was found well-formed, and normalises line ends. XML §2.11. */
export function decodeText(raw: string): string {
  return raw.replace(/\r\n?|&([^;]+);/g, (_, reference: string | undefined) =>
    reference === undefined ? '\n' : characterOf(reference),
  );
}

/** Resolves the references in an attribute value that was found well-formed, and normalises white space. XML §3.3.3. */
export function decodeValue(raw: string): string {
  return raw.replace(/\r\n?|[\n\t]|&([^;]+);/g, (_, reference: string | undefined) =>
    reference === undefined ? ' ' : characterOf(reference),
  );
}

/** Normalises the line ends in a CDATA section. XML §2.11. */
export function normalizeLines(raw: string): string {
  return raw.replace(/\r\n?/g, '\n');
}

function characterOf(reference: string): string {
  return String.fromCodePoint(codePointOf(reference) as number);
}
