import type { Awaitable } from '../util/awaitable.ts';

/** Runs all of these, the last first, whatever fails; rejects with the first failure when all have ended. */
export async function undoAll(undo: readonly (() => Awaitable<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const run of undo.toReversed()) {
    try {
      await run();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
