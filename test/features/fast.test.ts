import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { FastTokens } from '../../src/features/fast/tokens.ts';
import { attr, child, type Element, serialize, text } from '../../src/xml/element.ts';
import {
  BIND,
  conditionOf,
  DOMAIN,
  HT_NONE,
  hmac,
  identifierOf,
  LAPTOP,
  NS_FAST,
  open as openStage,
  PASSWORD,
  PHONE,
  REQUEST_TOKEN,
  type Sasl2Client,
  tokenOf,
} from '../c2s/sasl2-scene.ts';
import type { StageOptions } from '../support/stage.ts';

const DAY_MS = 86_400_000;
// Tokens live faster here: a stage that runs for days takes real time.
const TTL_MS = 60_000;
const ROTATE_MS = 1000;

function open(t: TestContext, { config, ...options }: Partial<StageOptions> = {}) {
  const fast = { tokenTtlMs: TTL_MS, rotateAfterMs: ROTATE_MS };
  return openStage(t, { ...options, config: { features: { fast }, ...config } });
}

type Opened = Awaited<ReturnType<typeof open>>;

/** Logs in with the password and returns the token that the client gets. */
async function firstToken({ connect }: Opened, clientId = PHONE): Promise<string> {
  return tokenOf(await (await connect()).plain({ clientId, children: REQUEST_TOKEN }));
}

function hasToken(success: Element): boolean {
  return child(success, 'token', NS_FAST) !== undefined;
}

describe('A token', () => {
  test('logs in, and the server proves that it knows it too', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    assert.match(token, /^secret-token:fast-[\w-]{36}$/);
    const success = await (await scene.connect()).token(token, { children: BIND });
    assert.match(identifierOf(success), /^romeo@stage\.example\/Pelican\//);
    assert.equal(text(child(success, 'additional-data')), hmac(token, 'Responder').toString('base64'));
    assert.equal(hasToken(success), false);
  });

  test('comes with the time of its end, in three weeks', async (t) => {
    const scene = await openStage(t);
    const success = await (await scene.connect()).plain({ clientId: PHONE, children: REQUEST_TOKEN });
    const token = child(success, 'token', NS_FAST);
    const expected = new Date(scene.stage.clock.now() + 21 * DAY_MS).toISOString();
    assert.equal(token && attr(token, 'expiry'), expected);
  });

  test('belongs to its client and its user', async (t) => {
    const scene = await open(t);
    await scene.stage.host.users.create('juliet', PASSWORD);
    const token = await firstToken(scene);
    const client = await scene.connect();
    assert.equal(conditionOf(await client.token(token, { clientId: LAPTOP })), 'not-authorized');
    assert.equal(conditionOf(await client.token(token, { user: 'juliet' })), 'not-authorized');
    assert.equal(conditionOf(await client.token(token, { user: 'ghost' })), 'not-authorized');
    assert.equal(identifierOf(await client.token(token, { user: `romeo@${DOMAIN}` })), `romeo@${DOMAIN}`);
  });

  test('is stored sealed', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    const [grant] = await scene.stage.host.grants.list('romeo');
    assert.ok(grant);
    assert.equal(grant.purpose, 'fast');
    assert.equal(grant.client, PHONE);
    assert.ok(!JSON.stringify(grant).includes(token.slice(-20)));
  });

  test('`request-token` with an unknown mechanism logs in without token', async (t) => {
    const { connect } = await open(t);
    for (const mechanism of ['HT-SHA-256-EXPR', 'HT-MD5-NONE', '', 'PLAIN']) {
      const children = `<request-token xmlns='${NS_FAST}' mechanism='${mechanism}'/>`;
      assert.equal(hasToken(await (await connect()).plain({ clientId: PHONE, children })), false);
    }
  });

  test('is given to nobody anonymous', async (t) => {
    const { connect } = await open(t, { config: { auth: { mechanisms: ['ANONYMOUS'] } } });
    const success = await (await connect()).authenticate('ANONYMOUS', '', { clientId: PHONE, children: REQUEST_TOKEN });
    assert.equal(success.name, 'success');
    assert.equal(hasToken(success), false);
  });

  test('that cannot be stored is not given, and the login is good all the same', async (t) => {
    const { stage, connect } = await open(t);
    const client = await connect();
    stage.store.failNextCommit(new Error('disk full'));
    const success = await client.plain({ clientId: PHONE, children: REQUEST_TOKEN });
    assert.equal(identifierOf(success), `romeo@${DOMAIN}`);
    assert.equal(hasToken(success), false);
  });

  test('survives a restart', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    await scene.stage.close();
    const again = await open(t, { store: scene.stage.store, clock: scene.stage.clock });
    assert.equal((await (await again.connect()).token(token)).name, 'success');
  });
});

