import { StanzaError } from '../errors.ts';
import { type AnyStanza, type Payload, Stanza } from '../stanza.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import type { Element } from '../xml/element.ts';
import type { Account } from './account.ts';
import type { CONSUMED, Verdict } from './points.ts';
import type { Receipt } from './receipts.ts';
import type { Session } from './session.ts';

type Stop = StanzaError | typeof CONSUMED | undefined;
/** Told of what a filter throws that is no StanzaError: a bug. */
export type BugReport = (where: string, error: unknown) => void;

interface Filter<E> {
  readonly feature: string;
  readonly run: (event: E) => Awaitable<Verdict>;
}

/** The filters of one point, in the order of the feature registry. It fails closed: a filter that throws stops the stanza. */
export class FilterChain<E extends { stanza: AnyStanza }> {
  readonly name: string;
  readonly #filters: Filter<E>[] = [];
  readonly #bug: BugReport;

  constructor(name: string, bug: BugReport) {
    this.name = name;
    this.#bug = bug;
  }

  get isEmpty(): boolean {
    return this.#filters.length === 0;
  }

  /** The names of the features with a filter here, in the order in which they run. */
  get features(): string[] {
    return this.#filters.map((filter) => filter.feature);
  }

  /** Appends a filter; returns how to remove it. */
  add(feature: string, run: (event: E) => Awaitable<Verdict>): () => void {
    const filter = { feature, run };
    this.#filters.push(filter);
    return () => void this.#filters.splice(this.#filters.indexOf(filter), 1);
  }

  /** Runs the filters until one stops the stanza; `event.stanza` is then what they made of it. */
  run(event: E, from = 0): Awaitable<Stop> {
    for (let i = from; i < this.#filters.length; i++) {
      const filter = this.#filters[i] as Filter<E>;
      let verdict: Awaitable<Verdict>;
      try {
        verdict = filter.run(event);
      } catch (error) {
        return this.#failure(filter, error);
      }
      if (verdict === undefined) continue;
      if (isPromise(verdict)) return this.#await(event, i, filter, verdict);
      const stop = apply(event, verdict);
      if (stop !== undefined) return stop;
    }
    return undefined;
  }

  async #await(event: E, index: number, filter: Filter<E>, pending: Promise<Verdict>): Promise<Stop> {
    try {
      const stop = apply(event, await pending);
      if (stop !== undefined) return stop;
    } catch (error) {
      return this.#failure(filter, error);
    }
    return this.run(event, index + 1);
  }

  #failure(filter: Filter<E>, error: unknown): StanzaError {
    if (error instanceof StanzaError) return error;
    this.#bug(`${this.name}/${filter.feature}`, error);
    return new StanzaError('internal-server-error', { cause: error });
  }
}

function apply<E extends { stanza: AnyStanza }>(event: E, verdict: Verdict): Stop {
  if (verdict === undefined) return undefined;
  if (verdict instanceof Stanza) {
    event.stanza = verdict as AnyStanza;
    return undefined;
  }
  return verdict;
}

// The promise whose failure somebody has looked at last: most stanzas of a turn wait for the same one.
let lookedAt: Promise<unknown> | undefined;

/** The one implementation of the passages of the three account points; fields that a point lacks are empty there. */
export class StanzaPassage<S extends Session | undefined> {
  stanza: AnyStanza;
  readonly account: Account;
  readonly session: S;
  readonly recipients: readonly Session[];
  /** What the stanza waits for; undefined when nothing. */
  stored: Promise<unknown> | undefined;
  /** What the sender's acknowledgement waits for; undefined when it gets none. */
  readonly receipt: Receipt | undefined;
  /** When a message came that is delivered once more. */
  since: number | undefined;
  /** Whether the account has the message, also where nobody takes it. */
  isKept = false;
  readonly deliveries: { readonly session: Session; readonly stanza: AnyStanza }[] = [];
  /** What goes to sessions that are no recipients, in the place of the message. */
  readonly copies: { readonly session: Session; readonly stanza: AnyStanza }[] = [];
  #annotations: Element[] | undefined;

  constructor(
    stanza: AnyStanza,
    account: Account,
    session: S,
    recipients: readonly Session[],
    stored: Promise<unknown> | undefined,
    receipt: Receipt | undefined,
  ) {
    this.stanza = stanza;
    this.account = account;
    this.session = session;
    this.recipients = recipients;
    this.stored = stored;
    this.receipt = receipt;
  }

  annotate(element: Element): void {
    this.#annotations ??= [];
    this.#annotations.push(element);
  }

  waitUntil(stored: Promise<unknown>): void {
    // What is written in one turn is one commit, with one promise.
    if (stored === this.stored) return;
    this.stored = this.stored === undefined ? stored : Promise.all([this.stored, stored]);
    if (this.stored === lookedAt) return;
    // Whoever holds something back looks at the outcome. When the stanza is refused all the same, nobody has to.
    this.stored.catch(() => {});
    lookedAt = this.stored;
  }

  deliver(session: Session, stanza: AnyStanza): void {
    this.deliveries.push({ session, stanza });
  }

  keep(): void {
    this.isKept = true;
  }

  copy(session: Session, stanza: AnyStanza): void {
    this.copies.push({ session, stanza });
  }

  ownView(): AnyStanza {
    if (this.#annotations === undefined) return this.stanza;
    let payload: Payload = this.stanza.payload;
    for (const element of this.#annotations) payload = payload.with(element);
    return this.stanza.copy({ payload });
  }
}
