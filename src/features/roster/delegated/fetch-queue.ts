import type { Clock, Timer } from '../../../util/clock.ts';
import { SourceError, type Urgency } from './source.ts';

/** How long somebody waits for a turn at most. Whoever has asked for a refresh is answered within a minute. */
const MAX_WAIT_MS: Readonly<Record<Urgency, number>> = { login: 900_000, refresh: 45_000 };

/** Logins are refused when so many times as many users wait as for which refreshes are. */
const LOGIN_SHARE = 4;

/** How much is done at once, and how many users may wait. */
export interface QueueBounds {
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
}

/**
 * Does a few jobs at once; the others wait, logins before refreshes and first come, first served among each. A job is for one
 * user, or for several.
 */
export class FetchQueue {
  readonly #bounds: QueueBounds;
  readonly #lines: Readonly<Record<Urgency, Line>>;
  #running = 0;
  #isClosed = false;

  constructor(clock: Clock, bounds: QueueBounds) {
    this.#bounds = bounds;
    this.#lines = { login: new Line(clock, MAX_WAIT_MS.login), refresh: new Line(clock, MAX_WAIT_MS.refresh) };
  }

  /** How many jobs are under way. */
  get running(): number {
    return this.#running;
  }

  /** How many users wait. */
  get waiting(): number {
    return this.#lines.login.users + this.#lines.refresh.users;
  }

  /** Whether so many wait that refreshes are refused. */
  get isOverloaded(): boolean {
    return this.waiting >= this.#bounds.maxWaiting;
  }

  /**
   * Does a job for so many users when its turn comes; settles as it does.
   * @throws SourceError `overloaded` when too many wait or it has waited for too long.
   */
  run<T>(urgency: Urgency, users: number, job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = async (): Promise<void> => {
        try {
          resolve(await job());
        } catch (error) {
          reject(error);
        }
      };
      if (this.#isClosed) reject(closed());
      else if (this.#running < this.#bounds.maxConcurrent) this.#start(start);
      else if (this.#isFull(urgency)) reject(new SourceError('overloaded', 'too many fetches wait already'));
      else this.#lines[urgency].add({ users, start, refuse: reject });
    });
  }

  /** Refuses what waits, and what comes. */
  close(): void {
    this.#isClosed = true;
    for (const line of Object.values(this.#lines)) line.clear(closed());
  }

  #isFull(urgency: Urgency): boolean {
    if (urgency === 'refresh') return this.isOverloaded;
    return this.waiting >= LOGIN_SHARE * this.#bounds.maxWaiting;
  }

  #start(start: () => Promise<void>): void {
    this.#running++;
    start().finally(() => {
      this.#running--;
      const next = this.#lines.login.take() ?? this.#lines.refresh.take();
      if (next !== undefined) this.#start(next.start);
    });
  }
}

function closed(): SourceError {
  return new SourceError('refused', 'the server stops');
}

/** Somebody's job. */
interface Waiting {
  readonly users: number;
  readonly start: () => Promise<void>;
  readonly refuse: (error: SourceError) => void;
}

/** Those who wait, the first first. All may wait for the same time, so one timer does for the first of them. */
class Line {
  readonly #clock: Clock;
  readonly #maxWaitMs: number;
  // Taken out at the beginning in constant time: a map keeps the order in which its keys came.
  readonly #waiting = new Map<number, Waiting & { readonly until: number }>();
  #arrivals = 0;
  #timer: Timer | undefined;
  #users = 0;

  constructor(clock: Clock, maxWaitMs: number) {
    this.#clock = clock;
    this.#maxWaitMs = maxWaitMs;
  }

  get users(): number {
    return this.#users;
  }

  add(waiting: Waiting): void {
    this.#waiting.set(this.#arrivals++, { ...waiting, until: this.#clock.monotonic() + this.#maxWaitMs });
    this.#users += waiting.users;
    this.#timer ??= this.#clock.after(this.#maxWaitMs, () => this.#expire());
  }

  take(): Waiting | undefined {
    for (const [arrival, first] of this.#waiting) {
      this.#waiting.delete(arrival);
      this.#users -= first.users;
      return first;
    }
    return undefined;
  }

  clear(error: SourceError): void {
    for (let first = this.take(); first !== undefined; first = this.take()) first.refuse(error);
    this.#timer?.cancel();
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    this.#timer = undefined;
    for (const { until } of this.#waiting.values()) {
      if (until > now) {
        this.#timer = this.#clock.after(until - now, () => this.#expire());
        return;
      }
      this.take()?.refuse(new SourceError('overloaded', 'it was not its turn in time'));
    }
  }
}
