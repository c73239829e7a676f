import type { FeatureHost } from '../../core/feature.ts';
import { HttpError, type HttpHandler, type HttpMethod, type HttpResponse, jsonResponse } from '../../http/message.ts';
import type { Refuse } from '../../http/routes.ts';
import { OAuthError, type OAuthErrorCode } from '../../oauth/errors.ts';
import { insecureAnswer } from '../shared/secure-page.ts';
import { BearerError } from './bearer.ts';
import type { Issuer } from './issuer.ts';

/** Caches that are older than the header that `respond` sets. RFC 6749 §5.1. */
export const NO_CACHE = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;

const HEADERS_OF_SCRIPTS = ['authorization', 'content-type'];

/** The endpoints for machines, by the names that they are counted by. */
export type EndpointName = 'register' | 'token' | 'device' | 'revoke' | 'introspect' | 'userinfo' | 'metadata' | 'jwks';

/** A path that is served for one host. */
export interface Endpoint {
  readonly name: EndpointName;
  readonly method: HttpMethod;
  readonly path: string;
  readonly run: HttpHandler;
  /** How errors are answered that are none of OAuth, in the place of JSON. */
  readonly refuse?: Refuse;
  /** Whether it tells what everybody may know: then it does not matter who listens. */
  readonly isPublic?: boolean;
}

/**
 * Serves an endpoint to applications, also to scripts of other sites: they have no cookies of ours to abuse. Errors are JSON by
 * RFC 6749 §5.2. Without an https URL it is not there.
 */
export function serveEndpoint(host: FeatureHost, issuer: Issuer, endpoint: Endpoint): void {
  const { name, method, path, isPublic = false, refuse = refusal } = endpoint;
  const refusals = host.metrics.counter({
    name: 'oauth_refusals_total',
    help: 'Requests of applications that were refused.',
    labels: ['endpoint'],
  });
  const run: HttpHandler = async (request) => {
    if (issuer.url === undefined) throw new HttpError(404, 'Not found.');
    try {
      return (isPublic ? undefined : insecureAnswer(request, host)) ?? (await endpoint.run(request));
    } catch (error) {
      if (!(error instanceof OAuthError) && !(error instanceof HttpError)) throw error;
      refusals.add({ endpoint: name });
      if (error instanceof HttpError) throw error;
      return errorResponse(error);
    }
  };
  for (const name of issuer.names) {
    host.http(method, path, run, { host: name, crossOrigin: { headers: HEADERS_OF_SCRIPTS }, refuse });
  }
}

/** The answer to a request that failed. RFC 6749 §5.2. */
export function errorResponse({ status, body, headers }: OAuthError): HttpResponse {
  return jsonResponse(status, body, { ...NO_CACHE, ...headers });
}

// What the HTTP server refuses by itself, too: a method, a body that is too large.
function refusal(refused: HttpError): HttpResponse {
  const { status, message, headers } = refused;
  const body = { error: codeOf(refused), error_description: message };
  return jsonResponse(status, body, { ...NO_CACHE, ...headers });
}

function codeOf(refused: HttpError): OAuthErrorCode {
  if (refused instanceof BearerError) return refused.code;
  return refused.status >= 500 ? 'server_error' : 'invalid_request';
}
