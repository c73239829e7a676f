import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Awaitable } from '../util/awaitable.ts';
import { type Clock, systemClock } from '../util/clock.ts';
import type { Durations } from './durations.ts';
import { type ExpositionFormat, exposition, type Family, type Sample } from './exposition.ts';
import { Memory } from './memory.ts';
import { exportedName, type Naming } from './names.ts';

/** The labels of a value; their names are those that its metric was made with. */
export type Labels<L extends string> = Readonly<Record<L, string>>;

/** What a metric is: its name without the server's prefix, in snake case and with its unit, and a line for people. */
export interface MetricSpec<L extends string> {
  readonly name: string;
  readonly help: string;
  /** The values of each come from a small closed set: never addresses, never what a peer chooses. */
  readonly labels?: readonly L[];
}

/** Counts what happens; never goes down. */
export interface CounterMetric<L extends string> {
  add(labels: Labels<L>, amount?: number): void;
}

/** Something that goes up and down. */
export interface GaugeMetric<L extends string> {
  set(labels: Labels<L>, value: number): void;
  /** Forgets a value: it is not exported any more. */
  remove(labels: Labels<L>): void;
}

/** The distribution of durations or sizes. */
export interface HistogramMetric<L extends string> {
  /** In seconds or bytes. */
  observe(labels: Labels<L>, value: number): void;
}

/** Takes one value of what is read when somebody asks. */
export type Put<L extends string> = (labels: Labels<L>, value: number) => void;

export interface MetricsOptions {
  readonly clock?: Clock;
  readonly naming?: Naming;
  /** In the place of that of the naming. */
  readonly prefix?: string | undefined;
  readonly memory?: Memory;
  /** Told of what goes wrong while values are read; the others are exported all the same. */
  readonly failed?: (error: unknown) => void;
}

/** Values that are kept elsewhere and read when somebody asks. */
interface Source {
  readonly name: string;
  readonly help: string;
  readonly type: Family['type'];
  readonly reads: Set<() => readonly Sample[]>;
}

/** What all views of the same metrics share. */
interface Shared {
  readonly registry: Registry;
  readonly made: Map<string, unknown>;
  readonly sources: Map<string, Source>;
  readonly collectors: Set<() => Awaitable<void>>;
  /** By exported name, in seconds since the Unix epoch. */
  readonly createdAt: Map<string, number>;
  readonly clock: Clock;
  readonly options: MetricsOptions;
  collectionMs: number;
  /** The last run of the collectors: since when, and when it is done. */
  collection: { readonly since: number; readonly done: Promise<void> } | undefined;
}

/**
 * Everything that the server counts and measures. Asking twice for a metric of one name gives the same one, so that the
 * features of each host can; a name stands for one kind of metric with one set of labels.
 */
export class Metrics {
  /** What the process takes of the machine's memory. */
  readonly memory: Memory;
  readonly #shared: Shared;
  readonly #constant: Readonly<Record<string, string>>;

