import type { Routes } from '../http/routes.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Journal, JournalSpec, Store, Table, TableSpec } from '../store/store.ts';
import type { Command } from './commands.ts';
import type { Services } from './service.ts';

/** What the scopes of all features of all hosts share. */
export interface Ground {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly routes: Routes;
  /** Where clients reach what is served for a domain; see `FeatureHost.httpsUrl`. */
  httpsUrl(domain: string): string | undefined;
  /** Opens a table or journal once for all hosts. */
  table<V>(spec: TableSpec<V>): Table<V>;
  journal<V>(spec: JournalSpec<V>): Journal<V>;
  readonly commands: Command[];
  /** What the features of each host provide, by its domain. */
  readonly services: Map<string, Services>;
}
