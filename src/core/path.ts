import { StanzaError } from '../errors.ts';
import type { JID } from '../jid.ts';
import { type AnyStanza, errorFor, type Iq, type Message, mayBounce, Payload, parseStanza } from '../stanza.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import { parseElement } from '../xml/parser.ts';
import type { Account, Arrival } from './account.ts';
import { chooseRecipients, refused, UNDELIVERABLE } from './delivery.ts';
import { type BugReport, FilterChain, StanzaPassage } from './filters.ts';
import { Fork, ONLY_COPY } from './fork.ts';
import type { Addressee, IqRequests, IqRoutes } from './iq.ts';
import type { OutboxEntry } from './outbox-entry.ts';
import { CONSUMED, type Delivering, type Receiving, type Sending, type SessionReceiving } from './points.ts';
import type { Receipt } from './receipts.ts';
import type { Router } from './router.ts';
import type { Session } from './session.ts';

/** The filter chains of one host. */
export interface Chains {
  readonly accountSends: FilterChain<Sending & { stanza: AnyStanza }>;
  readonly accountReceives: FilterChain<Receiving & { stanza: AnyStanza }>;
  readonly accountDelivers: FilterChain<Delivering & { stanza: AnyStanza }>;
  readonly sessionReceives: FilterChain<SessionReceiving & { stanza: AnyStanza }>;
}

/** Makes the chains of a host, without filters. */
export function makeChains(bug: BugReport): Chains {
  return {
    accountSends: new FilterChain('accountSends', bug),
    accountReceives: new FilterChain('accountReceives', bug),
    accountDelivers: new FilterChain('accountDelivers', bug),
    sessionReceives: new FilterChain('sessionReceives', bug),
  };
}

type Stop = StanzaError | typeof CONSUMED | undefined;

/** Stanzas that wait for one and the same commit, and that are answered if it fails. */
interface Unstored {
  readonly stored: Promise<unknown>;
  /** Resolves when it has succeeded, or when their senders have been told that it has not. */
  readonly told: Promise<unknown>;
  readonly envelopes: AnyStanza[];
}

/**
 * The path of a stanza through one host, step after step: from a session to the router, and from the router to sessions.
 * No step awaits unless a filter or handler does.
 */
export class Path {
  #unstored: Unstored | undefined;
  readonly #chains: Chains;
  readonly #router: Router;
  readonly #routes: IqRoutes;
  readonly #requests: IqRequests;
  readonly #laneLength: () => number;
  readonly #stamp: Stamp;
  readonly #originalOf: (copy: Message) => Message | undefined;

  constructor(parts: {
    chains: Chains;
    router: Router;
    routes: IqRoutes;
    requests: IqRequests;
    laneLength: () => number;
    stamp: Stamp;
    originalOf: (copy: Message) => Message | undefined;
  }) {
    this.#chains = parts.chains;
    this.#router = parts.router;
    this.#routes = parts.routes;
    this.#requests = parts.requests;
    this.#laneLength = parts.laneLength;
    this.#stamp = parts.stamp;
    this.#originalOf = parts.originalOf;
  }

