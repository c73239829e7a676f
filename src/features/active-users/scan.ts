import type { Clock } from '../../util/clock.ts';
import { atEndOfTurn } from '../../util/turn.ts';
import type { ActiveUsers } from './api.ts';

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;
const MONTH_MS = 30 * DAY_MS;
/** After so many users, or so much time, whoever else has work gets a turn. */
const SLICE_USERS = 100;
const SLICE_MS = 2;

/** What is counted. Localparts are prepared ones. */
export interface Scanned {
  readonly clock: Clock;
  /** Who has ever logged in or out, and when that was last, in milliseconds since the Unix epoch. */
  readonly users: AsyncIterable<readonly [local: string, at: number]>;
  isConnected(local: string): boolean;
  /** Whether somebody who is not connected does not count. */
  isLeftOut(local: string): Promise<boolean>;
  /** Whether the result is of no use any more. */
  isStopped(): boolean;
}

/**
 * Counts the active users in slices, each in a turn of the event loop of its own, so that a million do not hold anybody up.
 * Undefined when it was stopped; rejects when the store fails.
 */
export async function countActive(scanned: Scanned): Promise<ActiveUsers | undefined> {
  const { clock } = scanned;
  const at = clock.now();
  let [day, week, month] = [0, 0, 0];
  let [inSlice, since] = [0, clock.monotonic()];
  for await (const [local, last] of scanned.users) {
    if (++inSlice > SLICE_USERS || clock.monotonic() - since >= SLICE_MS) {
      await nextTurn();
      if (scanned.isStopped()) return undefined;
      [inSlice, since] = [1, clock.monotonic()];
    }
    // A time in the future, such as from before the clock was set back, is as good as now.
    const isConnected = scanned.isConnected(local);
    const age = isConnected ? 0 : at - last;
    if (age >= MONTH_MS || (!isConnected && (await scanned.isLeftOut(local)))) continue;
    month++;
    if (age < WEEK_MS) week++;
    if (age < DAY_MS) day++;
  }
  return { at, day, week, month };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => atEndOfTurn(resolve));
}
