import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GRANTS } from '../../../src/core/grant-record.ts';
import { MAX_ACCESS_TOKENS, MAX_REFRESH_TOKENS } from '../../../src/features/oauth/grant-tokens.ts';
import { formatToken, parseToken } from '../../../src/oauth/token-text.ts';
import { DOMAIN } from '../../support/stage.ts';
import { CLIENT, DAY_MS, failsWith, HOUR_MS, open } from './token-scene.ts';

const refreshTokenOf = ({ refreshToken }: { refreshToken?: string }): string => {
  assert.ok(refreshToken);
  return refreshToken;
};

describe('An access token', () => {
  test('gives access to what was granted', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const { accessToken, grantId, expiresIn, scope } = await issue('xmpp:client:normal openid');
    assert.equal(expiresIn, 3600);
    assert.equal(scope, 'xmpp:client:normal openid');
    const access = await tokens.verify(accessToken);
    assert.ok(access);
    const { jid, tokenId, ...rest } = access;
    assert.equal(jid.toString(), `romeo@${DOMAIN}`);
    assert.notEqual(tokenId, '');
    assert.deepEqual(rest, {
      grantId,
      scopes: ['xmpp:client:normal', 'openid'],
      role: 'normal',
      resource: undefined,
      expiresAt: clock.now() + HOUR_MS,
    });
  });

  test('is written as the specification says', async (t) => {
    const { issue } = await open(t);
    const { accessToken, grantId } = await issue();
    const parts = parseToken(accessToken);
    assert.equal(parts?.grantId, grantId);
    assert.equal(parts?.jid, `romeo@${DOMAIN}`);
  });

  test('ends in the very second in which it expires, and with its grant if that is earlier', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const usual = await issue();
    const short = await issue('xmpp', { expiresAt: clock.now() + 600_500 });
    assert.equal(short.expiresIn, 600);
    await clock.advance(600_499);
    assert.ok(await tokens.verify(short.accessToken));
    await clock.advance(1);
    assert.equal(await tokens.verify(short.accessToken), undefined);
    await failsWith('invalid_grant', () => tokens.refresh(refreshTokenOf(short), CLIENT.hash));
    await clock.advance(HOUR_MS - 600_501);
    assert.ok(await tokens.verify(usual.accessToken));
    await clock.advance(1);
    assert.equal(await tokens.verify(usual.accessToken), undefined);
  });

  test('that is not ours is refused without a look into the store', async (t) => {
    const { stage, tokens, issue, grants } = await open(t);
    const { accessToken } = await issue();
    const parts = parseToken(accessToken);
    assert.ok(parts);
    const altered = Buffer.from(parts.secret);
    altered[0] = (altered[0] ?? 0) ^ 1;
    const foreign = [
      '',
      'secret-token:',
      `${accessToken}A`,
      accessToken.slice(0, -4),
      formatToken({ ...parts, jid: 'romeo@elsewhere.example' }),
      formatToken({ ...parts, jid: `juliet@${DOMAIN}` }),
      formatToken({ ...parts, jid: DOMAIN }),
      formatToken({ ...parts, grantId: 'another' }),
      formatToken({ ...parts, secret: altered }),
    ];
    t.mock.method(grants, 'get', () => assert.fail('the store was read'));
    t.mock.method(stage.host.users, 'get', () => assert.fail('the store was read'));
    for (const token of foreign) {
      assert.equal(await tokens.verify(token), undefined, token);
      assert.equal(await tokens.describe(token), undefined, token);
      assert.equal(await tokens.revoke(token), undefined, token);
      await failsWith('invalid_grant', () => tokens.refresh(token, CLIENT.hash));
    }
  });

  test('is of no use where a refresh token is asked for, nor the other way round', async (t) => {
    const { tokens, issue } = await open(t);
    const issued = await issue();
    assert.equal(await tokens.verify(refreshTokenOf(issued)), undefined);
    assert.equal(await tokens.verifyForLogin(refreshTokenOf(issued)), undefined);
    await failsWith('invalid_grant', () => tokens.refresh(issued.accessToken, CLIENT.hash));
  });

  test('ends with the password that was in force when its owner granted it, even before anything is swept', async (t) => {
    const { tokens, issue, users, grants, clock } = await open(t);
    const authenticatedAt = clock.now();
    const issued = await issue();
    await clock.advance(1000);
    const kept = t.mock.method(grants, 'revokeOutdated', async () => {});
    await users.setPassword('romeo', 'thy name');
    assert.equal(await tokens.verify(issued.accessToken), undefined);
    await failsWith('invalid_grant', () => tokens.refresh(refreshTokenOf(issued), CLIENT.hash));
    await failsWith('invalid_grant', () => issue('xmpp', { authenticatedAt }));
    assert.ok((await grants.list('romeo')).length > 0);
    kept.mock.restore();
    assert.ok(await tokens.verify((await issue()).accessToken));
  });

  test('is not good while its account is disabled, and good again afterwards', async (t) => {
    const { tokens, issue, users } = await open(t);
    const issued = await issue();
    await users.setDisabled('romeo', true);
    assert.equal(await tokens.verify(issued.accessToken), undefined);
    assert.equal(await tokens.describe(issued.accessToken), undefined);
    assert.ok(await tokens.verifyForLogin(issued.accessToken), 'a login tells why it is refused');
    assert.equal(tokens.isMadeUp(issued.accessToken), false);
    await failsWith('invalid_grant', () => tokens.refresh(refreshTokenOf(issued), CLIENT.hash));
    await failsWith('invalid_grant', () => issue());
    await users.setDisabled('romeo', false);
    assert.ok(await tokens.verify(issued.accessToken));
  });

  test('ends with its account, also for whoever gets the name later', async (t) => {
    const { stage, tokens, issue, users, grants, clock } = await open(t);
    const { accessToken } = await issue();
    await stage.host.removeUser('romeo');
    assert.equal(await tokens.verify(accessToken), undefined);
    await clock.advance(1000);
    await users.create('romeo', 'thy name');
    assert.equal(await tokens.verify(accessToken), undefined);
    assert.deepEqual(await grants.list('romeo'), []);
  });

  test('never makes more of an account than it is by now', async (t) => {
    const { stage, tokens, issue } = await open(t);
    const { accessToken } = await issue('xmpp', { role: 'admin' });
    assert.equal((await tokens.verify(accessToken))?.role, 'member');
    stage.reload({ admins: [`romeo@${DOMAIN}`] });
    assert.equal((await tokens.verify(accessToken))?.role, 'admin');
  });

  test('without a scope for it is not good for a login', async (t) => {
    const { tokens, issue } = await open(t);
    const access = await tokens.verify((await issue('openid profile')).accessToken);
    assert.deepEqual(access?.scopes, ['openid', 'profile']);
    assert.equal(access?.role, undefined);
  });

  test('is remembered to have been used, once a minute at most', async (t) => {
    const { tokens, issue, grants, clock } = await open(t);
    const { accessToken, grantId } = await issue();
    const used = t.mock.method(grants, 'used');
    await tokens.verify(accessToken);
    assert.equal(used.mock.callCount(), 0, 'it was made now');
    for (let i = 0; i < 6; i++) {
      await clock.advance(30_000);
      await tokens.verify(accessToken);
    }
    assert.equal(used.mock.callCount(), 3);
    await grants.writeUses();
    const [grant] = await grants.list('romeo');
    assert.equal(grant?.id, grantId);
    assert.equal(grant?.accessedAt, clock.now());
  });
});

