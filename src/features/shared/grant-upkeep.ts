import type { FeatureHost } from '../../core/feature.ts';

/** How long the time of a use may stay in memory only; nothing else depends on it. */
const WRITE_MS = 5000;
const DAY_MS = 86_400_000;

/** Has the uses of grants written, and those buried that have long expired; for each feature that makes grants. */
export function keepUpGrants(host: FeatureHost, name: string): void {
  const { grants } = host;
  host.every(`${name}.uses`, WRITE_MS, () => grants.writeUses());
  host.every(`${name}.sweep`, DAY_MS, () => grants.sweep());
  host.defer(() => grants.writeUses());
}
