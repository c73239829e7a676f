import { Counter, Gauge, Histogram, type OpenMetricsContentType, Registry } from 'prom-client';

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
}

/** The distribution of durations or sizes. */
export interface HistogramMetric<L extends string> {
  /** In seconds or bytes. */
  observe(labels: Labels<L>, value: number): void;
}

const PREFIX = 'parley_';

/**
 * Everything that the server counts and measures. Asking twice for a metric of one name gives the same one, so that the
 * features of each host can; a name stands for one kind of metric with one set of labels.
 */
export class Metrics {
  readonly #registry: Registry<OpenMetricsContentType>;
  readonly #made: Map<string, unknown>;
  readonly #constant: Readonly<Record<string, string>>;

  constructor(parent?: Metrics, constant: Readonly<Record<string, string>> = {}) {
    this.#registry = parent === undefined ? new Registry<OpenMetricsContentType>() : parent.#registry;
    this.#registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    this.#made = parent === undefined ? new Map() : parent.#made;
    this.#constant = parent === undefined ? constant : { ...parent.#constant, ...constant };
  }

  /** The same metrics, in which every value has these labels too. */
  labelled(labels: Readonly<Record<string, string>>): Metrics {
    return new Metrics(this, labels);
  }

  /** A counter; its name ends in `_total`. */
  counter<L extends string = never>(spec: MetricSpec<L>): CounterMetric<L> {
    const counter = this.#once(spec.name, () => new Counter<string>(this.#optionsOf(spec)));
    return { add: (labels, amount = 1) => counter.inc({ ...this.#constant, ...labels }, amount) };
  }

  gauge<L extends string = never>(spec: MetricSpec<L>): GaugeMetric<L> {
    const gauge = this.#once(spec.name, () => new Gauge<string>(this.#optionsOf(spec)));
    return { set: (labels, value) => gauge.set({ ...this.#constant, ...labels }, value) };
  }

  /** A histogram with the upper bounds of its buckets. */
  histogram<L extends string = never>(
    spec: MetricSpec<L> & { readonly buckets: readonly number[] },
  ): HistogramMetric<L> {
    const options = { ...this.#optionsOf(spec), buckets: [...spec.buckets] };
    const histogram = this.#once(spec.name, () => new Histogram<string>(options));
    return { observe: (labels, value) => histogram.observe({ ...this.#constant, ...labels }, value) };
  }

  /** Everything in the text format of OpenMetrics 1.0. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #optionsOf({ name, help, labels = [] }: MetricSpec<string>) {
    const labelNames = [...Object.keys(this.#constant), ...labels];
    return { name: `${PREFIX}${name}`, help, labelNames, registers: [this.#registry] };
  }

  #once<T>(name: string, make: () => T): T {
    const made = this.#made.get(name) ?? make();
    this.#made.set(name, made);
    // A name stands for one kind of metric: whoever asks again asks for the same.
    return made as T;
  }
}
