import type { Clock } from './clock.ts';

/** What was waited for took too long. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** The promise's outcome, or a DeadlineError after `ms` milliseconds; what comes later is dropped. */
export function deadline<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(new DeadlineError(`no outcome within ${ms} ms`)));
    const settle = <A>(how: (value: A) => void) => {
      return (value: A) => {
        timer.cancel();
        how(value);
      };
    };
    promise.then(settle(resolve), settle(reject));
  });
}
