import { OAuthError } from './errors.ts';

/** The scopes of OpenID Connect Core §5.4 and §11. */
export const OPENID_SCOPES = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'] as const;

/** Everything that the account itself may do. */
export const XMPP_SCOPE = 'xmpp';

/** The scopes of XEP-0493, with the names of the roles that they stand for. */
const ROLE_NAMES: ReadonlyMap<string, string> = new Map([
  ['xmpp:client:normal', 'normal'],
  ['xmpp:account:read', 'account-read'],
  ['xmpp:account:write', 'account-write'],
]);

/** All scopes that give access over XMPP and are no names of roles. */
export const XMPP_SCOPES: readonly string[] = [XMPP_SCOPE, ...ROLE_NAMES.keys()];

const MAX_CHARS = 1024;

/** RFC 6749 §3.3; more than one space between two is let pass. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** Whether a text is a list of scopes, of at most 1024 characters. RFC 6749 §3.3. */
export function isScope(text: string): boolean {
  return text.length <= MAX_CHARS && text.split(' ').every((name) => name === '' || SCOPE.test(name));
}

/** The scopes in a list with spaces, each once; none for undefined. Throws OAuthError `invalid_scope`. RFC 6749 §3.3. */
export function parseScope(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  if (!isScope(text)) throw new OAuthError('invalid_scope', 'The scope is malformed.');
  return [...new Set(text.split(' '))].filter((name) => name !== '');
}

/** Writes scopes as a list with spaces. */
export function formatScope(scopes: readonly string[]): string {
  return scopes.join(' ');
}

/** Those of the scopes that `ceiling` has, too, in their order; all of them if there is none. */
export function intersectScopes(scopes: readonly string[], ceiling: readonly string[] | undefined): readonly string[] {
  return ceiling === undefined ? scopes : scopes.filter((scope) => ceiling.includes(scope));
}

/**
 * The role of the first scope that stands for one: `xmpp` for the account's own, those of XEP-0493, or the name of a role.
 * `assumable` are the roles that the account may give away. Undefined: the scopes give no access over XMPP.
 */
export function roleOf<R extends string>(scopes: readonly string[], own: R, assumable: readonly R[]): R | undefined {
  for (const scope of scopes) {
    const name = scope === XMPP_SCOPE ? own : (ROLE_NAMES.get(scope) ?? scope);
    const role = name === own ? own : assumable.find((known) => known === name);
    if (role !== undefined) return role;
  }
  return undefined;
}
