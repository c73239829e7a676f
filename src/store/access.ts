import type { Step } from './commit.ts';
import type { Engine } from './engine.ts';
import type { EntryIds } from './entry-ids.ts';

/** What the tables and journals of a store share. */
export interface Access {
  readonly engine: Engine;
  readonly ids: EntryIds;
  /** Hands in a group of writes; rejects with StoreError 'closed' once the store is closed. */
  write(steps: readonly Step[]): Promise<void>;
  /** Resolves when all that was handed in before the call is durable or has failed. */
  settled(): Promise<void>;
  /** Throws StoreError 'closed' once the store is closed. */
  assertOpen(): void;
}
