import { domainToASCII } from 'node:url';

/** What decides where clients reach the HTTP server. */
export interface PublicUrlOptions {
  /** The https URL that clients reach it at if that is not our own listener, such as a proxy's. */
  readonly publicUrl: string | undefined;
  /** The port of our https listener. */
  readonly httpsPort: number | undefined;
}

/**
 * Returns the https URL under which clients reach what is served for a host, without a slash at its end; undefined if there
 * is none with TLS.
 */
export function httpsUrlOf(host: string, { publicUrl, httpsPort }: PublicUrlOptions): string | undefined {
  if (publicUrl !== undefined) {
    const url = new URL(publicUrl);
    return `https://${url.host}${url.pathname.replace(/\/$/, '')}`;
  }
  if (httpsPort === undefined) return undefined;
  return `https://${domainToASCII(host)}${httpsPort === 443 ? '' : `:${httpsPort}`}`;
}
