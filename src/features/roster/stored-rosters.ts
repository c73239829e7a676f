import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { type Key, StoreError, type Table } from '../../store/store.ts';
import { type Awaitable, isPromise } from '../../util/awaitable.ts';
import { type Relation, type RosterChange, type Rosters, rosterChanged, rosterRemoved } from './api.ts';
import { Interest } from './interest.ts';
import { fromRecord, ROSTERS, type RosterRecord, toRecord } from './record.ts';
import { LiveRoster } from './roster.ts';

type Decide = (before: Relation) => Relation;
type First = (change: RosterChange) => void;

/** Rosters kept in the server's own store, one value for each account. */
export class StoredRosters implements Rosters {
  readonly isDelegated = false;
  readonly #host: FeatureHost;
  readonly #table: Table<RosterRecord>;
  readonly #live: Slot<Account, LiveRoster>;
  readonly #interest: Interest;
  // The accounts whose roster is being written, by bare JID; fulfilled, never rejected, when that has ended.
  readonly #writing = new Map<string, Promise<void>>();

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#table = host.table(ROSTERS);
    this.#live = host.accountSlot((account) => (account.isAnonymous ? LiveRoster.EMPTY : this.read(account.jid)));
    this.#interest = new Interest(host);
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
  interest(session: Session): void {
    this.#interest.add(session);
  }

  change(account: Account, contact: JID, decide: Decide, first?: First): Awaitable<RosterChange> {
    return this.#inTurn(account.jid, () => this.#change(account, contact, decide, first));
  }

  /**
   * The roster of an account, live or not. One that was unloaded and is needed again must not be given the state before a
   * write that is under way.
   */
  async read(jid: JID): Promise<LiveRoster> {
    await this.#writing.get(jid.toString());
    const record = await this.#table.get(...this.#key(jid));
    return record === undefined ? LiveRoster.EMPTY : fromRecord(record);
  }

  /**
   * Adds to the roster of an account, live or not: `add` returns one that has more, or the same. Its sessions are told of
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

  async #merge(jid: JID, account: Account | undefined, add: (roster: LiveRoster) => LiveRoster): Promise<void> {
    const record = account === undefined ? await this.#table.get(...this.#key(jid)) : undefined;
    const stored = record === undefined ? LiveRoster.EMPTY : fromRecord(record);
    const before = account === undefined ? stored : this.of(account);
    const after = add(before);
    if (after === before) return;
    await this.#table.put(this.#key(jid), toRecord(after));
    if (account === undefined) return;
    this.#live.set(account, after);
    for (const [key, item] of after.items) {
      if (before.items.get(key) === item) continue;
      this.#push(account, item.jid, after);
      const change = { account, contact: item.jid, before: before.relation(item.jid), after: after.relation(item.jid) };
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
    if (after.item === before.item && after.request === before.request) {
      return { account, contact, before, after: before };
    }
    if (before.item === undefined && after.item !== undefined) this.#checkRoom(roster);
    return this.#write(roster.with(contact, after), { account, contact, before, after }, first);
  }

  #checkRoom(roster: LiveRoster): void {
    const { rosterItems } = this.#host.settings.current.limits.account;
    if (roster.items.size < rosterItems) return;
    throw new StanzaError('policy-violation', { text: `the roster has ${rosterItems} items, and may have no more` });
  }

  async #write(roster: LiveRoster, change: RosterChange, first: First | undefined): Promise<RosterChange> {
    const { account, contact, before, after } = change;
    try {
      await this.#table.put(this.#key(account.jid), toRecord(roster));
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      this.#host.log.error('roster.write-failed', { jid: account.jid.toString() }, cause);
      throw new StanzaError('internal-server-error', { type: 'wait', cause });
    }
    this.#live.set(account, roster);
    first?.(change);
    if (after.item !== before.item) this.#push(account, contact, roster);
    this.#host.announce(rosterChanged, change);
    return change;
  }

  #push({ sessions }: Account, contact: JID, { version, items }: LiveRoster): void {
    this.#interest.push(sessions.values(), version, contact, items.get(contact.toString()));
  }

  #key(jid: JID): Key {
    return [jid.domain, jid.local];
  }
}
