import { type Client, DEVICE_CODE, RESPONSE_TYPES, type ResponseType } from '../../../oauth/client.ts';
import { OAuthError } from '../../../oauth/errors.ts';
import type { FlowBinding } from '../../../oauth/flow-state.ts';
import type { Form } from '../../../oauth/form.ts';
import { type CodeChallenge, readCodeChallenge } from '../../../oauth/pkce.ts';
import { OUT_OF_BAND, type ResponseMode, redirectUriOf } from '../../../oauth/redirect-uris.ts';
import { intersectScopes, parseScope } from '../../../oauth/scopes.ts';
import { type OAuthConfig, responseTypesOf } from '../config.ts';
import type { WaitingDevice } from '../devices.ts';
import type { Provider } from '../provider.ts';
import { ceilingOf } from '../token-endpoint.ts';
import { consentRequired, readPrompt } from './prompt.ts';
import type { TextName } from './texts.ts';

/** It is kept in memory along with the code. In UTF-16 units. */
const MAX_NONCE = 1024;

/** What would change the meaning of a request if it were passed over, and the error that says so. */
const UNSUPPORTED = {
  request: 'request_not_supported',
  request_uri: 'request_uri_not_supported',
  registration: 'registration_not_supported',
} as const;

/** How the answer to an authorization request gets to the client. */
export type Target =
  | { readonly kind: 'redirect'; readonly uri: string }
  /** The person copies it. */
  | { readonly kind: 'out-of-band'; readonly uri: string }
  /** The device asks for it by itself; `state` stands for it. RFC 8628. */
  | { readonly kind: 'device'; readonly state: string; readonly device: WaitingDevice };

/** Whom to answer, and where: from here on errors can be told to the client. */
export interface ReturnPath {
  readonly client: Client;
  readonly target: Target;
  readonly state: string | undefined;
  readonly mode: ResponseMode;
}

/** An authorization request in which nothing is wrong. RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1. */
export interface AuthorizationRequest extends ReturnPath {
  readonly responseType: ResponseType;
  /** What the client asks for and may ask for, whether or not the account has it to give. */
  readonly scopes: readonly string[];
  readonly challenge: CodeChallenge | undefined;
  readonly nonce: string | undefined;
  readonly loginHint: string | undefined;
  /** Whether the person is to be asked what the application may do. */
  readonly asksConsent: boolean;
  /** What the pages of this flow are bound to. */
  readonly binding: FlowBinding;
}

/** A request that nobody can be answered about but the person who looks at the page. */
export class BrokenRequest extends Error {
  override readonly name = 'BrokenRequest';
  /** What the page says. */
  readonly text: TextName;

  constructor(text: TextName, details?: string) {
    super(details);
    this.text = text;
  }
}

/** Finds out who asks and where the answer may go. Rejects with BrokenRequest. RFC 6749 §3.1.2.4, RFC 9700 §4.11. */
export async function readReturnPath({ keys, devices, config }: Provider, query: Form): Promise<ReturnPath> {
  const id = query.get('client_id');
  if (id === undefined) throw new BrokenRequest('error.empty');
  const client = await keys.registration.verify(id);
  if (client === undefined) throw new BrokenRequest('error.client', 'invalid_client');
  const state = query.get('state');
  const given = query.get('redirect_uri');
  if (given === DEVICE_CODE) {
    const device = state === undefined ? undefined : await devices.waiting(state, client.id);
    if (state === undefined || device === undefined) throw new BrokenRequest('error.device');
    return { client, target: { kind: 'device', state, device }, state: undefined, mode: 'query' };
  }
  const uri = redirectUriOf(client, given);
  if (uri === undefined) throw new BrokenRequest('error.redirect', 'invalid_redirect_uri');
  const target: Target = { kind: uri === OUT_OF_BAND ? 'out-of-band' : 'redirect', uri };
  return { client, target, state, mode: modeOf(config, query) };
}

// Clients look for errors where they expect the answer. RFC 6749 §4.2.2.1.
function modeOf(config: OAuthConfig, query: Form): ResponseMode {
  const wantsFragment = query.get('response_type') === 'token' || query.get('response_mode') === 'fragment';
  return wantsFragment && responseTypesOf(config).includes('token') ? 'fragment' : 'query';
}