describe('A refresh token', () => {
  test('is used up, and comes back as another along with an access token', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const first = await issue('xmpp offline_access', { facts: { nonce: 'n-0S6' } });
    await clock.advance(HOUR_MS);
    const second = await tokens.refresh(refreshTokenOf(first), CLIENT.hash);
    assert.notEqual(second.refreshToken, first.refreshToken);
    assert.equal(second.grantId, first.grantId);
    assert.equal(second.scope, 'xmpp offline_access');
    assert.equal(second.jid.toString(), `romeo@${DOMAIN}`);
    assert.equal(second.facts['nonce'], 'n-0S6');
    assert.equal((await tokens.verify(second.accessToken))?.role, 'member');
    await clock.leap(6 * DAY_MS);
    assert.ok(await tokens.refresh(refreshTokenOf(second), CLIENT.hash), 'the time of each begins anew');
  });

  test('that was used up some seconds ago is good once more: an answer may be lost', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const first = refreshTokenOf(await issue());
    const [one, other] = await Promise.all([tokens.refresh(first, CLIENT.hash), tokens.refresh(first, CLIENT.hash)]);
    await clock.advance(9_999);
    await tokens.refresh(first, CLIENT.hash);
    assert.ok(await tokens.verify(one.accessToken));
    await clock.advance(60_000);
    // Whichever the client has kept is good.
    const next = await tokens.refresh(refreshTokenOf(other), CLIENT.hash);
    assert.ok(await tokens.verify(next.accessToken));
  });

  test('that comes back later ends the grant with all its tokens: somebody has stolen it', async (t) => {
    const { stage, tokens, issue, clock } = await open(t);
    const first = refreshTokenOf(await issue());
    const second = await tokens.refresh(first, CLIENT.hash);
    await clock.advance(10_000);
    await failsWith('invalid_grant', () => tokens.refresh(first, CLIENT.hash));
    assert.equal(await tokens.verify(second.accessToken), undefined);
    await failsWith('invalid_grant', () => tokens.refresh(refreshTokenOf(second), CLIENT.hash));
    assert.match(await stage.metrics.text(), /oauth_tokens_total\{[^}]*event="replayed"\} 1/);
  });

  test('ends the grant also when nothing is kept of it any more, and when it is the thief who was faster', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const first = refreshTokenOf(await issue());
    let last = await tokens.refresh(first, CLIENT.hash);
    for (let i = 0; i < 5; i++) {
      await clock.leap(DAY_MS);
      last = await tokens.refresh(refreshTokenOf(last), CLIENT.hash);
    }
    await failsWith('invalid_grant', () => tokens.refresh(first, CLIENT.hash));
    assert.equal(await tokens.verify(last.accessToken), undefined);
  });

  test('with two successors: the one that is used later gives the theft away', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const first = refreshTokenOf(await issue());
    const owner = await tokens.refresh(first, CLIENT.hash);
    const thief = await tokens.refresh(first, CLIENT.hash);
    await clock.advance(HOUR_MS);
    const next = await tokens.refresh(refreshTokenOf(thief), CLIENT.hash);
    await clock.advance(HOUR_MS / 2);
    await failsWith('invalid_grant', () => tokens.refresh(refreshTokenOf(owner), CLIENT.hash));
    assert.equal(await tokens.verify(next.accessToken), undefined);
  });

  test('that has merely expired ends nothing', async (t) => {
    const { tokens, issue, grants, clock } = await open(t);
    const first = await issue();
    await clock.leap(7 * DAY_MS);
    await failsWith('invalid_grant', () => tokens.refresh(refreshTokenOf(first), CLIENT.hash));
    assert.ok(await grants.get('romeo', first.grantId));
  });

  test('is for its own client only, and another cannot end the grant by it', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const first = refreshTokenOf(await issue());
    await failsWith('invalid_grant', () => tokens.refresh(first, 'another'));
    const second = await tokens.refresh(first, CLIENT.hash);
    await clock.advance(HOUR_MS / 2);
    await failsWith('invalid_grant', () => tokens.refresh(first, 'another'));
    assert.ok(await tokens.verify(second.accessToken));
  });

  test('may ask for less than was granted, for more again later, and never for more than that', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const first = await issue('xmpp:account:read xmpp openid');
    assert.equal((await tokens.verify(first.accessToken))?.role, 'account-read');
    await failsWith('invalid_scope', () =>
      tokens.refresh(refreshTokenOf(first), CLIENT.hash, ['openid', 'xmpp:client:normal']),
    );
    await failsWith('invalid_scope', () => tokens.refresh(refreshTokenOf(first), CLIENT.hash, []));
    const narrow = await tokens.refresh(refreshTokenOf(first), CLIENT.hash, ['openid']);
    assert.equal(narrow.scope, 'openid');
    assert.equal((await tokens.verify(narrow.accessToken))?.role, undefined);
    await clock.advance(HOUR_MS);
    const other = await tokens.refresh(refreshTokenOf(narrow), CLIENT.hash, ['xmpp']);
    assert.equal(
      (await tokens.verify(other.accessToken))?.role,
      'account-read',
      'without the first scope, no wider role',
    );
  });

  test('never widens its own scope unless that is asked for', async (t) => {
    const { tokens, issue } = await open(t);
    const narrow = await tokens.refresh(refreshTokenOf(await issue('xmpp openid')), CLIENT.hash, ['openid']);
    assert.equal((await tokens.refresh(refreshTokenOf(narrow), CLIENT.hash)).scope, 'openid');
  });

  test('comes only where one was asked for', async (t) => {
    const { issue } = await open(t);
    assert.equal((await issue('xmpp', { withRefresh: false })).refreshToken, undefined);
  });
});

