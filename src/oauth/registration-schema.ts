import { APPLICATION_TYPES, CLIENT_AUTH_METHODS } from './client.ts';
import type { JsonObject } from './jws.ts';
import type { ListRule, TextRule } from './metadata-reading.ts';
import { INFORMATIVE_URIS, LISTS, TEXTS } from './metadata-rules.ts';
import type { RegistrationRules } from './registration.ts';

/** The JSON Schema of what `readRegistration` reads; what goes together it does not say. */
export function registrationSchema(rules: RegistrationRules): JsonObject {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Metadata of an OAuth client',
    type: 'object',
    required: ['client_name', 'client_uri'],
    properties: {
      client_name: text(TEXTS.name),
      client_uri: text(TEXTS.uri, 'uri'),
      redirect_uris: list(LISTS.some, text(TEXTS.uri, 'uri')),
      application_type: { enum: APPLICATION_TYPES },
      token_endpoint_auth_method: { enum: CLIENT_AUTH_METHODS, default: 'client_secret_basic' },
      grant_types: { ...list(LISTS.some, { enum: rules.grantTypes }), default: ['authorization_code'] },
      response_types: { ...list(LISTS.any, { enum: rules.responseTypes }), default: ['code'] },
      ...Object.fromEntries(INFORMATIVE_URIS.map((field) => [field, text(TEXTS.uri, 'uri')])),
      scope: text(TEXTS.scope),
      contacts: list(LISTS.some, text(TEXTS.contact, 'email')),
      software_id: text(TEXTS.softwareId, 'uuid'),
      software_version: text(TEXTS.version),
      id_token_signed_response_alg: { enum: rules.idTokenAlgorithms },
      ...Object.fromEntries(rules.locales.flatMap(localised)),
    },
  };
}

function localised(locale: string): readonly (readonly [string, JsonObject])[] {
  const uris = ['client_uri', ...INFORMATIVE_URIS].map(
    (field) => [`${field}#${locale}`, text(TEXTS.uri, 'uri')] as const,
  );
  return [[`client_name#${locale}`, text(TEXTS.name)], ...uris];
}

function text({ maxChars }: TextRule, format?: string): JsonObject {
  return { type: 'string', minLength: 1, maxLength: maxChars, ...(format === undefined ? {} : { format }) };
}

function list({ minItems, maxItems }: ListRule, items: JsonObject): JsonObject {
  return { type: 'array', uniqueItems: true, minItems, maxItems, items };
}
