import { CommandError } from '../../core/commands.ts';
import type { FeatureHost } from '../../core/feature.ts';
import { JID } from '../../jid.ts';
import type { Batch, Table } from '../../store/store.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import type { RosterItem } from '../roster/api.ts';
import { type SharedContacts, type SharedGroup, type SharedGroups, sharedContactsChanged } from './api.ts';
import { EVERYONE, type GroupsConfig, prepareGroupName } from './config.ts';
import { Membership } from './membership.ts';
import { GROUPS, type GroupRecord } from './record.ts';

/** How many groups are stored for one host. */
const MAX_GROUPS = 1000;
/** How many groups one user may join. */
const MAX_GROUPS_OF_USER = 100;

/** A stored group in memory: its members and when their accounts were created, in ms since the epoch. */
interface StoredGroup {
  readonly members: ReadonlyMap<string, number>;
  readonly isForEveryone: boolean;
}

/** The groups of a host: those of the configuration, and those that are kept in the store. */
export class Groups implements SharedContacts, SharedGroups {
  readonly #host: FeatureHost;
  readonly #table: Table<GroupRecord>;
  readonly #stored = new Map<string, StoredGroup>();
  #config: GroupsConfig;
  // When each account was created. Read once somebody needs it: everyone is in a group, or the configuration names members.
  #users: Map<string, number> | undefined;
  #membership: Membership;
  // What the log has been told already of groups that are as they are.
  #told: ReadonlySet<string> = new Set();
  // One change at a time, so that what it was checked against still holds when it is written.
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(host: FeatureHost, config: GroupsConfig) {
    this.#host = host;
    this.#table = host.table(GROUPS);
    this.#config = config;
    this.#membership = new Membership(host.domain, []);
  }

  /** Reads what is stored. */
  static async open(host: FeatureHost, config: GroupsConfig): Promise<Groups> {
    const groups = new Groups(host, config);
    for await (const [key, record] of groups.#table.list([host.domain])) {
      groups.#stored.set(String(key.at(-1)), await groups.#read(record));
    }
    await groups.#inTurn(() => groups.#apply());
    return groups;
  }

