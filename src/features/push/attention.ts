import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { Session } from '../../core/session.ts';
import type { Message } from '../../stanza.ts';
import type { EndReason } from '../../stream/stream.ts';
import { LruCache } from '../../util/lru.ts';
import { clientState } from '../csi/api.ts';
import { Absence, type News } from './absence.ts';
import { clientOf } from './registrations.ts';
import { isCall, isForOneResource } from './worth.ts';

/** So many clients are remembered that have missed something; one that is forgotten may be woken once too often. */
const MAX_ABSENCES = 20_000;
/** A call is to be acknowledged sooner than other messages, and does not wait for the end of the quiet time but only so long. */
const RING_MS = 10_000;

/** How patient the server is with clients. */
export interface Patience {
  readonly unacknowledgedMs: number;
  readonly quietMs: number;
}

/** Wakes a client by all of its registrations. */
export type Wake = (local: string, client: string, absence: Absence) => void;

/** What was sent to a session and is to be acknowledged in time: the first and the last of it. */
interface Watch {
  readonly client: string;
  /** The session's counter once it was sent, and by when it is to be acknowledged. */
  first: number;
  firstDueAt: number;
  last: number;
  lastDueAt: number;
  isRinging: boolean;
  hasWoken: boolean;
  /** The session has ended without its client having taken leave: nothing will be acknowledged. */
  isLost: boolean;
}

/**
 * Knows which clients of one host do not notice what arrives for them, and has them woken: once, until they are seen again
 * or have been left in peace for some time. XEP-0357 leaves to the server when that is.
 */
export class Attention {
  readonly #host: FeatureHost;
  readonly #patience: Patience;
  readonly #wake: Wake;
  readonly #absences = new LruCache<string, Absence>(MAX_ABSENCES);
  readonly #watches = new Map<Session, Watch>();
  /** Clients that were woken although they have a stream, because nobody looks at them. */
  readonly #inactive = new Map<Session, string>();

  constructor(host: FeatureHost, patience: Patience, wake: Wake) {
    this.#host = host;
    this.#patience = patience;
    this.#wake = wake;
  }