  /** A session's client sent a stanza. RFC 6120 §8.1.2.1, §10. */
  fromClient(account: Account, session: Session, stanza: AnyStanza, receipt?: Receipt): Awaitable<void> {
    const stamped = stanza.stamped(session.jid, session.lang);
    if (!session.mayCommunicate && !isInternal(account, stamped)) return this.#forbid(session, stamped);
    const chain = this.#chains.accountSends;
    if (chain.isEmpty) return this.#leave(account, session, stamped, undefined, receipt);
    const passage = new StanzaPassage(stamped, account, session, [], undefined, receipt);
    const stop = chain.run(passage);
    return isPromise(stop) ? stop.then((s) => this.#sent(passage, s)) : this.#sent(passage, stop);
  }

  /** A stanza arrived for an account: it joins the account's lane. */
  toAccount(
    account: Account,
    stanza: AnyStanza,
    stored: Promise<unknown> | undefined,
    receipt: Receipt | undefined,
  ): void {
    if (account.lane.length >= this.#laneLength()) {
      return this.#router.bounce(stanza, new StanzaError('resource-constraint', { type: 'wait' }));
    }
    receipt?.hold();
    account.lane.push({ account, stanza, stored, receipt });
  }

  /** An account's lane reached a stanza. */
  receive({ account, stanza, stored, receipt }: Arrival): Awaitable<void> {
    const chain = this.#chains.accountReceives;
    if (chain.isEmpty) return this.#decide(account, stanza, stored, receipt);
    const passage = new StanzaPassage(stanza, account, undefined, [], stored, receipt);
    const stop = chain.run(passage);
    return isPromise(stop) ? stop.then((s) => this.#received(passage, s)) : this.#received(passage, stop);
  }

  /** Sends a stanza to one session, past its own filters. */
  toSession(session: Session, stanza: AnyStanza, stored?: Promise<unknown>, fork?: Fork): void {
    // Also for those that choose recipients themselves.
    if (!session.mayCommunicate && stanza.kind !== 'iq') return void fork?.abandon();
    const chain = this.#chains.sessionReceives;
    if (chain.isEmpty) return session.deliver(stanza, stored, fork);
    const event: SessionReceiving & { stanza: AnyStanza } = { stanza, session };
    const stop = chain.run(event);
    if (isPromise(stop)) throw new Error('filters of sessionReceives must not wait');
    if (stop === undefined) return session.deliver(event.stanza, stored, fork);
    // The filter has seen to this copy; whether others arrive is not its business.
    fork?.abandon();
    if (stop !== CONSUMED) this.#router.bounce(stanza, stop);
  }

  /**
   * Finds another way for what a session that has ended did not acknowledge: a message that reached no other session goes
   * where it would go had the session never been, a request is answered with an error. XEP-0198 §5, RFC 6121 §8.5.
   */
  async redeliver(account: Account, left: readonly OutboxEntry[]): Promise<void> {
    for (const { xml, fork, stored, at } of left) {
      const stanza = this.#read(xml);
      if (stanza.kind === 'iq') this.#router.bounce(stanza, new StanzaError(UNDELIVERABLE));
      else if (stanza.kind === 'message' && fork?.abandon() === true && (await isFulfilled(stored))) {
        await this.#message(account, stanza, undefined, undefined, at);
      }
    }
  }

  /** The same where there is no account any more: whoever would be told of that is told. RFC 6121 §8.5.1. */
  async giveBack(left: readonly OutboxEntry[]): Promise<void> {
    for (const { xml, fork, stored } of left) {
      const stanza = this.#read(xml);
      const isLost = stanza.kind === 'message' && fork?.abandon() === true && (await isFulfilled(stored));
      const isAnswered = stanza.kind === 'message' ? isLost && refused(stanza).otherwise === 'error' : true;
      if (stanza.kind !== 'presence' && isAnswered) this.#router.bounce(stanza, new StanzaError(UNDELIVERABLE));
    }
  }

  /** Does what is to be done with a stanza once it is stored; if it cannot be, its sender is told instead. */
  whenStored(stanza: AnyStanza, stored: Promise<unknown>, act: () => Awaitable<void>): Promise<void> {
    return stored.then(act, (cause: unknown) => this.#notStored(stanza, cause));
  }

  #forbid(session: Session, stanza: AnyStanza): void {
    const isFarewell = stanza.kind === 'presence' && stanza.type === 'unavailable';
    if (isFarewell || !mayBounce(stanza)) return;
    const error = new StanzaError('forbidden', { text: 'this login reaches its own account and nobody else' });
    session.deliver(errorFor(stanza, error));
  }

  #sent(passage: StanzaPassage<Session>, stop: Stop): Awaitable<void> {
    if (stop instanceof StanzaError) return this.#router.bounce(passage.stanza, stop);
    this.#deliverAdded(passage);
    if (stop === CONSUMED) return this.#bounceUnlessStored(passage.stanza, passage.stored, passage.receipt);
    return this.#leave(passage.account, passage.session, passage.stanza, passage.stored, passage.receipt);
  }

  #received(passage: StanzaPassage<undefined>, stop: Stop): Awaitable<void> {
    if (stop instanceof StanzaError) return this.#router.bounce(passage.stanza, stop);
    this.#deliverAdded(passage);
    if (stop === CONSUMED) return this.#bounceUnlessStored(passage.stanza, passage.stored, passage.receipt);
    return this.#decide(passage.account, passage.ownView(), passage.stored, passage.receipt);
  }

