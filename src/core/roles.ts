import type { Config } from '../config/config.ts';
import type { JID } from '../jid.ts';

/** The roles that an account itself may have; the configuration may make further accounts administrators. */
export type AccountRole = 'admin' | 'member';

/**
 * What a login may be: an account's own role, `guest` for anonymous ones, or what the owner gave to an application instead
 * of everything, in the names of XEP-0493: `normal` sends and receives but manages neither clients nor the password,
 * `account-write` and `account-read` reach the data of the account and nobody else.
 */
export type Role = AccountRole | 'normal' | 'guest' | 'account-write' | 'account-read';

/** What is not open to everyone who has logged in. */
export type Permission =
  /** To exchange stanzas with other accounts and servers. */
  | 'communicate'
  /** To change the data of the account: the roster, what is published. */
  | 'write-account'
  /** To see what has access to the account. XEP-0494 §4. */
  | 'list-clients'
  /** To take access to the account away. XEP-0494 §5. */
  | 'manage-clients'
  | 'change-password'
  | 'delete-account'
  /** To run the server's commands. XEP-0133. */
  | 'administer';

const NORMAL: readonly Permission[] = ['communicate', 'write-account'];
const MEMBER: readonly Permission[] = [
  ...NORMAL,
  'list-clients',
  'manage-clients',
  'change-password',
  'delete-account',
];

const PERMISSIONS: Readonly<Record<Role, ReadonlySet<Permission>>> = {
  admin: new Set<Permission>([...MEMBER, 'administer']),
  member: new Set(MEMBER),
  normal: new Set(NORMAL),
  guest: new Set<Permission>(['communicate']),
  'account-write': new Set<Permission>(['write-account']),
  'account-read': new Set(),
};

/** Whether a role may do something: the one place that knows. */
export function can(role: Role, permission: Permission): boolean {
  return PERMISSIONS[role].has(permission);
}

/** Whether a name, such as one read from the store, is a role. */
export function isRole(name: unknown): name is Role {
  return typeof name === 'string' && Object.hasOwn(PERMISSIONS, name);
}

/** The role of an account itself: the configuration may make further accounts administrators. */
export function ownRole(
  { admins }: Pick<Config, 'admins'>,
  { jid, role }: { readonly jid: JID; readonly role: AccountRole },
): AccountRole {
  return admins.includes(jid.toString()) ? 'admin' : role;
}

/**
 * The role of a login by a grant: what was granted, unless the account itself may less by now. A grant never makes more
 * of an account than it is.
 */
export function granted(role: Role, account: Role): Role {
  for (const permission of PERMISSIONS[role]) if (!can(account, permission)) return account;
  return role;
}
