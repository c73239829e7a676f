import { StanzaError } from '../errors.ts';
import type { JID } from '../jid.ts';
import { type AnyStanza, errorFor, errorOf, type Iq, resultFor } from '../stanza.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Clock, Timer } from '../util/clock.ts';
import { deadline } from '../util/deadline.ts';
import { newId } from '../util/ids.ts';
import { attr, type Element } from '../xml/element.ts';
import { NS_CLIENT } from '../xml/ns.ts';
import type { Account } from './account.ts';
import type { BugReport } from './filters.ts';
import { can, type Permission } from './roles.ts';
import type { Session } from './session.ts';

/**
 * Who is asked: the sender's own account (`self`), any local account by its bare JID (`account`), the server (`host`), or
 * a session by its full JID, in whose place the server answers (`session`).
 */
export type Addressee = 'self' | 'account' | 'host' | 'session';

export interface IqRoute<A extends Addressee = Addressee> {
  readonly type: 'get' | 'set';
  readonly ns: string;
  /** The payload's element name. */
  readonly name: string;
  readonly to: A;
  /** Who may ask an account: by default those that it shares its presence with, and itself. */
  readonly audience?: 'subscribers' | 'anyone';
  /**
   * What the login of a client must be allowed that asks its own account: by default to change its data, for a set; nothing, for
   * a get. Null: nothing that can be told from the request.
   */
  readonly permission?: Permission | null;
  /** The handler has a deadline of its own, which may be later than the one that all others have. */
  readonly isPatient?: boolean;
}

interface RequestBase {
  readonly iq: Iq;
  readonly payload: Element;
  /** The full JID, or the domain of a server, that asks. */
  readonly from: JID;
}

/** A request as its handler sees it; `account` and `session` are there when the addressee has them. */
export type IqRequest<A extends Addressee = Addressee> = RequestBase &
  (A extends 'self'
    ? { readonly account: Account; readonly session: Session }
    : A extends 'account'
      ? { readonly account: Account }
      : A extends 'session'
        ? { readonly account: Account; readonly target: Session }
        : unknown);

/** Answers a request: returns the payload of the result, or throws a StanzaError. */
export type IqHandler<A extends Addressee> = (request: IqRequest<A>) => Awaitable<Element | undefined | void>;

interface Entry {
  readonly run: (request: IqRequest<'self'>) => Awaitable<Element | undefined | void>;
  readonly audience: 'subscribers' | 'anyone';
  readonly isPatient: boolean;
  readonly permission: Permission | null;
}

interface AnyRequest extends RequestBase {
  readonly account?: Account;
  readonly session?: Session;
  readonly target?: Session;
}

/** Whether an address may ask an account what only those may ask that it shares its presence with. */
export type AudienceCheck = (account: Account, from: JID) => Awaitable<boolean>;

/** Exactly one handler for each request that a host answers. RFC 6120 §8.2.3. */
export class IqRoutes {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #timeoutMs: () => number;
  readonly #bug: BugReport;
  /** Replaced by whoever knows the subscriptions. */
  mayAsk: AudienceCheck = () => false;

  constructor(options: { clock: Clock; timeoutMs: () => number; bug: BugReport }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
    this.#bug = options.bug;
  }

  /** Adds a handler; returns how to remove it. Two handlers of one route are an error of the program. */
  add<A extends Addressee>(route: IqRoute<A>, run: IqHandler<A>): () => void {
    const key = keyOf(route.type, route.ns, route.name, route.to);
    if (this.#entries.has(key)) throw new Error(`two handlers for ${key}`);
    // The dispatcher builds each request for the addressee of its route.
    const { audience = 'subscribers', isPatient = false } = route;
    const { permission = route.type === 'set' ? 'write-account' : null } = route;
    this.#entries.set(key, { run: run as unknown as Entry['run'], audience, isPatient, permission });
    return () => void this.#entries.delete(key);
  }

  has(type: 'get' | 'set', payload: Element, to: Addressee): boolean {
    return this.#entries.has(keyOf(type, attr(payload, 'xmlns') ?? NS_CLIENT, payload.name, to));
  }

  /** Whether an address may ask an account what is only for those that it shares its presence with, and for itself. */
  isAllowed(account: Account, from: JID): Awaitable<boolean> {
    return from.bare().equals(account.jid) || this.mayAsk(account, from);
  }

  /**
   * Has a get or set answered by the first of these addressees that handles it, and returns the answer: a result or an
   * error. Without a handler it is `service-unavailable`. RFC 6120 §8.2.3, §8.4.
   */
  answer(iq: Iq, to: readonly Addressee[], parties: Omit<AnyRequest, keyof RequestBase>): Awaitable<Iq> {
    let answer: Awaitable<Element | undefined | void>;
    try {
      answer = this.#dispatch(iq, to, parties);
    } catch (error) {
      return this.#failure(iq, error);
    }
    if (!isPromise(answer)) return resultFor(iq, answer ?? undefined);
    return answer.then(
      (payload) => resultFor(iq, payload ?? undefined),
      (error: unknown) => this.#failure(iq, error),
    );
  }

  #dispatch(
    iq: Iq,
    to: readonly Addressee[],
    parties: Omit<AnyRequest, keyof RequestBase>,
  ): Awaitable<Element | undefined | void> {
    const payload = requestPayload(iq);
    const from = iq.from;
    if (from === undefined) throw new StanzaError('bad-request');
    const request = { iq, payload, from, ...parties } as IqRequest<'self'>;
    const ns = attr(payload, 'xmlns') ?? NS_CLIENT;
    for (const addressee of to) {
      const entry = this.#entries.get(keyOf(iq.type, ns, payload.name, addressee));
      if (entry === undefined) continue;
      requirePermission(entry, parties);
      if (addressee !== 'account' || entry.audience === 'anyone') return this.#inTime(entry, entry.run(request));
      return this.#inTime(entry, this.#forSubscribers(entry, request));
    }
    throw new StanzaError('service-unavailable');
  }