  /** Takes another configuration; what it changes is announced a moment later. */
  configure(config: GroupsConfig): void {
    this.#inTurn(() => {
      this.#config = config;
      return this.#apply();
    }).catch((error: unknown) => this.#host.log.error('groups.reload-failed', {}, error));
  }

  of(local: string): ReadonlyMap<string, RosterItem> {
    return this.#membership.contactsOf(local);
  }

  list(): readonly SharedGroup[] {
    return [...this.#membership.groups.values()];
  }

  get(name: string): SharedGroup {
    const prepared = preparedName(name);
    const group = this.#membership.groups.get(prepared);
    if (group === undefined) throw new CommandError(`there is no group "${prepared}" on ${this.#host.domain}`);
    return group;
  }

  add(name: string, isForEveryone: boolean): Promise<SharedGroup> {
    return this.#inTurn(async () => {
      const free = this.#freeName(name);
      if (this.#stored.size >= MAX_GROUPS) throw new CommandError(`there are ${MAX_GROUPS} groups, and no more fit in`);
      return this.#put(free, { members: new Map(), isForEveryone });
    });
  }

  remove(name: string): Promise<SharedGroup> {
    return this.#inTurn(async () => {
      const group = this.#changeable(name);
      await this.#table.delete([this.#host.domain, group.name]);
      this.#stored.delete(group.name);
      await this.#apply();
      return group;
    });
  }

  rename(name: string, to: string): Promise<SharedGroup> {
    return this.#inTurn(async () => {
      const { name: from, stored } = this.#changeable(name);
      const free = this.#freeName(to);
      await this.#host.store.commit((batch) => {
        batch.delete(this.#table, [this.#host.domain, from]);
        this.#write(batch, free, stored);
      });
      this.#stored.delete(from);
      this.#stored.set(free, stored);
      await this.#apply();
      return this.get(free);
    });
  }

  join(name: string, local: string): Promise<SharedGroup> {
    return this.#inTurn(async () => {
      const group = this.#changeable(name);
      const { members } = group.stored;
      const user = await this.#host.users.get(local);
      if (user === undefined) throw new CommandError(`there is no user ${this.#address(local)}`);
      this.#checkPersonal(group);
      if (members.has(user.jid.local)) throw new CommandError(`${user.jid} is in the group "${group.name}" already`);
      const { maxMembers } = this.#config;
      if (members.size >= maxMembers) {
        const reason = `has ${members.size} members, and features.groups.maxMembers is ${maxMembers}`;
        throw new CommandError(`the group "${group.name}" ${reason}`);
      }
      if (this.#membership.countOf(user.jid.local) >= MAX_GROUPS_OF_USER) {
        throw new CommandError(`${user.jid} is in ${MAX_GROUPS_OF_USER} groups, and may be in no more`);
      }
      return this.#put(group.name, {
        members: new Map(members).set(user.jid.local, user.createdAt),
        isForEveryone: false,
      });
    });
  }

  leave(name: string, local: string): Promise<SharedGroup> {
    return this.#inTurn(async () => {
      const group = this.#changeable(name);
      this.#checkPersonal(group);
      const members = new Map(group.stored.members);
      if (!members.delete(local)) throw new CommandError(`${this.#address(local)} is not in the group "${group.name}"`);
      return this.#put(group.name, { members, isForEveryone: false });
    });
  }

  /** There is another account. */
  created(local: string, createdAt: number): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#users === undefined) return;
      this.#users.set(local, createdAt);
      await this.#apply();
    });
  }

  /** An account is gone, and so are its memberships; resolves when durable. */
  removed(local: string): Promise<void> {
    return this.#inTurn(async () => {
      const left = new Map<string, StoredGroup>();
      for (const [name, group] of this.#stored) {
        const members = new Map(group.members);
        if (members.delete(local)) left.set(name, { ...group, members });
      }
      if (left.size > 0) {
        await this.#host.store.commit((batch) => {
          for (const [name, group] of left) this.#write(batch, name, group);
        });
      }
      for (const [name, group] of left) this.#stored.set(name, group);
      const wasKnown = this.#users?.delete(local) === true;
      if (wasKnown) this.#tellConfigured(local);
      if (wasKnown || left.size > 0) await this.#apply();
    });
  }

  // The configuration means names, not accounts: whoever is given the name is in the group.
  #tellConfigured(local: string): void {
    const jid = this.#address(local).toString();
    for (const [group, { members }] of Object.entries(this.#config.groups)) {
      if (members.includes(local)) this.#host.log.warn('groups.removed-member', { jid, group });
    }
  }

  #inTurn<T>(run: () => Awaitable<T>): Promise<T> {
    const outcome = this.#turn.then(run);
    this.#turn = outcome.catch(() => {});
    return outcome;
  }

  async #put(name: string, group: StoredGroup): Promise<SharedGroup> {
    await this.#host.store.commit((batch) => this.#write(batch, name, group));
    this.#stored.set(name, group);
    await this.#apply();
    return this.get(name);
  }

  #write(batch: Batch, name: string, { members, isForEveryone }: StoredGroup): void {
    const record: GroupRecord = { members: [...members], ...(isForEveryone ? { everyone: true } : {}) };
    batch.put(this.#table, [this.#host.domain, name], record);
  }

  async #read({ members, everyone }: GroupRecord): Promise<StoredGroup> {
    const present = new Map<string, number>();
    for (const [local, createdAt] of members) {
      if ((await this.#host.users.get(local))?.createdAt === createdAt) present.set(local, createdAt);
    }
    return { members: present, isForEveryone: everyone === true };
  }

  /** Makes what is configured and stored count, and announces what that changes. */
  async #apply(): Promise<void> {
    await this.#readUsers();
    const before = this.#membership;
    this.#membership = new Membership(this.#host.domain, this.#groups());
    this.#tellOddities();
    const locals = this.#membership.differencesFrom(before);
    if (locals.size > 0) this.#host.announce(sharedContactsChanged, { locals });
  }

  async #readUsers(): Promise<void> {
    const needed =
      Object.keys(this.#config.groups).length > 0 || [...this.#stored.values()].some((group) => group.isForEveryone);
    if (!needed || this.#users !== undefined) return;
    const users = new Map<string, number>();
    for await (const { jid, createdAt } of this.#host.users.list()) users.set(jid.local, createdAt);
    this.#users = users;
  }

  #groups(): SharedGroup[] {
    const groups: SharedGroup[] = [];
    for (const [name, { members }] of Object.entries(this.#config.groups)) {
      const isForEveryone = members.includes(EVERYONE);
      const all = isForEveryone ? this.#everyone() : this.#byAge(new Set(members));
      groups.push(this.#bounded(all, { name, origin: 'configuration', isForEveryone }));
    }
    for (const [name, { members, isForEveryone }] of this.#stored) {
      if (this.#isConfigured(name)) continue;
      const all = isForEveryone ? this.#everyone() : [...members.keys()];
      groups.push(this.#bounded(all, { name, origin: 'store', isForEveryone }));
    }
    return groups;
  }

  #everyone(): string[] {
    return this.#byAge(this.#users?.keys() ?? []);
  }

  // The oldest first: whoever comes to a full group takes nobody's place.
  #byAge(locals: Iterable<string>): string[] {
    const users: [local: string, createdAt: number][] = [];
    for (const local of locals) {
      const createdAt = this.#users?.get(local);
      if (createdAt !== undefined) users.push([local, createdAt]);
    }
    return users.sort(([a, atA], [b, atB]) => atA - atB || (a < b ? -1 : 1)).map(([local]) => local);
  }

  #bounded(all: readonly string[], group: Pick<SharedGroup, 'name' | 'origin' | 'isForEveryone'>): SharedGroup {
    const members = new Set(all.slice(0, this.#config.maxMembers));
    return { ...group, members, omitted: all.length - members.size };
  }

  #tellOddities(): void {
    const told = new Set<string>();
    const tell = (event: string, group: string, log: () => void): void => {
      const key = `${event} ${group}`;
      told.add(key);
      if (!this.#told.has(key)) log();
    };
    for (const { name: group, members, omitted } of this.list()) {
      const full = { group, members: members.size, omitted };
      if (omitted > 0) tell('full', group, () => this.#host.log.warn('groups.full', full));
    }
    for (const group of this.#stored.keys()) {
      if (this.#isConfigured(group)) tell('hidden', group, () => this.#host.log.warn('groups.hidden', { group }));
    }
    this.#told = told;
  }

  #changeable(name: string): SharedGroup & { readonly stored: StoredGroup } {
    const group = this.get(name);
    const stored = this.#stored.get(group.name);
    if (group.origin === 'store' && stored !== undefined) return { ...group, stored };
    throw new CommandError(
      `the group "${group.name}" is one of the configuration (features.groups.groups): change it there and reload`,
    );
  }

  #checkPersonal({ name, isForEveryone }: SharedGroup): void {
    if (isForEveryone) throw new CommandError(`everyone is in the group "${name}"`);
  }

  #freeName(name: string): string {
    const prepared = preparedName(name);
    if (!this.#stored.has(prepared) && !this.#isConfigured(prepared)) return prepared;
    throw new CommandError(`there is a group "${prepared}" already`);
  }

  #isConfigured(name: string): boolean {
    return Object.hasOwn(this.#config.groups, name);
  }

  #address(local: string): JID {
    return JID.of(local, this.#host.domain);
  }
}

function preparedName(name: string): string {
  try {
    return prepareGroupName(name);
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError(error.message);
    throw error;
  }
}
