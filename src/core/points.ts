import type { StanzaError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { AnyStanza, Message, Presence } from '../stanza.ts';
import type { EndReason } from '../stream/stream.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Element } from '../xml/element.ts';
import type { Account } from './account.ts';
import type { Grant } from './grant-record.ts';
import type { RevocationReason } from './grants.ts';
import type { Login } from './login.ts';
import type { Session } from './session.ts';

/** A filter's verdict that the stanza stops here and nobody is told. */
export const CONSUMED = Symbol('consumed');

/** What a filter decides: nothing (pass), another stanza (replace), CONSUMED (stop silently), a StanzaError (stop, bounce). */
export type Verdict = undefined | void | AnyStanza | StanzaError | typeof CONSUMED;

/** A stanza on its way past a filter point. */
export interface Passage {
  readonly stanza: AnyStanza;
  readonly account: Account;
  /** Adds what only this account's devices may see, such as an archive's `stanza-id`. */
  annotate(element: Element): void;
  /**
   * Holds the stanza, and what `deliver` adds, back until the promise is fulfilled; if it rejects, the sender gets an error:
   * the one that it rejects with, if that is a StanzaError.
   */
  waitUntil(stored: Promise<unknown>): void;
  /** What it waits for by now; undefined when nothing. Filters that come later may add to it. */
  readonly stored: Promise<unknown> | undefined;
  /** Sends a stanza to one session of the account, under the same conditions as the stanza that passes. */
  deliver(session: Session, stanza: AnyStanza): void;
  /** The stanza as this account's devices see it: with its annotations. */
  ownView(): AnyStanza;
}

/** An account's session sends a stanza, stamped with its full JID. */
export interface Sending extends Passage {
  readonly session: Session;
}

/** A stanza arrived for an account; nothing has been decided. */
export type Receiving = Passage;

/** The sessions that a message to the account goes to have been chosen; they may be none. RFC 6121 §8.5. */
export interface Delivering extends Passage {
  readonly recipients: readonly Session[];
  /** When the message came, if it comes here once more: a session that had it ended without acknowledging it. */
  readonly since: number | undefined;
  /** The account finds the message elsewhere, such as in its archive: where nobody takes it, its sender is told nothing. */
  keep(): void;
  /** Whether that was said. */
  readonly isKept: boolean;
  /** Sends a session that is no recipient a copy of the message: whoever has the copy has the message. */
  copy(session: Session, copy: Message): void;
}

/** A stanza is about to enter a session's outbox. */
export interface SessionReceiving {
  readonly stanza: AnyStanza;
  readonly session: Session;
}

/** A named place on the path of a stanza where features may look, change and stop. */
export class FilterPoint<E extends { readonly stanza: AnyStanza }> {
  readonly name: string;
  // Only for the compiler: two points with different events are different types.
  declare readonly event: E;

  constructor(name: string) {
    this.name = name;
  }
}

export const accountSends = new FilterPoint<Sending>('accountSends');
export const accountReceives = new FilterPoint<Receiving>('accountReceives');
export const accountDelivers = new FilterPoint<Delivering>('accountDelivers');
export const sessionReceives = new FilterPoint<SessionReceiving>('sessionReceives');

/** Something that has happened, told to whoever observes it. */
export class Topic<E> {
  readonly name: string;
  declare readonly event: E;

  constructor(name: string) {
    this.name = name;
  }
}

export interface SessionEvent {
  readonly account: Account;
  readonly session: Session;
}

/**
 * A client has proved who it is and does not know yet; awaited before it is told. `session` is there when a resource was
 * bound along with the login.
 */
export const clientLoggedIn = new Topic<{
  readonly jid: JID;
  readonly login: Login;
  readonly address: string;
  readonly session: Session | undefined;
}>('clientLoggedIn');

/** A person has proved on a page who it is: nothing was bound, and no client is known. */
export const formLoggedIn = new Topic<{ readonly jid: JID; readonly address: string }>('formLoggedIn');

/** A resource was bound: the session can send and receive. */
export const sessionBound = new Topic<SessionEvent>('sessionBound');

/** A session is over; it is no longer among its account's sessions and nothing reaches it. */
export const sessionEnded = new Topic<SessionEvent & { readonly reason: EndReason }>('sessionEnded');

/** A session of another process is back, as it was and without a stream. */
export const sessionRestored = new Topic<SessionEvent>('sessionRestored');

/** A session that had lost its stream goes on with another. */
export const sessionResumed = new Topic<SessionEvent>('sessionResumed');

/** A session's own presence changed: it became available (`before` undefined), changed, or became unavailable. */
export const presenceChanged = new Topic<
  SessionEvent & { readonly before: Presence | undefined; readonly presence: Presence | undefined }
>('presenceChanged');

/** There is another stored user, durably. `createdAt` is in ms since the Unix epoch, and earlier for one from elsewhere. */
export const accountCreated = new Topic<{ readonly jid: JID; readonly createdAt: number }>('accountCreated');

/** A stored user was removed: whoever keeps something of it removes it now. Awaited before the removal is reported done. */
export const accountRemoved = new Topic<{ readonly jid: JID }>('accountRemoved');

/** A grant of an account was revoked: its tokens are of no use any more, and that is durable. */
export const grantRevoked = new Topic<{
  readonly jid: JID;
  readonly grant: Grant;
  readonly reason: RevocationReason;
}>('grantRevoked');

/** How an observer is called. */
export type Observer<E> = (event: E) => Awaitable<void>;