  constructor(options: MetricsOptions = {}, of?: Metrics, constant: Readonly<Record<string, string>> = {}) {
    this.#shared = of === undefined ? newShared(options) : of.#shared;
    this.memory = of === undefined ? (options.memory ?? new Memory(this.#shared.clock)) : of.memory;
    this.#constant = of === undefined ? constant : { ...of.#constant, ...constant };
  }

  /** The same metrics, in which every value has these labels too. */
  labelled(labels: Readonly<Record<string, string>>): Metrics {
    return new Metrics({}, this, labels);
  }

  /** A counter; its name ends in `_total`. */
  counter<L extends string = never>(spec: MetricSpec<L>): CounterMetric<L> {
    const counter = this.#once(spec.name, () => new Counter<string>(this.#optionsOf(spec)));
    return { add: (labels, amount = 1) => counter.inc({ ...this.#constant, ...labels }, amount) };
  }

  gauge<L extends string = never>(spec: MetricSpec<L>): GaugeMetric<L> {
    const gauge = this.#once(spec.name, () => new Gauge<string>(this.#optionsOf(spec)));
    return {
      set: (labels, value) => gauge.set({ ...this.#constant, ...labels }, value),
      remove: (labels) => gauge.remove({ ...this.#constant, ...labels }),
    };
  }

  /** A histogram with the upper bounds of its buckets. */
  histogram<L extends string = never>(
    spec: MetricSpec<L> & { readonly buckets: readonly number[] },
  ): HistogramMetric<L> {
    const options = { ...this.#optionsOf(spec), buckets: [...spec.buckets] };
    const histogram = this.#once(spec.name, () => new Histogram<string>(options));
    return { observe: (labels, value) => histogram.observe({ ...this.#constant, ...labels }, value) };
  }

  /** A counter that is kept as plain numbers elsewhere, and read when somebody asks. Returns what removes it. */
  counted<L extends string = never>(spec: MetricSpec<L>, read: (put: Put<L>) => void): () => void {
    return this.#source(spec, 'counter', () => this.#samples('_total', read));
  }

  /** A gauge that is read when somebody asks. Returns what removes it. */
  measured<L extends string = never>(spec: MetricSpec<L>, read: (put: Put<L>) => void): () => void {
    return this.#source(spec, 'gauge', () => this.#samples('', read));
  }

  /** A histogram of durations that are kept elsewhere; its name ends in `_seconds`. Returns what removes it. */
  timed(spec: Omit<MetricSpec<never>, 'labels'>, durations: Durations): () => void {
    return this.#source(spec, 'histogram', () => durationSamples(durations, this.#constant));
  }

  /** Runs when somebody asks for the metrics, before they are read. Returns what removes it. */
  onCollect(run: () => Awaitable<void>): () => void {
    const { collectors } = this.#shared;
    collectors.add(run);
    return () => void collectors.delete(run);
  }

  /** For how long what collectors have read is good, and what was read of the memory, in milliseconds. */
  configure({ collectionMs, memoryMs }: { readonly collectionMs: number; readonly memoryMs: number }): void {
    this.#shared.collectionMs = collectionMs;
    this.memory.intervalMs = memoryMs;
  }

  /** Everything in a text format: that of OpenMetrics 1.0 unless another is asked for. */
  async text(format: ExpositionFormat = 'openMetrics'): Promise<string> {
    await this.#collect();
    const { registry, sources } = this.#shared;
    const families: Family[] = [];
    for (const metric of await registry.getMetricsAsJSON()) families.push(this.#familyOf(metric));
    for (const source of sources.values()) families.push(this.#read(source));
    return exposition(families, format);
  }

  /**
   * The values of some metrics, by the names that they were made with, as they are now. Those that nobody has made have none;
   * others are not read.
   */
  async values<N extends string>(...names: readonly N[]): Promise<ReadonlyMap<N, readonly Sample[]>> {
    await this.#collect(0);
    const { registry, sources, options } = this.#shared;
    const values = new Map<N, readonly Sample[]>();
    for (const name of names) {
      const exported = exportedName(name, options.naming ?? 'parley', options.prefix);
      const source = sources.get(exported) ?? sources.get(withoutTotal(exported));
      const metric = registry.getSingleMetric(exported);
      const family = source ? this.#read(source) : metric && this.#familyOf(await metric.get());
      values.set(name, family?.samples ?? []);
    }
    return values;
  }

  #collect(maxAgeMs = this.#shared.collectionMs): Promise<void> {
    const { collection, clock } = this.#shared;
    const now = clock.monotonic();
    if (collection !== undefined && now - collection.since < maxAgeMs) return collection.done;
    const done = this.#runCollectors();
    this.#shared.collection = { since: now, done };
    return done;
  }

  async #runCollectors(): Promise<void> {
    for (const run of this.#shared.collectors) {
      try {
        await run();
      } catch (error) {
        this.#shared.options.failed?.(error);
      }
    }
  }

  #familyOf({ name, help, type, values = [] }: MetricJson): Family {
    const isCounter = type === 'counter';
    const base = isCounter ? withoutTotal(name) : name;
    const samples = values.map(({ labels, value, metricName }) => {
      const suffix = isCounter ? '_total' : (metricName ?? name).slice(name.length);
      return { suffix, labels, value };
    });
    const kind = isCounter || type === 'histogram' ? type : 'gauge';
    return { name: base, help, type: kind, samples, createdAt: this.#createdAt(base) };
  }

  #read({ name, help, type, reads }: Source): Family {
    const samples: Sample[] = [];
    for (const read of reads) {
      try {
        samples.push(...read());
      } catch (error) {
        this.#shared.options.failed?.(error);
      }
    }
    return { name, help, type, samples, createdAt: this.#createdAt(name) };
  }

  #createdAt(name: string): number {
    return this.#shared.createdAt.get(name) ?? 0;
  }

  #samples<L extends string>(suffix: string, read: (put: Put<L>) => void): Sample[] {
    const samples: Sample[] = [];
    read((labels, value) => samples.push({ suffix, labels: { ...this.#constant, ...labels }, value }));
    return samples;
  }

  #source(spec: MetricSpec<string>, type: Family['type'], read: () => readonly Sample[]): () => void {
    const { sources } = this.#shared;
    const name = this.#exported(spec.name, type);
    const source = sources.get(name) ?? { name, help: spec.help, type, reads: new Set() };
    sources.set(name, source);
    source.reads.add(read);
    return () => void source.reads.delete(read);
  }

  #exported(name: string, type?: Family['type']): string {
    const { naming = 'parley', prefix } = this.#shared.options;
    const exported = exportedName(name, naming, prefix);
    const base = type === 'gauge' ? exported : withoutTotal(exported);
    // What a counter shows has been counted since there was the counter.
    const { createdAt, clock } = this.#shared;
    if (!createdAt.has(base)) createdAt.set(base, clock.now() / 1000);
    return type === undefined ? exported : base;
  }

  #optionsOf({ name, help, labels = [] }: MetricSpec<string>) {
    const labelNames = [...Object.keys(this.#constant), ...labels];
    return { name: this.#exported(name), help, labelNames, registers: [this.#shared.registry] };
  }

  #once<T>(name: string, make: () => T): T {
    const made = this.#shared.made.get(name) ?? make();
    this.#shared.made.set(name, made);
    // A name stands for one kind of metric: whoever asks again asks for the same.
    return made as T;
  }
}

/** What the library tells of a metric; that of a histogram's value has a name of its own. */
interface MetricJson {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values?: readonly (Pick<Sample, 'labels' | 'value'> & { readonly metricName?: string })[];
}

function newShared(options: MetricsOptions): Shared {
  return {
    registry: new Registry(),
    made: new Map(),
    sources: new Map(),
    collectors: new Set(),
    createdAt: new Map(),
    clock: options.clock ?? systemClock,
    options,
    collectionMs: 0,
    collection: undefined,
  };
}

function withoutTotal(name: string): string {
  return name.endsWith('_total') ? name.slice(0, -'_total'.length) : name;
}

function durationSamples(durations: Durations, constant: Readonly<Record<string, string>>): Sample[] {
  const samples: Sample[] = [];
  for (const [bound, count] of durations.cumulative()) {
    samples.push({ suffix: '_bucket', labels: { ...constant, le: bound }, value: count });
  }
  samples.push({ suffix: '_count', labels: constant, value: durations.count });
  samples.push({ suffix: '_sum', labels: constant, value: durations.sum });
  return samples;
}
