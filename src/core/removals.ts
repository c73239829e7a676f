import { StanzaError } from '../errors.ts';
import { JID } from '../jid.ts';
import type { Table } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import type { Users } from './users.ts';

export interface RemovalsOptions {
  readonly domain: string;
  readonly users: Users;
  /** Opened with `REMOVALS`, for all hosts. */
  readonly table: Table<number>;
  readonly clock: Clock;
  /** Clears what features keep of a user; resolves when that is durable. */
  readonly clear: (jid: JID) => Promise<void>;
}

/** Removes users with everything that is kept of them, and finishes after a crash what it began before. */
export class Removals {
  readonly #options: RemovalsOptions;

  constructor(options: RemovalsOptions) {
    this.#options = options;
  }

  /**
   * Removes a user; resolves when all of it is durable. The login goes first, so that nobody logs in meanwhile; `gone` is
   * called when that is durable. The name is free again last. Throws StanzaError `item-not-found`.
   */
  async remove(local: string, gone: (jid: JID) => void): Promise<void> {
    const { domain, users, table, clock } = this.#options;
    const jid = JID.of(local, domain);
    if (!(await users.exists(jid.local))) throw new StanzaError('item-not-found');
    await table.put([domain, jid.local], clock.now());
    await users.beginRemoval(jid.local);
    gone(jid);
    await this.#finish(jid);
  }

  /** Finishes the removals that a crash interrupted. */
  async finishAll(): Promise<void> {
    const { domain, users, table } = this.#options;
    for await (const [[, local]] of table.list([domain])) {
      const jid = JID.of(String(local), domain);
      if (await users.exists(jid.local)) await users.beginRemoval(jid.local);
      await this.#finish(jid);
    }
  }

  async #finish(jid: JID): Promise<void> {
    const { domain, users, table, clear } = this.#options;
    await clear(jid);
    await users.finishRemoval(jid.local);
    await table.delete([domain, jid.local]);
  }
}