/** Reads the rest. Throws OAuthError, which is for the client. */
export function readRequest(
  config: OAuthConfig,
  path: ReturnPath,
  query: Form,
  binding: FlowBinding,
): AuthorizationRequest {
  const responseType = readResponseType(config, path, query);
  checkResponseMode(config, responseType, query);
  checkUnsupported(query);
  const scopes = readScopes(path, query);
  return {
    ...path,
    responseType,
    scopes,
    challenge: readChallenge(config, path, responseType, query),
    nonce: readNonce(path, query),
    loginHint: query.get('login_hint'),
    asksConsent: asksConsent(config, path, query, scopes),
    binding,
  };
}

function readResponseType(config: OAuthConfig, { client, target }: ReturnPath, query: Form): ResponseType {
  // What a device gets in the end comes from the token endpoint.
  if (target.kind === 'device') return 'code';
  const name = query.require('response_type');
  const known = RESPONSE_TYPES.find((type) => type === name);
  if (known !== undefined && !client.metadata.response_types.includes(known)) {
    throw new OAuthError('invalid_client', 'The client is not registered for the response_type.');
  }
  if (known === undefined || !responseTypesOf(config).includes(known)) {
    throw new OAuthError('unsupported_response_type', 'The response_type is not supported.');
  }
  return known;
}

// OpenID Connect Core §6.1, §6.2, §7.2.1
function checkUnsupported(query: Form): void {
  for (const [name, error] of Object.entries(UNSUPPORTED)) {
    if (query.get(name) !== undefined) throw new OAuthError(error, `The parameter ${name} is not supported.`);
  }
}

function readScopes({ client, target }: ReturnPath, query: Form): readonly string[] {
  const { scope: registered } = client.metadata;
  // Whoever has typed the code of a device can change the address, and must not speak for the device.
  const asked = target.kind === 'device' ? target.device.scopes : parseScope(query.get('scope') ?? registered);
  const scopes = intersectScopes(asked, ceilingOf(client));
  if (scopes.length === 0) throw new OAuthError('invalid_scope', 'Nothing of the scope can be granted.');
  return scopes;
}

function readNonce({ target }: ReturnPath, query: Form): string | undefined {
  const nonce = target.kind === 'device' ? undefined : query.get('nonce');
  if (nonce === undefined || nonce.length <= MAX_NONCE) return nonce;
  throw new OAuthError('invalid_request', 'The nonce is too long.');
}

// What was granted before is not granted again unseen where somebody else may have come in the client's name: one without a
// secret is whoever says so. RFC 6749 §10.2, RFC 8252 §8.6.
function asksConsent(
  { respectPrompt }: OAuthConfig,
  { client, target }: ReturnPath,
  query: Form,
  scopes: readonly string[],
): boolean {
  if (!respectPrompt || target.kind === 'device') return true;
  const isAsked = readPrompt(query, scopes);
  if (!isAsked && (client.isPublic || target.kind !== 'redirect')) throw consentRequired();
  return isAsked;
}

// A token in a query string would end in logs. OAuth 2.0 Multiple Response Type Encoding Practices §3.0.
function checkResponseMode(config: OAuthConfig, responseType: ResponseType, query: Form): void {
  const mode = query.get('response_mode');
  const hasFragments = responseTypesOf(config).includes('token');
  const isSupported =
    mode === undefined || (mode === 'query' && responseType === 'code') || (mode === 'fragment' && hasFragments);
  if (!isSupported) throw new OAuthError('invalid_request', 'The response_mode is not supported.');
}

// A public client has nothing else to show that a code is its own, not even where people carry the code. RFC 9700 §2.1.1.
function readChallenge(
  { codeChallengeMethods, requireCodeChallenge }: OAuthConfig,
  { client, target }: ReturnPath,
  responseType: ResponseType,
  query: Form,
): CodeChallenge | undefined {
  if (responseType === 'token' || target.kind === 'device') return undefined;
  const isRequired = client.isPublic || (requireCodeChallenge && target.kind === 'redirect');
  return readCodeChallenge(query, { methods: codeChallengeMethods, isRequired });
}
