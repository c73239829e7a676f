import { type Config, featuresOf } from '../../config/config.ts';
import type { Sample } from '../../metrics/exposition.ts';
import { reportedHosts } from './consent.ts';
import type { ReportEvent } from './events.ts';
import { HTTP_HANDLERS, MODULES, type Reportable } from './known.ts';

/** This server is one node, and takes no external components. */
const NODES = 1;
const COMPONENTS = 0;

const SECOND_MS = 1000;
/** How reports name the kinds of stanzas, and the directions: as the clients see them. */
const STANZA_KINDS = { message: 'Message', iq: 'Iq', presence: 'Presence' } as const;
const DIRECTIONS = { in: 'Sent', out: 'Received' } as const;

/** What a report is made of. */
export interface Ground {
  readonly config: Config;
  readonly version: string;
  readonly uptimeMs: number;
}

/** The stanzas counted so far, by the names that reports have for them. */
export type StanzaCounts = ReadonlyMap<string, number>;

/** Returns what every report tells: which features are in use, and how clients get in. Nothing in it is free text. */
export function reportOf({ config, version, uptimeMs }: Ground): ReportEvent[] {
  const inUse = featuresInUse(config);
  return [
    {
      name: 'cluster',
      params: { version, uptime: uptimeText(uptimeMs), node_number: NODES, component: COMPONENTS },
    },
    ...modulesOf(inUse, config.storage.engine),
    { name: 'custom_module_count', params: { value: customModules(inUse) } },
    ...enabled('http_api', handlersOf(config, inUse)),
    ...enabled('transport_mechanism', transportsOf(config)),
  ];
}

/** Returns what only an extended report tells besides; `previous` is what was counted when the last report was made. */
export function extendedReportOf(config: Config, counts: StanzaCounts, previous?: StanzaCounts): ReportEvent[] {
  const hosts = reportedHosts(config).length;
  const fetchesRosters = featuresInUse(config).some(
    ([name, options]) => name === 'delegatedRoster' && textOf(options, 'source') === 'http',
  );
  return [
    { name: 'cluster', params: { config_type: 'json' } },
    { name: 'host_count', params: { value: hosts } },
    { name: 'domain_count', params: { value: hosts } },
    {
      name: 'tls_option',
      params: { module: 'c2s', mode: config.c2s.requireEncryption ? 'starttls_required' : 'starttls' },
    },
    ...(fetchesRosters ? [{ name: 'outgoing_pool', params: { value: 'http' } }] : []),
    ...[...counts].map(([stanzaType, total]) => ({
      name: 'xmpp_stanza_count',
      params: { stanza_type: stanzaType, total, increment: total - (previous?.get(stanzaType) ?? 0) },
    })),
  ];
}

/** Adds up what the metric of stanzas says of the hosts that are reported; nothing where it says nothing. */
export function stanzaCounts(config: Config, samples: readonly Sample[]): StanzaCounts {
  const counts = new Map<string, number>();
  if (samples.length === 0) return counts;
  const hosts = new Set(reportedHosts(config));
  const reported = samples.filter(({ labels }) => hosts.has(String(labels['host'])));
  for (const [kind, kindName] of Object.entries(STANZA_KINDS)) {
    for (const [direction, directionName] of Object.entries(DIRECTIONS)) {
      const own = reported.filter(({ labels }) => labels['kind'] === kind && labels['direction'] === direction);
      const total = own.reduce((sum, { value }) => sum + value, 0);
      counts.set(`xmpp${kindName}${directionName}`, total);
    }
  }
  return counts;
}

type InUse = readonly (readonly [name: string, options: unknown])[];

/** The features of all hosts that are reported. */
function featuresInUse(config: Config): InUse {
  return reportedHosts(config)
    .flatMap((domain) => Object.entries(featuresOf(config, domain)))
    .filter(([, options]) => options !== false);
}

/** One event for each feature and choice of its options: not one for each host, which would tell how many there are. */
function modulesOf(inUse: InUse, backend: string): ReportEvent[] {
  const events = new Map<string, ReportEvent>();
  for (const [name, options] of inUse) {
    if (!Object.hasOwn(MODULES, name)) continue;
    const params = { module: name, ...reportable(MODULES[name] ?? {}, { ...Object(options), backend }) };
    events.set(JSON.stringify(params), { name: 'module_with_opt', params });
  }
  return [...events.values()];
}

function reportable(told: Reportable, options: unknown): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [option, values] of Object.entries(told)) {
    const value = textOf(options, option);
    if (value !== undefined && values.includes(value)) params[option] = value;
  }
  return params;
}

function textOf(options: unknown, name: string): string | undefined {
  const given = new Map<string, unknown>(Object.entries(Object(options))).get(name);
  return given === undefined ? undefined : String(given);
}

function customModules(inUse: InUse): number {
  return new Set(inUse.map(([name]) => name).filter((name) => !Object.hasOwn(MODULES, name))).size;
}

function handlersOf({ listen }: Config, inUse: InUse): string[] {
  if (listen.http.length + listen.https.length === 0) return [];
  const names = new Set(inUse.map(([name]) => name));
  const ofFeatures = Object.entries(HTTP_HANDLERS).filter(([, feature]) => names.has(feature));
  return ['health', 'host_meta', ...ofFeatures.map(([handler]) => handler)];
}

function transportsOf({ listen }: Config): string[] {
  const transports: string[] = [];
  if (listen.c2s.length + listen.c2sTls.length > 0) transports.push('tcp');
  if (listen.http.length + listen.https.length > 0) transports.push('websocket');
  return transports;
}

function enabled(name: string, what: readonly string[]): ReportEvent[] {
  return what.length === 0 ? [] : [{ name, params: Object.fromEntries(what.map((each) => [each, 'enabled'])) }];
}

/** As `DDDD-HH:MM:SS`. */
function uptimeText(uptimeMs: number): string {
  const seconds = Math.floor(uptimeMs / SECOND_MS);
  const two = (value: number): string => String(value).padStart(2, '0');
  const days = String(Math.floor(seconds / 86_400)).padStart(4, '0');
  return `${days}-${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}
