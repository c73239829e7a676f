import type { FeatureHost } from '../../core/feature.ts';
import type { JID } from '../../jid.ts';
import { Archive, type ArchiveTables } from './archive.ts';
import { ARCHIVES, CONVERSATIONS, MESSAGES } from './records.ts';

/** An archive that was not used for so long, or twice that, is forgotten by the process. */
const SWEEP_MS = 300_000;

/** The archives of one host's accounts. */
export class Archives {
  readonly #domain: string;
  readonly #tables: ArchiveTables;
  /** By localpart. Those that were used since the last sweep, and those that were used before. */
  readonly #used = new Map<string, Archive>();
  readonly #resting = new Map<string, Archive>();

  constructor(host: FeatureHost) {
    this.#domain = host.domain;
    this.#tables = {
      store: host.store,
      messages: host.journal(MESSAGES),
      archives: host.table(ARCHIVES),
      conversations: host.table(CONVERSATIONS),
    };
    exportSize(host, this.#tables.messages);
    host.every('mam.sweep', SWEEP_MS, () => this.#sweep());
  }

  /** The one archive of an account; perhaps not loaded. */
  of({ local }: JID): Archive {
    return this.#used.get(local) ?? this.#use(local);
  }

  /** The same, loaded. */
  async open(account: JID): Promise<Archive> {
    const archive = this.of(account);
    await archive.load();
    return archive;
  }

  /** The localparts of all accounts that have an archive, with their own rules for how many days messages are kept. */
  async *all(): AsyncIterable<readonly [local: string, keepDays: number | null | undefined]> {
    for await (const [[, local], { keepDays }] of this.#tables.archives.list([this.#domain])) {
      if (typeof local === 'string') yield [local, keepDays];
    }
  }

  /** Removes the archive of an account; resolves when durable. */
  async remove(account: JID): Promise<void> {
    await this.of(account).clear();
    this.#used.delete(account.local);
    this.#resting.delete(account.local);
  }

  #use(local: string): Archive {
    const archive = this.#resting.get(local) ?? new Archive(this.#tables, [this.#domain, local]);
    this.#resting.delete(local);
    this.#used.set(local, archive);
    return archive;
  }

  #sweep(): void {
    for (const [local, archive] of this.#resting) if (!archive.isBusy) this.#resting.delete(local);
    for (const [local, archive] of this.#used) {
      archive.rest();
      this.#resting.set(local, archive);
    }
    this.#used.clear();
  }
}

/** Exports what the archives of a host take of the disk. */
function exportSize(host: FeatureHost, messages: ArchiveTables['messages']): void {
  let bytes: number | undefined;
  const undo = [
    host.metrics.onCollect(async () => {
      bytes = await messages.sizeOf([host.domain]);
    }),
    host.metrics.measured({ name: 'archive_bytes', help: 'About what message archives take of the disk' }, (put) => {
      if (bytes !== undefined) put({}, bytes);
    }),
  ];
  host.defer(() => {
    for (const remove of undo) remove();
  });
}
