import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Agent, createClient } from 'stanza';
import { bearerTokens } from '../../src/core/access.ts';
import { OAuthTokens } from '../../src/features/oauth/tokens.ts';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { acceptAnyCertificate } from '../support/unverified-tls.ts';

const HOUR_MS = 3_600_000;
/** The library tries what is stronger even where it has nothing to try. */
const ONLY_TOKENS = { auth: { mechanisms: ['OAUTHBEARER'] } };

acceptAnyCertificate();

/** The tokens of the server's host, be the feature there that serves them over HTTP or not. */
function tokensOf({ server }: LiveServer): OAuthTokens {
  const host = server.hosts.get(DOMAIN);
  assert.ok(host);
  const served = host.services.find(bearerTokens);
  if (served instanceof OAuthTokens) return served;
  const { domain, grants, users, clock, settings, sessions } = host;
  const tokens = new OAuthTokens({
    host: {
      domain,
      grants,
      users,
      clock,
      settings,
      metrics: server.metrics,
      account: (local) => host.account(local),
      kick: (account, session, error) => sessions.kick(account, session, error),
    },
    accessTokenTtlMs: HOUR_MS,
    refreshTokenTtlMs: HOUR_MS,
    discoveryUrl: undefined,
    asPasswords: false,
  });
  host.services.provide(bearerTokens, tokens);
  return tokens;
}

/** Connects a client of a library that others wrote, with a token and no password. */
function connectWith(server: LiveServer, token: string): Agent {
  const client = createClient({
    jid: `romeo@${DOMAIN}`,
    credentials: { token },
    transports: { websocket: server.urls.wss, bosh: false },
    autoReconnect: false,
    // The library keeps waiting for answers that were errors, and the process with it.
    timeout: 2,
  });
  server.beforeEnd(() => {
    client.disconnect();
  });
  client.connect();
  return client;
}

describe('A client of the library stanza', () => {
  test('logs in with a bearer token, and is shown out when that is revoked', async (t) => {
    const server = await LiveServer.start(t, ONLY_TOKENS);
    await server.addUsers('romeo');
    const tokens = tokensOf(server);
    const { accessToken } = await tokens.issue({
      local: 'romeo',
      client: { hash: 'hash', name: 'Garden diary' },
      scopes: ['xmpp:client:normal'],
      role: 'normal',
      withRefresh: true,
      authenticatedAt: Date.now(),
    });
    const client = connectWith(server, accessToken);
    let isStarted = false;
    client.on('session:started', () => {
      isStarted = true;
    });
    let isDisconnected = false;
    client.on('disconnected', () => {
      isDisconnected = true;
    });
    await eventually('the session starts', () => isStarted);
    const line = await server.logged('login.succeeded');
    assert.equal(line['mechanism'], 'OAUTHBEARER');
    assert.ok(await client.getRoster());
    await assert.rejects(client.updateAccount(DOMAIN, { username: 'romeo', password: 'thy name' }));
    await tokens.revoke(accessToken);
    await eventually('the stream ends', () => isDisconnected);
    assert.ok(!server.lines.some((text) => text.includes(accessToken)), 'no token in the log');
  });

  test('with a token that is not good fails', async (t) => {
    const server = await LiveServer.start(t, ONLY_TOKENS);
    await server.addUsers('romeo');
    tokensOf(server);
    const client = connectWith(server, 'secret-token:AAAA');
    let hasFailed = false;
    client.on('auth:failed', () => {
      hasFailed = true;
    });
    await eventually('the login fails', () => hasFailed);
    const { mechanism, condition } = await server.logged('login.failed');
    assert.deepEqual({ mechanism, condition }, { mechanism: 'OAUTHBEARER', condition: 'not-authorized' });
  });
});
