import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BIND, identifierOf, PHONE, Sasl2Client } from '../../c2s/sasl2-scene.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { bearer } from './login-scene.ts';
import { codeForm, open, refused, type Scene } from './scene.ts';

/** Sends a token by SASL2 and binds a resource. */
async function logIn({ stage }: Scene, token: string): Promise<{ client: StageClient; outcome: string }> {
  const client = new Sasl2Client(stage.connect('application'));
  client.features = await client.stage.open();
  const answer = await client.authenticate('OAUTHBEARER', bearer(token), { clientId: PHONE, children: BIND });
  if (answer.name === 'success') client.stage.jid = identifierOf(answer);
  return { client: client.stage, outcome: answer.name };
}

test('a token of the token endpoint logs in, and revoking it over HTTP ends the session', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  for (const which of ['access', 'refresh'] as const) {
    const tokens = await scene.tokensFor(client, 'xmpp');
    const login = await logIn(scene, tokens.access);
    assert.equal(login.outcome, 'success');
    const { status } = await scene.post('/oauth2/revoke', { token: tokens[which] }, { as: client });
    assert.equal(status, 200);
    await login.client.isClosedWith('reset');
    assert.equal((await logIn(scene, tokens.access)).outcome, 'challenge');
  }
});

test('revoking one access token leaves the sessions of others alone', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const [one, other] = [await scene.tokensFor(client, 'xmpp'), await scene.tokensFor(client, 'xmpp')];
  assert.equal((await logIn(scene, one.access)).outcome, 'success');
  await scene.post('/oauth2/revoke', { token: other.access }, { as: client });
  assert.equal(scene.stage.host.account('romeo')?.sessions.size, 1);
});

test('a refresh token, and a token for openid only, log nobody in', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const { refresh } = await scene.tokensFor(client, 'xmpp');
  const { access } = await scene.tokensFor(client, 'openid');
  for (const token of [refresh, access, '']) assert.equal((await logIn(scene, token)).outcome, 'challenge');
});

test('a code that is used again ends the session of what it gave', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const form = codeForm(await scene.codeFor(client, 'xmpp'));
  const { json } = await scene.post('/oauth2/token', form, { as: client });
  const login = await logIn(scene, String(json['access_token']));
  refused(await scene.post('/oauth2/token', form, { as: client }), 'invalid_grant');
  await login.client.isClosedWith('reset');
});

test('nothing that is stored is a token, a code or the secret of a client', async (t) => {
  const scene = await open(t);
  const client = await scene.register();
  const code = await scene.codeFor(client);
  const { access, refresh } = await scene.tokensFor(client);
  const stored = [...scene.stage.store.dump()].join('\n');
  for (const text of [code, client.id, client.secret, access, refresh]) {
    const secret = text.startsWith('secret-token:') ? text.slice('secret-token:'.length) : text;
    assert.ok(!stored.includes(secret));
    assert.ok(!stored.includes(Buffer.from(secret, 'base64').toString('base64url')));
  }
});
