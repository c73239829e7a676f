import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type {
  EntryId,
  Journal,
  JournalEntry,
  JournalSlice,
  JournalSpec,
  Store,
  Table,
  TableSpec,
} from '../../store/store.ts';
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
  /** The last message of each account that is being stored now. */
  readonly #storing = new Map<string, Promise<void>>();

  constructor(parts: { store: Store; messages: Journal<string>; extents: Table<Extent> }) {
    this.#store = parts.store;
    this.#messages = parts.messages;
    this.#extents = parts.extents;
  }

  /** Whether nothing waits for the account, nor is being stored. */
  async isEmpty(account: JID): Promise<boolean> {
    await this.#storing.get(account.toString());
    return (await this.#extents.get(account.domain, account.local)) === undefined;
  }

  /** Appends a message; resolves when durable. Rejects with `service-unavailable` when the mailbox is full. XEP-0160 §2. */
  add(account: JID, message: string, limits: MailboxLimits): Promise<void> {
    const key = [account.domain, account.local];
    const stored = this.#store.commit((batch) => {
      batch.update(this.#extents, key, (old = NOTHING) => {
        const messages = old.messages + 1;
        const bytes = old.bytes + Buffer.byteLength(message);
        const isFull = messages > limits.offlineMessages || bytes > limits.offlineBytes;
        if (isFull) throw new StanzaError('service-unavailable');
        return { messages, bytes };
      });
      batch.append(this.#messages, key, message);
    });
    this.#remember(account.toString(), stored);
    return stored;
  }

  /** Reads the oldest messages, or those after one, so many at most; what is being stored is waited for. */
  async read(account: JID, limit: number, after?: EntryId): Promise<JournalSlice<string>> {
    await this.#storing.get(account.toString());
    const page = after === undefined ? { limit } : { limit, after };
    return this.#messages.read([account.domain, account.local], page);
  }

  /** Removes messages; `isLast` says that no other is left. */
  remove({ domain, local }: JID, entries: readonly JournalEntry<string>[], isLast: boolean): Promise<void> {
    const bytes = entries.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
    return this.#store.commit((batch) => {
      for (const { id } of entries) batch.remove(this.#messages, [domain, local], id);
      // There is none any more if the account was removed meanwhile.
      batch.update(this.#extents, [domain, local], (old) =>
        isLast || old === undefined ? undefined : { messages: old.messages - entries.length, bytes: old.bytes - bytes },
      );
    });
  }

  /** Removes a mailbox. */
  async clear({ domain, local }: JID): Promise<void> {
    await this.#messages.clear([domain, local]);
    await this.#extents.delete([domain, local]);
  }

  #remember(account: string, stored: Promise<void>): void {
    const forget = (): void => {
      if (this.#storing.get(account) === storing) this.#storing.delete(account);
    };
    const storing = stored.then(forget, forget);
    this.#storing.set(account, storing);
  }
}
