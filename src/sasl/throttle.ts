// Guessing passwords is slowed down in three ways, each a token bucket that only failures draw from:
//
// - per address (an IPv4 address, an IPv6 /64): whoever tries many accounts;
// - per account and address: whoever tries many passwords of one account;
// - per account, more loosely: whoever does so from many addresses. Alone it would let anybody lock the owner out, so an
//   address from which the account has logged in lately is exempt from this one, though not from the other two.
//
// So from one address nobody can lock an owner out at another; from many addresses the owner keeps the places that he
// uses, and a new place waits for a token that comes back within `perMs / count`. A success gives nothing back: an
// attacker with one account of his own could otherwise refill his bucket at will. Only failures are charged, so a
// thousand users behind one address who log in correctly after a restart never meet a limit.
//
// Attempts already under way when a bucket runs empty are charged too, down to a debt; otherwise a thousand streams
// could each guess once for the price of the first.

import type { Config } from '../config/config.ts';
import { SaslError } from '../errors.ts';
import { addressGroup } from '../net/address.ts';
import type { Clock } from '../util/clock.ts';
import { LruCache } from '../util/lru.ts';

/** How many failures are allowed at once, and the time in which that many are allowed again. */
export interface FailureRate {
  readonly count: number;
  readonly perMs: number;
}

/** The limits on failures; null switches one off. */
export interface FailureRates {
  readonly address: FailureRate | null;
  readonly accountFromAddress: FailureRate | null;
  readonly account: FailureRate | null;
}

/** Who tries to log in: the address of the peer and the bare JID that it claims, if it got so far. */
export interface LoginAttempt {
  readonly address: string;
  readonly account: string | undefined;
}

export interface LoginThrottleOptions {
  readonly clock: Clock;
  readonly rates: FailureRates;
  /** How many addresses, accounts and pairs are each remembered; the least recently used are forgotten. Even. */
  readonly maxEntries?: number;
  /** For how long after a login an address stays exempt from the limit of the account. */
  readonly trustMs?: number;
}

const MAX_DEBT = 9;
const DAY_MS = 86_400_000;

/** Slows down the guessing of passwords. One instance serves all hosts; what it holds is bounded. */
export class LoginThrottle {
  readonly #clock: Clock;
  readonly #trustMs: number;
  readonly #addresses: TokenBuckets;
  readonly #pairs: TokenBuckets;
  readonly #accounts: TokenBuckets;
  /** Until when, in monotonic milliseconds, an account's address is exempt from the account's limit. */
  readonly #trusted: LruCache<string, number>;
  #rates: FailureRates;

  constructor({ clock, rates, maxEntries = 20_000, trustMs = 30 * DAY_MS }: LoginThrottleOptions) {
    this.#clock = clock;
    this.#trustMs = trustMs;
    this.#addresses = new TokenBuckets(clock, maxEntries);
    this.#pairs = new TokenBuckets(clock, maxEntries);
    this.#accounts = new TokenBuckets(clock, maxEntries);
    this.#trusted = new LruCache(maxEntries);
    this.#rates = rates;
  }

  /** Changes the limits from now on. */
  configure(rates: FailureRates): void {
    this.#rates = rates;
  }

  /** Throws SaslError `temporary-auth-failure` when there were too many failures. */
  admit({ address, account }: LoginAttempt): void {
    const group = addressGroup(address);
    const pair = pairKey(account, group);
    const admitted =
      this.#addresses.hasToken(group, this.#rates.address) &&
      this.#pairs.hasToken(pair, this.#rates.accountFromAddress) &&
      (this.#isTrusted(pair) || this.#accounts.hasToken(account, this.#rates.account));
    if (!admitted) throw new SaslError('temporary-auth-failure', { text: 'Too many failures; try again later.' });
  }

  /** Charges a wrong credential. */
  failed({ address, account }: LoginAttempt): void {
    const group = addressGroup(address);
    const pair = pairKey(account, group);
    this.#addresses.take(group, this.#rates.address);
    this.#pairs.take(pair, this.#rates.accountFromAddress);
    // What happens at a trusted address has its own limit, and must not shut out the owner's other places.
    if (!this.#isTrusted(pair)) this.#accounts.take(account, this.#rates.account);
  }

  /** Remembers that the account is used from this address. */
  succeeded({ address, account }: LoginAttempt): void {
    const pair = pairKey(account, addressGroup(address));
    if (pair !== undefined) this.#trusted.set(pair, this.#clock.monotonic() + this.#trustMs);
  }

  #isTrusted(pair: string | undefined): boolean {
    return pair !== undefined && (this.#trusted.get(pair) ?? 0) > this.#clock.monotonic();
  }
}

function pairKey(account: string | undefined, group: string): string | undefined {
  return account === undefined ? undefined : `${account} ${group}`;
}

interface Bucket {
  tokens: number;
  /** When `tokens` was right, in monotonic milliseconds. */
  at: number;
}

/** Token buckets by key. A key that is not there, or undefined, has a full bucket. */
class TokenBuckets {
  readonly #clock: Clock;
  readonly #buckets: LruCache<string, Bucket>;

  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock;
    this.#buckets = new LruCache(maxEntries);
  }

  hasToken(key: string | undefined, rate: FailureRate | null): boolean {
    const bucket = key === undefined || rate === null ? undefined : this.#buckets.get(key);
    return bucket === undefined || rate === null || this.#tokens(bucket, rate) >= 1;
  }

  take(key: string | undefined, rate: FailureRate | null): void {
    if (key === undefined || rate === null) return;
    const bucket = this.#buckets.get(key);
    const tokens = bucket === undefined ? rate.count : this.#tokens(bucket, rate);
    this.#buckets.set(key, { tokens: Math.max(tokens - 1, -MAX_DEBT * rate.count), at: this.#clock.monotonic() });
  }

  #tokens({ tokens, at }: Bucket, { count, perMs }: FailureRate): number {
    return Math.min(count, tokens + ((this.#clock.monotonic() - at) * count) / perMs);
  }
}

/** What the configuration says of failed logins. */
export function failureRates({ auth }: Pick<Config, 'auth'>): FailureRates {
  return {
    address: auth.failuresPerAddress,
    accountFromAddress: auth.failuresPerAccountFromAddress,
    account: auth.failuresPerAccount,
  };
}
