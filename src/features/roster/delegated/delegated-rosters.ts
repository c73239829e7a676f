import type { Account } from '../../../core/account.ts';
import type { FeatureHost } from '../../../core/feature.ts';
import type { SessionEvent } from '../../../core/points.ts';
import type { Session } from '../../../core/session.ts';
import type { Slot } from '../../../core/slots.ts';
import { StanzaError, StreamError } from '../../../errors.ts';
import type { JID } from '../../../jid.ts';
import type { CounterMetric } from '../../../metrics/metrics.ts';
import type { Awaitable } from '../../../util/awaitable.ts';
import { atEndOfTurn } from '../../../util/turn.ts';
import { storedText } from '../../shared/stored.ts';
import {
  type DelegatedRosterService,
  type DelegationStatus,
  type RefreshOutcome,
  type Roster,
  type RosterChange,
  type Rosters,
  rosterReplaced,
} from '../api.ts';
import { Interest } from '../interest.ts';
import { LiveRoster } from '../roster.ts';
import { Fetches } from './fetches.ts';
import { OnlineRoster } from './online-roster.ts';
import { renewAll } from './renewal.ts';
import { type RosterSource, SourceError } from './source.ts';
import { SparseLines } from './sparse-lines.ts';

/** What a login gets when the roster cannot be fetched: nothing at all, the last good one, or an empty one. */
export type OnFailure = 'close' | 'stale' | 'empty';

/** Stands for every roster that is not known; only it has this version. */
const UNKNOWN = new LiveRoster('0', new Map(), new Map());

/** Of a session that was told a roster nobody knows any more; no roster has it. */
const LOST_VERSION = '';

interface State {
  /** The last good roster, from before there were sessions. */
  copy: LiveRoster | undefined;
  /** Undefined while there are none. */
  online: OnlineRoster | undefined;
}

/**
 * Rosters that somebody else owns. That of a user is fetched when the first session begins and dropped when the last one ends;
 * it changes only by being fetched anew.
 */
export class DelegatedRosters implements Rosters, DelegatedRosterService {
  readonly isDelegated = true;
  readonly #host: FeatureHost;
  readonly #source: RosterSource;
  readonly #onFailure: OnFailure;
  readonly #fetches: Fetches;
  readonly #interest: Interest;
  readonly #states: Slot<Account, State>;
  // The version of the roster that a session goes by: what its client was told, and who was told of it.
  readonly #versions: Slot<Session, string | undefined>;
  readonly #refreshed: CounterMetric<'outcome'>;
  // An outage concerns everybody who logs in.
  readonly #outages: SparseLines;
  #isClosed = false;

