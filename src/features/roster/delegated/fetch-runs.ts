import type { FeatureHost } from '../../../core/feature.ts';
import type { CounterMetric, GaugeMetric, HistogramMetric } from '../../../metrics/metrics.ts';
import type { DelegationStatus } from '../api.ts';
import { Breaker, SUSPENDED_MS, type Verdict } from './breaker.ts';
import { HttpFailure } from './http-request.ts';
import { withRetries } from './retries.ts';
import { SourceError } from './source.ts';

/** What a fetch needs of the host. */
export type RunGround = Pick<FeatureHost, 'clock' | 'log' | 'metrics'>;

/** How a fetch that succeeded is counted; others are counted by the reason of their failure. */
export type Success = 'ok' | 'not_modified';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BREAKER_VALUES: Readonly<Record<DelegationStatus['state'], number>> = { working: 0, probing: 1, suspended: 2 };

/** Carries fetches out: within their time, repeated where that helps, not at all while the backend is left alone; counts them. */
export class FetchRuns {
  readonly #host: RunGround;
  readonly #timeoutMs: number;
  readonly #breaker: Breaker;
  readonly #seconds: HistogramMetric<never>;
  readonly #total: CounterMetric<'outcome'>;
  readonly #state: GaugeMetric<never>;
  readonly #running = new Map<AbortController, Promise<unknown>>();
  /** Fetches in a row that have failed. */
  #failures = 0;
  #isClosed = false;

  constructor(host: RunGround, timeoutMs: number) {
    this.#host = host;
    this.#timeoutMs = timeoutMs;
    const { metrics } = host;
    this.#seconds = metrics.histogram({
      name: 'roster_fetch_seconds',
      help: 'How long fetching rosters took, with repeated tries and without waiting for a turn. A batch is one fetch.',
      buckets: BUCKETS,
    });
    this.#total = metrics.counter({
      name: 'roster_fetches_total',
      help: 'Fetches of rosters by what became of them. A batch is one fetch.',
      labels: ['outcome'],
    });
    this.#state = metrics.gauge({
      name: 'roster_breaker_state',
      help: 'Whether rosters are fetched: 0 yes, 1 one is on trial, 2 no, because it failed too often.',
    });
    this.#state.set({}, BREAKER_VALUES.working);
    this.#breaker = new Breaker(host.clock, (state, before) => this.#changed(state, before));
  }

  get state(): DelegationStatus['state'] {
    return this.#breaker.state;
  }

  /** Whether a fetch that begins now would be refused as `suspended`. */
  get isSuspended(): boolean {
    return this.#breaker.isShut;
  }

  /**
   * Carries one fetch out: `work`, which ends with the reason of its signal when that is aborted, as often as is worthwhile.
   * @throws SourceError
   */
  run<T>(work: (signal: AbortSignal) => Promise<T>, successOf: (result: T) => Success): Promise<T> {
    const controller = new AbortController();
    const run = this.#run(work, successOf, controller).finally(() => this.#running.delete(controller));
    this.#running.set(controller, run);
    return run;
  }

  /** Ends what is under way; resolves when nothing is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const controller of this.#running.keys()) controller.abort(stopping());
    await Promise.allSettled(this.#running.values());
  }

  async #run<T>(
    work: (signal: AbortSignal) => Promise<T>,
    successOf: (result: T) => Success,
    controller: AbortController,
  ): Promise<T> {
    if (this.#isClosed) throw stopping();
    const permit = this.#breaker.admit();
    if (permit === undefined) throw new SourceError('suspended', 'fetching has failed too often lately');
    const { clock } = this.#host;
    const { signal } = controller;
    const startedAt = clock.monotonic();
    const timer = clock.after(this.#timeoutMs, () => controller.abort(outOfTime(this.#timeoutMs)));
    try {
      const result = await withRetries(() => work(signal), {
        clock,
        signal,
        endsAt: startedAt + this.#timeoutMs,
        isWorthwhile: () => permit === 'normal' && !this.#breaker.isShut,
      });
      this.#breaker.settle(permit, 'alive');
      this.#count(successOf(result), startedAt);
      this.#succeeded();
      return result;
    } catch (error) {
      const failure = this.#failureOf(error);
      this.#breaker.settle(permit, this.#isClosed ? 'unknown' : verdictOf(failure));
      if (!this.#isClosed) {
        this.#count(failure.reason, startedAt);
        this.#failed(failure);
      }
      throw failure;
    } finally {
      timer.cancel();
    }
  }

  #failureOf(error: unknown): SourceError {
    if (error instanceof SourceError) return error;
    this.#host.log.error('bug', { where: 'fetching a roster' }, error);
    return new SourceError('refused', 'fetching failed for a reason of our own', { cause: error });
  }

  #count(outcome: string, startedAt: number): void {
    this.#total.add({ outcome });
    this.#seconds.observe({}, (this.#host.clock.monotonic() - startedAt) / 1000);
  }

  // One line for an outage, however many users it has: the first failure after a success tells what is wrong.
  #failed(failure: SourceError): void {
    this.#failures++;
    const level = this.#failures === 1 ? 'warn' : 'debug';
    this.#host.log[level]('roster.fetch-failed', { reason: failure.reason }, failure);
  }

  #succeeded(): void {
    if (this.#failures > 1) this.#host.log.info('roster.fetch-works', { failures: this.#failures });
    this.#failures = 0;
  }

  // A trial that fails is no news.
  #changed(state: DelegationStatus['state'], before: DelegationStatus['state']): void {
    const { log } = this.#host;
    this.#state.set({}, BREAKER_VALUES[state]);
    if (before === 'working') log.warn('roster.suspended', { ms: SUSPENDED_MS });
    if (state === 'working') log.info('roster.resumed');
  }
}

function stopping(): SourceError {
  return new SourceError('refused', 'the server stops');
}

function outOfTime(ms: number): SourceError {
  return new HttpFailure('timeout', `no answer within ${ms} ms`, { isTransient: true });
}

// An answer of whatever kind shows that the backend is there: a user who is unknown to it must not cut off all others.
function verdictOf(failure: SourceError): Verdict {
  if (failure instanceof HttpFailure && failure.isTransient) return 'failed';
  return failure.reason === 'refused' ? 'unknown' : 'alive';
}
