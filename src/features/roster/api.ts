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
  /** Whether somebody else than the account owns its contacts: then nobody asks for, grants or ends subscriptions by stanzas. */
  readonly isDelegated: boolean;
  /** The roster of a live account, at once; empty as long as it is not known. */
  of(account: Account): Roster;
  /** Whether the roster is known. One that is the server's own is loaded with its account; one that is not, when it is needed. */
  isKnown(account: Account): boolean;
  /**
   * Changes what an account keeps about an address, with no other change of that roster in between. `decide` returns the
   * new relation, or `before` itself to leave things as they are; what it throws is passed on. A changed relation is
   * written; once that is durable the live roster is replaced, `first` is called, and a changed item is pushed to the
   * interested sessions and announced, all within one turn.
   * @throws StanzaError `policy-violation` for one item too many, `internal-server-error` (wait) when the store fails,
   * `service-unavailable` when somebody else owns the roster.
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

/** Why the roster of a user could not be fetched from its owner. */
export type FetchFailure =
  | 'timeout'
  | 'refused'
  | 'http_4xx'
  | 'http_5xx'
  /** Another status that is not the one expected: 204, a redirect. */
  | 'http_other'
  | 'bad_json'
  | 'too_large'
  /** Not tried: the owner has failed too often lately. */
  | 'suspended'
  /** Not tried: too many wait already. */
  | 'overloaded';

/** What became of a refresh, by localpart; users that are offline or do not exist count as refreshed. */
export interface RefreshOutcome {
  readonly updated: readonly string[];
  readonly failed: ReadonlyMap<string, FetchFailure>;
}

/** The rosters of a host that somebody else owns. */
export interface DelegatedRosterService {
  /**
   * Fetches the rosters of these users anew if they are online, and tells their clients what has changed. Resolves within a
   * minute: what takes longer goes on, and counts as `timeout`. Never rejects.
   */
  refresh(locals: ReadonlySet<string>): Promise<RefreshOutcome>;
  /** Where the rosters come from and how that goes, for operators. */
  status(): DelegationStatus;
}

/** How fetching goes. */
export interface DelegationStatus {
  readonly source: string;
  /** `suspended`: it failed too often, and is left alone for a while. */
  readonly state: 'working' | 'suspended' | 'probing';
  readonly fetching: number;
  readonly waiting: number;
  /** Users whose roster is in memory because they are online. */
  readonly loaded: number;
  /** Last good copies kept for an outage. */
  readonly copies: number;
}

/** Provided where rosters are delegated. */
export const delegatedRosters = new Service<DelegatedRosterService>('delegatedRosters');

/** A roster changed, durably: an item, a request, or both. */
export const rosterChanged = new Topic<RosterChange>('rosterChanged');

/**
 * The roster of a live account is another one because whoever owns it has changed it. The interested sessions have been told
 * of the items; what their change means for presence is for those that observe this.
 */
export const rosterReplaced = new Topic<{
  readonly account: Account;
  readonly before: Roster;
  readonly after: Roster;
}>('rosterReplaced');

/** A roster is gone, durably, because its account was removed. */
export const rosterRemoved = new Topic<{ readonly jid: JID; readonly roster: Roster }>('rosterRemoved');
