import type { Clock } from '../../../util/clock.ts';
import { chance } from '../../../util/ids.ts';
import { HttpFailure } from './http-request.ts';

/** How often the same is tried. */
const TRIES = 3;
/** The longest wait before the second try; before each further one it may be twice as long. */
const FIRST_BACKOFF_MS = 500;

/** Within what work may be repeated. */
export interface RetryRules {
  readonly clock: Clock;
  /** When the time is over, on the monotonic clock. */
  readonly endsAt: number;
  readonly signal: AbortSignal;
  /** Whether another try makes sense still. */
  readonly isWorthwhile: () => boolean;
  /** A number in [0, 1); for tests. */
  readonly random?: () => number;
}

/**
 * Does work, up to three times as long as it fails for a transient reason. In between it waits for a random time, so that many
 * who failed together do not come back together, and at least for as long as the other side wants. Rejects with the last failure,
 * as soon as there is no time for another try; when `signal` is aborted, with its reason.
 */
export async function withRetries<T>(work: () => Promise<T>, rules: RetryRules): Promise<T> {
  for (let tried = 1; ; tried++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof HttpFailure) || !error.isTransient) throw error;
      if (tried === TRIES || !rules.isWorthwhile()) throw error;
      const waitMs = Math.max(backoffMs(tried, rules.random), retryAfterMs(error.retryAfter, rules.clock.now()));
      if (rules.clock.monotonic() + waitMs >= rules.endsAt) throw error;
      await pause(waitMs, rules);
    }
  }
}

function backoffMs(tried: number, random: () => number = chance): number {
  return random() * FIRST_BACKOFF_MS * 2 ** (tried - 1);
}

/** Reads a `Retry-After`: seconds, or a date; 0 when it is neither. RFC 9110 §10.2.3. */
export function retryAfterMs(value: string | undefined, now: number): number {
  if (value === undefined) return 0;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

function pause(ms: number, { clock, signal }: RetryRules): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
    signal.addEventListener('abort', abort, { once: true });
  });
}
