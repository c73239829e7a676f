import { type Config, featuresOf } from './config.ts';
import { type ConfigProblem, joinPath } from './problem.ts';

/** Features that cannot be as they are together. Features that the server does not know are never in the way. */
interface Rule {
  /** Whose options decide: the problem is told where one of them is given. */
  readonly features: readonly string[];
  readonly isBroken: (features: Config['features']) => boolean;
  readonly expected: string;
  readonly found: string;
}

function needsRoster(name: string): Rule {
  return {
    features: ['roster', 'delegatedRoster', name],
    isBroken: (features) => isOn(features, name) && features['roster'] === false && !isOn(features, 'delegatedRoster'),
    expected: `roster or delegatedRoster to be on, or ${name} to be false, since ${name} needs to know the contacts`,
    found: 'neither on',
  };
}

const RULES: readonly Rule[] = [
  {
    features: ['roster', 'delegatedRoster'],
    isBroken: (features) => isOn(features, 'roster') && isOn(features, 'delegatedRoster'),
    expected: 'one of roster and delegatedRoster to be false, since contacts are either kept here or delegated',
    found: 'both on',
  },
  ...['presence', 'mam'].map(needsRoster),
  {
    features: ['groups', 'delegatedRoster'],
    isBroken: (features) =>
      optionOf(features, 'delegatedRoster', 'source') === 'groups' && features['groups'] === false,
    expected: 'groups to be on, since delegatedRoster.source is "groups"',
    found: 'groups off',
  },
];

/** Finds what the features of a host need of each other and do not have. */
export function featureContradictions(config: Config): ConfigProblem[] {
  const problems = new Map<string, ConfigProblem>();
  for (const domain of Object.keys(config.hosts)) {
    const features = featuresOf(config, domain);
    for (const rule of RULES) {
      if (!rule.isBroken(features)) continue;
      const { expected, found } = rule;
      const path = placeOf(rule, config, domain);
      // What all hosts have in common is told once.
      problems.set(`${path} ${expected}`, { path, expected, found });
    }
  }
  return [...problems.values()];
}

function placeOf(rule: Rule, { hosts }: Config, domain: string): string {
  const own = hosts[domain]?.features ?? {};
  const isOwn = rule.features.some((name) => Object.hasOwn(own, name));
  return isOwn ? joinPath(joinPath('hosts', domain), 'features') : 'features';
}

function isOn(features: Config['features'], name: string): boolean {
  return (features[name] ?? false) !== false;
}

function optionOf(features: Config['features'], name: string, option: string): unknown {
  return new Map<string, unknown>(Object.entries(Object(features[name]))).get(option);
}
