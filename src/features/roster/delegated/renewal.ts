import type { Clock } from '../../../util/clock.ts';
import { DeadlineError, deadline } from '../../../util/deadline.ts';
import type { FetchFailure, RefreshOutcome } from '../api.ts';

/** Whoever has asked for a refresh has a connection open: it is told after this time at the latest how far things are. */
const ANSWER_MS = 60_000;

/**
 * Renews the rosters of all these users, and tells what became of that within a minute. Those that have not ended by then, such
 * as one that a login waits for in a long line, go on and count as `timeout`.
 */
export async function renewAll(
  locals: ReadonlySet<string>,
  renew: (local: string) => Promise<FetchFailure | undefined>,
  clock: Clock,
): Promise<RefreshOutcome> {
  const outcomes = new Map<string, FetchFailure | undefined>();
  const renewing = Array.from(locals, async (local) => void outcomes.set(local, await renew(local)));
  try {
    await deadline(Promise.all(renewing), ANSWER_MS, clock);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
  }
  const updated: string[] = [];
  const failed = new Map<string, FetchFailure>();
  for (const local of locals) {
    const failure = outcomes.has(local) ? outcomes.get(local) : 'timeout';
    if (failure === undefined) updated.push(local);
    else failed.set(local, failure);
  }
  return { updated, failed };
}
