import type { StreamError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { AnyStanza, Presence } from '../stanza.ts';
import type { Clock } from '../util/clock.ts';
import { text } from '../xml/element.ts';
import type { Fork } from './fork.ts';
import type { Holding } from './held.ts';
import type { Login } from './login.ts';
import { Outbox, type OutboxLimits } from './outbox.ts';
import type { OutboxEntry } from './outbox-entry.ts';
import { type Receipt, Receipts } from './receipts.ts';
import { can } from './roles.ts';
import { Traffic } from './traffic.ts';

/** Where a session's stanzas leave: a stream of this process or, later, of another node. */
export interface Link {
  readonly bufferedBytes: number;
  readonly remoteAddress: string;
  readonly secure: boolean;
  /** What came in and went out since the link began, as far as it is known. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  send(xml: string): void;
  close(error?: StreamError): void;
}

/** How a session's stanzas are numbered and acknowledged. XEP-0198 §4. */
export interface Management {
  /** After so many stanzas the client is asked to acknowledge them. */
  readonly requestAfter: number;
  /** Asks the client. */
  readonly request: (session: Session) => void;
  /** For how long the session may be without a stream, in milliseconds; 0: it ends with its stream. */
  readonly resumeMs: number;
}

/** The counters of a session that goes on where another process ended. */
export interface Continuation {
  readonly handled: number;
  readonly sent: number;
  readonly unacknowledged: number;
  readonly entries: readonly OutboxEntry[];
}

/** A bound resource. It owns the outbox: what goes to the client, in order, and not before it is durable. RFC 6120 §7. */
export class Session {
  /** The full JID. */
  readonly jid: JID;
  readonly slots: unknown[];
  /** What the client has sent and was sent. */
  readonly traffic = new Traffic();
  /** Milliseconds since the epoch. */
  readonly boundAt: number;
  /** The language of stanzas that do not name one: that of the client's stream header. RFC 6120 §4.7.4, §8.1.5. */
  lang: string | undefined;
  #login: Login | undefined;
  #mayCommunicate = true;
  #link: Link | undefined;
  #presence: Presence | undefined;
  #priority = 0;
  // Only where something is held back or kept: most sessions need none most of the time.
  #outbox: Outbox | undefined;
  #receipts: Receipts | undefined;
  // The promise that the last stanza waits for which is not durable.
  #awaited: Promise<unknown> | undefined;
  #management: Management | undefined;
  #holding: Holding | undefined;
  #detachedAt = 0;
  #hasEnded = false;
  readonly #overflowed: (session: Session) => void;
  readonly #limits: () => OutboxLimits;
  readonly #clock: Clock;

  constructor(
    jid: JID,
    link: Link | undefined,
    options: {
      clock: Clock;
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
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#overflowed = options.overflowed;
  }

  /** How its client got in, the last time; undefined where that is not known. */
  get login(): Login | undefined {
    return this.#login;
  }

  set login(login: Login | undefined) {
    this.#login = login;
    this.#mayCommunicate = login === undefined || can(login.role, 'communicate');
  }

  /** Whether it exchanges stanzas with others; otherwise its client only reaches the account and the server. */
  get mayCommunicate(): boolean {
    return this.#mayCommunicate;
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

  /** Nothing reaches its client any more. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The stream is gone and the session waits for another. */
  get isHibernating(): boolean {
    return this.#link === undefined && !this.#hasEnded;
  }

  /** Since when the session has had no stream, in milliseconds since the epoch. */
  get detachedAt(): number {
    return this.#detachedAt;
  }

  /** How stanzas are numbered and acknowledged; undefined when they are not. */
  get management(): Management | undefined {
    return this.#management;
  }

  /** What goes to the client and is kept; undefined when nothing is. */
  get outbox(): Outbox | undefined {
    return this.#outbox;
  }

  /** Whether the client is not sent at once what can wait. */
  get isHolding(): boolean {
    return this.#holding !== undefined;
  }

  /** How many of the client's stanzas were handled since management began, modulo 2³². */
  get handled(): number {
    return this.#receipts?.handled ?? 0;
  }

  /**
   * Sends a stanza to the client: now, or behind what waits already. With `stored` it leaves only once that is
   * fulfilled, and never if it is rejected. `fork` is for a message that must go elsewhere if the client never has it.
   */
  deliver(stanza: AnyStanza, stored?: Promise<unknown>, fork?: Fork): void {
    if (this.#hasEnded) return;
    this.traffic.sent(stanza.kind);
    const xml = stanza.toString();
    const limits = this.#limits();
    const link = this.#link;
    const waiting = (link?.bufferedBytes ?? 0) + (this.#outbox?.bytes ?? 0);
    const hasRoom = waiting + xml.length <= limits.outboxBytes && (this.#outbox?.length ?? 0) < limits.outboxStanzas;
    const mayLeave = link !== undefined && stored === undefined && hasRoom;
    if (mayLeave && this.#outbox === undefined) {
      fork?.arrived();
      return link.send(xml);
    }
    this.#outbox ??= new Outbox();
    const outbox = this.#outbox;
    const at = fork?.since ?? this.#clock.now();
    if (mayLeave && this.#holding === undefined && outbox.isManaged && outbox.isFlowing) {
      outbox.keep(xml, fork, at);
      link.send(xml);
      return this.#requestNow(outbox);
    }
    const entry: OutboxEntry = { xml, fork, stored, at, state: stored === undefined ? 'ready' : 'pending' };
    if (this.#holding?.canWait(stanza) === true) this.#holdBack(this.#holding, outbox, entry, stanza);
    else {
      outbox.release();
      outbox.push(entry);
    }
    // The one too many is not lost either.
    if (!hasRoom) return this.#overflowed(this);
    if (stored === undefined) this.#flush();
    else this.#flushAfter(stored);
  }

  #holdBack(holding: Holding, outbox: Outbox, entry: OutboxEntry, stanza: AnyStanza): void {
    // What may yet turn out not to be stored supersedes nothing.
    outbox.hold(entry, entry.stored === undefined ? holding.subjectOf(stanza) : undefined);
    // Half of the outbox is left to what cannot wait: a client is not given up for what it was not sent.
    const { outboxBytes, outboxStanzas } = this.#limits();
    const maxStanzas = Math.min(holding.maxStanzas, outboxStanzas / 2);
    const maxBytes = Math.min(holding.maxBytes, outboxBytes / 2);
    if (outbox.held > maxStanzas || outbox.heldBytes > maxBytes) outbox.release();
  }

  // What is written in one turn is one commit: all that waits for it is looked at once.
  #flushAfter(stored: Promise<unknown>): void {
    if (stored === this.#awaited) return;
    this.#awaited = stored;
    const settle = (state: 'ready' | 'dropped') => () => {
      if (this.#awaited === stored) this.#awaited = undefined;
      this.#outbox?.settle(stored, state);
      this.#flush();
    };
    stored.then(settle('ready'), settle('dropped'));
  }

  /** A stanza of the client has arrived; undefined unless stanzas are counted. */
  begin(): Receipt | undefined {
    return this.#receipts?.begin();
  }

  /** Whether everything that the client has sent is handled. */
  get isSettled(): boolean {
    return this.#receipts?.isSettled ?? true;
  }

  /** Resolves when everything that the client has sent is handled. */
  settled(): Promise<void> {
    return this.#receipts?.settled() ?? Promise.resolve();
  }

  /** Numbers and keeps stanzas from now on, or goes on with it. XEP-0198 §3. */
  manage(management: Management, from?: Continuation): void {
    this.#management = management;
    this.#receipts = new Receipts(from?.handled);
    this.#outbox ??= new Outbox();
    this.#outbox.manage(from);
  }

  /**
   * Holds back from now on what can wait, until something is sent that cannot; undefined: nothing any more, and what was held
   * back is sent. It ends with `attach`. XEP-0352.
   */
  hold(holding: Holding | undefined): void {
    this.#holding = holding;
    if (holding === undefined) this.release();
    else this.#outbox ??= new Outbox();
  }

  /** Sends what was held back; what comes later may be held back again. */
  release(): void {
    this.#outbox?.release();
    this.#flush();
  }

  /** The stream is gone; until `attach` everything waits. */
  detach(): void {
    this.#link = undefined;
    this.#detachedAt = this.#clock.now();
  }

  /** Another stream takes over: what the client has not acknowledged is sent again, then what has waited. XEP-0198 §5. */
  attach(link: Link): void {
    this.#link = link;
    this.#holding = undefined;
    this.#outbox?.release();
    this.#outbox?.replay(link);
    this.#flush();
  }

  /** Ends the session: nothing is sent any more. Returns what had not left or was not acknowledged. */
  end(): readonly OutboxEntry[] {
    this.#link = undefined;
    this.#hasEnded = true;
    return this.#outbox?.clear() ?? [];
  }

  #flush(): void {
    const outbox = this.#outbox;
    if (outbox === undefined || this.#link === undefined) return;
    outbox.flush(this.#link);
    if (outbox.isManaged) this.#requestNow(outbox);
    // Streams flow most of the time; the next stanza goes past.
    else if (outbox.isEmpty && this.#holding === undefined) this.#outbox = undefined;
  }

  #requestNow(outbox: Outbox): void {
    const management = this.#management;
    if (management !== undefined && outbox.unrequested >= management.requestAfter) management.request(this);
  }
}

function priorityOf(presence: Presence): number {
  const value = Number(text(presence.payload.child('priority')).trim());
  return Number.isInteger(value) && value >= -128 && value <= 127 ? value : 0;
}
