import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import { StanzaError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import { iq, Payload } from '../../stanza.ts';
import { type Batch, type Key, StoreError, type Table, type TableSpec } from '../../store/store.ts';
import { newId } from '../../util/ids.ts';
import { ownCopy } from '../../util/own-copy.ts';
import { storedTexts } from '../shared/stored.ts';
import { Turns } from '../shared/turns.ts';
import { type Blocking, blockingChanged } from './api.ts';
import { BlockList } from './block-list.ts';
import { itemsElement } from './wire.ts';

/** The lists of all hosts, under domain and localpart: one value for an account, which is read when it becomes live. */
const LISTS: TableSpec<readonly string[]> = { name: 'blocking', parse: storedTexts };

/** Commits a write, and perhaps more along with it; resolves when durable. */
export type Commit = (write: (batch: Batch) => void) => Promise<void>;

interface Step {
  readonly name: 'block' | 'unblock';
  /** What the client gave: none stands for all, when unblocking. */
  readonly items: readonly JID[];
  readonly decide: (before: ReadonlySet<string>) => Iterable<string>;
  /** Given if there is something to write, whatever becomes of the list. */
  readonly commit?: Commit | undefined;
}

const NOBODY: ReadonlySet<string> = new Set();

/** The block lists of one host's accounts. An account without one has no entry, in the store and in memory. */
export class BlockLists implements Blocking {
  readonly #host: FeatureHost;
  readonly #table: Table<readonly string[]>;
  readonly #live: Slot<Account, BlockList | undefined>;
  readonly #interested: Slot<Session, boolean>;
  readonly #turns = new Turns();

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#table = host.table(LISTS);
    this.#live = host.accountSlot((account) => (account.isAnonymous ? undefined : this.read(account.jid)));
    this.#interested = host.sessionSlot<boolean>(() => false, {
      name: 'blocking.interested',
      save: (isInterested) => isInterested || undefined,
      restore: (json) => json === true,
    });
  }

  /** The list of a live account. */
  of(account: Account): BlockList | undefined {
    return this.#live.of(account);
  }

  isBlocked(account: Account, jid: JID): boolean {
    return this.of(account)?.has(jid) ?? false;
  }

  /** The list of any account of this host, as it is stored; changes under way are waited for. */
  async read(account: JID): Promise<BlockList | undefined> {
    await this.#turns.settled(account.local);
    return this.#stored(account);
  }

  /** Tells the session of changes from now on. XEP-0191 §3.3. */
  interest(session: Session): void {
    this.#interested.set(session, true);
  }

  /**
   * Blocks addresses; resolves when that is durable, and the account's clients are told. `commit` writes more along with it.
   * @throws StanzaError `policy-violation` for an address too many, `internal-server-error` (wait) when the store fails.
   */
  block(account: JID, items: readonly JID[], commit?: Commit): Promise<void> {
    const decide = (before: ReadonlySet<string>): Iterable<string> => {
      const after = new Set([...before, ...items.map((jid) => ownCopy(jid.toString()))]);
      if (after.size > before.size) this.#checkRoom(after.size);
      return after;
    };
    return this.#inTurn(account, { name: 'block', items, decide, commit });
  }

  /** Unblocks addresses, or all where none is given; the same holds as for `block`. XEP-0191 §3.4, §3.5. */
  unblock(account: JID, items: readonly JID[]): Promise<void> {
    const gone = new Set(items.map((jid) => jid.toString()));
    const decide = (before: ReadonlySet<string>): Iterable<string> =>
      gone.size === 0 ? NOBODY : [...before].filter((item) => !gone.has(item));
    return this.#inTurn(account, { name: 'unblock', items, decide });
  }

  /** Removes the list of a removed account; resolves when durable. */
  remove(account: JID): Promise<void> {
    return this.#turns.take(account.local, () => this.#table.delete(keyOf(account)));
  }

  #checkRoom(size: number): void {
    const { blockedJids } = this.#host.settings.current.limits.account;
    if (size <= blockedJids) return;
    throw new StanzaError('policy-violation', { text: `no more than ${blockedJids} addresses can be blocked` });
  }

  #inTurn(account: JID, step: Step): Promise<void> {
    return this.#turns.take(account.local, () => this.#change(account, step));
  }

  async #change(jid: JID, { name, items, decide, commit }: Step): Promise<void> {
    const before = await this.#current(jid);
    const old = before?.items ?? NOBODY;
    const kept = new Set(decide(old));
    const isChanged = kept.size !== old.size;
    const after = isChanged ? (kept.size === 0 ? undefined : new BlockList(jid, kept)) : before;
    if (isChanged || commit !== undefined) await this.#write(jid, after, commit);
    const account = this.#host.account(jid.local);
    if (account === undefined) return;
    this.#live.set(account, after);
    this.#push(account, new Payload([itemsElement(name, items)]));
    if (!isChanged) return;
    this.#host.announce(blockingChanged, {
      account,
      items: difference(old, kept).map((item) => JID.parse(item)),
      wasBlocked: (other) => before?.has(other) ?? false,
      isBlocked: (other) => after?.has(other) ?? false,
    });
  }

  /** In its turn. What a guest blocks is nowhere but in memory. */
  async #current(jid: JID): Promise<BlockList | undefined> {
    const account = this.#host.account(jid.local);
    return account?.isAnonymous === true ? this.of(account) : this.#stored(jid);
  }

  async #stored(jid: JID): Promise<BlockList | undefined> {
    const items = await this.#table.get(...keyOf(jid));
    return items === undefined ? undefined : new BlockList(jid, items);
  }

  async #write(jid: JID, list: BlockList | undefined, commit: Commit | undefined): Promise<void> {
    if (this.#host.account(jid.local)?.isAnonymous === true) return;
    const write = (batch: Batch): void => {
      if (list === undefined) batch.delete(this.#table, keyOf(jid));
      else batch.put(this.#table, keyOf(jid), [...list.items]);
    };
    try {
      await (commit === undefined ? this.#host.store.commit(write) : commit(write));
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      this.#host.log.error('blocking.write-failed', { jid: jid.toString() }, cause);
      throw new StanzaError('internal-server-error', { type: 'wait', cause });
    }
  }

  // The answers tell nothing and are not waited for.
  #push(account: Account, payload: Payload): void {
    for (const session of account.sessions.values()) {
      if (!this.#interested.of(session)) continue;
      this.#host.deliver(session, iq({ type: 'set', to: session.jid, id: newId(), payload }));
    }
  }
}

function difference(one: ReadonlySet<string>, other: ReadonlySet<string>): string[] {
  return [...[...one].filter((item) => !other.has(item)), ...[...other].filter((item) => !one.has(item))];
}

function keyOf({ domain, local }: JID): Key {
  return [domain, local];
}
