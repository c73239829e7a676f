import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import { satisfiesBidiRule } from './bidi-rule.ts';
import { isIdentifier, mapWidth } from './profiles.ts';

const MAX_LABEL_OCTETS = 63;
const A_LABEL_PREFIX = 'xn--';
const NON_ASCII = /[^\0-\x7f]/;
// RFC 5891 §4.2.3.1 and §4.2.3.2.
const MISPLACED_HYPHEN_OR_MARK = /^-|^..--|-$|^\p{M}/u;
const FULL_STOPS = /[\u3002\uff0e\uff61]/g;
const NUMBER = /^(?:[0-9]+|0x[0-9a-f]*)$/;

const HYPHEN = 0x2d;
const DOT = 0x2e;

function isLowerLetterOrDigit(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39);
}

/** Whether a text is made of lower-case LDH labels (RFC 5890 §2.3.1) of 1 to 63 octets. */
function isLdhName(text: string): boolean {
  let labelStart = 0;
  for (let index = 0; index <= text.length; index++) {
    const code = index < text.length ? text.charCodeAt(index) : DOT;
    if (code === DOT) {
      const length = index - labelStart;
      if (length < 1 || length > MAX_LABEL_OCTETS) return false;
      if (text.charCodeAt(labelStart) === HYPHEN || text.charCodeAt(index - 1) === HYPHEN) return false;
      labelStart = index + 1;
    } else if (code !== HYPHEN && !isLowerLetterOrDigit(code)) {
      return false;
    }
  }
  return true;
}

/**
 * Maps as RFC 5895 §2 says: lower case, ordinary width, ASCII full stops, Unicode form C. Letters go to lower case one
 * by one, because the whole word would turn a last Σ into ς, which in IDNA2008 is another label than σ.
 */
function map(text: string): string {
  if (!NON_ASCII.test(text)) return text.toLowerCase();
  return mapWidth(text.replace(FULL_STOPS, '.'))
    .replace(/\p{Lu}/gu, (char) => char.toLowerCase())
    .normalize('NFC');
}

/** Returns an IPv6 literal in the form of RFC 5952; a zone is refused, as it means nothing to a peer. */
function ipv6Literal(text: string): string | undefined {
  const address = text.slice(1, -1);
  if (!text.endsWith(']') || !isIPv6(address) || address.includes('%')) return undefined;
  return domainToASCII(text);
}

/** Whether a decoded label is a U-label of IDNA2008, or an LDH label that is no A-label. */
function isDecodedLabel(label: string): boolean {
  if (!NON_ASCII.test(label)) return !label.startsWith(A_LABEL_PREFIX);
  return !MISPLACED_HYPHEN_OR_MARK.test(label) && isIdentifier(label) && satisfiesBidiRule(label);
}

/**
 * Turns A-labels into U-labels. Node applies UTS 46, which maps and admits more than IDNA2008, and cuts the text where
 * a URL would end; so the labels that come back must be those that went in, and each is checked. They are compared as
 * mapped, for the sake of Cherokee: its U-labels are in upper case.
 */
function internationalName(name: string): string | undefined {
  const ascii = domainToASCII(name);
  if (!isLdhName(ascii) || isNumeric(ascii)) return undefined;
  const aLabels = ascii.split('.');
  const labels = domainToUnicode(ascii).split('.');
  const unchanged = name.split('.').every((given, index) => {
    return given === aLabels[index] || given === map(labels[index] ?? '');
  });
  return unchanged && labels.every(isDecodedLabel) ? labels.join('.') : undefined;
}

/** Whether the last label is a number, so that a resolver would take the whole for an IPv4 address. */
function isNumeric(name: string): boolean {
  return NUMBER.test(name.slice(name.lastIndexOf('.') + 1));
}

function asciiName(name: string): string | undefined {
  return isNumeric(name) && !isIPv4(name) ? undefined : name;
}

/**
 * Returns the one normal form of a domain (RFC 7622 §3.2): lower case, U-labels, no final dot; or an IPv4 address, or
 * an IPv6 address in brackets. Undefined when the text is none of these.
 *
 * U-labels because RFC 7622 §3.2.1 demands that A-labels be converted: addresses are compared and shown as Unicode,
 * and only a DNS query needs the other form. Labels are LDH, so an underscore is refused: it names DNS records, not
 * hosts, and no certificate may hold it. Two hyphens in third and fourth place are allowed in ASCII labels, which is
 * how some real hosts are called. A name such as `127.1` is refused rather than read as the address 127.0.0.1.
 */
export function domainName(text: string): string | undefined {
  if (isLdhName(text) && !text.includes(A_LABEL_PREFIX)) return asciiName(text);
  const mapped = map(text);
  if (mapped.startsWith('[')) return ipv6Literal(mapped);
  const name = mapped.endsWith('.') ? mapped.slice(0, -1) : mapped;
  if (NON_ASCII.test(name) || name.includes(A_LABEL_PREFIX)) return internationalName(name);
  return isLdhName(name) ? asciiName(name) : undefined;
}
