import type { Clock } from '../util/clock.ts';
import { LruCache } from '../util/lru.ts';
import { addressGroup } from './address.ts';
import { type Rate, TokenBucket } from './rate.ts';

/** How many connections of strangers are let in. An address is an IPv4 address or an IPv6 /64; `null` is no limit. */
export interface AdmissionLimits {
  /** Connections of one address that are open and have not authenticated. */
  readonly unauthenticatedPerAddress: number | null;
  /** Connections that one address may open in a time. */
  readonly attemptsPerAddress: { readonly count: number; readonly perMs: number } | null;
}

/** Why a connection is not let in. */
export type Refusal = 'too-many-attempts' | 'too-many-unauthenticated';

/** A stranger who was let in. */
export interface Admitted {
  /** To be called when the connection has authenticated or has ended, whichever comes first; again does nothing. */
  release(): void;
}

/** Beyond it the address that was quiet for longest is forgotten, and begins anew. */
const MAX_ADDRESSES = 65_536;

/** Decides which connections are let in, before a byte of them is read. */
export class Admission {
  readonly #clock: Clock;
  #limits: AdmissionLimits;
  /** Bounded by the open connections: an entry goes with its last one. */
  readonly #unauthenticated = new Map<string, number>();
  readonly #attempts = new LruCache<string, TokenBucket>(MAX_ADDRESSES);

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** How many addresses have unauthenticated connections now. */
  get addresses(): number {
    return this.#unauthenticated.size;
  }

  /** Changes the limits, for the connections to come. */
  change(limits: AdmissionLimits): void {
    this.#limits = limits;
    // Buckets know their rate; the next attempt of each address makes a new one.
    this.#attempts.clear();
  }

  /** Lets a connection from an IP address in, or says why not. A refused attempt counts as an attempt. */
  admit(address: string): Admitted | Refusal {
    const group = addressGroup(address);
    if (!this.#hasAttemptLeft(group)) return 'too-many-attempts';
    const { unauthenticatedPerAddress } = this.#limits;
    const open = this.#unauthenticated.get(group) ?? 0;
    if (unauthenticatedPerAddress !== null && open >= unauthenticatedPerAddress) return 'too-many-unauthenticated';
    this.#unauthenticated.set(group, open + 1);
    let released = false;
    return {
      release: () => {
        if (released) return;
        released = true;
        this.#leave(group);
      },
    };
  }

  #hasAttemptLeft(group: string): boolean {
    const quota = this.#limits.attemptsPerAddress;
    if (quota === null) return true;
    const now = this.#clock.monotonic();
    let bucket = this.#attempts.get(group);
    if (bucket === undefined) {
      const rate: Rate = { perSecond: (quota.count * 1000) / quota.perMs, burst: quota.count };
      bucket = new TokenBucket(rate, now);
      this.#attempts.set(group, bucket);
    }
    return bucket.take(1, now);
  }

  #leave(group: string): void {
    const open = this.#unauthenticated.get(group) ?? 0;
    if (open > 1) this.#unauthenticated.set(group, open - 1);
    else this.#unauthenticated.delete(group);
  }
}
