import { GRANTS } from '../src/core/grant-record.ts';
import { Grants } from '../src/core/grants.ts';
import { Sealing } from '../src/core/sealing.ts';
import { USERS } from '../src/core/user-record.ts';
import { Users } from '../src/core/users.ts';
import { OAuthTokens } from '../src/features/oauth/tokens.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { formatToken, parseToken } from '../src/oauth/token-text.ts';
import { Passwords } from '../src/sasl/passwords.ts';
import { openMemoryStore } from '../src/store/memory.ts';
import { systemClock } from '../src/util/clock.ts';
import { unguessableBytes } from '../src/util/ids.ts';
import { type Bench, type Case, onCpu } from './runner.ts';

const BATCH = 50;
const DOMAIN = 'example.org';
/** More than the caches hold. */
const APPLICATIONS = 4000;
const HOUR_MS = 3_600_000;

/** What it takes to check a bearer token, as every request of an application needs it. One unit is one token. */
export const bearerTokens: Bench = {
  name: 'bearer-tokens',
  rounds: 31,
  async open() {
    const tokens = await openTokens();
    const issued: string[] = [];
    for (let i = 0; i < APPLICATIONS; i++) issued.push(await issue(tokens, `user${i % 1000}`));
    const [known = ''] = issued;
    const parts = parseToken(known);
    if (parts === undefined) throw new Error('the token is none');
    const forged = formatToken({ ...parts, secret: unguessableBytes(parts.secret.length) });
    let next = 0;
    return [
      repeated('a token that was just used', async () => (await tokens.verify(known)) !== undefined),
      repeated('a token that was not used lately', async () => {
        next = (next + 1) % issued.length;
        return (await tokens.verify(issued[next] ?? '')) !== undefined;
      }),
      repeated('a token that was never issued', async () => (await tokens.verify(forged)) === undefined),
      repeated('a text that is no token', async () => (await tokens.verify('secret-token:AAAA')) === undefined),
    ];
  },
};

async function openTokens(): Promise<OAuthTokens> {
  const clock = systemClock;
  const store = openMemoryStore({ clock });
  const users = new Users({
    domain: DOMAIN,
    table: store.table(USERS),
    clock,
    passwords: new Passwords({ clock }),
    iterations: 4096,
  });
  for (let i = 0; i < 1000; i++) await users.admit(`user${i}`);
  const sealing = new Sealing(unguessableBytes(32));
  const grants = new Grants({ domain: DOMAIN, store, table: store.table(GRANTS), clock, sealing });
  const settings = { current: { admins: [] } };
  const host = {
    domain: DOMAIN,
    grants,
    users,
    clock,
    settings,
    metrics: new Metrics(),
    account: () => undefined,
    kick: () => {},
  };
  return new OAuthTokens({
    host,
    accessTokenTtlMs: HOUR_MS,
    refreshTokenTtlMs: HOUR_MS,
    discoveryUrl: undefined,
    asPasswords: false,
  });
}

async function issue(tokens: OAuthTokens, local: string): Promise<string> {
  const { accessToken } = await tokens.issue({
    local,
    client: { hash: 'hash', name: 'Garden diary' },
    scopes: ['xmpp:client:normal'],
    role: 'normal',
    withRefresh: true,
    authenticatedAt: systemClock.now(),
  });
  return accessToken;
}

function repeated(name: string, run: () => Promise<boolean>): Case {
  return onCpu(name, async () => {
    for (let i = 0; i < BATCH; i++) if (!(await run())) throw new Error(`${name} failed`);
    return BATCH;
  });
}
