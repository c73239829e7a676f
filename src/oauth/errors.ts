/** The error codes of RFC 6749 §4.1.2.1 and §5.2, and of those that add to them. */
export type OAuthErrorCode =
  | 'access_denied'
  | 'invalid_client'
  | 'invalid_grant'
  | 'invalid_request'
  | 'invalid_scope'
  | 'server_error'
  | 'temporarily_unavailable'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'unsupported_response_type'
  // RFC 7591 §3.2.2
  | 'invalid_client_metadata'
  | 'invalid_redirect_uri'
  // RFC 8628 §3.5
  | 'authorization_pending'
  | 'expired_token'
  | 'slow_down'
  // RFC 6750 §3.1
  | 'insufficient_scope'
  | 'invalid_token'
  // OpenID Connect Core §3.1.2.6
  | 'account_selection_required'
  | 'consent_required'
  | 'interaction_required'
  | 'login_required'
  | 'registration_not_supported'
  | 'request_not_supported'
  | 'request_uri_not_supported';

/** What is wrong with one field of a client's metadata. */
export interface MetadataFault {
  /** The name of the field, with the index in a list behind a slash. */
  readonly field: string;
  readonly message: string;
}

/** The parts of an error that most errors do without. */
export interface OAuthErrorOptions {
  /** Of the HTTP response; 400 unless said otherwise. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** All faults of a registration. */
  readonly errors?: readonly MetadataFault[];
}

/** The JSON of an error response. RFC 6749 §5.2. */
export interface OAuthErrorBody {
  readonly error: OAuthErrorCode;
  readonly error_description: string;
  readonly errors?: readonly MetadataFault[];
}

/**
 * A request of a client that fails. The description is for its developer: ASCII without quotes and backslashes (RFC 6749
 * §5.2), so never something that was sent to us.
 */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: OAuthErrorCode;
  readonly status: number;
  /** Of the HTTP response, with lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly MetadataFault[] | undefined;

  constructor(
    code: OAuthErrorCode,
    description: string,
    { status = 400, headers = {}, errors }: OAuthErrorOptions = {},
  ) {
    super(description);
    this.code = code;
    this.status = status;
    this.headers = headers;
    this.errors = errors;
  }

  get description(): string {
    return this.message;
  }

  /** What the error response says. */
  get body(): OAuthErrorBody {
    const { code, message, errors } = this;
    return { error: code, error_description: message, ...(errors === undefined ? {} : { errors }) };
  }
}

/** A client that is unknown or did not prove who it is. RFC 6749 §5.2. */
export function invalidClient(description = 'The client is unknown or its secret is wrong.'): OAuthError {
  return new OAuthError('invalid_client', description, { status: 401, headers: { 'www-authenticate': BASIC } });
}

const BASIC = 'Basic realm="oauth2", charset="UTF-8"';
