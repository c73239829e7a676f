import type { ApplicationType, Client } from './client.ts';
import { parseUri, type Uri } from './uris.ts';

/** The target of clients that nobody can be sent back to: the code is shown. */
export const OUT_OF_BAND = 'urn:ietf:wg:oauth:2.0:oob';

const LOOPBACK: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Where the answer to an authorization request is put. OAuth 2.0 Multiple Response Type Encoding Practices §2.1. */
export type ResponseMode = 'query' | 'fragment';

/**
 * Whether a client of that type may register a redirect URI: `https` at the host of its website for `web`; for `native` the
 * loopback interface, a scheme with a dot (RFC 8252 §7), or out of band.
 */
export function isLegalRedirectUri(text: string, type: ApplicationType, clientHost: string): boolean {
  if (text === OUT_OF_BAND) return type === 'native';
  const uri = parseUri(text);
  if (uri === undefined || uri.hasFragment) return false;
  if (type === 'web') return uri.scheme === 'https' && uri.host === clientHost;
  return isLoopbackRedirect(uri) || uri.scheme.includes('.');
}

/**
 * Where an authorization request is answered: what it gave, or what it need not give because only that is registered; undefined
 * if nobody may be sent there. RFC 6749 §3.1.2.3.
 */
export function redirectUriOf(client: Client, given: string | undefined): string | undefined {
  const registered = client.metadata.redirect_uris;
  if (given === undefined) return registered.length === 1 ? registered[0] : undefined;
  return isRegistered(client, given) ? given : undefined;
}

/**
 * Whether a client registered a redirect URI: as the same string; on the loopback interface any port will do, and any of the
 * three names of it. RFC 8252 §7.3, §8.4.
 */
export function isRegistered(client: Client, given: string): boolean {
  const registered = client.metadata.redirect_uris;
  if (registered.includes(given)) return true;
  const uri = parseUri(given);
  if (uri === undefined || uri.hasFragment || !isLoopbackRedirect(uri)) return false;
  return registered.some((text) => {
    const known = parseUri(text);
    return known !== undefined && isLoopbackRedirect(known) && known.rest === uri.rest;
  });
}

/** A redirect URI with parameters; its own query is kept, and what is undefined is left out. RFC 6749 §4.1.2, §4.2.2. */
export function withParameters(
  uri: string,
  parameters: Readonly<Record<string, string | undefined>>,
  mode: ResponseMode = 'query',
): string {
  const added = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) added.append(name, value);
  if (mode === 'fragment') return `${uri}#${added}`;
  if (!uri.includes('?')) return `${uri}?${added}`;
  return /[?&]$/.test(uri) ? `${uri}${added}` : `${uri}&${added}`;
}

function isLoopbackRedirect({ scheme, host }: Uri): boolean {
  return scheme === 'http' && LOOPBACK.includes(host);
}
