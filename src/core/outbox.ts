import { flat } from '../util/own-copy.ts';
import type { Fork } from './fork.ts';
import { Held } from './held.ts';
import type { Exit, OutboxEntry } from './outbox-entry.ts';
import { Unacknowledged } from './unacknowledged.ts';

/** Bounds on what waits for a client that does not read or does not acknowledge. */
export interface OutboxLimits {
  readonly outboxBytes: number;
  readonly outboxStanzas: number;
}

/**
 * What goes to a client: in order, and not before it is durable. When it is managed, stanzas are numbered modulo 2³² and kept
 * until they are acknowledged. XEP-0198 §4.
 */
export class Outbox {
  // What was sent and not acknowledged; undefined until it is managed.
  #kept: Unacknowledged | undefined;
  // What has not left.
  #waiting: OutboxEntry[] = [];
  #waitingBytes = 0;
  // What has not left and can wait until something else leaves; undefined until there is something.
  #held: Held | undefined;
  #sent = 0;
  #requested = 0;

  /** Whether stanzas are numbered and kept. */
  get isManaged(): boolean {
    return this.#kept !== undefined;
  }

  /** How many stanzas were sent since management began, modulo 2³². */
  get sent(): number {
    return this.#sent;
  }

  /** How many of them were acknowledged, modulo 2³². */
  get acknowledged(): number {
    return (this.#sent - this.unacknowledged) >>> 0;
  }

  /** How many of them were not. */
  get unacknowledged(): number {
    return this.#kept?.length ?? 0;
  }

  /** How many stanzas were sent since the last call of `request`. */
  get unrequested(): number {
    return (this.#sent - this.#requested) >>> 0;
  }

  get bytes(): number {
    return this.#waitingBytes + (this.#kept?.bytes ?? 0) + this.heldBytes;
  }

  get length(): number {
    return this.#waiting.length + this.unacknowledged + this.held;
  }

  /** How many stanzas wait until they are released. */
  get held(): number {
    return this.#held?.length ?? 0;
  }

  /** The size of those. */
  get heldBytes(): number {
    return this.#held?.bytes ?? 0;
  }

  /** Whether nothing is kept and nothing waits. */
  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** What was sent and not acknowledged, then what has not left. */
  get entries(): readonly OutboxEntry[] {
    return [...(this.#kept?.entries() ?? []), ...this.#waiting, ...(this.#held?.entries() ?? [])];
  }

  /** Begins to number and keep what is sent from now on; or goes on where another process ended. */
  manage(from?: {
    readonly sent: number;
    readonly entries: readonly OutboxEntry[];
    readonly unacknowledged: number;
  }): void {
    this.#kept = new Unacknowledged();
    if (from === undefined) return;
    this.#sent = from.sent;
    this.#requested = from.sent;
    for (const { xml, fork, at } of from.entries.slice(0, from.unacknowledged)) this.#kept.add(xml, fork, at);
    for (const entry of from.entries.slice(from.unacknowledged)) this.push(entry);
  }

  /** The client was asked to acknowledge all that was sent. */
  request(): void {
    this.#requested = this.#sent;
  }

  /** Whether a stanza that may leave can leave at once: none waits before it, save those that are held. */
  get isFlowing(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes a stanza in, to be sent by `flush`. */
  push(entry: OutboxEntry): void {
    // It may stay for long, and must not keep alive what it was cut from.
    flat(entry.xml);
    this.#waiting.push(entry);
    this.#waitingBytes += entry.xml.length;
  }

  /** Takes a stanza in that can wait until `release`. It supersedes the one of the same subject that waits so. */
  hold(entry: OutboxEntry, subject: string | undefined): void {
    flat(entry.xml);
    this.#held ??= new Held();
    this.#held.add(entry, subject);
  }

  /** What was held back can be sent by `flush`: it comes after what was taken in before it, and before what comes now. */
  release(): void {
    if (this.#held === undefined) return;
    this.#waitingBytes += this.#held.bytes;
    this.#waiting.push(...this.#held.take());
    this.#held = undefined;
  }

  /** Numbers and keeps a stanza that is being sent; only while managed and flowing. */
  keep(xml: string, fork: Fork | undefined, at: number): void {
    this.#kept?.add(flat(xml), fork, at);
    this.#sent = (this.#sent + 1) >>> 0;
  }

  /** The outcome of a promise that stanzas wait for is known. */
  settle(stored: Promise<unknown>, state: 'ready' | 'dropped'): void {
    for (const entry of this.#waiting) if (entry.stored === stored) entry.state = state;
    for (const entry of this.#held?.entries() ?? []) if (entry.stored === stored) entry.state = state;
  }

  /** Sends what may leave: up to the first stanza that is not durable yet. What is held stays. */
  flush(exit: Exit): void {
    if (this.#waiting.length === 0) return;
    let i = 0;
    for (const { xml, fork, at, state } of this.#waiting) {
      if (state === 'pending') break;
      i++;
      this.#waitingBytes -= xml.length;
      if (state === 'dropped') continue;
      exit.send(xml);
      if (this.isManaged) this.keep(xml, fork, at);
      else fork?.arrived();
    }
    if (i === this.#waiting.length) this.#waiting = [];
    else this.#waiting.splice(0, i);
  }

  /** Sends again, in order and under the same numbers, what was sent and not acknowledged. XEP-0198 §5. */
  replay(exit: Exit): void {
    // Whatever was asked before has gone with the old stream.
    this.#requested = this.acknowledged;
    this.#kept?.replay(exit);
  }

  /** Whether the client can have handled `h` stanzas: no more than were sent, no less than it has acknowledged. */
  accepts(h: number): boolean {
    return (h - this.acknowledged) >>> 0 <= this.unacknowledged;
  }

  /** The client has handled `h` stanzas; returns false, and changes nothing, when that is more than were sent. */
  acknowledge(h: number): boolean {
    if (!this.accepts(h)) return false;
    this.#kept?.acknowledge((h - this.acknowledged) >>> 0);
    return true;
  }

  /** Empties the outbox and returns what it held and may still be of use. */
  clear(): readonly OutboxEntry[] {
    const left = this.entries.filter((entry) => entry.state !== 'dropped');
    this.#kept?.clear();
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#held = undefined;
    return left;
  }
}
