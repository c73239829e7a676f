import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DEVICE_CODE } from '../../src/oauth/client.ts';
import { openidMetadata, type ServerDescription, serverMetadata } from '../../src/oauth/server-metadata.ts';

const SERVER: ServerDescription = {
  issuer: 'https://example.org',
  scopes: ['openid', 'xmpp'],
  grantTypes: ['authorization_code', 'refresh_token', DEVICE_CODE],
  responseTypes: ['code'],
  codeChallengeMethods: ['S256'],
  idTokenAlgorithms: ['ES256', 'HS256'],
  locales: ['en', 'de'],
  isOpen: true,
  policyUrl: undefined,
  termsUrl: 'https://example.org/terms',
  documentationUrl: undefined,
};

describe('The metadata of the server', () => {
  test('say where everything is and what is possible', () => {
    const auth = ['client_secret_basic', 'client_secret_post', 'none'];
    assert.deepEqual(serverMetadata(SERVER), {
      issuer: 'https://example.org',
      authorization_endpoint: 'https://example.org/oauth2/authorize',
      token_endpoint: 'https://example.org/oauth2/token',
      registration_endpoint: 'https://example.org/oauth2/register',
      device_authorization_endpoint: 'https://example.org/oauth2/device',
      revocation_endpoint: 'https://example.org/oauth2/revoke',
      introspection_endpoint: 'https://example.org/oauth2/introspect',
      userinfo_endpoint: 'https://example.org/oauth2/userinfo',
      jwks_uri: 'https://example.org/oauth2/jwks',
      scopes_supported: ['openid', 'xmpp'],
      response_types_supported: ['code'],
      response_modes_supported: ['query'],
      grant_types_supported: ['authorization_code', 'refresh_token', DEVICE_CODE],
      token_endpoint_auth_methods_supported: auth,
      revocation_endpoint_auth_methods_supported: auth,
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      id_token_signing_alg_values_supported: ['ES256', 'HS256'],
      op_tos_uri: 'https://example.org/terms',
      ui_locales_supported: ['en', 'de'],
    });
  });

  test('are the same for OpenID Connect, which asks for more', () => {
    const openid = openidMetadata(SERVER);
    assert.deepEqual(openid, {
      ...serverMetadata(SERVER),
      subject_types_supported: ['public'],
      request_uri_parameter_supported: false,
    });
    const required = ['issuer', 'authorization_endpoint', 'token_endpoint', 'jwks_uri', 'response_types_supported'];
    for (const name of [...required, 'id_token_signing_alg_values_supported']) assert.ok(name in openid, name);
  });

  test('do not say what is switched off', () => {
    const closed = serverMetadata({ ...SERVER, isOpen: false });
    for (const name of ['registration_endpoint', 'authorization_endpoint', 'device_authorization_endpoint']) {
      assert.equal(name in closed, false, name);
    }
    const without = serverMetadata({ ...SERVER, grantTypes: ['authorization_code'], locales: [] });
    assert.equal('device_authorization_endpoint' in without, false);
    assert.equal('ui_locales_supported' in without, false);
    assert.deepEqual(serverMetadata({ ...SERVER, responseTypes: ['code', 'token'] })['response_modes_supported'], [
      'query',
      'fragment',
    ]);
  });
});
