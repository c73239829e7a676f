import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import * as openid from 'openid-client';
import { redirected } from '../support/consent.ts';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { projectFile } from '../support/project.ts';
import { acceptAnyCertificate } from '../support/unverified-tls.ts';

/** Debian's, for which the package python3-slixmpp is installed; elsewhere whatever is there. */
const PYTHON = process.platform === 'linux' ? '/usr/bin/python3' : 'python3';
const isMissing = spawnSync(PYTHON, ['-c', 'import slixmpp']).status !== 0;
// Whoever has not installed slixmpp can test the rest; where all must be tested, its absence is a failure.
const skip =
  isMissing && process.env['CI'] === undefined ? 'slixmpp is not installed (Debian: python3-slixmpp)' : false;

const REDIRECT = 'http://127.0.0.1:53211/signed-in';

acceptAnyCertificate();

/** Registers what is known by its address, and has romeo let it in; returns its tokens. */
async function authorize(discovery: string) {
  const metadata = {
    client_name: 'Slick diary',
    client_uri: 'https://diary.example/',
    redirect_uris: ['http://localhost/signed-in'],
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  };
  const config = await openid.dynamicClientRegistration(new URL(discovery), metadata, openid.None());
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const address = openid.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope: 'xmpp:client:normal',
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  const tokens = await openid.authorizationCodeGrant(config, await redirected(address), { pkceCodeVerifier });
  return { config, access: tokens.access_token, refresh: tokens.refresh_token ?? '' };
}

test('a client made with slixmpp finds out where tokens are, logs in with one and is shown out', {
  skip,
}, async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const script = projectFile('test/interop/slixmpp_oauth.py');
  const child = spawn(PYTHON, [script, DOMAIN, String(server.port('c2s')), 'romeo'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  server.beforeEnd(() => void child.kill());
  const closed = once(child, 'close');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value ?? assert.fail('the client has ended'));

  const { told, condition } = await next();
  const { status, 'openid-configuration': discovery } = told;
  assert.deepEqual([status, condition], ['invalid_token', 'not-authorized']);
  const { config, access, refresh } = await authorize(discovery);
  child.stdin.write(`${access}\n`);
  const { jid, contacts } = await next();
  assert.match(jid, /^romeo@localhost\/./);
  assert.equal(contacts, 0);
  await openid.tokenRevocation(config, refresh);
  assert.deepEqual(await next(), { ended: 'reset' });
  assert.deepEqual(await closed, [0, null]);
});
