import type { StanzaError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { AnyStanza } from '../stanza.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Lane } from '../util/lane.ts';
import type { Receipt } from './receipts.ts';
import type { Session } from './session.ts';

/** What an account's lane runs: a stanza that arrived, held back until `stored`, or a task that must not overlap with one. */
export type Work = Arrival | Task;

export interface Arrival {
  readonly account: Account;
  readonly stanza: AnyStanza;
  readonly stored: Promise<unknown> | undefined;
  /** Released when the stanza has been received. */
  readonly receipt: Receipt | undefined;
}

export type Task = () => Awaitable<void>;

/** A live user of this server: its sessions, its features' state, and the lane that keeps what it receives in order. */
export class Account {
  /** The bare JID. */
  readonly jid: JID;
  /** Bound for one login without a stored user: SASL ANONYMOUS. */
  readonly isAnonymous: boolean;
  /** By resource. */
  readonly sessions = new Map<string, Session>();
  readonly slots: unknown[];
  /** Why the account could not be made live; everything it receives is answered with this. */
  failure: StanzaError | undefined;
  readonly lane: Lane<Work>;

  constructor(jid: JID, isAnonymous: boolean, slots: unknown[], lane: Lane<Work>) {
    this.jid = jid;
    this.isAnonymous = isAnonymous;
    this.slots = slots;
    this.lane = lane;
  }

  /** The sessions that have sent initial presence. RFC 6121 §4.2. */
  get availableSessions(): Session[] {
    const available: Session[] = [];
    for (const session of this.sessions.values()) if (session.isAvailable) available.push(session);
    return available;
  }

  /** Runs `task` in the lane and returns its outcome: what the account receives meanwhile waits, nothing overtakes. */
  exclusively<T>(task: () => Awaitable<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.lane.push(async () => {
        try {
          resolve(await task());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}
