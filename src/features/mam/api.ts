import { Service } from '../../core/service.ts';
import type { Session } from '../../core/session.ts';
import type { JID } from '../../jid.ts';
import type { AnyStanza } from '../../stanza.ts';
import type { Awaitable } from '../../util/awaitable.ts';

/** How much there is in an archive. */
export interface ArchiveExtent {
  readonly messages: number;
  /** When the first and the last message came, in milliseconds since the epoch. */
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  /** For how many days messages are kept; null for ever. */
  readonly keepDays: number | null;
  /** Whether that is the account's own rule and not the host's. */
  readonly isOwnRule: boolean;
}

/** What is to go from one archive. */
export interface Prunable {
  readonly jid: JID;
  readonly messages: number;
  /** All that came before this time goes, in milliseconds since the epoch. */
  readonly before: number;
}

/** What operators may do with the archives of a host. */
export interface ArchiveKeeping {
  describe(account: JID): Promise<ArchiveExtent>;
  /** Sets for how many days the messages of an account are kept: null for ever, undefined as the host says. */
  setKeepDays(account: JID, keepDays: number | null | undefined): Promise<void>;
  /** What is older than it may be, or than so many days, in one archive or in all. */
  prunable(account: JID | undefined, olderThanDays: number | undefined): AsyncIterable<Prunable>;
  /** Removes it; resolves with the number of messages, when that is durable. */
  prune(what: Prunable): Promise<number>;
}

/** What other features may know of the archives of a host's accounts. */
export interface MessageArchives {
  /** Whether the client of a session reads the archive of its account, so that it finds there what it has missed. */
  isReader(session: Session): Awaitable<boolean>;
  /** Whether a message that arrived for an account is in its archive, still. */
  holds(account: JID, message: AnyStanza): Promise<boolean>;
}

/** Provided by the message archive. */
export const messageArchives = new Service<MessageArchives>('message-archives');

/** Provided by the message archive, for operators. */
export const archiveKeeping = new Service<ArchiveKeeping>('archive-keeping');