describe('Of one grant there are no more', () => {
  test('access tokens than the bound: the oldest end', async (t) => {
    const { tokens, issue, grants, clock } = await open(t);
    const first = await issue();
    let last = first;
    const all = [first.accessToken];
    for (let i = 0; i < MAX_ACCESS_TOKENS; i++) {
      await clock.advance(1000);
      last = await tokens.refresh(refreshTokenOf(last), CLIENT.hash);
      all.push(last.accessToken);
    }
    assert.equal(await tokens.verify(first.accessToken), undefined);
    for (const token of all.slice(1)) assert.ok(await tokens.verify(token));
    const [grant] = await grants.list('romeo');
    assert.ok(Object.keys(grant?.tokens ?? {}).length <= MAX_ACCESS_TOKENS + MAX_REFRESH_TOKENS + 1);
  });

  test('successors of one refresh token than the bound: the rest of the retries is refused', async (t) => {
    const { tokens, issue } = await open(t);
    const first = refreshTokenOf(await issue());
    for (let i = 0; i < MAX_REFRESH_TOKENS; i++) await tokens.refresh(first, CLIENT.hash);
    await failsWith('invalid_grant', () => tokens.refresh(first, CLIENT.hash));
  });
});

describe('Revoking', () => {
  test('an access token ends it alone', async (t) => {
    const { tokens, issue } = await open(t);
    const first = await issue();
    const second = await tokens.refresh(refreshTokenOf(first), CLIENT.hash);
    assert.equal((await tokens.revoke(first.accessToken, CLIENT.hash))?.use, 'access');
    assert.equal(await tokens.verify(first.accessToken), undefined);
    assert.ok(await tokens.verify(second.accessToken));
    assert.equal(await tokens.revoke(first.accessToken), undefined);
  });

  test('a refresh token ends its grant', async (t) => {
    const { tokens, issue, grants } = await open(t);
    const first = await issue();
    const other = await issue();
    assert.equal((await tokens.revoke(refreshTokenOf(first)))?.use, 'refresh');
    assert.equal(await tokens.verify(first.accessToken), undefined);
    assert.ok(await tokens.verify(other.accessToken));
    assert.equal((await grants.list('romeo')).length, 1);
  });

  test('a refresh token that was used up ends its grant: somebody else may have its successor', async (t) => {
    const { tokens, issue, clock } = await open(t);
    for (const laterMs of [0, HOUR_MS / 2]) {
      const first = await issue();
      const second = await tokens.refresh(refreshTokenOf(first), CLIENT.hash);
      await clock.advance(laterMs);
      await failsWith('unauthorized_client', () => tokens.revoke(refreshTokenOf(first), 'another'));
      assert.ok(await tokens.verify(second.accessToken));
      assert.equal((await tokens.revoke(refreshTokenOf(first), CLIENT.hash))?.use, 'refresh');
      assert.equal(await tokens.verify(second.accessToken), undefined);
    }
  });

  test('a refresh token that has merely expired ends nothing', async (t) => {
    const { tokens, issue, clock, grants } = await open(t);
    const issued = await issue();
    await clock.advance(8 * DAY_MS);
    assert.equal(await tokens.revoke(refreshTokenOf(issued)), undefined);
    assert.ok(await grants.get('romeo', issued.grantId));
  });

  test('works while the account is disabled: it may be enabled again', async (t) => {
    const { users, tokens, issue } = await open(t);
    const issued = await issue();
    await users.setDisabled('romeo', true);
    assert.equal((await tokens.revoke(refreshTokenOf(issued)))?.use, 'refresh');
    await users.setDisabled('romeo', false);
    assert.equal(await tokens.verify(issued.accessToken), undefined);
    await failsWith('invalid_grant', () => tokens.refresh(refreshTokenOf(issued), CLIENT.hash));
  });

  test('the last token ends the grant', async (t) => {
    const { tokens, issue, grants } = await open(t);
    const { accessToken, grantId } = await issue('xmpp', { withRefresh: false });
    await tokens.revoke(accessToken);
    assert.equal(await grants.get('romeo', grantId), undefined);
  });
});

