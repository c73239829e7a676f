import type { Account } from '../../core/account.ts';
import { Topic } from '../../core/points.ts';
import { Service } from '../../core/service.ts';
import type { Session } from '../../core/session.ts';
import type { JID } from '../../jid.ts';
import type { Awaitable } from '../../util/awaitable.ts';

/** Who sees whose presence: the account the contact's (`to`), the contact the account's (`from`). RFC 6121 §2.1.2.5. */
export type Subscription = 'none' | 'to' | 'from' | 'both';

/** A contact as the account's clients see it. RFC 6121 §2.1.2. */
export interface RosterItem {
  /** A bare JID. */
  readonly jid: JID;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  readonly subscription: Subscription;
  /** The account has asked for a subscription and waits for the answer: "pending out". RFC 6121 §2.1.2.2. */
  readonly ask: boolean;
  /** A request of the contact will be approved unasked. RFC 6121 §2.1.2.1, §3.4. */
  readonly approved: boolean;
}

/** All that an account keeps about one address. */
export interface Relation {
  readonly item: RosterItem | undefined;
  /** The address's subscription request that the account has not answered, as XML: "pending in". Clients see no item for it. */
  readonly request: string | undefined;
}

/** The roster of an account at one moment. Never changed: a change makes another one. */
export interface Roster {
  /** Another value after each change of an item. RFC 6121 §2.6. */
  readonly version: string;
  /** By bare JID. */
  readonly items: ReadonlyMap<string, RosterItem>;
  /** Unanswered subscription requests as XML, by bare JID, the oldest first. RFC 6121 §3.1.3. */
  readonly requests: ReadonlyMap<string, string>;
  /** The contacts that are sent the account's presence: `from` and `both`. */
  readonly subscribers: readonly JID[];
  /** The contacts whose presence the account is sent: `to` and `both`. */
  readonly subscriptions: readonly JID[];
}

/** What a change of a roster did; `after` is `before` itself when that was nothing. */
export interface RosterChange {
  readonly account: Account;
  /** A bare JID. */
  readonly contact: JID;
  readonly before: Relation;
  readonly after: Relation;
}

/** The rosters of a host's accounts: the one door for all that reads or changes them. */
export interface Rosters {
  /** The roster of a live account; at once, for it is loaded with the account. */
  of(account: Account): Roster;
  /**
   * Changes what an account keeps about an address, with no other change of that roster in between. `decide` returns the
   * new relation, or `before` itself to leave things as they are; what it throws is passed on. A changed relation is
   * written; once that is durable the live roster is replaced, `first` is called, and a changed item is pushed to the
   * interested sessions and announced, all within one turn.
   * @throws StanzaError `policy-violation` for one item too many, `internal-server-error` (wait) when the store fails.
   */
  change(
    account: Account,
    contact: JID,
    decide: (before: Relation) => Relation,
    first?: (change: RosterChange) => void,
  ): Awaitable<RosterChange>;
  /** Whether the session has asked for the roster and is therefore told of changes. RFC 6121 §2.1.6. */
  isInterested(session: Session): boolean;
}

/** Whoever keeps rosters provides this; everything else that needs one uses it. */
export const rosters = new Service<Rosters>('rosters');

/** A roster changed, durably: an item, a request, or both. */
export const rosterChanged = new Topic<RosterChange>('rosterChanged');

/** A roster is gone, durably, because its account was removed. */
export const rosterRemoved = new Topic<{ readonly jid: JID; readonly roster: Roster }>('rosterRemoved');
