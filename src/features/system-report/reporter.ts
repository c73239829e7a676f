import type { Logger } from '../../log/log.ts';
import type { Clock, Timer } from '../../util/clock.ts';
import { deadline } from '../../util/deadline.ts';
import type { SystemReportConfig } from './config.ts';
import { batchesOf, type ReportEvent, withinLimits } from './events.ts';
import { type Measurement, post } from './post.ts';
import { writeReport } from './report-file.ts';

/** How long one request may take. */
const REQUEST_MS = 10_000;

export interface ReporterOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where each report is written before it is sent. */
  readonly file: string;
  readonly collect: (isExtended: boolean) => Promise<readonly ReportEvent[]>;
  readonly clientId: () => Promise<string>;
}

/** Makes a report every few hours: writes it down, and sends it to whom the operator has named, if to anybody. */
export class Reporter {
  readonly #options: ReporterOptions;
  #config: SystemReportConfig;
  #timer: Timer | undefined;
  #running: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(config: SystemReportConfig, options: ReporterOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Makes the first report after a while. Does nothing when it has been started. */
  start(): void {
    this.#timer ??= this.#options.clock.after(this.#config.initialReportMs, () => this.#due());
  }

  configure(config: SystemReportConfig): void {
    this.#config = config;
  }

  /** Makes no more reports; resolves when the one that is being made is given up. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#running?.abort.abort();
    await this.#running?.ended;
  }

  // The next one is due whatever becomes of this one, which takes the place of one that is still being made.
  #due(): void {
    this.#timer = this.#options.clock.after(this.#config.periodicReportMs, () => this.#due());
    const before = this.#running;
    before?.abort.abort();
    const abort = new AbortController();
    this.#running = { abort, ended: this.#follow(before?.ended, abort.signal) };
  }

  // Only one at a time writes the file.
  async #follow(before: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
    await before;
    try {
      if (!signal.aborted) await this.#report(this.#config, signal);
    } catch (error) {
      if (!signal.aborted) this.#options.log.debug('system-report.failed', { reason: String(error) });
    }
  }

  // What cannot be written down, for the operator to see, is not sent either.
  async #report(config: SystemReportConfig, signal: AbortSignal): Promise<void> {
    const events = (await this.#options.collect(config.extended)).map(withinLimits);
    await writeReport(this.#options.file, events);
    // Nobody but the owner of this id is told anything: Parley brings none of its own.
    if (config.trackingId === undefined) return;
    const trackingId = { id: config.trackingId.id, secret: config.trackingId.secret.reveal() };
    const clientId = await this.#options.clientId();
    for (const batch of batchesOf(events)) {
      signal.throwIfAborted();
      await this.#send({ url: config.googleAnalyticsUrl, trackingId, clientId, events: batch }, signal);
    }
  }

  /** Sends a part, once; that it failed is no reason not to send the others. */
  async #send(measurement: Measurement, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const expired = new AbortController();
    try {
      await deadline(post(measurement, AbortSignal.any([signal, expired.signal])), REQUEST_MS, clock);
    } catch (error) {
      if (!signal.aborted) log.debug('system-report.not-sent', { reason: String(error) });
    } finally {
      expired.abort();
    }
  }
}
