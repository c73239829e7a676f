import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { CommitEvent } from '../../src/store/commit.ts';
import type { Key, Page, Store, Table } from '../../src/store/store.ts';
import type { Clock } from '../../src/util/clock.ts';
import type { ManualClock } from '../support/manual-clock.ts';

/** One place where data is kept, for the time of one test. */
export interface Place {
  open(options: { readonly clock: Clock }): Promise<Store>;
  /** Whether a second `open` finds what the first has stored. */
  readonly isLasting: boolean;
}

/** Defines a test over an open store, which is closed after it. */
export type Scene = (title: string, run: (store: Store, place: Place, clock: ManualClock) => Promise<void>) => void;

export const counts = { name: 'counts', parse: Number };
export const notes = { name: 'notes', parse: String };

/** Returns the keys that a listing yields. */
export async function keysOf<V>(table: Table<V>, prefix: Key, page?: Page): Promise<Key[]> {
  const keys: Key[] = [];
  for await (const [key] of table.list(prefix, page)) keys.push(key);
  return keys;
}

/** Returns the commits that were made while `run` ran. */
export async function commitsDuring<T>(run: () => Promise<T>): Promise<{ events: CommitEvent[]; result: T }> {
  const events: CommitEvent[] = [];
  const note = (event: unknown): void => void events.push(event as CommitEvent);
  subscribe('xmpp.commit', note);
  try {
    return { result: await run(), events };
  } finally {
    unsubscribe('xmpp.commit', note);
  }
}
