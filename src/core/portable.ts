import type { JID } from '../jid.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Element } from '../xml/element.ts';

/**
 * What one feature keeps of accounts, for when they move: read out as elements, and taken up from elements. They are as in a
 * stream of `jabber:client`: that namespace is not written on them, any other one is.
 */
export interface PortablePart {
  /** For people, in the plural: `contacts`, `messages of the archive`. */
  readonly name: string;
  /**
   * The element around the elements of this part, where they are many: one after the other is written and read, so that
   * there may be any number of them. Without it, they are the account's own.
   */
  readonly container?: { readonly name: string; readonly ns: string };
  /** Reads out what is kept of an account, in pages where it is much; nothing for an account that has nothing. */
  export(account: JID): AsyncIterable<Element>;
  /**
   * Takes up an element that `export` wrote, here or on another server. Returns false, and does nothing, for one that is none
   * of this part's; otherwise true, once what was taken is durable. What the account has already stays, so that twice is the
   * same as once. What cannot be taken is told to the tally, or thrown as a StanzaError with a text.
   *
   * The account exists, and may have sessions. Elements come in the order of the document; those of a container come without
   * waiting for the ones before, up to a few hundred: whatever is called first must be stored first.
   */
  import(account: JID, element: Element, tally: Tally): Awaitable<boolean>;
  /** Is called when no more elements come, of a part that was given any; also where the document breaks off. */
  finish?(account: JID): Promise<void>;
}

/** Counts what becomes of what one part of one account was given; there is one for each of them and each import. */
export interface Tally {
  /** What the account is called in the document: it may have had another domain. */
  readonly formerJid: JID;
  /** Something was taken up. */
  took(): void;
  /** The account had it already. */
  had(): void;
  /** Something was not taken up: what, and why, for the operator. */
  skipped(what: string, reason: string): void;
}
