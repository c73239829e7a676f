import { integer, milliseconds, text } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Account } from '../../core/account.ts';
import type { ClientStream } from '../../core/client-stream.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { accountRemoved, sessionEnded, sessionResumed } from '../../core/points.ts';
import { type Resumed, resumption } from '../../core/resumption.ts';
import { can } from '../../core/roles.ts';
import type { Management, Session } from '../../core/session.ts';
import { type StanzaErrorCondition, StreamError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { AUTHENTICATED, BOUND, type Stream } from '../../stream/stream.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import { deadline } from '../../util/deadline.ts';
import { newId } from '../../util/ids.ts';
import { LruCache } from '../../util/lru.ts';
import { attr, type Element, el, serialize } from '../../xml/element.ts';
import { NS_STANZAS } from '../../xml/ns.ts';
import { delayed } from '../shared/delay.ts';
import { SavedSessions } from './saved-sessions.ts';

const NS = 'urn:xmpp:sm:3';
const REQUEST = serialize(el('r', { xmlns: NS }));

/** How often sessions are looked at that have something to acknowledge, or have waited for their clients for too long. */
const SWEEP_MS = 1000;
/** How long the handling of a client's last stanzas may take before its counter is told. */
const SETTLE_MS = 10_000;
/** The same when the server stops. */
const SAVE_MS = 1000;
/** The counters of so many ended sessions are remembered, for the clients that ask. */
const REMEMBERED = 10_000;

const config = section('Stream management: nothing is lost when a connection breaks (XEP-0198).', {
  resumeMs: option(milliseconds(0), {
    default: 600_000,
    doc: 'How long a session waits for its client to come back after its connection broke, in milliseconds; 0 switches resumption off.',
    reload: 'restart',
  }),
  requestAfterStanzas: option(integer(1), {
    default: 25,
    doc: 'After how many stanzas at the latest a client is asked to acknowledge them. Otherwise it is asked a second after the last one.',
    reload: 'restart',
  }),
  location: option(text(), {
    default: undefined,
    doc: 'Where clients should reconnect to resume, as `host:port`, when that differs from where they connected.',
    reload: 'restart',
  }),
});

interface Managed {
  /** Under which it can be resumed; undefined when it cannot. */
  readonly id: string | undefined;
  readonly account: Account;
  readonly session: Session;
}

interface Remembered {
  readonly local: string;
  readonly handled: number;
}

/** Acknowledges stanzas, keeps what is not acknowledged, and takes sessions up again on other streams. XEP-0198. */
export const sm: Feature<ConfigOf<typeof config>> = {
  name: 'sm',
  specs: [{ xep: 198, version: '1.6.3', note: 'sessions survive a restart of the server too' }],
  config,
  setup(host, options) {
    const sessions = new ManagedSessions(host, options);
    host.stampDelay((message, at) => delayed(message, host.domain, at));
    host.provide(resumption, sessions);
    host.negotiate({
      name: 'sm',
      needs: AUTHENTICATED,
      excludes: 0,
      accepts: NS,
      offer: ({ bits }) => ((bits & BOUND) === 0 ? el('sm', { xmlns: NS }, el('optional')) : undefined),
      accept: (stream, element) => sessions.take(stream, element),
    });
    host.observe(sessionEnded, ({ session }) => sessions.forget(session));
    host.observe(accountRemoved, ({ jid }) => sessions.removed(jid));
    host.every('sm', SWEEP_MS, () => sessions.sweep());
    host.ready(() => sessions.restore());
    host.defer(() => sessions.save());
  },
};

/** The sessions of one host whose stanzas are numbered. */
class ManagedSessions {
  readonly #host: FeatureHost;
  readonly #options: ConfigOf<typeof config>;
  readonly #all = new Map<Session, Managed>();
  /** Those that can be resumed. */
  readonly #byId = new Map<string, Managed>();
  readonly #ended = new LruCache<string, Remembered>(REMEMBERED);
  readonly #saved: SavedSessions;
  /** The streams on which sessions are being resumed. */
  readonly #claims = new Map<Session, ClientStream>();
  /** Who has asked for a counter that is not settled. */
  readonly #asking = new Set<Session>();

  constructor(host: FeatureHost, options: ConfigOf<typeof config>) {
    this.#host = host;
    this.#options = options;
    this.#saved = new SavedSessions(host);
  }

  /** Takes an element of a client. XEP-0198 §3–§5. */
  take(stream: ClientStream, element: Element): Awaitable<void> {
    const { session } = stream;
    if (element.name === 'resume' && session === undefined) return this.#resumeNow(stream, element);
    if (element.name === 'enable') return stream.stream.send(serialize(this.enable(stream, element)));
    if (element.name === 'a') return this.#acknowledged(session, element);
    if (element.name !== 'r' && element.name !== 'resume') throw new StreamError('unsupported-stanza-type');
    if (element.name === 'r' && session?.management !== undefined) return this.#answer(stream, session);
    stream.stream.send(serialize(failed('unexpected-request')));
  }

  // What came before the question counts once it is handled. The client's next stanza does not wait for that; its next
  // question does.
  #answer({ stream }: ClientStream, session: Session): Awaitable<void> {
    // Whoever asks is awake: what was held back for it disturbs it no more.
    session.release();
    if (session.isSettled) return acknowledge(stream, session);
    const answered = this.#settled(session).then(() => acknowledge(stream, session));
    if (this.#asking.has(session)) return answered;
    this.#asking.add(session);
    void answered.then(() => this.#asking.delete(session));
  }

  enable(stream: ClientStream, request: Element): Element {
    const { account, session } = stream;
    if (account === undefined || session === undefined || session.management !== undefined) {
      return failed('unexpected-request');
    }
    const resumeMs = this.#resumeMs(account, request);
    const id = resumeMs === 0 ? undefined : newId();
    session.manage(this.#management(resumeMs));
    this.#remember({ id, account, session });
    if (id === undefined) return el('enabled', { xmlns: NS });
    const max = String(Math.floor(resumeMs / 1000));
    return el('enabled', { xmlns: NS, id, resume: 'true', max, location: this.#options.location });
  }

  async resume(stream: ClientStream, request: Element): Promise<Resumed> {
    const id = attr(request, 'previd') ?? '';
    const h = counter(attr(request, 'h'));
    if (id === '' || h === undefined) return refusal('bad-request');
    const found = this.#byId.get(id);
    if (found === undefined || !isOf(found.account, stream) || !mayTake(found.session, stream)) {
      return refusal('item-not-found', this.#ended.get(id), stream.jid?.local);
    }
    const { session } = found;
    if (this.#isClaimed(session)) return refusal('conflict');
    if (session.outbox?.accepts(h) !== true) {
      this.#host.log.warn('sm.counter', { jid: session.jid.toString(), h, sent: session.outbox?.sent ?? 0 });
      return refusal('undefined-condition');
    }
    this.#claims.set(session, stream);
    const isFree = await this.#free(session);
    // The stream may have broken meanwhile and the client come back with another.
    if (this.#claims.get(session) !== stream) return refusal('conflict');
    if (!isFree || session.outbox?.acknowledge(h) !== true || session.hasEnded) {
      this.#claims.delete(session);
      return refusal(session.hasEnded ? 'item-not-found' : 'resource-constraint');
    }
    return {
      isResumed: true,
      jid: session.jid,
      answer: el('resumed', { xmlns: NS, previd: id, h: String(session.handled), location: this.#options.location }),
      complete: () => this.#complete(stream, found),
    };
  }

  // Takes a session off the stream that it still has, and waits until what that brought is handled: were the counter told
  // before, the client would send it again.
  async #free(session: Session): Promise<boolean> {
    const old = session.link;
    if (old !== undefined) session.detach();
    old?.close(new StreamError('conflict', { text: 'the session was resumed on another stream' }));
    if (!session.isSettled) await this.#settled(session);
    return session.isSettled;
  }

  #complete(stream: ClientStream, { account, session }: Managed): void {
    const isClaimed = this.#claims.get(session) === stream;
    if (isClaimed) this.#claims.delete(session);
    // Whose stream has broken meanwhile may try again.
    if (!stream.stream.isOpen) return;
    // It was told that it has the session.
    if (!isClaimed || session.hasEnded) return stream.stream.close(new StreamError('reset'));
    stream.takeOver(account, session);
    this.#host.announce(sessionResumed, { account, session });
  }

  async #resumeNow(stream: ClientStream, element: Element): Promise<void> {
    const resumed = await this.resume(stream, element);
    stream.stream.send(serialize(resumed.answer));
    if (resumed.isResumed) resumed.complete();
  }

  #isClaimed(session: Session): boolean {
    return this.#claims.get(session)?.stream.isOpen === true;
  }

  /** The session is over; what its client may want to know is how much of what it sent was handled. */
  forget(session: Session): void {
    const id = this.#all.get(session)?.id;
    this.#all.delete(session);
    this.#claims.delete(session);
    if (id === undefined) return;
    this.#byId.delete(id);
    const remember = (): void => this.#ended.set(id, { local: session.jid.local, handled: session.handled });
    remember();
    if (!session.isSettled) void this.#settled(session).then(remember);
  }

  /** Asks for acknowledgements that are due, and ends the sessions whose clients have not come back in time. */
  sweep(): void {
    const now = this.#host.clock.now();
    for (const { account, session } of this.#all.values()) {
      const { link, outbox, management } = session;
      if (link !== undefined && outbox !== undefined && outbox.unrequested > 0) request(session);
      const isOver = session.isHibernating && now - session.detachedAt >= (management?.resumeMs ?? 0);
      if (isOver && !this.#isClaimed(session)) this.#host.endSession(account, session, { kind: 'lost' });
    }
  }

  /** Puts back the sessions that the last process saved. */
  restore(): Promise<void> {
    return this.#saved.restore((saved) =>
      this.#host.restoreSession(saved, (session) => {
        const account = this.#host.account(saved.jid.local);
        if (account === undefined) throw new Error('a session was restored without its account');
        session.manage(this.#management(saved.resumeMs), saved.continuation);
        saved.resume(session);
        this.#remember({ id: saved.id, account, session });
      }),
    );
  }

  /** Saves the sessions that may be resumed by the next process. */
  async save(): Promise<void> {
    const { clock } = this.#host;
    const waiting = [...this.#byId.values()];
    await deadline(Promise.all(waiting.map(({ session }) => settledBothWays(session))), SAVE_MS, clock).catch(() => {});
    for (const { account, session } of waiting) {
      if (session.isSettled) continue;
      // What is still being handled would be counted as not handled, and sent again: its client must not resume.
      this.#host.endSession(account, session, { kind: 'shutdown' });
      await account.exclusively(() => {});
    }
    await this.#saved.save([...this.#byId].map(([id, { session }]) => ({ id, session })));
  }

  /** The account of these sessions was removed. */
  removed(jid: JID): Promise<void> {
    return this.#saved.remove(jid);
  }

  #acknowledged(session: Session | undefined, element: Element): void {
    const outbox = session?.outbox;
    if (outbox === undefined || !outbox.isManaged) return;
    const h = counter(attr(element, 'h'));
    if (h === undefined) throw new StreamError('bad-format', { text: 'h is not a counter' });
    if (outbox.acknowledge(h)) return;
    // XEP-0198 §4: the client claims more than it was sent.
    throw new StreamError('undefined-condition', {
      text: `acknowledged ${h} stanzas of ${outbox.sent}`,
      app: { name: 'handled-count-too-high', ns: NS, attrs: { h: String(h), 'send-count': String(outbox.sent) } },
    });
  }

  #resumeMs(account: Account, element: Element): number {
    const wanted = attr(element, 'resume');
    if ((wanted !== 'true' && wanted !== '1') || account.isAnonymous) return 0;
    const max = counter(attr(element, 'max'));
    return Math.min(this.#options.resumeMs, max === undefined ? Number.POSITIVE_INFINITY : max * 1000);
  }

  #management(resumeMs: number): Management {
    return { resumeMs, requestAfter: this.#options.requestAfterStanzas, request };
  }

  #remember(managed: Managed): void {
    this.#all.set(managed.session, managed);
    if (managed.id !== undefined) this.#byId.set(managed.id, managed);
  }

  /** Resolves when what the client has sent is handled, or takes too long. */
  #settled(session: Session): Promise<void> {
    return deadline(session.settled(), SETTLE_MS, this.#host.clock).catch(() => {});
  }
}

/** Resolves when what the client has sent is handled, and what it will be sent is stored or is not to be sent. */
async function settledBothWays(session: Session): Promise<void> {
  await session.settled();
  await Promise.allSettled(session.outbox?.entries.map(({ stored }) => stored) ?? []);
}

// XEP-0198 §4. Written out: these are sent more often than most stanzas.
function acknowledge(stream: Stream, { handled }: Session): void {
  stream.send(`<a xmlns='${NS}' h='${handled}'/>`);
}

function request(session: Session): void {
  session.outbox?.request();
  session.link?.send(REQUEST);
}

function refusal(condition: StanzaErrorCondition, ended?: Remembered, local?: string): Resumed {
  // Whose session it was is nobody else's business.
  const h = ended !== undefined && ended.local === local ? String(ended.handled) : undefined;
  return { isResumed: false, answer: failed(condition, h) };
}

function failed(condition: StanzaErrorCondition, h?: string): Element {
  return el('failed', { xmlns: NS, h }, el(condition, { xmlns: NS_STANZAS }));
}

/** An unsigned number of 32 bits, or undefined. */
function counter(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value < 2 ** 32 ? value : undefined;
}

function isOf(account: Account, { jid }: ClientStream): boolean {
  return jid !== undefined && account.jid.equals(jid);
}

function mayTake(session: Session, { login }: ClientStream): boolean {
  // Each installation keeps to its own sessions, as far as it says which one it is.
  const [before, now] = [session.login?.clientId, login?.clientId];
  if (before !== undefined && now !== undefined && before !== now) return false;
  // What waits in the session is for those that may read it; and who has been given one resource has no other.
  if (session.mayCommunicate && login !== undefined && !can(login.role, 'communicate')) return false;
  return login?.resource === undefined || login.resource === session.jid.resource;
}
