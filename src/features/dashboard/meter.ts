import type { Distribution, Reading } from './readings.ts';
import type { LiveSample } from './wire.ts';

/** Makes what people look at of readings: rates and times since the reading before. */
export class Meter {
  #last: Reading | undefined;

  /** What was going on between the last reading and this one; nothing of that for the first. */
  take(now: Reading): LiveSample {
    const last = this.#last;
    this.#last = now;
    const seconds = last === undefined ? 0 : (now.monotonic - last.monotonic) / 1000;
    const rate = (of: (reading: Reading) => number | null): number | null => {
      const [before, after] = [last && of(last), of(now)];
      if (before === undefined || before === null || after === null || seconds <= 0) return null;
      // A session that ended between two counts may be missing from the later one.
      return Math.max(0, (after - before) / seconds);
    };
    const since = (of: (reading: Reading) => Distribution | null): Distribution | null =>
      between((last && of(last)) ?? null, of(now));
    const handling = since((reading) => reading.handling);
    return {
      at: now.at,
      values: {
        connections: now.connections,
        sessions: now.sessions,
        messages: rate(({ messages }) => messages),
        stanzas: rate(({ stanzas }) => stanzas),
        handlingMedian: quantile(handling, 0.5),
        handlingHigh: quantile(handling, 0.99),
        loopDelay: now.loopDelay,
        memory: now.memory,
        heap: now.heap,
        cpu: rate(({ cpuSeconds }) => cpuSeconds),
        storeCommit: mean(since(({ commits }) => commits)),
        storeRead: mean(since(({ reads }) => reads)),
        archiveBytes: now.archiveBytes,
        uploadBytes: now.uploadBytes,
      },
    };
  }
}

function between(before: Distribution | null, after: Distribution | null): Distribution | null {
  if (before === null || after === null) return null;
  const counts = new Map(before.buckets);
  const buckets = after.buckets.map(([bound, count]) => [bound, count - (counts.get(bound) ?? 0)] as const);
  return { buckets, sum: after.sum - before.sum, count: after.count - before.count };
}

/** How long so large a part of them took at most, in seconds, as well as the buckets tell; null when there were none. */
export function quantile(distribution: Distribution | null, part: number): number | null {
  if (distribution === null || distribution.count <= 0) return null;
  const wanted = distribution.count * part;
  let [lower, below] = [0, 0];
  for (const [bound, count] of distribution.buckets) {
    if (count >= wanted) {
      if (!Number.isFinite(bound)) return lower;
      return lower + (bound - lower) * ((wanted - below) / Math.max(1, count - below));
    }
    [lower, below] = [bound, count];
  }
  return lower;
}

function mean(distribution: Distribution | null): number | null {
  return distribution === null || distribution.count <= 0 ? null : distribution.sum / distribution.count;
}
