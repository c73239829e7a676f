import {
  APPLICATION_TYPES,
  type ApplicationType,
  CLIENT_AUTH_METHODS,
  type Client,
  type ClientMetadata,
  DEVICE_CODE,
  GRANT_TYPES,
  type GrantType,
  ID_TOKEN_ALGORITHMS,
  type IdTokenAlgorithm,
  RESPONSE_TYPES,
  type ResponseType,
} from './client.ts';
import { type MetadataFault, OAuthError } from './errors.ts';
import { isJsonObject, type JsonObject, parseObject } from './jws.ts';
import { MetadataReading } from './metadata-reading.ts';
import { INFORMATIVE_URIS, LISTS, TEXTS } from './metadata-rules.ts';
import { isLegalRedirectUri } from './redirect-uris.ts';
import { isScope } from './scopes.ts';
import { isLoopback, parseUri } from './uris.ts';
import { decodeUtf8 } from './utf8.ts';

/** What the configuration lets clients register. */
export interface RegistrationRules {
  readonly grantTypes: readonly GrantType[];
  readonly responseTypes: readonly ResponseType[];
  /** In which languages fields are kept. RFC 7591 §2.2. */
  readonly locales: readonly string[];
  /** With which ID tokens can be signed. */
  readonly idTokenAlgorithms: readonly IdTokenAlgorithm[];
  /** Whether every code is bound to a challenge by S256: then clients without a secret may have codes. RFC 9700 §2.1.1. */
  readonly areCodesBound: boolean;
}

/** Grants that a client can use without a secret: whoever has the identifier has nothing yet. */
const PUBLIC_GRANT_TYPES: readonly GrantType[] = ['authorization_code', 'refresh_token', 'implicit'];
const REDIRECTING: readonly GrantType[] = ['authorization_code', 'implicit'];

/** The fields that tell people about a client, in the language behind the number sign. */
const LOCALISED = /^(client_name|client_uri|logo_uri|tos_uri|policy_uri)#([A-Za-z0-9-]{1,35})$/;

/** Metadata that is being read. */
type Draft = { -readonly [K in keyof ClientMetadata]: ClientMetadata[K] };

/**
 * Reads the metadata that a client wants to register; fields that are not known are left out. Throws OAuthError with all
 * faults: `invalid_request` for what is no JSON object, `invalid_redirect_uri` if only redirect URIs break the rules, and else
 * `invalid_client_metadata`. RFC 7591 §2, §3.2.2.
 */
export function readRegistration(json: unknown, rules: RegistrationRules): ClientMetadata {
  if (!isJsonObject(json)) throw new OAuthError('invalid_request', 'The body must be a JSON object.');
  const reading = new MetadataReading(json);
  const metadata = readMetadata(reading, rules, rules.locales);
  // Without those that are no text, the others would be counted wrongly.
  const areTexts = !reading.faults.some(({ field }) => field.startsWith('redirect_uris/'));
  const redirects = areTexts ? redirectFaults(metadata) : [];
  const errors = [...reading.faults, ...redirects];
  if (reading.faults.length > 0) throw new OAuthError('invalid_client_metadata', describe(errors), { errors });
  if (redirects.length > 0) throw new OAuthError('invalid_redirect_uri', describe(errors), { errors });
  return metadata;
}

/** The same, for the body of a request. */
export function parseRegistration(body: Uint8Array, rules: RegistrationRules): ClientMetadata {
  return readRegistration(parseObject(decodeUtf8(body) ?? ''), rules);
}

/** Metadata out of an identifier that we signed; undefined if it is none by the rules of any configuration. */
export function parseMetadata(json: JsonObject): ClientMetadata | undefined {
  const reading = new MetadataReading(json);
  const metadata = readMetadata(reading, ANY_RULES, undefined);
  return reading.faults.length > 0 || redirectFaults(metadata).length > 0 ? undefined : metadata;
}

const ANY_RULES: Omit<RegistrationRules, 'locales'> = {
  grantTypes: GRANT_TYPES,
  responseTypes: RESPONSE_TYPES,
  idTokenAlgorithms: ID_TOKEN_ALGORITHMS,
  areCodesBound: true,
};

/** The answer to a registration. RFC 7591 §3.2.1. */
export function registrationResponse(client: Client): JsonObject {
  const { id, issuedAt, expiresAt, secret, metadata } = client;
  const secrets = secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: expiresAt ?? 0 };
  return { client_id: id, client_id_issued_at: issuedAt, ...secrets, ...metadata };
}

/** What is wrong comes from constants of ours and the names of fields, so it can be told. */
function describe(errors: readonly MetadataFault[]): string {
  return errors.map(({ field, message }) => `${field} ${message}`).join('; ');
}

function readMetadata(
  reading: MetadataReading,
  rules: Omit<RegistrationRules, 'locales'>,
  locales: readonly string[] | undefined,
): ClientMetadata {
  const grantTypes = reading.choices('grant_types', LISTS.some, rules.grantTypes) ?? ['authorization_code'];
  // What we signed says so where there are none.
  const redirectList = locales === undefined ? LISTS.any : LISTS.some;
  const redirectUris = reading.texts('redirect_uris', redirectList, TEXTS.uri) ?? [];
  const draft: Draft = {
    client_name: reading.text('client_name', TEXTS.name) ?? '',
    client_uri: reading.text('client_uri', TEXTS.uri) ?? '',
    redirect_uris: redirectUris,
    application_type:
      reading.choice('application_type', APPLICATION_TYPES) ?? defaultTypeOf(redirectUris[0], grantTypes),
    token_endpoint_auth_method:
      reading.choice('token_endpoint_auth_method', CLIENT_AUTH_METHODS) ?? 'client_secret_basic',
    grant_types: grantTypes,
    response_types: reading.choices('response_types', LISTS.any, rules.responseTypes) ?? ['code'],
  };
  readTexts(reading, draft);
  readLists(reading, draft, rules);
  readLocalised(reading, draft, locales);
  checkWebsite(reading, draft);
  checkTypes(reading, draft, rules);
  return draft;
}

