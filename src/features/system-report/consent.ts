import { type Config, featuresOf } from '../../config/config.ts';

/** Whether a report is to be made: where it is configured (`null` stands for that it is not), and not refused. */
export function isWanted(consent: unknown): boolean {
  return consent === true || consent === undefined;
}

/** The hosts that reports are about. */
export function reportedHosts(config: Config): string[] {
  return Object.keys(config.hosts).filter((domain) => {
    const options = optionsOn(config, domain);
    return options !== false && isWanted(new Map<string, unknown>(Object.entries(Object(options))).get('report'));
  });
}

/**
 * The host that makes the one report of the whole server: the first that wants it, else the first that can come to want it
 * without a restart, else none.
 */
export function reportingHost(config: Config): string | undefined {
  const [first] = reportedHosts(config);
  return first ?? Object.keys(config.hosts).find((domain) => optionsOn(config, domain) !== false);
}

function optionsOn(config: Config, domain: string): unknown {
  return featuresOf(config, domain)['systemReport'] ?? false;
}
