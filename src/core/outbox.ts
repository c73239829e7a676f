/** Bounds on what waits for a client that does not read or does not acknowledge. */
export interface OutboxLimits {
  readonly outboxBytes: number;
  readonly outboxStanzas: number;
}

/** Where stanzas leave. */
export interface Exit {
  readonly bufferedBytes: number;
  send(xml: string): void;
}

/**
 * One message on its way to several sessions, or to one: it has arrived when one of them acknowledges its copy, and is
 * lost when none is left that could.
 */
export class Fork {
  /** When the message came, if it is on its way for the second time; in milliseconds since the epoch. */
  readonly since: number | undefined;
  #open: number;
  #hasArrived = false;

  constructor(copies: number, since?: number) {
    this.#open = copies;
    this.since = since;
  }

  /** Whether one of the copies was acknowledged, or has left for a client that acknowledges nothing. */
  get hasArrived(): boolean {
    return this.#hasArrived;
  }

  arrived(): void {
    this.#hasArrived = true;
  }

  /** A copy will not be acknowledged any more; returns whether with it the message is lost. */
  abandon(): boolean {
    this.#open--;
    return this.#open <= 0 && !this.#hasArrived;
  }
}

/** A stanza that a session has not acknowledged, or that has not left yet. */
export interface OutboxEntry {
  /** As it is sent: a text is cheaper to keep than what it was made of. */
  readonly xml: string;
  /** When it came: to this session or, with a fork that knows better, to us; in milliseconds since the epoch. */
  readonly at: number;
  /** For a message that must not be lost; undefined for what is of use to this session only. */
  readonly fork: Fork | undefined;
  /** What it waits for, or has waited for; undefined when nothing. */
  readonly stored: Promise<unknown> | undefined;
  state: 'pending' | 'ready' | 'dropped';
}

const MODULUS = 2 ** 32;

/**
 * What goes to a client: in order, and not before it is durable. When it is managed, stanzas are numbered modulo 2³² and kept
 * until they are acknowledged. XEP-0198 §4.
 */
export class Outbox {
  // What was sent and not acknowledged, then what has not left. Without management the first part is empty.
  #entries: OutboxEntry[] = [];
  #unacknowledged = 0;
  #bytes = 0;
  #isManaged = false;
  #sent = 0;
  #requested = 0;

  /** Whether stanzas are numbered and kept. */
  get isManaged(): boolean {
    return this.#isManaged;
  }

  /** How many stanzas were sent since management began, modulo 2³². */
  get sent(): number {
    return this.#sent;
  }

  /** How many of them were acknowledged, modulo 2³². */
  get acknowledged(): number {
    return (this.#sent - this.#unacknowledged + MODULUS) % MODULUS;
  }

  /** How many stanzas were sent since the last call of `request`. */
  get unrequested(): number {
    return (this.#sent - this.#requested + MODULUS) % MODULUS;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Whether nothing is kept and nothing waits. */
  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  /** Begins to number and keep what is sent from now on; or goes on where another process ended. */
  manage(from?: {
    readonly sent: number;
    readonly entries: readonly OutboxEntry[];
    readonly unacknowledged: number;
  }): void {
    this.#isManaged = true;
    if (from === undefined) return;
    this.#sent = from.sent;
    this.#requested = from.sent;
    this.#entries = [...from.entries];
    this.#unacknowledged = from.unacknowledged;
    for (const { xml } of from.entries) this.#bytes += xml.length;
  }

  /** The client was asked to acknowledge all that was sent. */
  request(): void {
    this.#requested = this.#sent;
  }

  /** Whether a stanza that may leave can leave at once: none waits before it. */
  get isFlowing(): boolean {
    return this.#entries.length === this.#unacknowledged;
  }

  /** Takes a stanza in, to be sent by `flush`. */
  push(entry: OutboxEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.xml.length;
  }

  /** Takes a stanza in that is being sent; only while flowing. */
  keep(entry: OutboxEntry): void {
    this.push(entry);
    this.#unacknowledged++;
    this.#sent = (this.#sent + 1) % MODULUS;
  }

  /** Sends what may leave: up to the first stanza that is not durable yet. */
  flush(exit: Exit): void {
    const entries = this.#entries;
    let i = this.#unacknowledged;
    for (; i < entries.length; i++) {
      const entry = entries[i] as OutboxEntry;
      if (entry.state === 'pending') break;
      if (entry.state === 'dropped') {
        entries.splice(i--, 1);
        this.#bytes -= entry.xml.length;
        continue;
      }
      exit.send(entry.xml);
      if (this.#isManaged) this.#sent = (this.#sent + 1) % MODULUS;
      else entry.fork?.arrived();
    }
    if (this.#isManaged) this.#unacknowledged = i;
    else this.#drop(i);
  }

  /** Sends again, in order and under the same numbers, what was sent and not acknowledged. XEP-0198 §5. */
  replay(exit: Exit): void {
    // Whatever was asked before has gone with the old stream.
    this.#requested = this.acknowledged;
    for (let i = 0; i < this.#unacknowledged; i++) exit.send((this.#entries[i] as OutboxEntry).xml);
  }

  /** Whether the client can have handled `h` stanzas: no more than were sent, no less than it has acknowledged. */
  accepts(h: number): boolean {
    return (h - this.acknowledged + MODULUS) % MODULUS <= this.#unacknowledged;
  }

  /** The client has handled `h` stanzas; returns false, and changes nothing, when that is more than were sent. */
  acknowledge(h: number): boolean {
    if (!this.accepts(h)) return false;
    const count = (h - this.acknowledged + MODULUS) % MODULUS;
    for (let i = 0; i < count; i++) (this.#entries[i] as OutboxEntry).fork?.arrived();
    this.#unacknowledged -= count;
    this.#drop(count);
    return true;
  }

  /** Empties the outbox and returns what it held and may still be of use. */
  clear(): readonly OutboxEntry[] {
    const left = this.#entries.filter((entry) => entry.state !== 'dropped');
    this.#entries = [];
    this.#unacknowledged = 0;
    this.#bytes = 0;
    return left;
  }

  #drop(count: number): void {
    if (count === 0) return;
    for (let i = 0; i < count; i++) this.#bytes -= (this.#entries[i] as OutboxEntry).xml.length;
    if (count === this.#entries.length) this.#entries = [];
    else this.#entries.splice(0, count);
  }
}
