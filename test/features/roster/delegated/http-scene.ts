import type { TestContext } from 'node:test';
import type { Feature } from '../../../../src/core/feature.ts';
import { config, type DelegatedRosterConfig } from '../../../../src/features/roster/delegated/config.ts';
import { HttpSource } from '../../../../src/features/roster/delegated/http-source.ts';
import { SourceError } from '../../../../src/features/roster/delegated/source.ts';
import type { MemoryStore } from '../../../../src/store/memory.ts';
import type { Timer } from '../../../../src/util/clock.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { RosterBackend } from '../../../support/roster-backend.ts';
import { Stage } from '../../../support/stage.ts';

/** A clock that stands still and tells what others wait for, but for what is repeated. */
export class WatchedClock extends ManualClock {
  readonly waits: number[] = [];
  #skippedMs = 0;
  #isTicking = false;

  override now(): number {
    return super.now() + this.#skippedMs;
  }

  /** Sets the time of day on by days, in which nothing falls due: a stage has timers that would run a million times. */
  skipDays(days: number): void {
    this.#skippedMs += days * 86_400_000;
  }

  override after(ms: number, run: () => void): Timer {
    // What sets its next timer when the last one falls due repeats itself.
    if (!this.#isTicking) this.waits.push(ms);
    return super.after(ms, () => {
      this.#isTicking = true;
      run();
      this.#isTicking = false;
    });
  }
}

export interface SceneOptions {
  /** The feature's options; `url` is the backend's unless it is given. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly backend?: RosterBackend;
  readonly clock?: WatchedClock;
  readonly store?: MemoryStore;
}

/** A source over a real backend, on a stage whose clock stands still. */
export class HttpScene {
  readonly backend: RosterBackend;
  readonly stage: Stage;
  readonly clock: WatchedClock;
  readonly source: HttpSource;

  private constructor(backend: RosterBackend, stage: Stage, clock: WatchedClock, source: HttpSource) {
    this.backend = backend;
    this.stage = stage;
    this.clock = clock;
    this.source = source;
  }

  static async open(t: TestContext, { options = {}, limits = {}, store, ...given }: SceneOptions = {}) {
    const backend = given.backend ?? (await RosterBackend.start(t));
    const clock = given.clock ?? new WatchedClock();
    let source: HttpSource | undefined;
    const feature: Feature<DelegatedRosterConfig> = {
      name: 'delegatedRoster',
      specs: [],
      config,
      setup(host, settings) {
        const made = new HttpSource(host, settings);
        host.defer(() => made.close());
        source = made;
      },
    };
    const stage = await Stage.open(t, {
      features: [feature],
      config: { features: { delegatedRoster: { url: backend.url, ...options } }, limits },
      clock,
      ...(store === undefined ? {} : { store }),
    });
    if (source === undefined) throw new Error('the feature was not set up');
    clock.waits.length = 0;
    return new HttpScene(backend, stage, clock, source);
  }

  /** The events of the log at a level, without those of others. */
  logged(level: string): string[] {
    const { records } = this.stage.log;
    return records
      .filter((record) => record.level === level && record.event.startsWith('roster.'))
      .map(({ event }) => event);
  }

  /** Lets the waits between tries pass until `pending` has settled, and returns what it settled with. */
  async patiently<T>(pending: Promise<T>): Promise<T> {
    let isSettled = false;
    const settled = (): void => {
      isSettled = true;
    };
    pending.then(settled, settled);
    for (let seen = this.clock.waits.length; ; ) {
      await until(() => isSettled || this.clock.waits.length > seen);
      if (isSettled) return pending;
      const waitMs = this.clock.waits[seen++] ?? 0;
      if (waitMs < 5_000) await this.clock.advance(waitMs);
    }
  }
}

/** Why a fetch fails; 'none' when it does not. */
export async function failureOf(fetching: Promise<unknown>): Promise<string> {
  try {
    await fetching;
    return 'none';
  } catch (error) {
    if (error instanceof SourceError) return error.reason;
    throw error;
  }
}

/** Lets the event loop turn until a condition holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
