import { HttpError } from '../../../http/message.ts';

const FULL_RETRY_SECONDS = 60;

/** Remembers what has come for as long as it could come again, within a bound. */
export class ReplayMemory {
  readonly #rememberMs: number;
  readonly #maxEntries: number;
  /** When each came, the oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(rememberMs: number, maxEntries: number) {
    this.#rememberMs = rememberMs;
    this.#maxEntries = maxEntries;
  }

  /**
   * Says whether something comes for the first time, and remembers it. `now` is in milliseconds, and never goes back. Throws
   * HttpError 503 when there is no room: to forget something too early would be to let it in again.
   */
  isNew(what: string, now: number): boolean {
    this.#forget(now);
    if (this.#seen.has(what)) return false;
    if (this.#seen.size >= this.#maxEntries) {
      throw new HttpError(503, 'Too many signed requests at once.', { 'retry-after': String(FULL_RETRY_SECONDS) });
    }
    this.#seen.set(what, now);
    return true;
  }

  #forget(now: number): void {
    for (const [what, at] of this.#seen) {
      if (now - at <= this.#rememberMs) return;
      this.#seen.delete(what);
    }
  }
}
