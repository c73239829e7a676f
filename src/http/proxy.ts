import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { normalizeAddress } from '../net/address.ts';

/** Who is at the other end, and whether the way to there is encrypted. */
export interface Peer {
  readonly remoteAddress: string;
  readonly secure: boolean;
}

/** What browsers and proxies call an encrypted connection. */
const ENCRYPTED = /^(?:https|wss)$/i;

/** An address in brackets or of IPv4, with or without the port that some proxies add. */
const WITH_PORT = /^(?:\[([^[\]]*)\]|([^:]*))(?::\d{1,5})?$/;

/**
 * Returns whom a request of a trusted proxy is from, by the headers `X-Forwarded-For` and `X-Forwarded-Proto`. Where they
 * say nothing or are malformed, it is from the proxy itself. Whoever adds to such a header does so at its end, so what a
 * client has made up is left of what proxies say.
 */
export function clientOf(
  proxy: Peer,
  headers: IncomingMessage['headers'],
  isProxy: (address: string) => boolean,
): Peer {
  const addresses = valuesOf(headers['x-forwarded-for']);
  const protocols = valuesOf(headers['x-forwarded-proto']);
  return {
    remoteAddress: clientAddress(addresses, isProxy) ?? proxy.remoteAddress,
    // Where several proxies have spoken, none of their connections may be in the clear.
    secure: protocols.length === 0 ? proxy.secure : protocols.every((protocol) => ENCRYPTED.test(protocol)),
  };
}

/** The last address that is no proxy's, or the first of all when every one is. */
function clientAddress(addresses: readonly string[], isProxy: (address: string) => boolean): string | undefined {
  let client: string | undefined;
  for (const text of addresses.toReversed()) {
    client = addressOf(text);
    if (client === undefined || !isProxy(client)) break;
  }
  return client;
}

function addressOf(text: string): string | undefined {
  const [, bracketed, plain = text] = WITH_PORT.exec(text) ?? [];
  const address = bracketed ?? plain;
  return isIP(address) === 0 ? undefined : normalizeAddress(address);
}

function valuesOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  return String(header)
    .split(',')
    .map((value) => value.trim());
}