  /**
   * A message has arrived that is worth waking these clients of the account for, if they do not notice it; or it is on its way
   * again, because a session never had it.
   */
  arrived(account: Account, clients: ReadonlySet<string>, message: Message, news: News, isAgain: boolean): void {
    const resource = isForOneResource(message) ? message.to?.resource : undefined;
    for (const client of clients) {
      const sessions = [...account.sessions.values()].filter((session) => clientOf(session) === client);
      if (resource !== undefined && !sessions.some(({ jid }) => jid.resource === resource)) continue;
      const attentive = sessions.filter((session) => this.#isAttentive(session)).at(-1);
      // A client that acknowledges nothing is taken to have what was sent to it.
      if (attentive !== undefined && attentive.management === undefined) continue;
      // Who was away then has missed it already.
      const isCounted = isAgain && this.#absences.get(keyOf(account.jid.local, client)) !== undefined;
      if (!isCounted) this.#absenceOf(account.jid.local, client).missed(news);
      if (attentive !== undefined) this.#watch(attentive, client, isCall(message));
      else this.#missing(account.jid.local, client, sessions, isCall(message));
    }
  }

  /** A client is there: it has bound a resource or taken its session up again. */
  seen(session: Session): void {
    const client = clientOf(session);
    this.#isBack(session.jid.local, client);
    const watch = this.#watches.get(session);
    if (watch === undefined) return;
    // All of it is on its way again.
    watch.firstDueAt = this.#host.clock.monotonic() + this.#patience.unacknowledgedMs;
    watch.hasWoken = false;
  }

  /** A session is over. */
  ended(session: Session, reason: EndReason): void {
    this.#inactive.delete(session);
    const watch = this.#watches.get(session);
    if (watch === undefined) return;
    if (reason.kind === 'closed' || watch.hasWoken) this.#watches.delete(session);
    else watch.isLost = true;
  }

  /** Looks at the clients that have something to acknowledge, and at those that were woken while they had a stream. */
  sweep(): void {
    const now = this.#host.clock.monotonic();
    for (const [session, watch] of this.#watches) this.#check(session, watch, now);
    for (const [session, client] of this.#inactive) {
      if (!this.#isAttentive(session)) continue;
      this.#inactive.delete(session);
      this.#isBack(session.jid.local, client);
    }
  }

  #check(session: Session, watch: Watch, now: number): void {
    const { outbox } = session;
    if (!watch.isLost && outbox !== undefined) {
      if (hasReached(outbox.acknowledged, watch.last)) {
        this.#watches.delete(session);
        return this.#isBack(session.jid.local, watch.client);
      }
      if (hasReached(outbox.acknowledged, watch.first)) {
        watch.first = watch.last;
        watch.firstDueAt = watch.lastDueAt;
      }
    }
    if (watch.hasWoken || now < watch.firstDueAt) return;
    watch.hasWoken = true;
    if (watch.isLost) this.#watches.delete(session);
    const { local } = session.jid;
    const sessions = [...(this.#host.account(local)?.sessions.values() ?? [])].filter((other) => other !== session);
    const isElsewhere = sessions.some((other) => clientOf(other) === watch.client && this.#isAttentive(other));
    if (!isElsewhere) this.#missing(local, watch.client, [], watch.isRinging);
  }

  // Whatever waits in the outbox now has been sent when this counter is reached.
  #watch(session: Session, client: string, isRinging: boolean): void {
    const { outbox } = session;
    if (outbox === undefined) return;
    const { unacknowledgedMs } = this.#patience;
    const last = (outbox.acknowledged + outbox.length - outbox.held) >>> 0;
    const dueAt = this.#host.clock.monotonic() + (isRinging ? Math.min(RING_MS, unacknowledgedMs) : unacknowledgedMs);
    const watch = this.#watches.get(session);
    if (watch === undefined || watch.hasWoken) {
      const marks = { first: last, firstDueAt: dueAt, last, lastDueAt: dueAt };
      this.#watches.set(session, { client, ...marks, isRinging, hasWoken: false, isLost: false });
    } else {
      watch.last = last;
      watch.lastDueAt = dueAt;
      watch.firstDueAt = Math.min(watch.firstDueAt, dueAt);
      watch.isRinging ||= isRinging;
    }
  }

  #missing(local: string, client: string, sessions: readonly Session[], isRinging: boolean): void {
    const absence = this.#absenceOf(local, client);
    const now = this.#host.clock.monotonic();
    const { quietMs } = this.#patience;
    const isQuiet = isRinging ? now - absence.rungAt < Math.min(RING_MS, quietMs) : now - absence.wokenAt < quietMs;
    if (isQuiet) return;
    absence.wokenAt = now;
    if (isRinging) absence.rungAt = now;
    for (const session of sessions) if (session.link !== undefined) this.#inactive.set(session, client);
    this.#wake(local, client, absence);
  }

  #isBack(local: string, client: string): void {
    const key = keyOf(local, client);
    const absence = this.#absences.get(key);
    if (absence === undefined) return;
    absence.isOver = true;
    this.#absences.delete(key);
  }

  #absenceOf(local: string, client: string): Absence {
    const key = keyOf(local, client);
    const known = this.#absences.get(key);
    if (known !== undefined) return known;
    const absence = new Absence();
    this.#absences.set(key, absence);
    return absence;
  }

  #isAttentive(session: Session): boolean {
    return session.link !== undefined && this.#host.find(clientState)?.isInactive(session) !== true;
  }
}

// Counters are modulo 2³².
function hasReached(counter: number, mark: number): boolean {
  return (counter - mark) >>> 0 < 2 ** 31;
}

function keyOf(local: string, client: string): string {
  return `${local}\0${client}`;
}
