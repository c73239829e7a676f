import type { Config } from '../config/config.ts';
import type { Feature, Reconfigurable } from './feature.ts';
import { FeatureScope } from './feature-scope.ts';
import type { Ground } from './ground.ts';
import type { Host } from './host.ts';
import { undoAll } from './undo.ts';

/** The features that run on one host. */
export class FeatureSet {
  readonly #scopes: FeatureScope[] = [];
  readonly #reconfigurable = new Map<string, Reconfigurable<unknown>>();

  /**
   * Sets up every feature that the configuration does not switch off, in the order given, which becomes the order of their
   * filters. Throws when a feature needs what none above it provides, or when two collide; what was set up is undone.
   */
  static async open(
    host: Host,
    features: readonly Feature[],
    configured: Config['features'],
    ground: Ground,
  ): Promise<FeatureSet> {
    const set = new FeatureSet();
    try {
      await set.#setUp(host, features, configured, ground);
    } catch (error) {
      // The first failure is the one to tell.
      await set.close().catch(() => {});
      throw error;
    }
    return set;
  }

  async #setUp(
    host: Host,
    features: readonly Feature[],
    configured: Config['features'],
    ground: Ground,
  ): Promise<void> {
    const { services } = host;
    ground.services.set(host.domain, services);
    for (const feature of features) {
      const options = configured[feature.name];
      if (options === false) continue;
      for (const service of feature.needs ?? []) {
        if (!services.has(service)) {
          throw new Error(`the feature ${feature.name} needs ${service.name}, which no feature above it provides`);
        }
      }
      const scope = new FeatureScope(feature.name, host, ground);
      this.#scopes.push(scope);
      const reconfigurable = await feature.setup(scope, options);
      if (reconfigurable !== undefined) this.#reconfigurable.set(feature.name, reconfigurable);
    }
  }

  /** Runs what features do before the first client gets in. */
  async begin(): Promise<void> {
    for (const scope of this.#scopes) await scope.begin();
  }

  /** Gives the features another configuration; what is switched on or off by it waits for a restart. */
  configure(configured: Config['features']): void {
    for (const [name, reconfigurable] of this.#reconfigurable) {
      const options = configured[name];
      if (options !== false) reconfigurable.configure(options);
    }
  }

  /** Undoes all registrations, the last first. */
  close(): Promise<void> {
    return undoAll(this.#scopes.splice(0).map((scope) => () => scope.close()));
  }
}
