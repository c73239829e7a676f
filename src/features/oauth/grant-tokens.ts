// The tokens of a grant, as they change. A grant has one refresh token, which is used up when it is used: its successor comes
// with the answer. But the answer may be lost, or two windows of one client may refresh at once, so one that is used up is good
// for some seconds more. Each use in that time has a successor of its own; whichever is used later uses the others up.

import type { Facts, Grant, Token } from '../../core/grant-record.ts';
import { isRole, type Role } from '../../core/roles.ts';
import type { TokenDigest, TokenUse } from './token-secrets.ts';

/** For how long a refresh token that was used up is good once more. */
export const GRACE_MS = 10_000;
/** Of one grant; the oldest makes room. */
export const MAX_ACCESS_TOKENS = 10;
/** Of one grant: so many that were not used, and so many in their time of grace. */
export const MAX_REFRESH_TOKENS = 8;

/** A token that is to be added to a grant. */
export interface NewToken {
  readonly use: TokenUse;
  readonly digest: TokenDigest;
  readonly expiresAt: number;
  readonly scope: string;
  /** What a login with it may do; undefined: it is not good for a login. */
  readonly role: Role | undefined;
}

/** What is kept with a token. */
export interface TokenFacts {
  /** A refresh token that was used up is `spent`. */
  readonly use: TokenUse | 'spent';
  readonly scope: string;
  readonly role: Role | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly madeAt: number;
}

/** Reads what is kept with a token. */
export function factsOf({ data }: Token): TokenFacts {
  const { use, scope, role, madeAt } = data;
  return {
    use: use === 'access' || use === 'refresh' ? use : 'spent',
    scope: String(scope),
    role: isRole(role) ? role : undefined,
    madeAt: Number(madeAt),
  };
}

/**
 * The form in which tokens are stored. All of a grant were issued when its owner proved who it is: whatever comes later, they
 * must not outlive the password of that time.
 */
export function storedToken(
  { use, digest, expiresAt, scope, role }: NewToken,
  authenticatedAt: number,
  now: number,
): Token {
  const data: Facts = { use, scope, madeAt: now, ...(role === undefined ? {} : { role }) };
  return { secret: digest.secret, issuedAt: authenticatedAt, expiresAt, data };
}

/** The token of that digest; undefined unless there is one whose time has not come. The second it expires in is past. */
export function findToken({ tokens, expiresAt }: Grant, { id, secret }: TokenDigest, now: number): Token | undefined {
  const token = Object.hasOwn(tokens, id) ? tokens[id] : undefined;
  const isGood = token !== undefined && token.secret === secret && token.expiresAt > now;
  return isGood && (expiresAt === undefined || expiresAt > now) ? token : undefined;
}

/**
 * The grant after one of its refresh tokens was used: with new tokens, without what has expired. Its other refresh tokens are
 * used up, too, unless the one that was used had been used up before: then they are for the same client.
 */
export function renewed(grant: Grant, used: Token, fresh: Readonly<Record<string, Token>>, now: number): Grant {
  const isFirstUse = factsOf(used).use === 'refresh';
  const access: Entry[] = [];
  const refresh: Entry[] = [];
  const spent: Entry[] = [];
  for (const [id, token] of Object.entries(grant.tokens).sort(byAge)) {
    const { use } = factsOf(token);
    if (token.expiresAt <= now) continue;
    if (use === 'access') access.push([id, token]);
    else if (use === 'refresh' && !isFirstUse) refresh.push([id, token]);
    else spent.push([id, use === 'spent' ? token : usedUp(token, now)]);
  }
  const left = [...access.slice(1 - MAX_ACCESS_TOKENS), ...refresh, ...spent.slice(-MAX_REFRESH_TOKENS)];
  return { ...grant, accessedAt: now, tokens: { ...Object.fromEntries(left), ...fresh } };
}

/** How many refresh tokens a grant has that were not used. */
export function refreshTokens({ tokens }: Grant, now: number): number {
  return Object.values(tokens).filter((token) => token.expiresAt > now && factsOf(token).use === 'refresh').length;
}

/** The grant without one of its tokens; undefined when nothing is left of it. */
export function without(grant: Grant, id: string, now: number): Grant | undefined {
  const left = Object.entries(grant.tokens).filter(([name, token]) => name !== id && token.expiresAt > now);
  return left.length === 0 ? undefined : { ...grant, tokens: Object.fromEntries(left) };
}

type Entry = readonly [id: string, token: Token];

function byAge([, a]: Entry, [, b]: Entry): number {
  return factsOf(a).madeAt - factsOf(b).madeAt;
}

function usedUp(token: Token, now: number): Token {
  const expiresAt = Math.min(token.expiresAt, now + GRACE_MS);
  return { ...token, expiresAt, data: { ...token.data, use: 'spent' } };
}
