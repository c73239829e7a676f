import type { Config } from '../../config/config.ts';
import type { SaslError } from '../../errors.ts';

/** How a page that somebody could not log in on is answered. */
export interface LoginRefusal {
  readonly status: 403 | 429;
  readonly headers: Readonly<Record<string, string>>;
}

/** Returns the status of such a page, and when to come again. RFC 6585 §4. */
export function loginRefusal({ condition }: SaslError, { auth }: Config): LoginRefusal {
  if (condition !== 'temporary-auth-failure') return { status: 403, headers: {} };
  const quotas = [auth.failuresPerAddress, auth.failuresPerAccountFromAddress, auth.failuresPerAccount];
  // The time in which one more attempt is allowed.
  const seconds = quotas.map((quota) => (quota === null ? 0 : quota.perMs / quota.count / 1000));
  return { status: 429, headers: { 'retry-after': String(Math.ceil(Math.max(1, ...seconds))) } };
}