  #inTime({ isPatient }: Entry, answer: Awaitable<Element | undefined | void>): Awaitable<Element | undefined | void> {
    return isPromise(answer) && !isPatient ? deadline(answer, this.#timeoutMs(), this.#clock) : answer;
  }

  #forSubscribers(entry: Entry, request: IqRequest<'self'>): Awaitable<Element | undefined | void> {
    const allowed = this.isAllowed(request.account, request.from);
    // The same answer as for an account that does not exist: a stranger learns nothing. RFC 6121 §8.5.1.
    const decide = (yes: boolean): Awaitable<Element | undefined | void> => {
      if (!yes) throw new StanzaError('service-unavailable');
      return entry.run(request);
    };
    return isPromise(allowed) ? allowed.then(decide) : decide(allowed);
  }

  #failure(iq: Iq, error: unknown): Iq {
    return errorFor(iq, this.#asStanzaError(iq, error)) as Iq;
  }

  #asStanzaError(iq: Iq, error: unknown): StanzaError {
    if (error instanceof StanzaError) return error;
    this.#bug(`iq/${iq.payload.elements[0]?.name ?? ''}`, error);
    return new StanzaError('internal-server-error', { cause: error });
  }
}

// Only clients that ask their own accounts are known by their sessions. What a guest's account has is gone with its session: it
// may be changed by whoever has it.
function requirePermission({ permission }: Entry, { account, session }: Omit<AnyRequest, keyof RequestBase>): void {
  if (permission === null || session?.login === undefined || can(session.login.role, permission)) return;
  if (permission === 'write-account' && account?.isAnonymous === true) return;
  throw new StanzaError('forbidden', { text: 'this login may not do that' });
}

/**
 * The one child of a get or set.
 * @throws StanzaError `bad-request` when there is none or more than one, or no id. RFC 6120 §8.2.3.
 */
export function requestPayload(iq: Iq): Element {
  const [payload, second] = iq.payload.elements;
  if (iq.id === undefined || iq.id === '') throw new StanzaError('bad-request', { text: 'an iq needs an id' });
  if (payload === undefined || second !== undefined) {
    throw new StanzaError('bad-request', { text: 'a request has exactly one child element' });
  }
  return payload;
}

interface Waiting {
  readonly settle: (answer: Iq) => void;
  readonly timer: Timer;
}

/** Our own requests that wait for their answers. */
export class IqRequests {
  readonly #waiting = new Map<string, Waiting>();
  readonly #clock: Clock;
  readonly #send: (iq: Iq) => void;

  constructor(clock: Clock, send: (iq: Iq) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /**
   * Sends a get or set and resolves with the payload of the result.
   * Rejects with the StanzaError of an error, or `remote-server-timeout` after `timeoutMs`.
   */
  request(iq: Iq, timeoutMs: number): Promise<Element | undefined> {
    const id = iq.id ?? newId();
    return new Promise((resolve, reject) => {
      const key = `${iq.to ?? ''} ${id}`;
      const timer = this.#clock.after(timeoutMs, () => {
        this.#waiting.delete(key);
        reject(new StanzaError('remote-server-timeout'));
      });
      const settle = (answer: Iq): void => {
        if (answer.type === 'result') resolve(answer.payload.elements[0]);
        else reject(errorOf(answer));
      };
      this.#waiting.set(key, { settle, timer });
      this.#send(iq.copy({ id }));
    });
  }

  /** Takes a result or error that was sent to us; false when nobody waits for it. */
  settle(answer: AnyStanza): boolean {
    const key = `${answer.from ?? ''} ${answer.id ?? ''}`;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined || answer.kind !== 'iq') return false;
    this.#waiting.delete(key);
    waiting.timer.cancel();
    waiting.settle(answer);
    return true;
  }
}

function keyOf(type: string, ns: string, name: string, to: Addressee): string {
  return `${to} ${type} ${name} ${ns}`;
}
