import { OAuthError } from '../../oauth/errors.ts';
import type { CodeChallenge } from '../../oauth/pkce.ts';
import type { Clock } from '../../util/clock.ts';
import { unguessableBytes } from '../../util/ids.ts';
import type { Approval } from './approval.ts';

const CODE_BYTES = 18;
const TTL_MS = 600_000;
const MAX_CODES = 10_000;
/** Nobody logs in to so many applications at once. */
const MAX_OF_ACCOUNT = 20;

/** What an authorization code stands for. RFC 6749 §4.1.2. */
export interface CodeFacts {
  /** The `hash` of the client that it was issued to. */
  readonly clientHash: string;
  readonly approval: Approval;
  /** What only the client that began the flow can answer; undefined where codes are typed in by hand. RFC 7636. */
  readonly challenge: CodeChallenge | undefined;
  /** Where it was sent to. */
  readonly redirectUri: string;
}

export interface AuthorizationCodesOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Ends a grant, because somebody else has the code that it was made for. */
  readonly revoke: (approval: Approval, grantId: string) => Promise<void>;
  /** How many codes may wait at the same time, and how many are remembered that were used. */
  readonly maxCodes?: number;
}

interface Issued {
  readonly facts: CodeFacts;
  readonly expiresAt: number;
}

/** A code that was used. */
interface Used {
  readonly approval: Approval;
  /** The grant that came of it, as soon as there is one. */
  grantId: string | undefined;
  isReplayed: boolean;
}

/** Authorization codes, in memory: each is good once, for ten minutes, for one client. RFC 6749 §4.1.2. */
export class AuthorizationCodes {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #revoke: AuthorizationCodesOptions['revoke'];
  readonly #maxCodes: number;
  // The oldest first, which is also the order in which they expire.
  readonly #issued = new Map<string, Issued>();
  // Those that wait, by the account.
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #used = new Map<string, Used>();

  constructor({ clock, revoke, maxCodes = MAX_CODES }: AuthorizationCodesOptions) {
    this.#clock = clock;
    this.#revoke = revoke;
    this.#maxCodes = maxCodes;
  }

  /**
   * Makes a code; of those of one account the oldest makes room. Throws OAuthError `temporarily_unavailable` while too many are
   * waiting.
   */
  issue(facts: CodeFacts): string {
    const now = this.#clock.monotonic();
    for (const [key, { expiresAt }] of this.#issued) {
      if (expiresAt > now) break;
      this.#forget(key);
    }
    const account = facts.approval.jid.toString();
    const own = this.#keysOf.get(account) ?? new Set();
    const [oldest] = own;
    // One account alone must not keep all others out.
    if (own.size >= MAX_OF_ACCOUNT && oldest !== undefined) this.#forget(oldest);
    if (this.#issued.size >= this.#maxCodes) {
      throw new OAuthError('temporarily_unavailable', 'Too many logins are under way.');
    }
    const code = unguessableBytes(CODE_BYTES).toString('base64url');
    const key = keyOf(code, facts.clientHash);
    this.#issued.set(key, { facts, expiresAt: now + TTL_MS });
    this.#keysOf.set(account, own.add(key));
    return code;
  }

  /**
   * Uses a code up, whatever becomes of it: `exchange` checks the rest and makes the grant. Rejects with OAuthError
   * `invalid_grant` for a code that is not good; if it was good once, its grant ends too. RFC 6749 §4.1.2, RFC 9700 §4.5.
   */
  async redeem<T extends { readonly grantId: string }>(
    code: string,
    clientHash: string,
    exchange: (facts: CodeFacts) => Promise<T>,
  ): Promise<T> {
    const key = keyOf(code, clientHash);
    const used = this.#used.get(key);
    if (used !== undefined) await this.#replayed(used);
    const issued = this.#forget(key);
    if (issued === undefined || issued.expiresAt <= this.#clock.monotonic()) throw invalidCode();
    const mark = this.#remember(key, issued.facts.approval);
    const made = await exchange(issued.facts);
    mark.grantId = made.grantId;
    // Somebody else came with it while the grant was being made.
    if (mark.isReplayed) await this.#replayed(mark);
    return made;
  }

  #forget(key: string): Issued | undefined {
    const issued = this.#issued.get(key);
    if (issued === undefined) return undefined;
    this.#issued.delete(key);
    const account = issued.facts.approval.jid.toString();
    const own = this.#keysOf.get(account);
    own?.delete(key);
    if (own?.size === 0) this.#keysOf.delete(account);
    return issued;
  }

  #remember(key: string, approval: Approval): Used {
    const mark: Used = { approval, grantId: undefined, isReplayed: false };
    this.#used.set(key, mark);
    const [oldest] = this.#used.keys();
    if (this.#used.size > this.#maxCodes && oldest !== undefined) this.#used.delete(oldest);
    return mark;
  }

  async #replayed(used: Used): Promise<never> {
    used.isReplayed = true;
    if (used.grantId !== undefined) await this.#revoke(used.approval, used.grantId);
    throw invalidCode();
  }
}

function keyOf(code: string, clientHash: string): string {
  return `${clientHash} ${code}`;
}

function invalidCode(): OAuthError {
  return new OAuthError('invalid_grant', 'The code is unknown, has expired or was used.');
}