  constructor(host: FeatureHost, source: RosterSource, onFailure: OnFailure) {
    this.#host = host;
    this.#source = source;
    this.#onFailure = onFailure;
    this.#fetches = new Fetches(
      source,
      { isNeeded: (local) => this.#isNeeded(local), landed: (local, fetched) => this.#landed(local, fetched) },
      host.log,
    );
    this.#interest = new Interest(host);
    this.#outages = new SparseLines(host.clock);
    this.#states = host.accountSlot((account) => this.#load(account));
    this.#versions = host.sessionSlot<string | undefined>(() => undefined, {
      name: 'roster.version',
      save: (version) => version,
      restore: storedText,
    });
    this.#refreshed = host.metrics.counter({
      name: 'roster_users_refreshed_total',
      help: 'Users whose roster was to be fetched anew, offline ones included',
      labels: ['outcome'],
    });
  }

  of(account: Account): Roster {
    const { online, copy } = this.#states.of(account);
    return online?.roster ?? copy ?? UNKNOWN;
  }

  isKnown(account: Account): boolean {
    return this.of(account) !== UNKNOWN;
  }

  isInterested(session: Session): boolean {
    return this.#interest.has(session);
  }

  /** Tells the session of changes from now on. */
  interest(session: Session): void {
    this.#interest.add(session);
  }

  change(): Awaitable<RosterChange> {
    throw new StanzaError('service-unavailable', { text: 'the contacts are kept elsewhere' });
  }

  /**
   * What is to be waited for before the roster of an account with sessions is used; undefined when it is there. Rejects with
   * a StanzaError when it will not be.
   */
  waitFor(account: Account): Promise<void> | undefined {
    const { online } = this.#states.of(account);
    return online?.roster === undefined ? online?.decided : undefined;
  }

  /** An account has one session more, a new one or one of another process. */
  joined({ account, session }: SessionEvent): void {
    const state = this.#states.of(account);
    const version = this.#versions.of(session);
    // It was told a roster while that was kept in another way.
    if (version === undefined && this.#interest.has(session)) this.#versions.set(session, LOST_VERSION);
    if (state.online === undefined) {
      state.online = new OnlineRoster();
      void this.#fetches.join(account.jid.local, 'login');
    } else if (state.online.roster !== undefined) this.#update(account, undefined, state.online.roster, [session]);
  }

  /** A session has ended. Whoever observes that after us still reads the roster; then it is gone with the last one. */
  left({ account }: SessionEvent): void {
    const state = this.#states.of(account);
    const { online } = state;
    if (account.sessions.size > 0 || online === undefined || account.isAnonymous) return;
    state.online = undefined;
    if (online.roster !== undefined && online.roster !== UNKNOWN) state.copy = online.roster;
    online.refuse();
    void this.#rest(account);
  }

  /** The account is gone: nothing is kept, and nobody is told. */
  async removed({ local }: JID): Promise<void> {
    this.#fetches.forget(local);
    await this.#source.forget(local);
  }

  async refresh(locals: ReadonlySet<string>): Promise<RefreshOutcome> {
    const { updated, failed } = await renewAll(locals, (local) => this.#fetches.renew(local), this.#host.clock);
    this.#refreshed.add({ outcome: 'updated' }, updated.length);
    this.#refreshed.add({ outcome: 'failed' }, failed.size);
    return { updated, failed };
  }

  status(): DelegationStatus {
    let loaded = 0;
    for (const account of this.#host.accounts()) if (this.#onlineOf(account)?.roster !== undefined) loaded++;
    return { ...this.#source.status(), loaded };
  }

  /** Fetches nothing any more; resolves when nothing is under way. */
  close(): Awaitable<void> {
    this.#isClosed = true;
    return this.#source.close();
  }

  async #load(account: Account): Promise<State> {
    if (!account.isAnonymous) return { copy: await this.#source.lastGood(account.jid.local), online: undefined };
    // Nobody outside has heard of it.
    const online = new OnlineRoster();
    online.serve(LiveRoster.EMPTY, false);
    return { copy: undefined, online };
  }

  async #rest(account: Account): Promise<void> {
    const copy = await this.#source.lastGood(account.jid.local);
    const state = this.#states.of(account);
    if (state.online === undefined) state.copy = copy;
  }

  #onlineOf(account: Account | undefined): OnlineRoster | undefined {
    // Only an account with sessions is loaded for sure.
    if (account === undefined || account.sessions.size === 0 || account.isAnonymous) return undefined;
    return this.#states.of(account).online;
  }

  #isNeeded(local: string): boolean {
    const account = this.#host.account(local);
    if (this.#isClosed || account === undefined || account.isAnonymous) return false;
    return this.#source.isAtHand || this.#onlineOf(account) !== undefined;
  }

  #landed(local: string, fetched: LiveRoster | SourceError): Awaitable<void> {
    const account = this.#host.account(local);
    const online = this.#onlineOf(account);
    if (account === undefined || this.#isClosed) return;
    if (online === undefined) return this.#landedAway(account);
    if (!(fetched instanceof SourceError)) return this.#serve(account, online, fetched, false);
    if (online.roster === undefined) return this.#failed(account, online, fetched);
    if (online.isSubstitute) this.#retryLater(local, online);
  }

  // An account that is about to be live has its roster when its lane gets there.
  #landedAway(account: Account): Awaitable<void> {
    if (!this.#source.isAtHand) return;
    return account.exclusively(() => (account.failure === undefined ? this.#rest(account) : undefined));
  }

  async #failed(account: Account, online: OnlineRoster, { reason }: SourceError): Promise<void> {
    const substitute = await this.#substituteFor(account);
    if (this.#onlineOf(account) !== online) return;
    const served = substitute === undefined ? 'close' : this.#onFailure;
    const jid = account.jid.toString();
    this.#outages.add((untold) => this.#host.log.warn('roster.unavailable', { jid, reason, served, untold }));
    if (substitute === undefined) return this.#turnAway(account, online);
    this.#serve(account, online, substitute, true);
    this.#retryLater(account.jid.local, online);
  }

  #substituteFor(account: Account): Awaitable<LiveRoster | undefined> {
    if (this.#onFailure === 'empty') return UNKNOWN;
    return this.#onFailure === 'stale' ? this.#source.lastGood(account.jid.local) : undefined;
  }

  #retryLater(local: string, online: OnlineRoster): void {
    online.retryLater(this.#host.clock, () => void this.#fetches.join(local, 'refresh'));
  }

  // Everything that waits is answered before the streams end.
  async #turnAway(account: Account, online: OnlineRoster): Promise<void> {
    online.refuse();
    await new Promise<void>((resolve) => atEndOfTurn(resolve));
    if (this.#onlineOf(account) !== online) return;
    const error = new StreamError('internal-server-error', { text: 'the contacts cannot be had at the moment' });
    for (const session of [...account.sessions.values()]) this.#host.kick(account, session, error);
  }

  #serve(account: Account, online: OnlineRoster, roster: LiveRoster, isSubstitute: boolean): void {
    const state = this.#states.of(account);
    const before = online.roster ?? state.copy;
    state.copy = undefined;
    online.serve(roster, isSubstitute);
    this.#update(account, before, roster, [...account.sessions.values()]);
  }

  /**
   * Has sessions go by this roster: a new one is about to ask for it, one that goes by the roster before is told the difference,
   * and one that goes by another is ended, so that its client asks anew.
   */
  #update(account: Account, before: LiveRoster | undefined, after: LiveRoster, sessions: readonly Session[]): void {
    const behind: Session[] = [];
    for (const session of sessions) {
      const version = this.#versions.of(session);
      if (version === undefined) this.#versions.set(session, after.version);
      else if (version === after.version || after === UNKNOWN) continue;
      else if (version === before?.version) behind.push(session);
      else this.#startOver(account, session);
    }
    if (before === undefined || behind.length === 0) return;
    for (const session of behind) this.#versions.set(session, after.version);
    this.#interest.pushChanges(behind, before, after);
    this.#host.announce(rosterReplaced, { account, before, after });
  }

  #startOver(account: Account, session: Session): void {
    this.#host.log.info('roster.session-outdated', { jid: session.jid.toString() });
    this.#host.kick(account, session, new StreamError('reset', { text: 'the contacts have changed: log in anew' }));
  }
}
