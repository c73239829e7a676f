import { isIP } from 'node:net';
import type { FeatureHost } from '../../core/feature.ts';
import { HttpError, type HttpRequest, type HttpResponse } from '../../http/message.ts';

/**
 * Keeps pages that ask for passwords off connections in the clear, where streams must be encrypted too: returns where to go
 * instead, and undefined when nothing is wrong. Connections of this machine may be those of a proxy. Throws HttpError 403 for
 * what cannot be sent on.
 */
export function insecureAnswer(request: HttpRequest, host: FeatureHost): HttpResponse | undefined {
  const { secure, remoteAddress, method, path, query } = request;
  if (secure || !host.settings.current.c2s.requireEncryption || isLoopback(remoteAddress)) return undefined;
  if (method !== 'GET' || host.httpsUrl === undefined) throw new HttpError(403, 'This page is for https only.');
  const search = query.size === 0 ? '' : `?${query}`;
  return { status: 308, headers: { location: `${host.httpsUrl}${path}${search}` } };
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}
