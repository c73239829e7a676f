import { domainToASCII } from 'node:url';
import { HttpError, type HttpRequest } from '../../http/message.ts';

/** The errors of RFC 6750 §3.1. */
export type BearerErrorCode = 'insufficient_scope' | 'invalid_request' | 'invalid_token';

const STATUS: Readonly<Record<BearerErrorCode, number>> = {
  invalid_request: 400,
  invalid_token: 401,
  insufficient_scope: 403,
};

/** A request whose token is not good for it; the WWW-Authenticate header says so. RFC 6750 §3. */
export class BearerError extends HttpError {
  readonly code: BearerErrorCode;

  constructor(code: BearerErrorCode, text: string, headers: Readonly<Record<string, string>>) {
    super(STATUS[code], text, headers);
    this.code = code;
  }
}

/**
 * The token of a request. Throws HttpError 401 for a request without one, 400 for one that is ambiguous. Only the
 * Authorization header is looked at: what stands in addresses and forms ends in logs. RFC 6750 §2.1, §5.3.
 */
export function bearerToken({ incoming }: HttpRequest, domain: string): string {
  const [header, ...others] = incoming.headersDistinct['authorization'] ?? [];
  const [scheme, token, ...rest] = (header ?? '').trim().split(/ +/);
  // Whoever sends no token, or credentials of another kind, is told only what is wanted. §3.1.
  if (scheme?.toLowerCase() !== 'bearer' && others.length === 0) {
    throw new HttpError(401, 'A bearer token is needed.', challenge(domain));
  }
  if (others.length > 0 || token === undefined || rest.length > 0) {
    throw bearerError(domain, 'invalid_request', 'Expected one bearer token');
  }
  return token;
}

/** Refuses a request; `scope` is what it would have needed. RFC 6750 §3. */
export function bearerError(domain: string, code: BearerErrorCode, description: string, scope?: string): BearerError {
  const headers = challenge(domain, { error: code, error_description: description, scope });
  return new BearerError(code, `${description}.`, headers);
}

// A header takes no domain in another script.
function challenge(
  domain: string,
  parameters: Readonly<Record<string, string | undefined>> = {},
): Readonly<Record<string, string>> {
  const all = Object.entries({ realm: domainToASCII(domain), ...parameters }).filter(
    ([, value]) => value !== undefined,
  );
  return { 'www-authenticate': `Bearer ${all.map(([name, value]) => `${name}="${value}"`).join(', ')}` };
}