describe('Rotation', () => {
  test('old token still works until the new one is used, then fails', async (t) => {
    const scene = await open(t);
    const old = await firstToken(scene);
    await (await scene.connect()).token(old);
    await scene.stage.clock.advance(ROTATE_MS + 1);
    const renewed = tokenOf(await (await scene.connect()).token(old));
    assert.equal((await (await scene.connect()).token(old)).name, 'success');
    // That one was answered with a newer one, in the place of the one that nobody used.
    const client = await scene.connect();
    assert.equal(conditionOf(await client.token(renewed)), 'not-authorized');
    const newest = tokenOf(await client.token(old));
    assert.equal(hasToken(await (await scene.connect()).token(newest)), false);
    assert.equal(conditionOf(await (await scene.connect()).token(old)), 'not-authorized');
    assert.equal((await (await scene.connect()).token(newest)).name, 'success');
  });

  test('is due at its time, not before', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    await scene.stage.clock.advance(ROTATE_MS);
    assert.equal(hasToken(await (await scene.connect()).token(token)), false);
  });

  test('a usual login writes nothing but, later, the time of use', async (t) => {
    const scene = await openStage(t);
    const { stage } = scene;
    const token = await firstToken(scene);
    await (await scene.connect()).token(token);
    await stage.clock.advance(5000);
    const before = (await stage.host.grants.list('romeo'))[0]?.accessedAt ?? 0;
    await stage.clock.advance(60_000);
    stage.store.hold();
    const success = await (await scene.connect()).token(token, { children: BIND });
    assert.equal(success.name, 'success');
    stage.store.release();
    await stage.clock.advance(5000);
    const after = (await stage.host.grants.list('romeo'))[0]?.accessedAt ?? 0;
    assert.ok(after >= before + 60_000);
  });
});

