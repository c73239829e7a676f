import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** For whom passkeys are made, and where they may be used. WebAuthn Level 3 §4. */
export interface RelyingParty {
  /** The domain that passkeys belong to: the RP ID. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** Of the pages on which they are used. RFC 6454. */
  readonly origins: readonly string[];
}

/** Where pages of a host are served. */
export interface Place {
  readonly domain: string;
  /** The https URL that clients reach us at; undefined where there is none. */
  readonly httpsUrl: string | undefined;
  /** The origin of the request in hand, as its client names it. */
  readonly origin: string | undefined;
}

/**
 * Returns the domain that the passkeys of a host belong to. It is the host's own wherever pages are served below that, so that
 * passkeys outlive a move of the pages; otherwise that of the pages. Undefined for pages at a bare IP address, for which there
 * are no passkeys. WebAuthn Level 3 §5.1.3, step 8.
 */
export function relyingPartyId(domain: string, httpsUrl: string | undefined): string | undefined {
  const own = domainToASCII(domain);
  const served = httpsUrl === undefined ? own : new URL(httpsUrl).hostname;
  const id = served === own || served.endsWith(`.${own}`) ? own : served;
  return id === '' || isIP(id) !== 0 || id.startsWith('[') ? undefined : id;
}

/**
 * Returns the origins on which the passkeys of a host may be used: where clients are told to reach us, and where the request
 * has come to, if that is the host itself at another port, such as behind a proxy that we know nothing of. Without TLS it has
 * to be this machine. W3C Secure Contexts §3.1.
 */
export function passkeyOrigins({ domain, httpsUrl, origin }: Place): string[] {
  const origins = httpsUrl === undefined ? [] : [new URL(httpsUrl).origin];
  if (origin === undefined || !URL.canParse(origin)) return origins;
  const { protocol, hostname, origin: asked } = new URL(origin);
  const isTrusted = protocol === 'https:' || hostname === 'localhost' || hostname.endsWith('.localhost');
  if (hostname === domainToASCII(domain) && isTrusted && !origins.includes(asked)) origins.push(asked);
  return origins;
}
