import type { FeatureHost } from '../../core/feature.ts';
import { JID } from '../../jid.ts';
import { beforeEntriesAt, timeOfEntry } from '../../store/entry-ids.ts';
import type { ArchiveExtent, Prunable } from './api.ts';
import type { Archive } from './archive.ts';
import type { Archives } from './archives.ts';

const DAY_MS = 86_400_000;
/** How often archives are looked at for messages that are too old. */
const EVERY_MS = DAY_MS / 4;

/** Removes what is older than it is to be kept, and nothing else. */
export class Retention {
  readonly #host: FeatureHost;
  readonly #archives: Archives;
  readonly #keepDays: number | null;

  /** `keepDays` holds for accounts without a rule of their own; null for ever. */
  constructor(host: FeatureHost, archives: Archives, keepDays: number | null) {
    this.#host = host;
    this.#archives = archives;
    this.#keepDays = keepDays;
    host.every('mam.retention', EVERY_MS, () => this.#pruneAll());
  }

  /** How much there is in the archive of an account, and for how long it is kept. */
  async describe(account: JID): Promise<ArchiveExtent> {
    const archive = await this.#archives.open(account);
    const first = await archive.first();
    const last = first && (await archive.last());
    return {
      messages: first && last ? last.position - first.position + 1 : 0,
      firstAt: first && timeOfEntry(first.id),
      lastAt: last && timeOfEntry(last.id),
      keepDays: this.#daysBy(archive.keepDays),
      isOwnRule: archive.keepDays !== undefined,
    };
  }

  /** Sets for how many days the messages of an account are kept: null for ever, undefined as the host says. */
  async setKeepDays(account: JID, keepDays: number | null | undefined): Promise<void> {
    await (await this.#archives.open(account)).setKeepDays(keepDays);
  }

  /**
   * Which messages of which accounts are to go: those that are older than is allowed, or than `olderThanDays`; of one account or
   * of all that have an archive.
   */
  async *prunable(account: JID | undefined, olderThanDays: number | undefined): AsyncIterable<Prunable> {
    if (account !== undefined) {
      yield* this.#prunableOf(account, olderThanDays ?? this.#daysBy((await this.#archives.open(account)).keepDays));
      return;
    }
    for await (const [local, own] of this.#archives.all()) {
      yield* this.#prunableOf(JID.of(local, this.#host.domain), olderThanDays ?? this.#daysBy(own));
    }
  }

  /** Removes them; resolves with how many there were, when that is durable. */
  async prune({ jid, before }: Prunable): Promise<number> {
    const messages = await (await this.#archives.open(jid)).prune(beforeEntriesAt(before));
    this.#host.log.info('mam.pruned', { jid: jid.toString(), messages });
    return messages;
  }

  async #pruneAll(): Promise<void> {
    for await (const prunable of this.prunable(undefined, undefined)) await this.prune(prunable);
  }

  async *#prunableOf(jid: JID, keepDays: number | null): AsyncIterable<Prunable> {
    // Of what is kept for ever nothing has to be opened.
    if (keepDays === null) return;
    const before = this.#host.clock.now() - keepDays * DAY_MS;
    const messages = await countBefore(await this.#archives.open(jid), before);
    if (messages > 0) yield { jid, messages, before };
  }

  // By an account's own rule, or else by the host's.
  #daysBy(own: number | null | undefined): number | null {
    if (own !== undefined) return own;
    const ofHost = this.#host.settings.current.hosts[this.#host.domain]?.archiveDays;
    return ofHost === undefined ? this.#keepDays : ofHost;
  }
}

async function countBefore(archive: Archive, ms: number): Promise<number> {
  const range = { after: undefined, before: beforeEntriesAt(ms) };
  const [last] = (await archive.read(range, { limit: 1, reverse: true })).messages;
  const first = last && (await archive.first());
  return first && last ? last.position - first.position + 1 : 0;
}
