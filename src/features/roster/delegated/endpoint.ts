import { isIP } from 'node:net';

/** Where a request goes. */
export interface Endpoint {
  readonly isTls: boolean;
  /** A name or an IP address, the latter without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Path and query, exactly as they are sent. */
  readonly target: string;
}

/** Stands for the localpart while a template is read: neither the parsing of URLs nor that of names changes it. */
const MARK = 'localpart-goes-here';

/** Reads an http(s) URL without credentials and fragment; undefined when it is none. */
export function parseEndpoint(url: string): Endpoint | undefined {
  if (/[\s#\\]/.test(url) || !URL.canParse(url)) return undefined;
  const { protocol, username, password, hostname, port, pathname, search } = new URL(url);
  const isTls = protocol === 'https:';
  if (username !== '' || password !== '' || (!isTls && protocol !== 'http:')) return undefined;
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    isTls,
    hostname: isIP(address) === 0 ? hostname : address,
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    target: `${pathname}${search}`,
  };
}

/**
 * Reads a URL in whose path or query one `%s` stands for a localpart, and returns where the request for a localpart goes, which
 * is percent-encoded (RFC 3986 §2.1); undefined when it is no such URL.
 */
export function parseEndpointTemplate(template: string): ((local: string) => Endpoint) | undefined {
  if (template.split('%s').length !== 2) return undefined;
  const endpoint = parseEndpoint(template.replace('%s', MARK));
  const [before, after] = endpoint?.target.split(MARK) ?? [];
  if (endpoint === undefined || before === undefined || after === undefined) return undefined;
  return (local) => ({ ...endpoint, target: `${before}${encodeLocal(local)}${after}` });
}

/** Dots alone would be steps in the tree of paths (RFC 3986 §3.3), and users are free to be named so. */
function encodeLocal(local: string): string {
  return /^\.+$/.test(local) ? local.replaceAll('.', '%2E') : encodeURIComponent(local);
}
