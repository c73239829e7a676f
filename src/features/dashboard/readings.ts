import type { Sample } from '../../metrics/exposition.ts';
import { heapInUse } from '../../metrics/memory.ts';
import type { Metrics } from '../../metrics/metrics.ts';

/** What the live figures are made of. */
const NAMES = [
  'connections',
  'sessions',
  'stanzas_total',
  'stanza_handling_seconds',
  'event_loop_delay_seconds',
  'cpu_seconds_total',
  'store_commit_seconds',
  'store_get_seconds',
  'archive_bytes',
  'uploads_bytes',
] as const;
type Name = (typeof NAMES)[number];

/** A distribution since the start: how many were no longer than each bound, in seconds, the bounds rising. */
export interface Distribution {
  readonly buckets: readonly (readonly [bound: number, count: number])[];
  readonly sum: number;
  readonly count: number;
}

/** What is read of the metrics at one moment; null for what is not measured. Counts are since the start. */
export interface Reading {
  /** In milliseconds since the Unix epoch, and on a clock that never jumps. */
  readonly at: number;
  readonly monotonic: number;
  readonly connections: number | null;
  readonly sessions: number | null;
  readonly messages: number | null;
  readonly stanzas: number | null;
  readonly handling: Distribution | null;
  readonly loopDelay: number | null;
  readonly memory: number | null;
  readonly heap: number | null;
  readonly cpuSeconds: number | null;
  readonly commits: Distribution | null;
  readonly reads: Distribution | null;
  readonly archiveBytes: number | null;
  readonly uploadBytes: number | null;
}

type Values = ReadonlyMap<Name, readonly Sample[]>;

/** Reads the metrics now, of one host or of all; what belongs to the whole process is the same for each. */
export async function takeReading(
  metrics: Metrics,
  clock: { now(): number; monotonic(): number },
  host: string | undefined,
  { withMemory }: { readonly withMemory: boolean },
): Promise<Reading> {
  const values = await metrics.values(...NAMES);
  const of = (name: Name, labels: Readonly<Record<string, string>> = {}): number | null =>
    sumOf(values, name, { ...labels, ...(host !== undefined && { host }) });
  const ofAll = (name: Name, labels: Readonly<Record<string, string>> = {}): number | null =>
    sumOf(values, name, labels);
  return {
    at: clock.now(),
    monotonic: clock.monotonic(),
    // Those that have not named their host yet belong to none.
    connections: host === undefined ? ofAll('connections') : null,
    sessions: of('sessions'),
    messages: of('stanzas_total', { kind: 'message', direction: 'in' }),
    stanzas: of('stanzas_total'),
    handling: distributionOf(values, 'stanza_handling_seconds'),
    loopDelay: ofAll('event_loop_delay_seconds', { percentile: '99' }),
    // The system is asked for it only when somebody wants to know.
    memory: (withMemory ? metrics.memory.figures()?.allocated : undefined) ?? null,
    heap: heapInUse(),
    cpuSeconds: ofAll('cpu_seconds_total'),
    commits: distributionOf(values, 'store_commit_seconds'),
    reads: distributionOf(values, 'store_get_seconds'),
    archiveBytes: of('archive_bytes'),
    uploadBytes: of('uploads_bytes'),
  };
}

function sumOf(values: Values, name: Name, labels: Readonly<Record<string, string>>): number | null {
  const wanted = (values.get(name) ?? []).filter((sample) => hasLabels(sample, labels));
  return wanted.length === 0 ? null : wanted.reduce((sum, { value }) => sum + value, 0);
}

function hasLabels({ labels }: Sample, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

function distributionOf(values: Values, name: Name): Distribution | null {
  const samples = values.get(name) ?? [];
  if (samples.length === 0) return null;
  const byBound = new Map<number, number>();
  let [sum, count] = [0, 0];
  for (const { suffix, labels, value } of samples) {
    if (suffix === '_sum') sum += value;
    else if (suffix === '_count') count += value;
    else if (suffix === '_bucket') {
      const le = labels['le'];
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
      byBound.set(bound, (byBound.get(bound) ?? 0) + value);
    }
  }
  return { buckets: [...byBound].sort(([a], [b]) => a - b), sum, count };
}
