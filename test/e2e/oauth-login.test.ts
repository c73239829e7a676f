import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import * as openid from 'openid-client';
import { createClient } from 'stanza';
import { redirected } from '../support/consent.ts';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { acceptAnyCertificate } from '../support/unverified-tls.ts';

acceptAnyCertificate();

const ROMEO = `romeo@${DOMAIN}`;
const REDIRECT = 'https://garden.example/signed-in';
const WEBSITE = {
  client_name: 'Garden diary',
  client_uri: 'https://garden.example/',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
};
const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const NS_SASL2 = 'urn:xmpp:sasl:2';
const NS_CAM = 'urn:xmpp:cam:0';
const INVALID = 'invalid_token';

/** How OAUTHBEARER is spoken by either kind of SASL. */
const SPEECHES = {
  SASL1: {
    ns: NS_SASL,
    auth: (initial: string) => `<auth xmlns='${NS_SASL}' mechanism='OAUTHBEARER'>${initial}</auth>`,
  },
  SASL2: {
    ns: NS_SASL2,
    auth: (initial: string) =>
      `<authenticate xmlns='${NS_SASL2}' mechanism='OAUTHBEARER'><initial-response>${initial}</initial-response>` +
      "<user-agent id='8c2d7c1e-3f41-4a3f-9a63-6f2b0a4f9b10'><software>Garden diary</software></user-agent>" +
      "<bind xmlns='urn:xmpp:bind:0'><tag>Garden</tag></bind></authenticate>",
  },
} as const;

type Sasl = keyof typeof SPEECHES;

interface Tokens {
  readonly config: openid.Configuration;
  readonly access: string;
  readonly refresh: string;
}

async function start(t: TestContext, settings = {}): Promise<LiveServer> {
  const server = await LiveServer.start(t, settings);
  await server.addUsers('romeo');
  return server;
}

/** Connects and sends a token; returns what the server says to that. */
async function sendToken(server: LiveServer, token: string, sasl: Sasl) {
  const client = await RawClient.connectTls(server, 'c2sTls');
  await client.open();
  const initial = Buffer.from(`n,a=${ROMEO},\x01auth=Bearer ${token}\x01\x01`).toString('base64');
  client.write(SPEECHES[sasl].auth(initial));
  const answer = await client.until(
    /<(?:challenge|success|failure) .*?<\/(?:challenge|success|failure)>|<success [^>]*\/>/s,
  );
  return { client, answer };
}

/** Logs in with a token. */
async function logIn(server: LiveServer, token: string, sasl: Sasl): Promise<RawClient> {
  const { client, answer } = await sendToken(server, token, sasl);
  assert.match(answer, /^<success /);
  if (sasl === 'SASL1') {
    await client.open();
    const bound = await client.ask("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    assert.match(bound, /type="result"/);
  } else {
    assert.match(answer, /<authorization-identifier>romeo@localhost\/Garden/);
    await client.until(/<\/stream:features>|<stream:features\/>/);
  }
  return client;
}

/** Expects a token to be refused; returns what the server tells of it. RFC 7628 §3.2.2 */
async function refusal(server: LiveServer, token: string, sasl: Sasl): Promise<Record<string, string>> {
  const { client, answer } = await sendToken(server, token, sasl);
  const [, text = ''] = /^<challenge [^>]*>([^<]*)</.exec(answer) ?? assert.fail(answer);
  client.write(`<response xmlns='${SPEECHES[sasl].ns}'>AQ==</response>`);
  assert.match(await client.until(/<failure .*?<\/failure>/s), /<not-authorized/);
  client.write('</stream:stream>');
  return JSON.parse(Buffer.from(text, 'base64').toString());
}

/** Gets tokens as an application does that knows nothing but where the server's metadata is. */
async function authorize(discovery: string, scope = 'xmpp:client:normal'): Promise<Tokens> {
  const config = await openid.dynamicClientRegistration(new URL(discovery), WEBSITE);
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const address = openid.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT,
    scope,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  });
  const tokens = await openid.authorizationCodeGrant(config, await redirected(address), { pkceCodeVerifier });
  return { config, access: tokens.access_token, refresh: tokens.refresh_token ?? '' };
}

/** What an application finds out by an empty token. XEP-0493 §3 */
async function discover(server: LiveServer, sasl: Sasl): Promise<string> {
  const { status, 'openid-configuration': discovery = '' } = await refusal(server, '', sasl);
  assert.equal(status, INVALID);
  return discovery;
}