  // Without `to`, the server acts for the sender's account. RFC 6120 §10.3.
  #leave(
    account: Account,
    session: Session,
    stanza: AnyStanza,
    stored: Promise<unknown> | undefined,
    receipt: Receipt | undefined,
  ): Awaitable<void> {
    if (stanza.to === undefined) {
      if (stanza.kind === 'iq') return this.#ownIq(account, session, stanza, stored);
      if (stanza.kind === 'message') return this.toAccount(account, stanza.copy({ to: account.jid }), stored, receipt);
      return;
    }
    if (stanza.kind === 'iq' && mayBounce(stanza) && stanza.to.equals(account.jid)) {
      return this.#ownIq(account, session, stanza, stored);
    }
    return this.#router.route(stanza, stored, receipt);
  }

  // A client's request to its own account is answered before the client's next stanza is looked at. RFC 6120 §10.1.
  #ownIq(account: Account, session: Session, iq: Iq, stored: Promise<unknown> | undefined): Awaitable<void> {
    if (stored !== undefined) return this.whenStored(iq, stored, () => this.#ownIq(account, session, iq, undefined));
    if (!mayBounce(iq)) return void this.#requests.settle(iq);
    const answer = this.#routes.answer(iq, OWN, { account, session });
    const reply = (result: Iq): void => this.toSession(session, result);
    return isPromise(answer) ? answer.then(reply) : reply(answer);
  }

  #decide(
    account: Account,
    stanza: AnyStanza,
    stored: Promise<unknown> | undefined,
    receipt: Receipt | undefined,
  ): Awaitable<void> {
    if (stanza.kind === 'message') return this.#message(account, stanza, stored, receipt);
    if (stanza.kind === 'iq') return this.#iq(account, stanza, stored);
    this.#bounceUnlessStored(stanza, stored, receipt);
    const resource = stanza.to?.resource ?? '';
    // RFC 6121 §8.5.2.1.2, §8.5.3.1: what is not addressed to a session goes to all that are available.
    const match = account.sessions.get(resource);
    if (match !== undefined) this.toSession(match, stanza, stored);
    else if (resource === '') for (const session of account.availableSessions) this.toSession(session, stanza, stored);
  }

  #iq(account: Account, iq: Iq, stored: Promise<unknown> | undefined): Awaitable<void> {
    if (stored !== undefined) return this.whenStored(iq, stored, () => this.#iq(account, iq, undefined));
    const resource = iq.to?.resource ?? '';
    if (resource === '') {
      if (!mayBounce(iq)) return void this.#requests.settle(iq);
      return this.#reply(this.#routes.answer(iq, ACCOUNT, { account }));
    }
    const target = account.sessions.get(resource);
    if (target === undefined || !(target.mayCommunicate || isOwnServer(account, iq.from))) {
      return this.#router.bounce(iq, new StanzaError(UNDELIVERABLE));
    }
    const payload = iq.payload.elements[0];
    if (mayBounce(iq) && payload !== undefined && this.#routes.has(iq.type as 'get' | 'set', payload, 'session')) {
      return this.#reply(this.#routes.answer(iq, SESSION, { account, target }));
    }
    this.toSession(target, iq);
  }

  #reply(answer: Awaitable<Iq>): Awaitable<void> {
    return isPromise(answer) ? answer.then((iq) => this.#router.send(iq)) : this.#router.send(answer);
  }

  #message(
    account: Account,
    message: Message,
    stored: Promise<unknown> | undefined,
    receipt: Receipt | undefined,
    since?: number,
  ): Awaitable<void> {
    const { recipients, otherwise } = chooseRecipients(message, account.sessions);
    if (recipients.length === 0 && otherwise !== 'store') return this.#undelivered(message, otherwise);
    const chain = this.#chains.accountDelivers;
    const passage = new StanzaPassage(message, account, undefined, recipients, stored, receipt);
    passage.since = since;
    const stop = chain.run(passage);
    return isPromise(stop) ? stop.then((s) => this.#delivered(passage, s)) : this.#delivered(passage, stop);
  }

  #delivered(passage: StanzaPassage<undefined>, stop: Stop): void {
    if (stop instanceof StanzaError) return this.#router.bounce(passage.stanza, stop);
    this.#deliverAdded(passage);
    // Of what is kept elsewhere, or returned, a copy is only that.
    const fork = stop === CONSUMED || passage.recipients.length === 0 ? undefined : forkOf(passage);
    for (const { session, stanza } of passage.copies) this.toSession(session, stanza, passage.stored, fork);
    const isUndelivered = stop !== CONSUMED && passage.recipients.length === 0 && !passage.isKept;
    if (isUndelivered) return this.#undelivered(passage.stanza, 'error');
    this.#bounceUnlessStored(passage.stanza, passage.stored, passage.receipt);
    if (stop === CONSUMED) return;
    const stanza = passage.since === undefined ? passage.ownView() : this.#late(passage.ownView(), passage.since);
    for (const session of passage.recipients) this.toSession(session, stanza, passage.stored, fork);
  }

  // What a session had not acknowledged: of a copy, the message that it is a copy of.
  #read(xml: string): AnyStanza {
    const stanza = parseStanza(parseElement(xml), undefined);
    return stanza.kind === 'message' ? (this.#originalOf(stanza) ?? stanza) : stanza;
  }

  #late(stanza: AnyStanza, since: number): AnyStanza {
    return stanza.kind === 'message' ? this.#stamp(stanza, since) : stanza;
  }

  #undelivered(message: AnyStanza, outcome: 'error' | 'ignore'): void {
    if (outcome === 'error') this.#router.bounce(message, new StanzaError(UNDELIVERABLE));
  }

  #deliverAdded(passage: StanzaPassage<Session | undefined>): void {
    for (const { session, stanza } of passage.deliveries) this.toSession(session, stanza, passage.stored);
  }

  // The sender has done its part when the stanza is stored, or when it has been told that it is not.
  #bounceUnlessStored(stanza: AnyStanza, stored: Promise<unknown> | undefined, receipt: Receipt | undefined): void {
    if (stored === undefined) return;
    const unstored = this.#unstored?.stored === stored ? this.#unstored : this.#waitFor(stored);
    // What is answered needs no content, and thousands may wait for the disk.
    unstored.envelopes.push(stanza.copy({ payload: Payload.EMPTY }));
    receipt?.holdUntil(unstored.told);
  }

  // What is written in one turn is one commit: most stanzas of a turn wait for the same promise.
  #waitFor(stored: Promise<unknown>): Unstored {
    const envelopes: AnyStanza[] = [];
    const settled = (): void => {
      if (this.#unstored === unstored) this.#unstored = undefined;
    };
    const told = stored.then(settled, (cause: unknown) => {
      settled();
      for (const envelope of envelopes) this.#notStored(envelope, cause);
    });
    const unstored = { stored, told, envelopes };
    this.#unstored = unstored;
    return unstored;
  }

  #notStored(stanza: AnyStanza, cause: unknown): void {
    const failed = new StanzaError('internal-server-error', { cause, type: 'wait' });
    this.#router.bounce(stanza, cause instanceof StanzaError ? cause : failed);
  }
}

