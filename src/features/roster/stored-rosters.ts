import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { SessionEvent } from '../../core/points.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import { StanzaError, StreamError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { type Key, StoreError, type Table } from '../../store/store.ts';
import { type Awaitable, isPromise } from '../../util/awaitable.ts';
import { atEndOfTurn } from '../../util/turn.ts';
import { sharedContacts, sharedContactsChanged } from '../groups/api.ts';
import { storedText } from '../shared/stored.ts';
import {
  type Relation,
  type RosterChange,
  type RosterItem,
  type Rosters,
  rosterChanged,
  rosterRemoved,
  rosterReplaced,
} from './api.ts';
import { Interest } from './interest.ts';
import { fromRecord, ROSTERS, type RosterRecord, toRecord } from './record.ts';
import { LiveRoster } from './roster.ts';
import { ownRelation, SharedItems } from './shared-items.ts';

type Decide = (before: Relation) => Relation;
type First = (change: RosterChange) => void;
type RosterReplacement = typeof rosterReplaced.event;

/** How many accounts get other shared contacts in one turn of the event loop. */
const REGROUPED_IN_A_TURN = 20;

/** Rosters kept in the server's own store, one value for each account, with the contacts that groups add to them. */
export class StoredRosters implements Rosters {
  readonly isDelegated = false;
  readonly #host: FeatureHost;
  readonly #table: Table<RosterRecord>;
  readonly #live: Slot<Account, LiveRoster>;
  readonly #interest: Interest;
  /** Undefined where there can be no groups. */
  readonly #shared: SharedItems | undefined;
  /** The version of the shared contacts that a session was told of. */
  readonly #told: Slot<Session, string | undefined>;
  // The accounts whose roster is being written, by bare JID; fulfilled, never rejected, when that has ended.
  readonly #writing = new Map<string, Promise<void>>();

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#table = host.table(ROSTERS);
    this.#live = host.accountSlot((account) => (account.isAnonymous ? LiveRoster.EMPTY : this.#load(account.jid)));
    this.#interest = new Interest(host);
    const contacts = host.find(sharedContacts);
    this.#shared = contacts && new SharedItems(contacts);
    this.#told = host.sessionSlot<string | undefined>(() => undefined, {
      name: 'roster.shared',
      save: (version) => version,
      restore: storedText,
    });
    host.observe(sharedContactsChanged, ({ locals }) => this.#regroup(locals));
  }

  of(account: Account): LiveRoster {
    return this.#live.of(account);
  }

  isKnown(): boolean {
    return true;
  }

  isInterested(session: Session): boolean {
    return this.#interest.has(session);
  }

  /** Tells the session of changes from now on. */
  interest(account: Account, session: Session): void {
    this.#interest.add(session);
    this.#tell(account, session);
  }

  /** A session of another process is back: if groups have changed meanwhile, its client has to ask for the roster anew. */
  restored({ account, session }: SessionEvent): void {
    if (!this.isInterested(session) || this.#told.of(session) === this.#shared?.version(this.of(account))) return;
    this.#host.kick(account, session, new StreamError('reset', { text: 'the contacts have changed: log in anew' }));
  }

  change(account: Account, contact: JID, decide: Decide, first?: First): Awaitable<RosterChange> {
    return this.#inTurn(account.jid, () => this.#change(account, contact, decide, first));
  }

  /** What is a contact of the account by no choice of its own; undefined for everybody else. */
  shared(account: Account, contact: JID): RosterItem | undefined {
    return this.#shared?.shared(this.of(account), contact);
  }

  /**
   * The account's own roster, live or not, without shared contacts. One that was unloaded and is needed again must not be given the state before a
   * write that is under way.
   */
  async read(jid: JID): Promise<LiveRoster> {
    await this.#writing.get(jid.toString());
    const record = await this.#table.get(...this.#key(jid));
    return record === undefined ? LiveRoster.EMPTY : fromRecord(record);
  }

  /**
   * Adds to the account's own roster, live or not: `add` returns one that has more, or the same. Its sessions are told of
   * what is new; resolves when that is durable.
   */
  async merge(jid: JID, add: (roster: LiveRoster) => LiveRoster): Promise<void> {
    const account = this.#host.account(jid.local);
    const run = () => this.#inTurn(jid, () => this.#merge(jid, account, add));
    // An account that is about to be live has its roster when its lane gets there.
    await (account === undefined ? run() : account.exclusively(run));
  }

  /** Deletes what is stored for a removed account; resolves when durable. */
  async remove(jid: JID): Promise<void> {
    await this.#inTurn(jid, async () => {
      const record = await this.#table.get(...this.#key(jid));
      if (record === undefined) return;
      await this.#table.delete(this.#key(jid));
      this.#host.announce(rosterRemoved, { jid, roster: fromRecord(record) });
    });
  }

  async #load(jid: JID): Promise<LiveRoster> {
    const own = await this.read(jid);
    return this.#shared?.with(own, jid.local) ?? own;
  }

  // In a small group all rosters change before the first change is announced, so that nobody is taken for a stranger meanwhile.
  async #regroup(locals: ReadonlySet<string>): Promise<void> {
    const regrouping: Promise<void>[] = [];
    for (const local of locals) {
      const account = this.#host.account(local);
      if (account === undefined || account.isAnonymous) continue;
      // An account that is about to be live has its roster when its lane gets there.
      const replaced = account.exclusively(() => this.#inTurn(account.jid, () => this.#renew(account)));
      regrouping.push(replaced.then((event) => event && this.#host.announce(rosterReplaced, event)));
      // In a large one, every member is told of every other: stanzas that come meanwhile need not wait for all of that.
      if (regrouping.length % REGROUPED_IN_A_TURN === 0) await new Promise<void>((resolve) => atEndOfTurn(resolve));
    }
    await Promise.all(regrouping);
  }

  /** Gives an account the shared contacts that it has now, and tells its sessions. */
  #renew(account: Account): RosterReplacement | undefined {
    if (this.#shared === undefined || this.#host.account(account.jid.local) !== account) return undefined;
    const before = this.of(account);
    const after = this.#shared.with(this.#shared.own(before), account.jid.local);
    this.#live.set(account, after);
    const changes = this.#interest.pushChanges(account.sessions.values(), before, after);
    for (const session of account.sessions.values()) if (this.isInterested(session)) this.#tell(account, session);
    return changes.length === 0 ? undefined : { account, before, after };
  }

  async #merge(jid: JID, account: Account | undefined, add: (roster: LiveRoster) => LiveRoster): Promise<void> {
    const record = account === undefined ? await this.#table.get(...this.#key(jid)) : undefined;
    const stored = record === undefined ? LiveRoster.EMPTY : fromRecord(record);
    const own = account === undefined ? stored : this.#own(this.of(account));
    const merged = add(own);
    if (merged === own) return;
    await this.#table.put(this.#key(jid), toRecord(merged));
    if (account === undefined) return;
    const before = this.of(account);
    const after = this.#withOwn(before, merged);
    this.#live.set(account, after);
    for (const { contact } of this.#interest.pushChanges(account.sessions.values(), before, after)) {
      const change = { account, contact, before: before.relation(contact), after: after.relation(contact) };
      this.#host.announce(rosterChanged, change);
    }
  }

  // One change of a roster at a time. Without a change under way, and without anything to write, nothing is awaited.
  #inTurn<T>(jid: JID, run: () => Awaitable<T>): Awaitable<T> {
    const key = jid.toString();
    const before = this.#writing.get(key);
    const outcome = before === undefined ? run() : before.then(run);
    if (!isPromise(outcome)) return outcome;
    const ended: Promise<void> = outcome
      .then(
        () => undefined,
        () => undefined,
      )
      .then(() => {
        if (this.#writing.get(key) === ended) this.#writing.delete(key);
      });
    this.#writing.set(key, ended);
    return outcome;
  }

  #change(account: Account, contact: JID, decide: Decide, first?: First): Awaitable<RosterChange> {
    const roster = this.of(account);
    const before = roster.relation(contact);
    const after = decide(before);
    const unchanged = { account, contact, before, after: before };
    if (isSame(before, after)) return unchanged;
    const shared = this.#shared?.shared(roster, contact);
    const own = this.#own(roster);
    const ownBefore = shared === undefined ? before : own.relation(contact);
    const ownAfter = shared === undefined ? after : ownRelation(shared, after, () => decide(ownBefore));
    if (isSame(ownBefore, ownAfter)) {
      // The client that wanted it otherwise sees how it is.
      this.#push(account, contact, roster);
      return unchanged;
    }
    if (ownBefore.item === undefined && ownAfter.item !== undefined) this.#checkRoom(own);
    return this.#write(account, contact, own.with(contact, ownAfter), first);
  }

  #checkRoom(own: LiveRoster): void {
    const { rosterItems } = this.#host.settings.current.limits.account;
    if (own.items.size < rosterItems) return;
    throw new StanzaError('policy-violation', { text: `the roster has ${rosterItems} items, and may have no more` });
  }

  async #write(account: Account, contact: JID, own: LiveRoster, first: First | undefined): Promise<RosterChange> {
    const roster = this.of(account);
    const next = this.#withOwn(roster, own);
    const change = { account, contact, before: roster.relation(contact), after: next.relation(contact) };
    try {
      await this.#table.put(this.#key(account.jid), toRecord(own));
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      this.#host.log.error('roster.write-failed', { jid: account.jid.toString() }, cause);
      throw new StanzaError('internal-server-error', { type: 'wait', cause });
    }
    this.#live.set(account, next);
    first?.(change);
    if (change.after.item !== change.before.item) this.#push(account, contact, next);
    this.#host.announce(rosterChanged, change);
    return change;
  }

  // Nothing is set where there are no groups.
  #tell(account: Account, session: Session): void {
    const version = this.#shared?.version(this.of(account));
    if (version !== this.#told.of(session)) this.#told.set(session, version);
  }

  #own(roster: LiveRoster): LiveRoster {
    return this.#shared?.own(roster) ?? roster;
  }

  #withOwn(roster: LiveRoster, own: LiveRoster): LiveRoster {
    return this.#shared?.withOwn(roster, own) ?? own;
  }

  #push({ sessions }: Account, contact: JID, { version, items }: LiveRoster): void {
    this.#interest.push(sessions.values(), version, contact, items.get(contact.toString()));
  }

  #key(jid: JID): Key {
    return [jid.domain, jid.local];
  }
}

function isSame(a: Relation, b: Relation): boolean {
  return a.item === b.item && a.request === b.request;
}
