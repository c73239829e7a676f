import assert from 'node:assert/strict';
import { test } from 'node:test';
import { can, granted, isRole, type Permission, type Role } from '../../src/core/roles.ts';

test('who may do what', () => {
  const allowed: Readonly<Record<Permission, readonly Role[]>> = {
    communicate: ['admin', 'member', 'normal', 'guest'],
    'write-account': ['admin', 'member', 'normal', 'account-write'],
    'list-clients': ['admin', 'member'],
    'manage-clients': ['admin', 'member'],
    'change-password': ['admin', 'member'],
    'delete-account': ['admin', 'member'],
    administer: ['admin'],
  };
  const roles: readonly Role[] = ['admin', 'member', 'normal', 'guest', 'account-write', 'account-read'];
  for (const [permission, expected] of Object.entries(allowed) as [Permission, readonly Role[]][]) {
    assert.deepEqual(
      roles.filter((role) => can(role, permission)),
      expected,
      permission,
    );
  }
});

test('a grant never makes more of an account than it is', () => {
  assert.equal(granted('normal', 'admin'), 'normal');
  assert.equal(granted('member', 'admin'), 'member');
  assert.equal(granted('admin', 'member'), 'member');
  assert.equal(granted('account-read', 'member'), 'account-read');
});

test('a name is a role or it is not', () => {
  assert.ok(isRole('admin') && isRole('account-read'));
  for (const name of ['Admin', '', 'constructor', 'toString', undefined, 1, null]) assert.equal(isRole(name), false);
});
