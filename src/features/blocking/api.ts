import type { Account } from '../../core/account.ts';
import { Topic } from '../../core/points.ts';
import { Service } from '../../core/service.ts';
import type { JID } from '../../jid.ts';
import type { EntryId } from '../../store/store.ts';

/** Whom the accounts of one host have blocked. XEP-0191. */
export interface Blocking {
  /**
   * Whether a live account has blocked an address, by itself or with others; at once, for the list is loaded with the
   * account. Never its own address, nor that of its server.
   */
  isBlocked(account: Account, jid: JID): boolean;
}

/** Provided where accounts can block: `host.find(blocking)?.isBlocked(account, jid)`. */
export const blocking = new Service<Blocking>('blocking');

/** What a live account has blocked or unblocked. */
export interface BlockingChange {
  readonly account: Account;
  /** The items of the list that came or went; each may stand for more than one address. */
  readonly items: readonly JID[];
  readonly wasBlocked: (jid: JID) => boolean;
  readonly isBlocked: (jid: JID) => boolean;
}

/** A live account has blocked or unblocked somebody, durably. */
export const blockingChanged = new Topic<BlockingChange>('blockingChanged');

/** What a user says to the administrators about an address, on blocking it. XEP-0377 §4, §5, §6. */
export interface Complaint {
  /** A URI, such as `urn:xmpp:reporting:spam`; any text of a client. */
  readonly reason: string;
  /** In the user's own words, in several languages perhaps. */
  readonly texts: readonly { readonly lang: string | undefined; readonly text: string }[];
  /** The messages that are meant: identifiers in archives (XEP-0359). */
  readonly stanzaIds: readonly { readonly by: string; readonly id: string }[];
  /** The user agrees that the report is forwarded to the server of the reported address. */
  readonly allowsOrigin: boolean;
  /** The user agrees that the report is forwarded to whoever collects such reports. */
  readonly allowsThirdParties: boolean;
}

/** A complaint as it is kept. */
export interface Report extends Complaint {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** The reported address. */
  readonly jid: string;
  /** The localpart of who reported it; undefined once that account is removed. */
  readonly reporter: string | undefined;
}

export interface StoredReport extends Report {
  readonly id: EntryId;
}

/** The reports of the users of one host. */
export interface Reports {
  /** All that are kept, the oldest first. */
  list(): Promise<readonly StoredReport[]>;
  get(id: EntryId): Promise<Report | undefined>;
  /** Removes a report; resolves when that is durable, with false if there was none. */
  remove(id: EntryId): Promise<boolean>;
  /** How many reports have given way to later ones, unseen or not. */
  dropped(): Promise<number>;
}

/** Provided where reports are kept, be it earlier ones only. */
export const reports = new Service<Reports>('reports');
