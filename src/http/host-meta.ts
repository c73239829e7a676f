import { domainToASCII } from 'node:url';
import { escapeAttribute } from '../xml/element.ts';
import { HttpError, type HttpHandler, type HttpRequest, jsonResponse } from './message.ts';
import { httpsUrlOf } from './public-url.ts';
import type { Routes } from './routes.ts';

const NS_XRD = 'http://docs.oasis-open.org/ns/xri/xrd-1.0';
const REL_WEBSOCKET = 'urn:xmpp:alt-connections:websocket';

/** Long enough to spare a look-up per connection, short enough for a move to be noticed the same day. */
const CACHE = { 'cache-control': 'public, max-age=3600' } as const;

/** What host-meta tells clients. */
export interface HostMetaOptions {
  /** The domains of our virtual hosts. */
  readonly hosts: () => Iterable<string>;
  /** The https URL that clients reach the HTTP server at if that is not our own listener, such as a proxy's. */
  readonly publicUrl: () => string | undefined;
  /** The port of our https listener. */
  readonly httpsPort: () => number | undefined;
  /** The path of the WebSocket endpoint. */
  readonly websocketPath: string;
}

interface Link {
  readonly rel: string;
  readonly href: string;
}

/**
 * Serves `/.well-known/host-meta` and its JSON twin, which tell clients in browsers where to find the WebSocket, and
 * returns what removes them. XEP-0156, RFC 6415.
 */
export function serveHostMeta(routes: Routes, options: HostMetaOptions): () => void {
  const xrd: HttpHandler = (request) => ({
    status: 200,
    headers: { 'content-type': 'application/xrd+xml; charset=utf-8', ...CACHE },
    body: xrdOf(linksFor(request, options)),
  });
  const jrd: HttpHandler = (request) => jsonResponse(200, { links: linksFor(request, options) }, CACHE);
  const removals = [
    routes.add('GET', '/.well-known/host-meta', xrd, { crossOrigin: {} }),
    routes.add('GET', '/.well-known/host-meta.json', jrd, { crossOrigin: {} }),
  ];
  return () => {
    for (const remove of removals) remove();
  };
}

/** Only for our own hosts: else whoever points a name at this server would have us vouch for it. */
function linksFor(request: HttpRequest, options: HostMetaOptions): Link[] {
  const host = domainToASCII(request.host);
  const isOurs = Array.from(options.hosts(), domainToASCII).includes(host);
  if (host === '' || !isOurs) throw new HttpError(404, 'Not found.');
  const href = websocketUrl(host, options);
  return href === undefined ? [] : [{ rel: REL_WEBSOCKET, href }];
}

/** The URL of the WebSocket endpoint for a host; undefined if there is none with TLS, as XEP-0156 §3 demands. */
function websocketUrl(host: string, options: HostMetaOptions): string | undefined {
  const base = httpsUrlOf(host, { publicUrl: options.publicUrl(), httpsPort: options.httpsPort() });
  return base === undefined ? undefined : `${base.replace(/^https/, 'wss')}${options.websocketPath}`;
}

function xrdOf(links: readonly Link[]): string {
  const parts = links.map(({ rel, href }) => `<Link rel="${escapeAttribute(rel)}" href="${escapeAttribute(href)}"/>`);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<XRD xmlns="${NS_XRD}">${parts.join('')}</XRD>\n`;
}
