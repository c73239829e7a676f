import type { HttpRequest } from '../../http/message.ts';

/** Returns the origin of a request as its client names it: by its Host header, and by whether it came over TLS. RFC 6454 §4. */
export function originOf({ headers, secure }: Pick<HttpRequest, 'headers' | 'secure'>): string | undefined {
  const url = `${secure ? 'https' : 'http'}://${headers.host ?? ''}`;
  return URL.canParse(url) ? new URL(url).origin : undefined;
}
