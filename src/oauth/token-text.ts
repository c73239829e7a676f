import { decodeBase64 } from '../sasl/prepare.ts';

/** How many bytes of a token are its secret. */
export const SECRET_BYTES = 18;

// RFC 8959: secrets that are marked as such are found where they do not belong, such as in public repositories.
const SCHEME = 'secret-token:';
const VERSION = '2;';
const SEPARATOR = 0x3b;
/** Longer than any token of ours: a JID alone has 2,047 bytes at most. In characters. */
const MAX_LENGTH = 4096;
/** In bytes. */
const MAX_GRANT_ID = 64;

/** What is written in a token. */
export interface TokenParts {
  readonly grantId: string;
  /** So many bytes as {@link SECRET_BYTES} says. */
  readonly secret: Buffer;
  /** The bare JID of the account. */
  readonly jid: string;
}

/** Whether a text says of itself that it is a token and no password. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith(SCHEME);
}

/** Writes a token: the version, the grant, the secret and the account, in base64. */
export function formatToken({ grantId, secret, jid }: TokenParts): string {
  const bytes = Buffer.concat([Buffer.from(`${VERSION}${grantId};`), secret, Buffer.from(`;${jid}`)]);
  return `${SCHEME}${bytes.toString('base64')}`;
}

/** Reads a token, by lengths because the secret may contain what separates; undefined for what is none. */
export function parseToken(text: string): TokenParts | undefined {
  if (!looksLikeToken(text) || text.length > MAX_LENGTH) return undefined;
  const bytes = decodeBase64(text.slice(SCHEME.length));
  if (bytes === undefined || bytes.toString('latin1', 0, VERSION.length) !== VERSION) return undefined;
  const start = bytes.indexOf(SEPARATOR, VERSION.length) + 1;
  const end = start + SECRET_BYTES;
  if (start <= VERSION.length + 1 || start > VERSION.length + 1 + MAX_GRANT_ID || bytes[end] !== SEPARATOR) {
    return undefined;
  }
  const jid = bytes.toString('utf8', end + 1);
  if (jid === '') return undefined;
  return {
    grantId: bytes.toString('latin1', VERSION.length, start - 1),
    secret: bytes.subarray(start, end),
    jid,
  };
}
