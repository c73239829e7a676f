import type { Awaitable } from '../../../util/awaitable.ts';
import type { DelegationStatus, FetchFailure } from '../api.ts';
import type { LiveRoster } from '../roster.ts';

/** Whom a fetch is for: somebody who logs in and waits, or a change that somebody was told of. Logins come first. */
export type Urgency = 'login' | 'refresh';

/** A roster could not be fetched. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly reason: FetchFailure;

  constructor(reason: FetchFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Who owns rosters: another application, or the groups of the host. All contacts in them are mutual. */
export interface RosterSource {
  /** Whether a fetch asks nobody and cannot fail: then users who are away are known by what is so now, too. */
  readonly isAtHand: boolean;
  /** The roster as it is now. Settles in bounded time; rejects with a SourceError. */
  fetch(local: string, urgency: Urgency): Promise<LiveRoster>;
  /** The last roster that was fetched, if it is still kept; never rejects. */
  lastGood(local: string): Awaitable<LiveRoster | undefined>;
  /** The account is gone: nothing is kept of its roster. */
  forget(local: string): Awaitable<void>;
  status(): Omit<DelegationStatus, 'loaded'>;
  /** Ends what is under way; resolves when nothing is. */
  close(): Awaitable<void>;
}
