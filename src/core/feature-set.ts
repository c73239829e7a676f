import type { Config } from '../config/config.ts';
import { type Feature, FeatureScope, type Ground } from './feature.ts';
import type { Host } from './host.ts';

/** The features that run on one host. */
export class FeatureSet {
  readonly #scopes: FeatureScope[] = [];

  /**
   * Sets up every feature that the configuration does not switch off, in the order given, which becomes the order of their
   * filters. Throws when a feature needs what none above it provides, or when two collide.
   */
  static async open(
    host: Host,
    features: readonly Feature[],
    configured: Config['features'],
    ground: Ground,
  ): Promise<FeatureSet> {
    const set = new FeatureSet();
    const { services } = host;
    for (const feature of features) {
      const options = configured[feature.name];
      if (options === false) continue;
      for (const service of feature.needs ?? []) {
        if (!services.has(service)) {
          throw new Error(`the feature ${feature.name} needs ${service.name}, which no feature above it provides`);
        }
      }
      const scope = new FeatureScope(feature.name, host, ground);
      set.#scopes.push(scope);
      await feature.setup(scope, options);
    }
    return set;
  }

  /** Undoes all registrations, the last first. */
  async close(): Promise<void> {
    for (const scope of this.#scopes.reverse()) await scope.close();
    this.#scopes.length = 0;
  }
}
