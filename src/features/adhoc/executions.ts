import type { Session } from '../../core/session.ts';
import { StanzaError } from '../../errors.ts';
import type { Clock } from '../../util/clock.ts';
import { newId } from '../../util/ids.ts';
import { LruCache } from '../../util/lru.ts';
import { type AdHocCommand, type AdHocStage, NS_COMMANDS } from './api.ts';

/** How many executions of one account may wait for their next step; the oldest gives way. */
export const MAX_OF_ACCOUNT = 10;
/** How many may wait on one host. */
export const MAX_OF_HOST = 10_000;
/** For how long one waits for its next step, in milliseconds. */
export const LIFETIME_MS = 15 * 60_000;

/** Of how many that are over it is known that there was one: to others it makes no difference. */
const MAX_ENDED = 2048;

/** A command that somebody is in the middle of. XEP-0050 §3.3. */
export interface Execution {
  /** Unguessable; good for one session only. */
  readonly id: string;
  readonly session: Session;
  /** Where the command was begun. */
  readonly to: string;
  readonly command: AdHocCommand<unknown>;
  stage: AdHocStage<unknown>;
  /** A step is being taken. */
  isBusy: boolean;
  expiresAt: number;
}

/** The executions of one host that wait for their next step. */
export class Executions {
  readonly #byId = new Map<string, Execution>();
  readonly #byAccount = new Map<string, Set<Execution>>();
  /** Whose they were, by full JID. */
  readonly #ended = new LruCache<string, string>(MAX_ENDED);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws StanzaError `resource-constraint` when no more can begin. */
  checkRoom(): void {
    if (this.#byId.size < MAX_OF_HOST) return;
    throw new StanzaError('resource-constraint', { text: 'too many commands are waiting; try later' });
  }

  /** Keeps what has begun until its next step. */
  begin(parts: Pick<Execution, 'session' | 'to' | 'command' | 'stage'>): Execution {
    const execution = { ...parts, id: newId(), isBusy: false, expiresAt: this.#clock.monotonic() + LIFETIME_MS };
    const account = parts.session.jid.bare().toString();
    const others = this.#byAccount.get(account) ?? new Set();
    const [oldest] = others;
    if (oldest !== undefined && others.size >= MAX_OF_ACCOUNT) this.end(oldest);
    this.#byAccount.set(account, others.add(execution));
    this.#byId.set(execution.id, execution);
    return execution;
  }

  /** An identifier for what is over as soon as it has begun. */
  pass(session: Session): string {
    const id = newId();
    this.#ended.set(id, session.jid.toString());
    return id;
  }

  /**
   * Finds the execution that a session goes on with. Throws StanzaError with `session-expired` when it is over and
   * `bad-sessionid` when there never was one, for this session and command. XEP-0050 §4.4.
   */
  find(id: string, session: Session, to: string, node: string): Execution {
    const execution = this.#byId.get(id);
    if (execution !== undefined && execution.expiresAt <= this.#clock.monotonic()) this.end(execution);
    if (this.#ended.get(id) === session.jid.toString()) {
      throw new StanzaError('not-allowed', { app: { name: 'session-expired', ns: NS_COMMANDS } });
    }
    const isTheirs = execution?.session === session && execution.to === to && execution.command.node === node;
    if (!isTheirs) throw new StanzaError('bad-request', { app: { name: 'bad-sessionid', ns: NS_COMMANDS } });
    return execution;
  }

  /** Waits for another step. */
  goOn(execution: Execution, stage: AdHocStage<unknown>): void {
    execution.stage = stage;
    execution.expiresAt = this.#clock.monotonic() + LIFETIME_MS;
  }

  end(execution: Execution): void {
    if (!this.#byId.delete(execution.id)) return;
    this.#ended.set(execution.id, execution.session.jid.toString());
    const account = execution.session.jid.bare().toString();
    const others = this.#byAccount.get(account);
    others?.delete(execution);
    if (others?.size === 0) this.#byAccount.delete(account);
  }

  /** Ends what a session has begun. */
  endAllOf(session: Session): void {
    for (const execution of this.#byAccount.get(session.jid.bare().toString()) ?? []) {
      if (execution.session === session) this.end(execution);
    }
  }

  /** Ends those whose time is up. */
  prune(): void {
    const now = this.#clock.monotonic();
    for (const execution of this.#byId.values()) if (execution.expiresAt <= now) this.end(execution);
  }
}
