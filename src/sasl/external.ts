import type { X509Certificate } from 'node:crypto';
import { SaslError } from '../errors.ts';
import { JID, JidError } from '../jid.ts';
import type { SaslAttempt, SaslMechanism, SaslStep } from './mechanism.ts';
import { EMPTY_CHALLENGE } from './mechanism.ts';
import { decodeUtf8, parseAuthzid } from './prepare.ts';

// Each costs a look-up, and whoever made the certificate chose how many there are.
const MAX_ADDRESSES = 16;

/**
 * The client's certificate. RFC 4422 Appendix A, XEP-0178 §2. Only an id-on-xmppAddr names an account: the XEP's other
 * way, to map an e-mail address or a common name, depends on what the authority promises about those names.
 */
export const external: SaslMechanism = {
  name: 'EXTERNAL',
  usable: ({ secure, peerCertificate }) => secure && peerCertificate !== undefined,
  start: (attempt) => ({ step: (input) => (input === undefined ? EMPTY_CHALLENGE : authorize(attempt, input)) }),
};

async function authorize({ context, claim }: SaslAttempt, message: Buffer): Promise<SaslStep> {
  const { domain, credentials, peerCertificate } = context;
  if (peerCertificate === undefined) throw new SaslError('not-authorized');
  const authzid = decodeUtf8(message);
  const certified = accountsOf(peerCertificate, domain);
  const accounts: JID[] = [];
  for (const jid of certified) if ((await credentials.status(jid.local)) !== undefined) accounts.push(jid);
  const wanted = authzid === '' ? undefined : parseAuthzid(authzid);
  const jid = wanted === undefined ? accounts[0] : accounts.find((account) => account.equals(wanted));
  if (wanted !== undefined && !certified.some((address) => address.equals(wanted))) {
    throw new SaslError('invalid-authzid', { text: 'The certificate does not name this address.' });
  }
  if (jid === undefined) {
    throw new SaslError('not-authorized', { text: 'The certificate names no account of this host.' });
  }
  if (wanted === undefined && accounts.length > 1) {
    throw new SaslError('invalid-authzid', { text: 'The certificate names several accounts: say which.' });
  }
  claim(jid.local);
  return { kind: 'success', jid };
}

/** The addresses of this host that the certificate names, each once. */
function accountsOf(certificate: X509Certificate, domain: string): JID[] {
  const found = new Map<string, JID>();
  for (const address of xmppAddresses(certificate)) {
    const jid = parseJid(address);
    if (jid !== undefined && jid.local !== '' && jid.isBare && jid.domain === domain) {
      found.set(jid.toString(), jid);
    }
  }
  return [...found.values()];
}

function parseJid(address: string): JID | undefined {
  try {
    return JID.parse(address);
  } catch (error) {
    if (error instanceof JidError) return undefined;
    throw error;
  }
}

/**
 * Returns the id-on-xmppAddr names of a certificate as they stand there, 16 at most. RFC 6120 §13.7.1.4.
 * Node's text form is read, where a name that could be mistaken for more than one is written as a JSON string.
 */
export function xmppAddresses(certificate: X509Certificate): string[] {
  const found: string[] = [];
  for (const [, type, quoted, bare] of (certificate.subjectAltName ?? '').matchAll(
    /(?:^|, )([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?=, |$)/gy,
  )) {
    const name = quoted === undefined ? bare : unquote(quoted);
    if (type === 'othername' && name?.startsWith('XmppAddr:')) found.push(name.slice('XmppAddr:'.length));
    if (found.length === MAX_ADDRESSES) break;
  }
  return found;
}

function unquote(json: string): string {
  const value: unknown = JSON.parse(json);
  return String(value);
}