/** Expects that nothing of what an application had is of use any more. */
async function isLockedOut(server: LiveServer, { config, access, refresh }: Tokens): Promise<void> {
  assert.equal((await openid.tokenIntrospection(config, access)).active, false);
  await assert.rejects(openid.refreshTokenGrant(config, refresh), { error: 'invalid_grant' });
  for (const sasl of ['SASL1', 'SASL2'] as const)
    assert.equal((await refusal(server, access, sasl))['status'], INVALID);
}

describe('An application that has a domain and nothing else', () => {
  for (const sasl of ['SASL1', 'SASL2'] as const) {
    test(`asks for tokens and logs in with them, by ${sasl}`, async (t) => {
      const server = await start(t);
      const { config, access, refresh } = await authorize(await discover(server, sasl));
      const client = await logIn(server, access, sasl);
      assert.match(await client.ask("<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>"), /type="result"/);
      const forbidden = await client.ask(`<iq type='get' id='c'><list xmlns='${NS_CAM}'/></iq>`);
      assert.match(forbidden, /<(?:forbidden|not-allowed)/);
      assert.equal((await refusal(server, refresh, sasl))['status'], INVALID);
      const refreshed = await openid.refreshTokenGrant(config, refresh);
      await logIn(server, refreshed.access_token, sasl);
      const said = server.lines.join('\n');
      for (const secret of [access, refresh, refreshed.access_token]) assert.ok(!said.includes(secret.slice(13)));
    });
  }

  test('logs in by the library stanza', async (t) => {
    const server = await start(t, { auth: { mechanisms: ['OAUTHBEARER'] } });
    const { access } = await authorize(await discover(server, 'SASL2'));
    const client = createClient({
      jid: ROMEO,
      credentials: { token: access },
      transports: { websocket: server.urls.wss, bosh: false },
      autoReconnect: false,
    });
    server.beforeEnd(() => {
      client.disconnect();
    });
    let isStarted = false;
    client.on('session:started', () => {
      isStarted = true;
    });
    client.connect();
    await eventually('the session starts', () => isStarted);
    assert.ok(await client.getRoster());
  });

  test('is told which scope it lacks, when it asked for what is no login', async (t) => {
    const server = await start(t);
    const { access } = await authorize(await discover(server, 'SASL1'), 'openid');
    for (const sasl of ['SASL1', 'SASL2'] as const) {
      const { status, scope } = await refusal(server, access, sasl);
      assert.deepEqual({ status, scope }, { status: 'insufficient_scope', scope: 'xmpp' });
    }
  });
});

describe('The owner of an account', () => {
  test('takes access away from an application in the list of clients, at once', async (t) => {
    const server = await start(t);
    const tokens = await authorize(await discover(server, 'SASL2'));
    const sessions = [await logIn(server, tokens.access, 'SASL2'), await logIn(server, tokens.access, 'SASL1')];
    const owner = await RawClient.logIn(server, 'romeo');
    const list = await owner.ask(`<iq type='get' id='l'><list xmlns='${NS_CAM}'/></iq>`);
    const entries = list.match(/<client .*?<\/client>/gs)?.filter((entry) => entry.includes('<grant/>')) ?? [];
    const ids = entries.map((entry) => /id=['"]([^'"]*)/.exec(entry)?.[1] ?? '');
    assert.match(entries.join(), /Garden diary/);
    for (const [at, id] of ids.entries()) {
      await owner.ask(`<iq type='set' id='${at}'><revoke xmlns='${NS_CAM}' id='${id}'/></iq>`);
    }
    for (const session of sessions) assert.match(await session.closed(), /<reset /);
    await isLockedOut(server, tokens);
  });

  test('locks all applications out with a new password', async (t) => {
    const server = await start(t);
    const discovery = await discover(server, 'SASL1');
    const [diary, other] = [await authorize(discovery), await authorize(discovery, 'xmpp')];
    const sessions = [await logIn(server, diary.access, 'SASL1'), await logIn(server, other.access, 'SASL2')];
    const owner = await RawClient.logIn(server, 'romeo');
    const query = '<username>romeo</username><password>thy name</password>';
    await owner.ask(`<iq type='set' id='p'><query xmlns='jabber:iq:register'>${query}</query></iq>`);
    for (const session of sessions) await session.closed();
    await isLockedOut(server, diary);
    await isLockedOut(server, other);
  });

  test('ends the session of an application that gives its tokens back', async (t) => {
    const server = await start(t);
    const tokens = await authorize(await discover(server, 'SASL1'));
    const session = await logIn(server, tokens.access, 'SASL2');
    await openid.tokenRevocation(tokens.config, tokens.refresh);
    await session.closed();
    await isLockedOut(server, tokens);
  });
});
