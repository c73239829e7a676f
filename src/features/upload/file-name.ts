import { isInline } from './media-type.ts';

/** What separates folders, ends a line, or makes a name look like another: `exe.jpg` written backwards. */
const UNSAFE = /[/\\\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Returns the name under which a file is offered: the client's, without what could be more than a name. */
export function safeName(name: string): string {
  const safe = name.replace(UNSAFE, '_').trim();
  // A URL with such a segment is another one. WHATWG URL §4.4.
  return /^\.*$/.test(safe) ? 'file' : safe;
}

/** Returns a name as the last segment of a URL's path. RFC 3986 §3.3. */
export function pathSegment(name: string): string {
  return encodeURIComponent(name);
}

/** Says whether a file is to be shown or saved, and under which name. RFC 6266, RFC 8187 §3.2. */
export function contentDisposition(name: string, mediaType: string): string {
  const plain = name.replace(/[^\x20-\x7e]/g, '_').replace(/["\\%]/g, '_');
  const extended = encodeURIComponent(name).replace(/['()*]/g, percentEncoded);
  return `${isInline(mediaType) ? 'inline' : 'attachment'}; filename="${plain}"; filename*=UTF-8''${extended}`;
}

function percentEncoded(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}
