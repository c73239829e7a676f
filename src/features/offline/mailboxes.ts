import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type { Journal, JournalEntry, JournalSlice, JournalSpec, Store, Table, TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';

/** How much waits in a mailbox; an empty one has no entry, so that a login finds out with one point read. */
export interface Extent {
  readonly messages: number;
  readonly bytes: number;
}

/** What a mailbox may hold. */
export interface MailboxLimits {
  readonly offlineMessages: number;
  readonly offlineBytes: number;
}

const NOTHING: Extent = { messages: 0, bytes: 0 };

/** The messages of all mailboxes, as markup. */
export const MESSAGES: JournalSpec<string> = { name: 'offline', parse: storedText };

/** The extents of all mailboxes, changed together with the messages. */
export const EXTENTS: TableSpec<Extent> = {
  name: 'offline.extent',
  parse(json) {
    const { messages, bytes } = storedObject(json);
    return { messages: storedNumber(messages), bytes: storedNumber(bytes) };
  },
};

/** The stored messages of accounts, each under its bare JID. */
export class Mailboxes {
  readonly #store: Store;
  readonly #messages: Journal<string>;
  readonly #extents: Table<Extent>;

  constructor(parts: { store: Store; messages: Journal<string>; extents: Table<Extent> }) {
    this.#store = parts.store;
    this.#messages = parts.messages;
    this.#extents = parts.extents;
  }

  async isEmpty({ domain, local }: JID): Promise<boolean> {
    return (await this.#extents.get(domain, local)) === undefined;
  }

  /** Appends a message; resolves when durable. Rejects with `service-unavailable` when the mailbox is full. XEP-0160 §2. */
  add({ domain, local }: JID, message: string, limits: MailboxLimits): Promise<void> {
    return this.#store.commit((batch) => {
      batch.update(this.#extents, [domain, local], (old = NOTHING) => {
        const messages = old.messages + 1;
        const bytes = old.bytes + Buffer.byteLength(message);
        const isFull = messages > limits.offlineMessages || bytes > limits.offlineBytes;
        if (isFull) throw new StanzaError('service-unavailable');
        return { messages, bytes };
      });
      batch.append(this.#messages, [domain, local], message);
    });
  }

  /** Reads the oldest messages, so many at most. */
  read({ domain, local }: JID, limit: number): Promise<JournalSlice<string>> {
    return this.#messages.read([domain, local], { limit });
  }

  /** Removes messages; `isLast` says that no other is left. */
  remove({ domain, local }: JID, entries: readonly JournalEntry<string>[], isLast: boolean): Promise<void> {
    const bytes = entries.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
    return this.#store.commit((batch) => {
      for (const { id } of entries) batch.remove(this.#messages, [domain, local], id);
      batch.update(this.#extents, [domain, local], (old = NOTHING) =>
        isLast ? undefined : { messages: old.messages - entries.length, bytes: old.bytes - bytes },
      );
    });
  }

  /** Removes a mailbox. */
  async clear({ domain, local }: JID): Promise<void> {
    await this.#messages.clear([domain, local]);
    await this.#extents.delete([domain, local]);
  }
}