describe('Of a token is told', () => {
  test('what it is, of either kind', async (t) => {
    const { tokens, issue, clock } = await open(t);
    const issued = await issue('xmpp openid');
    const made = clock.now();
    await clock.advance(1000);
    const access = await tokens.describe(issued.accessToken);
    const refresh = await tokens.describe(refreshTokenOf(issued));
    assert.deepEqual([access?.use, refresh?.use], ['access', 'refresh']);
    assert.equal(access?.issuedAt, made);
    assert.equal(access?.expiresAt, made + HOUR_MS);
    assert.equal(refresh?.expiresAt, made + 7 * DAY_MS);
    assert.equal(access?.clientHash, CLIENT.hash);
    assert.deepEqual(access?.scopes, ['xmpp', 'openid']);
    await tokens.refresh(refreshTokenOf(issued), CLIENT.hash);
    assert.equal(await tokens.describe(refreshTokenOf(issued)), undefined, 'it is used up');
  });

  test('what its client was granted before', async (t) => {
    const { tokens, issue } = await open(t);
    await issue('xmpp openid');
    assert.deepEqual(await tokens.grantedTo('romeo', CLIENT.hash), [['xmpp', 'openid']]);
    assert.deepEqual(await tokens.grantedTo('romeo', 'another'), []);
  });

  test('nothing to whoever reads the store', async (t) => {
    const { stage, tokens, issue } = await open(t);
    const first = await issue();
    const second = await tokens.refresh(refreshTokenOf(first), CLIENT.hash);
    let dump = '';
    for await (const entry of stage.table(GRANTS).list([])) dump += JSON.stringify(entry);
    assert.match(dump, /Backup tool/);
    for (const text of [first.accessToken, refreshTokenOf(first), second.accessToken, refreshTokenOf(second)]) {
      const { secret } = parseToken(text) ?? {};
      assert.ok(secret);
      for (const form of ['base64', 'base64url', 'hex'] as const) assert.ok(!dump.includes(secret.toString(form)));
    }
  });
});
