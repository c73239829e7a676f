// The alphabet of XML 1.0 (fifth edition) over UTF-8: a class table for ASCII, and code points for the rest.

/** May begin a name; the colon is not counted in. */
export const NAME_START = 1;
/** May continue a name; the colon is not counted in. */
export const NAME = 2;
/** White space. */
export const SPACE = 4;
/** Stands for itself in character data: not `<`, `&`, `>`, a carriage return, a control character, or part of a longer sequence. */
export const PLAIN_TEXT = 8;
/** Stands for itself in an attribute value: like text, but neither quotes nor white space other than the space. */
export const PLAIN_VALUE = 16;

/** The classes of each byte, as the sum of the constants above. Bytes from 0x80 have none. */
export const CLASSES = new Uint8Array(256);

for (let byte = 0x20; byte < 0x80; byte++) {
  const char = String.fromCharCode(byte);
  let classes = 0;
  if (/[A-Za-z_]/.test(char)) classes |= NAME_START;
  if (/[A-Za-z0-9_.-]/.test(char)) classes |= NAME;
  if (!/[<>&]/.test(char)) classes |= PLAIN_TEXT;
  if (!/[<&"']/.test(char)) classes |= PLAIN_VALUE;
  CLASSES[byte] = classes;
}
CLASSES[0x20] = SPACE | PLAIN_TEXT | PLAIN_VALUE;
CLASSES[0x09] = SPACE | PLAIN_TEXT;
CLASSES[0x0a] = SPACE | PLAIN_TEXT;
CLASSES[0x0d] = SPACE;

/** What {@link decodeCodePoint} returns when the sequence goes on beyond the bytes at hand. */
export const INCOMPLETE = -1;
/** What {@link decodeCodePoint} returns for bytes that are not UTF-8. */
export const INVALID = -2;

/** Decodes the UTF-8 sequence of two to four bytes at `at`, or returns `INCOMPLETE` or `INVALID`. RFC 3629 §4. */
export function decodeCodePoint(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0) return INVALID;
  let code = lead & (0xff >> (length + 1));
  for (let i = at + 1; i < at + length; i++) {
    if (i >= end) return INCOMPLETE;
    const byte = bytes[i] as number;
    if ((byte & 0xc0) !== 0x80) return INVALID;
    code = (code << 6) | (byte & 0x3f);
  }
  if (length === 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) return INVALID;
  if (length === 4 && (code < 0x10000 || code > 0x10ffff)) return INVALID;
  return code;
}

/** Tells whether XML 1.0 can carry the character. XML §2.2, Char. */
export function isChar(code: number): boolean {
  if (code < 0x20) return code === 0x09 || code === 0x0a || code === 0x0d;
  return code <= 0xd7ff || (code >= 0xe000 && code <= 0xfffd) || (code >= 0x10000 && code <= 0x10ffff);
}

/** Tells whether a character beyond ASCII may begin a name. XML §2.3, NameStartChar. */
export function isNameStart(code: number): boolean {
  if (code < 0x2000) {
    return (
      code >= 0xc0 &&
      code <= 0x1fff &&
      code !== 0xd7 &&
      code !== 0xf7 &&
      !(code >= 0x300 && code <= 0x36f) &&
      code !== 0x37e
    );
  }
  return (
    code === 0x200c ||
    code === 0x200d ||
    (code >= 0x2070 && code <= 0x218f) ||
    (code >= 0x2c00 && code <= 0x2fef) ||
    (code >= 0x3001 && code <= 0xd7ff) ||
    (code >= 0xf900 && code <= 0xfdcf) ||
    (code >= 0xfdf0 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0xeffff)
  );
}

/** Tells whether a character beyond ASCII may continue a name. XML §2.3, NameChar. */
export function isNameChar(code: number): boolean {
  return isNameStart(code) || code === 0xb7 || (code >= 0x300 && code <= 0x36f) || code === 0x203f || code === 0x2040;
}
