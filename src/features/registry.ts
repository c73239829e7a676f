import type { Section } from '../config/schema.ts';
import type { Feature } from '../core/feature.ts';

/** Every feature, in the order in which their filters run at each point. */
export const features: readonly Feature[] = [];

/** The section of each feature in the configuration; undefined for those without options. */
export const featureSections: Readonly<Record<string, Section | undefined>> = Object.fromEntries(
  features.map((feature) => [feature.name, feature.config]),
);
