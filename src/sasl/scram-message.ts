import { SaslError } from '../errors.ts';
import { decodeBase64, decodeUtf8 } from './prepare.ts';

/** A client-first-message. RFC 5802 §7. */
export interface ClientFirst {
  /** The channel-binding flag: not supported, supported but not seen offered, or the type in use. */
  readonly flag: 'n' | 'y' | { readonly type: string };
  readonly authzid: string;
  readonly username: string;
  readonly nonce: string;
  /** The message up to and including the comma after the authzid, as it came. */
  readonly gs2Header: string;
  /** The rest of the message, as it came. */
  readonly bare: string;
}

/** A client-final-message. RFC 5802 §7. */
export interface ClientFinal {
  readonly channelBinding: Buffer;
  readonly nonce: string;
  readonly proof: Buffer;
  /** The message without `,p=…`, as it came. */
  readonly withoutProof: string;
}

// Attributes that have a meaning somewhere in the protocol cannot be optional extensions.
const KNOWN_ATTRIBUTES = 'anmrcsipve';

/** Reads a client-first-message; throws `malformed-request` for anything that the grammar does not allow. */
export function parseClientFirst(message: Buffer): ClientFirst {
  const text = readText(message);
  const [flag = '', authzid = '', ...attributes] = text.split(',');
  const gs2Header = `${flag},${authzid},`;
  if (attributes[0]?.startsWith('m=')) throw malformed('Mandatory extensions are not supported.');
  const [username, nonce, ...extensions] = attributes;
  checkExtensions(extensions);
  return {
    flag: parseFlag(flag),
    authzid: authzid === '' ? '' : parseName(attributeValue('a', authzid)),
    username: parseName(attributeValue('n', username)),
    nonce: parseNonce(nonce),
    gs2Header,
    bare: text.slice(gs2Header.length),
  };
}

/** Reads a client-final-message; throws `malformed-request` for anything that the grammar does not allow. */
export function parseClientFinal(message: Buffer): ClientFinal {
  const text = readText(message);
  const attributes = text.split(',');
  const proof = attributes.pop() ?? '';
  const [channelBinding, nonce, ...extensions] = attributes;
  checkExtensions(extensions);
  return {
    channelBinding: parseBase64(attributeValue('c', channelBinding)),
    nonce: parseNonce(nonce),
    proof: parseBase64(attributeValue('p', proof)),
    withoutProof: text.slice(0, -proof.length - 1),
  };
}

function readText(message: Buffer): string {
  const text = decodeUtf8(message);
  if (text.includes('\0')) throw malformed('The message contains NUL.');
  return text;
}

function parseFlag(flag: string): ClientFirst['flag'] {
  if (flag === 'n' || flag === 'y') return flag;
  const type = /^p=([A-Za-z0-9.-]+)$/.exec(flag)?.[1];
  if (type === undefined) throw malformed('The channel-binding flag is malformed.');
  return { type };
}

function attributeValue(name: string, attribute: string | undefined): string {
  if (attribute === undefined || !attribute.startsWith(`${name}=`) || attribute.length < 3) {
    throw malformed(`Expected the attribute "${name}".`);
  }
  return attribute.slice(2);
}

/** Reads a saslname, where `,` and `=` are written `=2C` and `=3D`. */
function parseName(value: string): string {
  if (/=(?!2C|3D)/.test(value)) throw malformed('A name contains a bare "=".');
  return value.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

function parseNonce(attribute: string | undefined): string {
  const nonce = attributeValue('r', attribute);
  if (!/^[\x21-\x7e]+$/.test(nonce)) throw malformed('The nonce contains characters that are not printable.');
  return nonce;
}

function parseBase64(value: string): Buffer {
  const bytes = decodeBase64(value);
  if (bytes === undefined) throw malformed('The base64 is malformed.');
  return bytes;
}

/** Optional extensions are ignored, but each may stand there once. RFC 5802 §5.1. */
function checkExtensions(extensions: readonly string[]): void {
  const seen = new Set<string>();
  for (const extension of extensions) {
    const name = /^([A-Za-z])=./su.exec(extension)?.[1];
    if (name === undefined || KNOWN_ATTRIBUTES.includes(name) || seen.has(name)) {
      throw malformed('An attribute is malformed, misplaced or given twice.');
    }
    seen.add(name);
  }
}

function malformed(text: string): SaslError {
  return new SaslError('malformed-request', { text });
}
