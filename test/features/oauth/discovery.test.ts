import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ISSUER, open } from './scene.ts';

test('clients find out where everything is, by either name of the document', async (t) => {
  const { http } = await open(t);
  const oauth = await http('GET', '/.well-known/oauth-authorization-server');
  const openid = await http('GET', '/.well-known/openid-configuration');
  assert.equal(oauth.status, 200);
  assert.equal(oauth.json['issuer'], ISSUER);
  assert.equal(oauth.json['token_endpoint'], `${ISSUER}/oauth2/token`);
  assert.deepEqual(oauth.json['id_token_signing_alg_values_supported'], ['ES256', 'HS256']);
  assert.deepEqual(openid.json['subject_types_supported'], ['public']);
  for (const [name, value] of Object.entries(oauth.json)) assert.deepEqual(openid.json[name], value, name);
  assert.equal(oauth.headers['access-control-allow-origin'], '*');
});
