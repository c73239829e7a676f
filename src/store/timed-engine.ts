import { Durations } from '../metrics/durations.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Clock } from '../util/clock.ts';
import type { Changes, Engine, EnginePage } from './engine.ts';
import type { KeyRange } from './keys.ts';

/** One in so many point reads is timed: they take microseconds. */
const ONE_IN = 16;

/** An engine whose reads and writes are timed. */
export class TimedEngine implements Engine {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #gets = new Durations();
  readonly #pages = new Durations();
  readonly #writes = new Durations();
  #begun = 0;
  #failures = 0;

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine;
    this.#clock = clock;
  }

  get(key: string): string | undefined {
    this.#begun = (this.#begun + 1) % ONE_IN;
    if (this.#begun !== 0) return this.#engine.get(key);
    const since = this.#clock.monotonic();
    const text = this.#engine.get(key);
    this.#gets.observe(this.#clock.monotonic() - since);
    return text;
  }

  async read(range: KeyRange, limit: number, reverse: boolean): Promise<EnginePage> {
    const since = this.#clock.monotonic();
    const page = await this.#engine.read(range, limit, reverse);
    this.#pages.observe(this.#clock.monotonic() - since);
    return page;
  }

  sizeOf(range: KeyRange): Promise<number> {
    return this.#engine.sizeOf(range);
  }

  async write(changes: Changes): Promise<void> {
    const since = this.#clock.monotonic();
    try {
      await this.#engine.write(changes);
      this.#writes.observe(this.#clock.monotonic() - since);
    } catch (error) {
      this.#failures++;
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  /** Exports the times. Returns what ends that. */
  export(metrics: Metrics): () => void {
    const undo = [
      metrics.timed({ name: 'store_get_seconds', help: 'Reading one value; a sample' }, this.#gets),
      metrics.timed({ name: 'store_page_seconds', help: 'Reading a page of values' }, this.#pages),
      metrics.timed({ name: 'store_commit_seconds', help: 'Writing a commit, until it is durable' }, this.#writes),
      metrics.counted({ name: 'store_commits_failed_total', help: 'Commits that could not be written' }, (put) =>
        put({}, this.#failures),
      ),
    ];
    return () => {
      for (const remove of undo) remove();
    };
  }
}
