import { Readable } from 'node:stream';
import type { FeatureHost } from '../../core/feature.ts';
import { HttpError, type HttpResponse } from '../../http/message.ts';
import type { Timer } from '../../util/clock.ts';
import { Meter } from './meter.ts';
import { takeReading } from './readings.ts';
import { Recent } from './recent.ts';
import type { Viewer } from './viewers.ts';
import type { LiveSample } from './wire.ts';

const UPDATE_MS = 2000;
/** Of the time, at most one part in so many is spent on reading: where there is much to count, updates are rarer. */
const PART = 100;
/** Less often than this, and proxies and we ourselves would take the connection for dead. */
const MAX_UPDATE_MS = 30_000;
/** How close together the samples are that are kept, while somebody looks and while nobody does. */
const KEPT_EVERY_MS = 10_000;
const QUIET_MS = 60_000;
/** What may wait for a viewer who is slow; beyond that it is left behind. */
const MAX_WAITING_BYTES = 262_144;
const RETRY_MS = 5000;

export interface LiveOptions {
  readonly host: FeatureHost;
  readonly maxViewers: () => number;
}

/** Somebody's connection. */
interface Connection {
  readonly viewer: Viewer;
  readonly scope: Scope;
  readonly body: Readable;
  /** Whether the samples of the last hour were sent. */
  hasBegun: boolean;
}

/** What is looked at: one host, or all. */
interface Scope {
  readonly host: string | undefined;
  readonly meter: Meter;
  /** For the samples that are kept, which are further apart. */
  readonly keptMeter: Meter;
  readonly recent: Recent;
}

/**
 * Tells those who look at the dashboard every two seconds how the server is doing, by server-sent events (HTML Standard §9.2).
 * Nothing is read before somebody has looked; from then on, one sample a minute is kept while nobody does.
 */
export class Live {
  readonly #options: LiveOptions;
  readonly #connections = new Set<Connection>();
  readonly #scopes = new Map<string | undefined, Scope>();
  #timer: Timer | undefined;
  #isUpdating = false;
  #hasFailed = false;
  #hasStopped = false;

  constructor(options: LiveOptions) {
    this.#options = options;
  }

  /** How many look at this moment. */
  get viewers(): number {
    return this.#connections.size;
  }

  /** The answer for somebody who wants to be told about a host, or all. Throws HttpError 503 when there are too many. */
  open(viewer: Viewer, host: string | undefined): HttpResponse {
    if (this.#connections.size >= this.#options.maxViewers()) {
      this.#options.host.log.info('dashboard.full', { viewers: this.#connections.size });
      throw new HttpError(503, 'Too many people look at the dashboard.', { 'retry-after': '60' });
    }
    const body = new Readable({ read: () => {} });
    const connection: Connection = { viewer, scope: this.#scope(host), body, hasBegun: false };
    this.#connections.add(connection);
    body.once('close', () => this.#connections.delete(connection));
    body.push(`retry: ${RETRY_MS}\n\n`);
    this.#schedule(0);
    const headers = {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Some proxies gather answers before they hand them on.
      'x-accel-buffering': 'no',
    };
    return { status: 200, headers, body, isEndless: true };
  }

  /** Ends all connections, and reads nothing any more. */
  stop(): void {
    this.#hasStopped = true;
    this.#timer?.cancel();
    for (const { body } of this.#connections) body.destroy();
  }

  #scope(host: string | undefined): Scope {
    const scope = this.#scopes.get(host) ?? { host, meter: new Meter(), keptMeter: new Meter(), recent: new Recent() };
    this.#scopes.set(host, scope);
    return scope;
  }

  #schedule(afterMs: number): void {
    if (this.#isUpdating || this.#hasStopped) return;
    this.#timer?.cancel();
    this.#timer = this.#options.host.clock.after(afterMs, () => void this.#update());
  }

  async #update(): Promise<void> {
    const { clock, log } = this.#options.host;
    const began = clock.monotonic();
    this.#isUpdating = true;
    try {
      for (const scope of this.#scopes.values()) await this.#updateScope(scope);
      this.#hasFailed = false;
    } catch (error) {
      // Once is enough to be told.
      if (!this.#hasFailed) log.error('dashboard.failed', {}, error);
      this.#hasFailed = true;
    }
    this.#isUpdating = false;
    const took = clock.monotonic() - began;
    const updateMs = Math.min(Math.max(UPDATE_MS, took * PART), MAX_UPDATE_MS);
    this.#schedule(this.viewers > 0 ? updateMs : QUIET_MS);
  }

  async #updateScope(scope: Scope): Promise<void> {
    const { clock, metrics } = this.#options.host;
    const connections = [...this.#connections].filter((connection) => connection.scope === scope);
    const isDue = clock.now() - scope.recent.newestAt >= KEPT_EVERY_MS || clock.now() < scope.recent.newestAt;
    if (connections.length === 0 && !isDue) return;
    const reading = await takeReading(metrics, clock, scope.host, { withMemory: connections.length > 0 });
    if (isDue) scope.recent.add(scope.keptMeter.take(reading));
    const sample = scope.meter.take(reading);
    for (const connection of connections) await this.#tell(connection, sample);
  }

  async #tell(connection: Connection, sample: LiveSample): Promise<void> {
    const { viewer, scope, body } = connection;
    // Asked each time, so that whoever is no administrator any more sees nothing more.
    if (!(await viewer.mayLook())) {
      this.#connections.delete(connection);
      body.push(null);
      return;
    }
    if (body.destroyed) return;
    if (body.readableLength > MAX_WAITING_BYTES) {
      this.#options.host.log.debug('dashboard.slow', { jid: viewer.jid.toString() });
      body.destroy();
      return;
    }
    if (!connection.hasBegun) body.push(eventText('recent', scope.recent.columns()));
    connection.hasBegun = true;
    body.push(eventText('sample', sample));
  }
}

function eventText(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
