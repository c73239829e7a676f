import type { HttpRequest } from '../../http/message.ts';

/**
 * Whether a form was sent by one of our own pages, as far as the browser says: cookies alone do not tell pages of other hosts of
 * our domain from ours. Fetch Metadata §2.3, Fetch Standard §3.1.
 */
export function isFromHere({ headers }: Pick<HttpRequest, 'headers'>): boolean {
  const site = headers['sec-fetch-site'];
  if (typeof site === 'string') return site === 'same-origin' || site === 'none';
  const { origin } = headers;
  // Whoever sends neither is no browser, and lends its cookies to nobody.
  if (origin === undefined) return true;
  // Behind a proxy we may not know the scheme.
  return URL.canParse(origin) && new URL(origin).host === (headers.host ?? '').toLowerCase();
}
