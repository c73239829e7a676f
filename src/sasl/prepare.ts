import { isUtf8 } from 'node:buffer';
import saslprep from 'saslprep';
import { SaslError } from '../errors.ts';
import { JID, JidError, prepareLocal } from '../jid.ts';

/** The longest password that we take, in bytes of UTF-8, before and after preparation. */
export const MAX_PASSWORD_BYTES = 1024;

// SASLprep leaves this as it is, and most names and passwords are nothing else.
const PRINTABLE_ASCII = /^[ -~]+$/;

// Code points that Unicode 3.2 did not know, emoji among them, are let through, both where a password is set and where
// it is checked. RFC 4013 §2.5 forbids them in stored strings, which would refuse passwords that phones let users type.
function prepared(text: string): string | undefined {
  if (PRINTABLE_ASCII.test(text)) return text;
  try {
    return saslprep(text, { allowUnassigned: true });
  } catch {
    return undefined;
  }
}

/** Prepares a password by SASLprep (RFC 4013); undefined when it is empty, too long or holds what SASLprep forbids. */
export function preparePassword(password: string): string | undefined {
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return undefined;
  const result = prepared(password);
  return result === undefined || result === '' || Buffer.byteLength(result) > MAX_PASSWORD_BYTES ? undefined : result;
}

/**
 * Prepares the simple user name of a client (RFC 6120 §6.3.7) by SASLprep and then as a localpart (RFC 7622 §3.3).
 * A name that no account can have is refused with `not-authorized`, as an unknown account is.
 */
export function prepareUsername(name: string): string {
  const username = prepared(name);
  if (username === undefined) throw new SaslError('not-authorized');
  try {
    return prepareLocal(username);
  } catch (error) {
    if (error instanceof JidError) throw new SaslError('not-authorized', { cause: error });
    throw error;
  }
}

/** Reads an authorization identity as a bare JID, or throws `invalid-authzid`. RFC 6120 §6.3.8. */
export function parseAuthzid(authzid: string): JID {
  let jid: JID;
  try {
    jid = JID.parse(authzid);
  } catch (error) {
    if (error instanceof JidError) throw new SaslError('invalid-authzid', { cause: error });
    throw error;
  }
  if (jid.local === '' || !jid.isBare) throw new SaslError('invalid-authzid');
  return jid;
}

/** Throws `invalid-authzid` unless the client asks for its own account or for none in particular. RFC 6120 §6.3.8. */
export function checkAuthzid(authzid: string, account: JID): void {
  if (authzid !== '' && !parseAuthzid(authzid).equals(account)) {
    throw new SaslError('invalid-authzid', { text: 'Only your own address can be used.' });
  }
}

/** Decodes UTF-8 strictly, or throws `malformed-request`. */
export function decodeUtf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new SaslError('malformed-request', { text: 'The message is not UTF-8.' });
  return bytes.toString('utf8');
}

/** Decodes base64 in its one canonical form: padded, no white space, no stray bits. RFC 4648 §3; undefined otherwise. */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
