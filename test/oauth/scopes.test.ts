import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatScope, intersectScopes, isScope, parseScope, roleOf } from '../../src/oauth/scopes.ts';

describe('Scopes', () => {
  test('are parted by spaces, and each counts once', () => {
    assert.deepEqual(parseScope('openid  xmpp openid '), ['openid', 'xmpp']);
    assert.deepEqual(parseScope(''), []);
    assert.deepEqual(parseScope(undefined), []);
    assert.equal(formatScope(['openid', 'xmpp']), 'openid xmpp');
  });

  test('have no quotes, backslashes, control characters or letters beyond ASCII, and an end', () => {
    for (const text of ['"', 'a\\b', 'a\tb', 'a\nb', 'é', 'x'.repeat(1025)]) {
      assert.throws(() => parseScope(text), { code: 'invalid_scope' }, text);
      assert.equal(isScope(text), false);
    }
    assert.equal(isScope('x'.repeat(1024)), true);
  });

  test('are cut to what a ceiling has, in their own order', () => {
    assert.deepEqual(intersectScopes(['xmpp', 'openid', 'email'], ['email', 'xmpp']), ['xmpp', 'email']);
    assert.deepEqual(intersectScopes(['xmpp'], []), []);
    assert.deepEqual(intersectScopes(['xmpp'], undefined), ['xmpp']);
  });

  test('are what was written', () => {
    const scopes = fc.uniqueArray(fc.stringMatching(/^[!#-[\]-~]{1,20}$/), { maxLength: 20 });
    fc.assert(
      fc.property(scopes, (names) => assert.deepEqual(parseScope(formatScope(names)), names)),
      { numRuns: 200 },
    );
  });
});

describe('The role of scopes', () => {
  const ofMember = (scope: string): string | undefined =>
    roleOf(parseScope(scope), 'member', ['member', 'normal', 'account-write', 'account-read']);

  test('is that of the first that stands for one', () => {
    assert.equal(ofMember('openid xmpp xmpp:client:normal'), 'member');
    assert.equal(ofMember('xmpp:client:normal xmpp'), 'normal');
    assert.equal(ofMember('email xmpp:account:read xmpp:account:write'), 'account-read');
    assert.equal(ofMember('xmpp:account:write'), 'account-write');
    assert.equal(ofMember('member'), 'member');
  });

  test('is none without such a scope', () => {
    for (const scope of ['', 'openid', 'openid profile email', 'xmpp:unknown', 'XMPP'])
      assert.equal(ofMember(scope), undefined);
  });

  test('is never one that the account may not assume', () => {
    assert.equal(ofMember('admin'), undefined);
    assert.equal(ofMember('admin xmpp:client:normal'), 'normal');
    assert.equal(roleOf(['xmpp'], 'admin', ['admin', 'member']), 'admin');
    assert.equal(roleOf(['member'], 'admin', ['admin', 'member']), 'member');
  });
});
