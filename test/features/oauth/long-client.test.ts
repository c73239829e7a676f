import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_CODE } from '../../../src/oauth/client.ts';
import { AuthorizeScene, headingOn, locationOf } from './authorize-scene.ts';
import { REDIRECT } from './scene.ts';

const MAX_CHARS = 4096;

test('a client whose identifier is as long as may be can do everything', async (t) => {
  const scene = await AuthorizeScene.open(t, { oauth: { registrationsPerMinute: 100 } });
  const { post, http } = scene.scene;
  const metadata = (padding: number) => ({
    client_name: 'Endless',
    client_uri: 'https://garden.example/',
    application_type: 'web',
    grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE],
    redirect_uris: [REDIRECT, ...[1000, 1000, padding].map((n, i) => `https://garden.example/${i}${'x'.repeat(n)}`)],
  });
  const first = await scene.scene.register(metadata(1));
  // Three bytes are four characters.
  const padding = 1 + Math.floor(((MAX_CHARS - first.id.length) * 3) / 4);
  const refused = await http('POST', '/oauth2/register', { json: metadata(padding + 3) });
  assert.equal(refused.json['error'], 'invalid_client_metadata');
  const client = await scene.scene.register(metadata(padding));
  assert.ok(client.id.length > MAX_CHARS - 4, String(client.id.length));

  const url = scene.url(client.id, { state: 's'.repeat(500), nonce: 'n'.repeat(500) });
  const code = (await scene.allow(url)).searchParams.get('code') ?? '';
  const { status, json } = await scene.redeem(client, code);
  assert.equal(status, 200);
  const token = String(json['access_token']);
  const form = { token, client_id: client.id, client_secret: client.secret };
  assert.equal((await post('/oauth2/introspect', form)).json['client_id'], client.id);
  assert.equal((await post('/oauth2/revoke', { token }, { as: client })).status, 200);

  const { json: started } = await post('/oauth2/device', { scope: 'openid' }, { as: client });
  const typed = await scene.send('/oauth2/device', { user_code: String(started['user_code']) });
  const { pathname, search } = locationOf(typed);
  assert.equal(headingOn(await scene.logIn(pathname + search)), 'Allow access?');
});
