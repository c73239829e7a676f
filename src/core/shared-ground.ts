import type { Routes } from '../http/routes.ts';
import type { Store } from '../store/store.ts';
import type { Command } from './commands.ts';
import type { Ground } from './feature.ts';

/** Opens each table and journal once, however many hosts use it; keys begin with the host's domain. */
export class SharedGround implements Ground {
  readonly store: Store;
  readonly routes: Routes;
  readonly commands: Command[];
  readonly httpsUrl: Ground['httpsUrl'];
  readonly #opened = new Map<string, unknown>();

  constructor(store: Store, routes: Routes, commands: Command[], httpsUrl: Ground['httpsUrl']) {
    this.store = store;
    this.routes = routes;
    this.commands = commands;
    this.httpsUrl = httpsUrl;
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
