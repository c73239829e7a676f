import { type AccountRole, granted, type Role } from '../../core/roles.ts';
import { OPENID_SCOPES, roleOf, XMPP_SCOPES } from '../../oauth/scopes.ts';
import { ASSUMABLE_ROLES } from './tokens.ts';

/** What clients may ask for, and are told of. */
export const SCOPES: readonly string[] = [...OPENID_SCOPES, ...XMPP_SCOPES];

/** Those of the scopes that are known, or are names of roles that an account may give away; each once, in their order. */
export function assumableScopes(scopes: readonly string[], own: AccountRole): readonly string[] {
  const isAssumable = (scope: string): boolean => {
    if ((OPENID_SCOPES as readonly string[]).includes(scope)) return true;
    const role = roleOf<Role>([scope], own, ASSUMABLE_ROLES);
    return role !== undefined && granted(role, own) === role;
  };
  return [...new Set(scopes)].filter(isAssumable);
}

/** What a login by the scopes may do; undefined where they give no access over XMPP. */
export function roleOfScopes(scopes: readonly string[], own: AccountRole): Role | undefined {
  const role = roleOf<Role>(scopes, own, ASSUMABLE_ROLES);
  return role && granted(role, own);
}
