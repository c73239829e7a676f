import type { Clock, Timer } from '../../util/clock.ts';

/** Repeats work, each time after another while; work that is still going when it is due again makes the next wait. */
export class Schedule {
  readonly #clock: Clock;
  readonly #intervalMs: () => number;
  readonly #run: () => Promise<void>;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #hasEnded = false;

  /** `intervalMs` is asked at the start of each run for the time until the next; `run` may not reject. */
  constructor(clock: Clock, intervalMs: () => number, run: () => Promise<void>) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#run = run;
  }

  /** Begins after some milliseconds. */
  begin(afterMs: number): void {
    this.#timer = this.#clock.after(afterMs, () => {
      this.#running = this.#running.then(() => this.#turn());
    });
  }

  /** Begins no more; resolves when what is going has ended. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #turn(): Promise<void> {
    if (this.#hasEnded) return;
    this.begin(this.#intervalMs());
    await this.#run();
  }
}
