import { LIVE_FIGURES, type LiveFigure, type LiveSample, type RecentSamples } from './wire.ts';

/** How far back the samples go. */
const KEPT_MS = 3_600_000;
const MAX_SAMPLES = 400;

/** The samples of the last hour, in memory. */
export class Recent {
  readonly #samples: LiveSample[] = [];

  /** When the newest was taken, in milliseconds since the Unix epoch; 0 for none. */
  get newestAt(): number {
    return this.#samples.at(-1)?.at ?? 0;
  }

  add(sample: LiveSample): void {
    const samples = this.#samples;
    // A clock that was set back: what was taken later by it is of no use any more.
    while ((samples.at(-1)?.at ?? 0) >= sample.at) samples.pop();
    samples.push(sample);
    while ((samples[0]?.at ?? sample.at) < sample.at - KEPT_MS || samples.length > MAX_SAMPLES) samples.shift();
  }

  /** All of them, in columns. */
  columns(): RecentSamples {
    const values: Partial<Record<LiveFigure, (number | null)[]>> = {};
    for (const figure of LIVE_FIGURES) values[figure] = this.#samples.map((sample) => sample.values[figure]);
    return { at: this.#samples.map(({ at }) => at), values };
  }
}
