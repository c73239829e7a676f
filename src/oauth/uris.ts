import { domainName } from '../precis/domain-name.ts';

/** A URI by RFC 3986, as far as registrations are about it. */
export interface Uri {
  /** In lower case. */
  readonly scheme: string;
  /** Without port, in the form that browsers give it; '' if there is none. */
  readonly host: string;
  /** The path and the query. */
  readonly rest: string;
  readonly hasFragment: boolean;
}

/** The characters that RFC 3986 §2 has, and percent signs only where they encode something. */
const CHARACTERS = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const PARTS = /^([a-z][a-z0-9+.-]*):(?:\/\/([^/?#]*))?([^#]*)(#.*)?$/;
/** A host and a port; what is in front of an @ has no place here. */
const AUTHORITY = /^(\[[0-9a-f:.]+\]|[^[\]:@]*)(?::([1-9][0-9]{0,4}))?$/;
const HOST_OF_OTHERS = /^[a-z0-9.-]*$/;
const MAX_PORT = 65_535;

/**
 * Takes a URI apart; undefined for one that is relative, malformed, with user information, with a port outside 1 to 65535,
 * or with a scheme or host that is not in its normal form: lower case, IDNA in ASCII, addresses as browsers write them.
 */
export function parseUri(text: string): Uri | undefined {
  if (!CHARACTERS.test(text)) return undefined;
  const [, scheme = '', authority, rest = '', fragment] = PARTS.exec(text) ?? [];
  if (scheme === '' || (authority === undefined && rest === '')) return undefined;
  const match = AUTHORITY.exec(authority ?? '');
  if (match === null) return undefined;
  const [, host = '', port = '1'] = match;
  const isWeb = scheme === 'https' || scheme === 'http';
  const isHostNormal = isWeb ? host === normalHost(host) : HOST_OF_OTHERS.test(host);
  if (!isHostNormal || Number(port) > MAX_PORT) return undefined;
  return { scheme, host, rest, hasFragment: fragment !== undefined };
}

/** Whether a host is the machine that asks, so that its name means something else on each. RFC 6761 §6.3, RFC 6890. */
export function isLoopback(host: string): boolean {
  return /^(?:(?:.*\.)?localhost|127\.[\d.]*|0\.0\.0\.0|\[::1?\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]*\])$/.test(host);
}

/** The normal form of the host of a web address; undefined for what is none. */
function normalHost(host: string): string | undefined {
  if (host === '' || host.endsWith('.')) return undefined;
  // Some versions of Node take what begins as an A-label for one without looking further.
  if (host.includes('xn--') && domainName(host) === undefined) return undefined;
  try {
    return new URL(`https://${host}/`).hostname;
  } catch {
    return undefined;
  }
}
