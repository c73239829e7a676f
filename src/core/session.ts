import type { StreamError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { Presence, Stanza } from '../stanza.ts';
import { text } from '../xml/element.ts';

/** Where a session's stanzas leave: a stream of this process or, later, of another node. */
export interface Link {
  readonly bufferedBytes: number;
  readonly remoteAddress: string;
  readonly secure: boolean;
  send(xml: string): void;
  close(error?: StreamError): void;
}

/** Bounds on what waits for a client that does not read. */
export interface OutboxLimits {
  readonly outboxBytes: number;
  readonly outboxStanzas: number;
}

interface Waiting {
  readonly stanza: Stanza;
  readonly xml: string;
  state: 'pending' | 'ready' | 'dropped';
}

/** A bound resource. It owns the outbox: what goes to the client, in order, and not before it is durable. RFC 6120 §7. */
export class Session {
  /** The full JID. */
  readonly jid: JID;
  readonly slots: unknown[];
  /** Milliseconds since the epoch. */
  readonly boundAt: number;
  /** The language of stanzas that do not name one: that of the client's stream header. RFC 6120 §4.7.4, §8.1.5. */
  lang: string | undefined;
  #link: Link | undefined;
  #presence: Presence | undefined;
  #priority = 0;
  #waiting: Waiting[] | undefined;
  #waitingBytes = 0;
  readonly #overflowed: (session: Session) => void;
  readonly #limits: () => OutboxLimits;

  constructor(
    jid: JID,
    link: Link,
    options: {
      boundAt: number;
      slots: unknown[];
      limits: () => OutboxLimits;
      overflowed: (session: Session) => void;
    },
  ) {
    this.jid = jid;
    this.slots = options.slots;
    this.#link = link;
    this.boundAt = options.boundAt;
    this.#limits = options.limits;
    this.#overflowed = options.overflowed;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** The last undirected presence; undefined while the resource is not available. RFC 6121 §4.2. */
  get presence(): Presence | undefined {
    return this.#presence;
  }

  set presence(presence: Presence | undefined) {
    // Sessions are idle most of the time: what is kept of a presence is small.
    this.#presence = presence?.compact();
    this.#priority = presence === undefined ? 0 : priorityOf(presence);
  }

  get isAvailable(): boolean {
    return this.#presence !== undefined;
  }

  /** −128 to 127; 0 unless the presence says otherwise. RFC 6121 §4.7.2.3. */
  get priority(): number {
    return this.#priority;
  }

  /**
   * Sends a stanza to the client: now, or behind what waits already. With `stored` it leaves only once that is
   * fulfilled, and never if it is rejected.
   */
  deliver(stanza: Stanza, stored?: Promise<unknown>): void {
    const link = this.#link;
    if (link === undefined) return;
    const xml = stanza.toString();
    const limits = this.#limits();
    if (link.bufferedBytes + this.#waitingBytes + xml.length > limits.outboxBytes) return this.#overflowed(this);
    if (stored === undefined && this.#waiting === undefined) return link.send(xml);
    this.#hold(stanza, xml, stored, limits);
  }

  /** Takes the session off its link: nothing is sent any more. Returns the stanzas that had not left. */
  end(): readonly Stanza[] {
    this.#link = undefined;
    const left = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#waitingBytes = 0;
    return left.filter((entry) => entry.state !== 'dropped').map((entry) => entry.stanza);
  }

  #hold(stanza: Stanza, xml: string, stored: Promise<unknown> | undefined, limits: OutboxLimits): void {
    this.#waiting ??= [];
    const waiting = this.#waiting;
    if (waiting.length >= limits.outboxStanzas) return this.#overflowed(this);
    const entry: Waiting = { stanza, xml, state: stored === undefined ? 'ready' : 'pending' };
    waiting.push(entry);
    this.#waitingBytes += xml.length;
    const settle = (state: Waiting['state']) => () => {
      entry.state = state;
      this.#release();
    };
    stored?.then(settle('ready'), settle('dropped'));
  }

  #release(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    let done = 0;
    for (const entry of waiting) {
      if (entry.state === 'pending') break;
      if (entry.state === 'ready') this.#link?.send(entry.xml);
      this.#waitingBytes -= entry.xml.length;
      done++;
    }
    if (done === waiting.length) this.#waiting = undefined;
    else waiting.splice(0, done);
  }
}

function priorityOf(presence: Presence): number {
  const value = Number(text(presence.payload.child('priority')).trim());
  return Number.isInteger(value) && value >= -128 && value <= 127 ? value : 0;
}
