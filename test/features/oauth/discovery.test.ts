import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bearerTokens } from '../../../src/core/access.ts';
import { DOMAIN } from '../../support/stage.ts';
import { ISSUER, open } from './scene.ts';

const METADATA = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

/** The endpoints for machines, and the methods that they take. */
const ENDPOINTS: Readonly<Record<string, readonly string[]>> = {
  '/oauth2/register': ['GET', 'POST'],
  '/oauth2/token': ['POST'],
  '/oauth2/device': ['GET', 'POST'],
  '/oauth2/revoke': ['POST'],
  '/oauth2/introspect': ['POST'],
  '/oauth2/userinfo': ['GET', 'POST'],
  '/oauth2/jwks': ['GET'],
  [METADATA]: ['GET'],
  [OPENID]: ['GET'],
};

test('clients find out where everything is, by either name of the document', async (t) => {
  const { http } = await open(t);
  const [{ json, status }, openid] = [await http('GET', METADATA), await http('GET', OPENID)];
  assert.equal(status, 200);
  assert.equal(json['issuer'], ISSUER);
  const places = Object.entries(json).filter(([name]) => name.endsWith('_endpoint') || name === 'jwks_uri');
  assert.deepEqual(Object.fromEntries(places), {
    authorization_endpoint: `${ISSUER}/oauth2/authorize`,
    token_endpoint: `${ISSUER}/oauth2/token`,
    registration_endpoint: `${ISSUER}/oauth2/register`,
    device_authorization_endpoint: `${ISSUER}/oauth2/device`,
    revocation_endpoint: `${ISSUER}/oauth2/revoke`,
    introspection_endpoint: `${ISSUER}/oauth2/introspect`,
    userinfo_endpoint: `${ISSUER}/oauth2/userinfo`,
    jwks_uri: `${ISSUER}/oauth2/jwks`,
  });
  assert.deepEqual(json['code_challenge_methods_supported'], ['S256']);
  assert.deepEqual(json['id_token_signing_alg_values_supported'], ['ES256', 'HS256']);
  assert.equal(json['authorization_response_iss_parameter_supported'], true);
  assert.deepEqual(openid.json['subject_types_supported'], ['public']);
  for (const [name, value] of Object.entries(json)) assert.deepEqual(openid.json[name], value, name);
});

test('only what is enabled is told', async (t) => {
  const oauth = { grantTypes: ['authorization_code'], policyUrl: 'https://stage.example/policy' };
  const { http } = await open(t, { oauth });
  const { json } = await http('GET', METADATA);
  assert.deepEqual(json['grant_types_supported'], ['authorization_code']);
  assert.equal(json['device_authorization_endpoint'], undefined);
  assert.equal(json['op_policy_uri'], 'https://stage.example/policy');
  assert.equal(json['op_tos_uri'], undefined);
  assert.equal((await http('GET', '/oauth2/device')).status, 404);
});

test('the public key that signs ID tokens is published, and nothing private with it', async (t) => {
  const { http } = await open(t);
  const { json } = await http('GET', '/oauth2/jwks');
  const [key, ...others] = json['keys'] as Record<string, unknown>[];
  assert.deepEqual(others, []);
  assert.deepEqual(Object.keys(key ?? {}).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
});

test('scripts of other sites may use every endpoint, and other methods are told which there are', async (t) => {
  const { http } = await open(t);
  for (const [path, methods] of Object.entries(ENDPOINTS)) {
    const preflight = await http('OPTIONS', path, { headers: { 'access-control-request-method': methods[0] ?? '' } });
    assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, '*'], path);
    assert.match(String(preflight.headers['access-control-allow-headers']), /authorization/i, path);
    const { status, headers } = await http('DELETE', path);
    assert.equal(status, 405, path);
    for (const method of methods) assert.match(String(headers['allow']), new RegExp(method), path);
    assert.equal(headers['access-control-allow-origin'], '*', path);
    assert.equal(headers['x-content-type-options'], 'nosniff', path);
    assert.equal(headers['referrer-policy'], 'no-referrer', path);
  }
});

test('switched off, nothing of it is there', async (t) => {
  const { http, stage } = await open(t, { oauth: false });
  for (const path of Object.keys(ENDPOINTS)) assert.equal((await http('GET', path)).status, 404, path);
  assert.equal(stage.host.services.find(bearerTokens), undefined);
});

test('without https nothing of it is there, and the log says so', async (t) => {
  const { http, post, stage } = await open(t, { config: { http: {}, listen: { https: [] } } });
  for (const path of [METADATA, '/oauth2/jwks']) assert.equal((await http('GET', path)).status, 404, path);
  assert.equal((await post('/oauth2/token', {})).status, 404);
  assert.equal(stage.host.services.use(bearerTokens).discoveryUrl, undefined);
  assert.equal(stage.log.records.filter(({ event }) => event === 'oauth.no-issuer').length, 1);
});

test('of several hosts with one public URL only the one of that name has it', async (t) => {
  const hosts = { [DOMAIN]: {}, 'other.example': {} };
  const issuerWith = async (config: Readonly<Record<string, unknown>>, oauth = {}): Promise<unknown> =>
    (await (await open(t, { config, oauth })).http('GET', METADATA)).json['issuer'];
  const chat = { publicUrl: 'https://chat.example' };
  assert.equal(await issuerWith({ hosts }), ISSUER);
  assert.equal(await issuerWith({ hosts, http: chat }), undefined);
  assert.equal(await issuerWith({ hosts }, chat), undefined, 'the other has it as well');
  assert.equal(
    await issuerWith({ hosts }, { publicUrl: 'https://other.example' }),
    undefined,
    'it is the name of the other',
  );
  const without = { [DOMAIN]: {}, 'other.example': { features: { oauth: false } } };
  assert.equal(await issuerWith({ hosts: without, http: chat }), chat.publicUrl);
  const own = { ...hosts, [DOMAIN]: { features: { oauth: chat } } };
  assert.equal(await issuerWith({ hosts: own }), chat.publicUrl);
});

test('an issuer is written as browsers write addresses', async (t) => {
  const { http } = await open(t, { oauth: { publicUrl: `https://${DOMAIN.toUpperCase()}:443/` } });
  assert.equal((await http('GET', METADATA)).json['issuer'], ISSUER);
});

test('a host behind a proxy is asked by the name of its public URL', async (t) => {
  const publicUrl = 'https://chat.example/xmpp/';
  const { http } = await open(t, { oauth: { publicUrl } });
  const as = { headers: { host: 'chat.example' } };
  for (const path of [METADATA, `${METADATA}/xmpp`, OPENID]) {
    const { json } = await http('GET', path, as);
    assert.deepEqual(
      [json['issuer'], json['jwks_uri']],
      ['https://chat.example/xmpp', 'https://chat.example/xmpp/oauth2/jwks'],
    );
  }
  assert.equal((await http('GET', METADATA, { headers: { host: 'evil.example' } })).status, 404);
});