describe('The end of a token', () => {
  test('token older than its time: `credentials-expired`, slot cleaned; wrong token: `not-authorized`; SCRAM then works on the same stream', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    await scene.stage.clock.advance(TTL_MS);
    const client = await scene.connect();
    assert.equal(conditionOf(await client.token('secret-token:fast-wrong')), 'not-authorized');
    assert.equal(conditionOf(await client.token(token)), 'credentials-expired');
    assert.equal(conditionOf(await client.token(token)), 'not-authorized');
    assert.equal((await client.authenticate('SCRAM-SHA-256', 'n,,n=romeo,r=abc')).name, 'challenge');
  });

  test('`invalidate` kills both slots; with `request-token` the reply carries a fresh token', async (t) => {
    for (const invalidate of ['true', '1']) {
      const scene = await open(t);
      const current = await firstToken(scene);
      await (await scene.connect()).token(current);
      const unused = await firstToken(scene);
      const attributes = `invalidate='${invalidate}'`;
      await scene.stage.clock.advance(ROTATE_MS + 1);
      const fresh = tokenOf(await (await scene.connect()).token(current, { attributes, children: REQUEST_TOKEN }));
      const client = await scene.connect();
      assert.equal(conditionOf(await client.token(current)), 'not-authorized');
      assert.equal(conditionOf(await client.token(unused)), 'not-authorized');
      const last = await client.token(fresh, { attributes });
      assert.equal(hasToken(last), false);
      assert.equal(conditionOf(await (await scene.connect()).token(fresh)), 'not-authorized');
    }
  });

  test('what cannot be invalidated is not said to be', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    const client = await scene.connect();
    scene.stage.store.failNextCommit(new Error('disk full'));
    assert.equal(conditionOf(await client.token(token, { attributes: "invalidate='1'" })), 'temporary-auth-failure');
    assert.equal((await client.token(token)).name, 'success');
  });

  test('`count` 5 then 5 fails, 6 works; `count="x"` is `malformed-request`', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    const use = async (count: string): Promise<Element> =>
      (await scene.connect()).token(token, { attributes: `count='${count}'` });
    assert.equal((await use('5')).name, 'success');
    assert.equal(conditionOf(await use('5')), 'not-authorized');
    assert.equal(conditionOf(await use('4')), 'not-authorized');
    assert.equal((await use('6')).name, 'success');
    for (const count of ['x', '0', '-1', '', '1.5', '1e3', ' 7', '99999999999999999']) {
      assert.equal(conditionOf(await use(count)), 'malformed-request', count);
    }
    assert.equal((await (await scene.connect()).token(token)).name, 'success');
  });

  test('two logins with the same count at once: one gets in', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    const clients = [await scene.connect(), await scene.connect()];
    const answers = await Promise.all(clients.map((client) => client.token(token, { attributes: "count='1'" })));
    assert.deepEqual(answers.map(({ name }) => name).sort(), ['failure', 'success']);
  });

  test('a password change invalidates all FAST tokens; disabling and enabling, and adding keys, does not', async (t) => {
    const scene = await open(t);
    const { users, grants } = scene.stage.host;
    const token = await firstToken(scene);
    await scene.stage.clock.advance(1000);
    await users.setDisabled('romeo', true);
    await users.setDisabled('romeo', false);
    const facts = await users.password('romeo');
    const keys = await users.scramKeys('romeo', 'SHA-512');
    assert.ok(facts && keys);
    await users.addKeys('romeo', 'SHA-512', keys, facts.updatedAt);
    assert.equal((await (await scene.connect()).token(token)).name, 'success');
    await users.setPassword('romeo', PASSWORD);
    assert.match(conditionOf(await (await scene.connect()).token(token)), /credentials-expired|not-authorized/);
    while ((await grants.list('romeo')).length > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('a disabled account cannot use FAST', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    await scene.stage.host.users.setDisabled('romeo', true);
    assert.equal(conditionOf(await (await scene.connect()).token(token)), 'account-disabled');
  });

  test('whoever takes the name of a removed user inherits no token', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    await scene.stage.host.removeUser('romeo');
    assert.deepEqual(await scene.stage.host.grants.list('romeo'), []);
    await scene.stage.host.users.create('romeo', PASSWORD);
    assert.equal(conditionOf(await (await scene.connect()).token(token)), 'not-authorized');
  });

  test('a revoked grant takes its tokens with it', async (t) => {
    const scene = await open(t);
    const token = await firstToken(scene);
    const [grant] = await scene.stage.host.grants.list('romeo');
    assert.equal(await scene.stage.host.grants.revoke('romeo', grant?.id ?? ''), true);
    assert.equal(conditionOf(await (await scene.connect()).token(token)), 'not-authorized');
  });
});

