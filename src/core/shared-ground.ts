import type { Routes } from '../http/routes.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Store } from '../store/store.ts';
import type { Command } from './commands.ts';
import type { Ground } from './ground.ts';
import type { Services } from './service.ts';

/** Opens each table and journal once, however many hosts use it; keys begin with the host's domain. */
export class SharedGround implements Ground {
  readonly store: Store;
  readonly routes: Routes;
  readonly metrics: Metrics;
  readonly commands: Command[];
  readonly httpsUrl: Ground['httpsUrl'];
  readonly services = new Map<string, Services>();
  readonly #opened = new Map<string, unknown>();

  constructor(shared: Omit<Ground, 'table' | 'journal' | 'services'>) {
    this.store = shared.store;
    this.routes = shared.routes;
    this.metrics = shared.metrics;
    this.commands = shared.commands;
    this.httpsUrl = shared.httpsUrl;
  }

  table: Ground['table'] = (spec) => this.#once(`table ${spec.name}`, () => this.store.table(spec));

  journal: Ground['journal'] = (spec) => this.#once(`journal ${spec.name}`, () => this.store.journal(spec));

  #once<T>(name: string, open: () => T): T {
    const opened = this.#opened.get(name) ?? open();
    this.#opened.set(name, opened);
    // Only this feature's own code opens this name, on each host with the same spec.
    return opened as T;
  }
}
