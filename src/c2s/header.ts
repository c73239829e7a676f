import { StreamError } from '../errors.ts';
import { JID, JidError } from '../jid.ts';
import { NS_CLIENT, NS_STREAMS } from '../xml/ns.ts';
import type { StreamHeader } from '../xml/parser.ts';

/** Throws a StreamError unless the header is one of a client's stream. RFC 6120 §4.7, §4.8, §4.9.3.10, §4.9.3.25. */
export function checkHeader(header: StreamHeader): void {
  if (header.ns !== NS_STREAMS) throw new StreamError('invalid-namespace');
  if (header.name !== 'stream') throw new StreamError('bad-format');
  if (header.contentNamespace !== NS_CLIENT) throw new StreamError('invalid-namespace');
  const [major] = (header.attrs['version'] ?? '0.9').split('.');
  if (!(Number(major) >= 1)) throw new StreamError('unsupported-version');
}

/** The domain that an address consists of, or '' when it is anything else. */
export function domainOf(address: string): string {
  const jid = parse(address);
  return jid?.local === '' && jid.resource === '' ? jid.domain : '';
}

/** Who a client says it is: a bare JID of this domain, or undefined when it does not say. Throws `invalid-from`. XEP-0388 §2.1. */
export function claimedAddress(from: string | undefined, domain: string): JID | undefined {
  if (from === undefined || from === '') return undefined;
  const jid = parse(from)?.bare();
  if (jid?.domain !== domain) throw new StreamError('invalid-from');
  return jid.local === '' ? undefined : jid;
}

function parse(address: string): JID | undefined {
  try {
    return JID.parse(address);
  } catch (error) {
    if (error instanceof JidError) return undefined;
    throw error;
  }
}

/** Whether a client may send stanzas from an address: its bare or its full JID. RFC 6120 §8.1.2.1. */
export function isOwnAddress(from: JID, session: JID): boolean {
  return from.equals(session) || from.equals(session.bare());
}
