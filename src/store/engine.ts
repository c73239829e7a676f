import type { KeyRange } from './keys.ts';

/** What one commit writes, by encoded key: the new text, or undefined to delete. Each key is there once. */
export type Changes = Iterable<readonly [key: string, text: string | undefined]>;

/** Part of a range, in the order asked for. */
export interface EnginePage {
  readonly entries: readonly (readonly [key: string, text: string])[];
  /** Whether nothing of the range follows. */
  readonly complete: boolean;
}

/** Reads and writes ordered text: the small part of a store that differs between backends. */
export interface Engine {
  /** Reads what is committed, at once: from memory or the page cache. */
  get(key: string): string | undefined;
  /** Reads up to `limit` entries as committed at the call, fewer where they are large; at least one unless the range is at its end. */
  read(range: KeyRange, limit: number, reverse: boolean): Promise<EnginePage>;
  /** About how many bytes a range takes; what was written lately may not count yet. Cheap, however much there is. */
  sizeOf(range: KeyRange): Promise<number>;
  /** Writes all or nothing; resolves when durable. Never called again before it has settled. */
  write(changes: Changes): Promise<void>;
  close(): Promise<void>;
}