describe('A token derived from a grant', () => {
  /** A grant with a narrow role, as OAuth makes them, and a token that was got with it. */
  async function derived(scene: Opened) {
    const { grants, users, clock, domain } = scene.stage.host;
    const now = clock.now();
    const tokens = { access: { secret: 'x', issuedAt: now, expiresAt: now + 60 * DAY_MS, data: {} } };
    const grant = await grants.create('romeo', { purpose: 'oauth', role: 'normal', tokens });
    const service = new FastTokens({ grants, users, clock, domain, tokenTtlMs: TTL_MS, rotateAfterMs: ROTATE_MS });
    const login = {
      mechanism: 'OAUTHBEARER',
      at: now,
      role: 'normal',
      clientId: PHONE,
      userAgent: undefined,
      grantId: grant.id,
    } as const;
    const [user] = [await users.get('romeo')];
    assert.ok(user);
    const issued = await service.issue(user.jid, PHONE, HT_NONE, login);
    assert.ok(issued);
    return { grant, token: issued.token };
  }

  function sessionOf(scene: Opened) {
    const [session] = scene.stage.host.account('romeo')?.sessions.values() ?? [];
    return session?.login;
  }

  test('stops working the moment its grant is revoked and never gains role', async (t) => {
    const scene = await open(t, { config: { admins: [`romeo@${DOMAIN}`] } });
    const { grant, token } = await derived(scene);
    await (await scene.connect()).token(token, { children: BIND });
    assert.equal(sessionOf(scene)?.role, 'normal');
    assert.equal(sessionOf(scene)?.grantId, grant.id);
    await scene.stage.clock.advance(ROTATE_MS + 1);
    const renewed = tokenOf(await (await scene.connect()).token(token));
    await (await scene.connect()).token(renewed, { children: BIND });
    assert.equal(sessionOf(scene)?.role, 'normal');
    await scene.stage.host.grants.revoke('romeo', grant.id);
    assert.equal(conditionOf(await (await scene.connect()).token(renewed)), 'not-authorized');
  });

  test('ends with its grant even when that merely runs out', async (t) => {
    const scene = await open(t);
    const { grant, token } = await derived(scene);
    await scene.stage.host.grants.change('romeo', grant.id, () => undefined);
    assert.equal(conditionOf(await (await scene.connect()).token(token)), 'credentials-expired');
  });

  test('does not share a grant with tokens that a password gave', async (t) => {
    const scene = await open(t);
    const { token } = await derived(scene);
    const own = await firstToken(scene);
    const client: Sasl2Client = await scene.connect();
    assert.equal(conditionOf(await client.token(token)), 'not-authorized');
    const success = await client.token(own, { children: BIND });
    assert.equal(success.name, 'success', serialize(success));
    assert.equal(sessionOf(scene)?.role, 'member');
  });
});

test('a flood of clients of one account leaves so many tokens as are allowed', async (t) => {
  const { stage } = await open(t);
  const { grants, users, clock, domain } = stage.host;
  const service = new FastTokens({ grants, users, clock, domain, tokenTtlMs: DAY_MS, rotateAfterMs: 1 });
  const user = await users.get('romeo');
  assert.ok(user);
  const login = {
    mechanism: 'PLAIN',
    at: clock.now(),
    role: 'member',
    userAgent: undefined,
    grantId: undefined,
  } as const;
  for (let i = 0; i < 300; i++) {
    await stage.clock.advance(1);
    const clientId = `client-${i}`;
    await service.issue(user.jid, clientId, HT_NONE, { ...login, clientId });
  }
  const left = await grants.list('romeo');
  assert.equal(left.length, 100);
  assert.ok(left.some(({ client }) => client === 'client-299'));
  assert.ok(!left.some(({ client }) => client === 'client-199'));
});

test('a flood of clients of one application leaves the tokens of others alone', async (t) => {
  const scene = await open(t);
  const { grants, users, clock, domain } = scene.stage.host;
  const own = await firstToken(scene);
  const service = new FastTokens({ grants, users, clock, domain, tokenTtlMs: DAY_MS, rotateAfterMs: 1 });
  const user = await users.get('romeo');
  assert.ok(user);
  const tokens = { access: { secret: 'x', issuedAt: clock.now(), expiresAt: clock.now() + DAY_MS, data: {} } };
  const { id: grantId } = await grants.create('romeo', { purpose: 'oauth', role: 'account-read', tokens });
  const login = { mechanism: 'OAUTHBEARER', at: clock.now(), role: 'account-read', userAgent: undefined } as const;
  for (let i = 0; i < 120; i++) {
    await scene.stage.clock.advance(1);
    await service.issue(user.jid, `client-${i}`, HT_NONE, { ...login, grantId, clientId: `client-${i}` });
  }
  const derived = (await grants.list('romeo')).filter(({ parent }) => parent === grantId);
  assert.deepEqual(
    derived.map(({ client }) => client).toSorted(),
    [...Array(10).keys()].map((i) => `client-${110 + i}`),
  );
  assert.equal((await (await scene.connect()).token(own)).name, 'success');
});

test('that tokens are never replaced is told at the start', async (t) => {
  const { stage } = await open(t, { config: { features: { fast: { tokenTtlMs: 60_000, rotateAfterMs: 60_000 } } } });
  assert.ok(stage.log.records.some(({ event }) => event === 'fast.never-rotated'));
});