function readTexts(reading: MetadataReading, draft: Draft): void {
  for (const field of INFORMATIVE_URIS) {
    const uri = reading.text(field, TEXTS.uri);
    if (uri !== undefined) draft[field] = uri;
  }
  const scope = reading.text('scope', TEXTS.scope);
  if (scope !== undefined) draft.scope = scope;
  if (scope !== undefined && !isScope(scope)) reading.fault('scope', 'must be a list of scopes with spaces');
  const softwareId = reading.text('software_id', TEXTS.softwareId);
  if (softwareId !== undefined) draft.software_id = softwareId;
  const softwareVersion = reading.text('software_version', TEXTS.version);
  if (softwareVersion !== undefined) draft.software_version = softwareVersion;
}

function readLists(reading: MetadataReading, draft: Draft, rules: Pick<RegistrationRules, 'idTokenAlgorithms'>): void {
  const contacts = reading.texts('contacts', LISTS.some, TEXTS.contact);
  if (contacts !== undefined) draft.contacts = contacts;
  const algorithm = reading.choice('id_token_signed_response_alg', rules.idTokenAlgorithms);
  if (algorithm !== undefined) draft.id_token_signed_response_alg = algorithm;
}

/** Languages that are not kept are no fault. */
function readLocalised(reading: MetadataReading, draft: Draft, locales: readonly string[] | undefined): void {
  for (const name of reading.names) {
    const [, field, locale] = LOCALISED.exec(name) ?? [];
    if (field === undefined || locale === undefined || locales?.includes(locale) === false) continue;
    const text = reading.text(name, field === 'client_name' ? TEXTS.name : TEXTS.uri);
    if (text !== undefined) draft[`${field}#${locale}`] = text;
  }
}

/** The website tells people who asks, so everything else that is linked must be there, too. */
function checkWebsite(reading: MetadataReading, draft: Draft): void {
  for (const field of ['client_name', 'client_uri'] as const) {
    if (draft[field] === '' && !reading.faults.some((fault) => fault.field === field))
      reading.fault(field, 'is required');
  }
  if (draft.client_uri === '') return;
  const host = websiteHost(draft.client_uri);
  if (host === undefined) {
    reading.fault('client_uri', 'must be an https address in its normal form, not of the loopback interface');
    return;
  }
  for (const [field, text] of Object.entries(draft)) {
    if (typeof text !== 'string' || !/^(?:logo|tos|policy)_uri|^client_uri#/.test(field)) continue;
    if (websiteHost(text) !== host) reading.fault(field, 'must be an https address at the host of client_uri');
  }
}

/** Whether what a client asks for goes together. RFC 7591 §2.1. */
function checkTypes(reading: MetadataReading, draft: Draft, rules: Pick<RegistrationRules, 'areCodesBound'>): void {
  const { grant_types, response_types, redirect_uris, token_endpoint_auth_method, id_token_signed_response_alg } =
    draft;
  const wants = (grant: GrantType): boolean => grant_types.includes(grant);
  const isPublic = token_endpoint_auth_method === 'none';
  if (wants('authorization_code') && !response_types.includes('code')) {
    reading.fault('response_types', 'must have code for the grant type authorization_code');
  }
  if (wants('implicit') !== response_types.includes('token')) {
    reading.fault('response_types', 'must have token if, and only if, there is the grant type implicit');
  }
  if (redirect_uris.length === 0 && grant_types.some((grant) => REDIRECTING.includes(grant))) {
    const isKnown = reading.faults.some(({ field }) => field.startsWith('redirect_uris'));
    if (!isKnown) reading.fault('redirect_uris', 'are required for the grant types');
  }
  if (isPublic && !grant_types.every((grant) => PUBLIC_GRANT_TYPES.includes(grant))) {
    reading.fault('token_endpoint_auth_method', 'must not be none for the grant types');
  } else if (isPublic && !rules.areCodesBound && (wants('authorization_code') || wants('refresh_token'))) {
    reading.fault('token_endpoint_auth_method', 'must not be none where codes need no code_challenge');
  }
  if (isPublic && id_token_signed_response_alg === 'HS256') {
    reading.fault('id_token_signed_response_alg', 'must not be HS256 for a client without a secret');
  }
}

function redirectFaults({ client_uri, redirect_uris, application_type }: ClientMetadata): MetadataFault[] {
  const host = websiteHost(client_uri);
  if (host === undefined) return [];
  const message = `must be a redirect URI as ${application_type} clients may have`;
  return redirect_uris
    .map((uri, index) => ({
      isLegal: isLegalRedirectUri(uri, application_type, host),
      field: `redirect_uris/${index}`,
    }))
    .filter(({ isLegal }) => !isLegal)
    .map(({ field }) => ({ field, message }));
}

function defaultTypeOf(redirectUri: string | undefined, grantTypes: readonly GrantType[]): ApplicationType {
  const isNative = redirectUri !== undefined && isLegalRedirectUri(redirectUri, 'native', '');
  return isNative || grantTypes.includes(DEVICE_CODE) ? 'native' : 'web';
}

/** The host of a website; undefined for what is none. */
function websiteHost(text: string): string | undefined {
  const uri = parseUri(text);
  return uri?.scheme === 'https' && !isLoopback(uri.host) ? uri.host : undefined;
}