/** Marks a message as delayed since a time in milliseconds since the epoch. */
export type Stamp = (message: Message, at: number) => Message;

// Only a message that somebody would miss, and only where a session can say that it never had it.
function forkOf({ stanza, recipients, copies, stored, since }: StanzaPassage<undefined>): Fork | undefined {
  if (stanza.type === 'headline' || stanza.type === 'error') return undefined;
  const count = recipients.length + copies.length;
  if (count === 1 && since === undefined) return ONLY_COPY;
  // What waits to be stored waits in outboxes; what comes once more may be one too many for a session that keeps nothing.
  const isKept =
    stored !== undefined ||
    since !== undefined ||
    recipients.some(keeps) ||
    copies.some(({ session }) => keeps(session));
  return isKept ? new Fork(count, since) : undefined;
}

function keeps({ outbox }: Session): boolean {
  return outbox !== undefined;
}

// What is not stored is not to be sent, and its sender has been told.
function isFulfilled(stored: Promise<unknown> | undefined): Awaitable<boolean> {
  return (
    stored?.then(
      () => true,
      () => false,
    ) ?? true
  );
}

/** Whether a client's stanza reaches nobody but its account and its server. */
function isInternal({ jid }: Account, { kind, to }: AnyStanza): boolean {
  return kind === 'iq' && (to === undefined || to.equals(jid) || isServer(jid, to));
}

function isOwnServer({ jid }: Account, from: JID | undefined): boolean {
  return from !== undefined && (from.equals(jid) || isServer(jid, from));
}

function isServer({ domain }: JID, jid: JID): boolean {
  return jid.local === '' && jid.resource === '' && jid.domain === domain;
}

const OWN: readonly Addressee[] = ['self', 'account'];
const ACCOUNT: readonly Addressee[] = ['account'];
const SESSION: readonly Addressee[] = ['session'];
