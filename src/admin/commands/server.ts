import { CommandError } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import { formatEndpoint } from '../../net/listen.ts';
import type { BuiltIn, CommandGround, ListenerDescription, RunningServer } from '../ground.ts';
import { facts, table } from '../table.ts';
import { countSessions } from './session.ts';

const DAY_MS = 86_400_000;

/** What speaks at each listener, for people. */
export const SERVICE_NAMES: Readonly<Record<ListenerDescription['service'], string>> = {
  c2s: 'clients, STARTTLS',
  c2sTls: 'clients, TLS',
  http: 'HTTP and WebSocket',
  https: 'HTTPS and WebSocket',
};

/**
 * Times are ISO 8601. `memoryBytes` is the resident set and `memory` what it is used for, as read at most a while ago
 * (`metrics.memoryInfoInterval`); null where they cannot be read. `configFile` is null without one.
 */
type StatusAnswer = {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly memoryBytes: number | null;
  readonly memory: { readonly used: number; readonly unused: number; readonly returnable: number } | null;
  readonly configFile: string | null;
  readonly dataDir: string;
  readonly uncaughtErrors: number;
  readonly hosts: readonly { readonly host: string; readonly accounts: number; readonly sessions: number }[];
  readonly listeners: readonly { readonly service: string; readonly address: string; readonly port: number }[];
  readonly certificates: readonly CertificateAnswer[];
};

type CertificateAnswer = {
  readonly host: string;
  readonly source: string;
  readonly selfSigned: boolean;
  readonly fingerprint256: string;
  readonly notAfter: string;
  readonly daysLeft: number;
  readonly warnings: readonly string[];
};

type ReloadAnswer = {
  readonly changed: readonly string[];
  readonly needRestart: readonly string[];
  readonly warnings: readonly string[];
};

/** Shows how the server does. */
export const status: BuiltIn<StatusAnswer> = {
  name: 'status',
  summary: 'Shows how the server does: addresses, certificates, sessions, accounts, memory.',
  parameters: [],
  needsServer: true,
  async run(_args, ground) {
    const running = runningOf(ground);
    const now = ground.clock.now();
    const hosts: StatusAnswer['hosts'][number][] = [];
    for (const host of ground.hosts.values()) {
      hosts.push({ host: host.domain, accounts: await countUsers(host), sessions: countSessions(host) });
    }
    const memory = running.memory();
    return {
      version: ground.version,
      node: process.versions.node,
      pid: process.pid,
      startedAt: new Date(running.startedAt).toISOString(),
      uptimeSeconds: Math.floor((now - running.startedAt) / 1000),
      memoryBytes: memory?.allocated ?? null,
      memory: memory === undefined ? null : { used: memory.used, unused: memory.unused, returnable: memory.returnable },
      configFile: running.configFile ?? null,
      dataDir: ground.settings.current.dataDir,
      uncaughtErrors: running.uncaughtErrors(),
      hosts,
      listeners: running.listeners.map(({ service, address, port }) => ({ service, address, port })),
      certificates: certificatesOf(running, now),
    };
  },
  show: (answer) => [summaryOf(answer), hostsOf(answer), listenersOf(answer), certificateTable(answer)].join('\n\n'),
};

/** Reads the configuration and the certificates again. */
export const reload: BuiltIn<ReloadAnswer> = {
  name: 'reload',
  summary: 'Reads the configuration and the certificates again; no session is dropped.',
  parameters: [],
  needsServer: true,
  async run(_args, ground) {
    const { changed, needRestart, warnings } = await runningOf(ground).reload();
    return { changed, needRestart, warnings };
  },
  show({ changed, needRestart, warnings }) {
    const lines = [changed.length === 0 ? 'Reloaded; no option changed.' : `Reloaded; changed: ${changed.join(', ')}.`];
    if (needRestart.length > 0) lines.push(`These changes need a restart: ${needRestart.join(', ')}.`);
    return [...lines, ...warnings.map((warning) => `Warning: ${warning}`)].join('\n');
  },
};

/** Shows which features look at stanzas at each point of their path, in their order. */
export const order: BuiltIn<{ readonly [point: string]: readonly string[] }> = {
  name: 'order',
  summary: 'Shows which features filter stanzas at each point of their path, in their order.',
  parameters: [],
  run(_args, { hosts }) {
    // Every host has the same features.
    for (const { chains } of hosts.values()) {
      return Object.fromEntries(Object.entries(chains).map(([point, chain]) => [point, chain.features]));
    }
    return {};
  },
  show: (answer) =>
    facts(
      Object.entries(answer).map(([point, features]) => [point, features.length === 0 ? '-' : features.join(', ')]),
    ),
};

function runningOf({ running }: CommandGround): RunningServer {
  if (running === undefined) throw new CommandError('the server is not running');
  return running;
}

async function countUsers(host: Host): Promise<number> {
  let count = 0;
  for await (const _ of host.users.list()) count++;
  return count;
}

function certificatesOf(running: RunningServer, now: number): CertificateAnswer[] {
  return running.certificates().map(({ host, source, selfSigned, fingerprint256, notAfter, warnings }) => ({
    host,
    source,
    selfSigned,
    fingerprint256,
    notAfter: notAfter.toISOString(),
    daysLeft: Math.floor((notAfter.getTime() - now) / DAY_MS),
    warnings,
  }));
}

function summaryOf(answer: StatusAnswer): string {
  const lines: [string, string][] = [
    ['Parley', `${answer.version}, on Node ${answer.node}, process ${answer.pid}`],
    ['Running', `for ${duration(answer.uptimeSeconds)}, since ${answer.startedAt}`],
    ['Memory', memoryText(answer)],
    ['Configuration', answer.configFile ?? 'none, all defaults'],
    ['Data', answer.dataDir],
  ];
  if (answer.uncaughtErrors > 0) lines.push(['Faults', `${answer.uncaughtErrors}; the log has their "bug" lines`]);
  return facts(lines);
}

function memoryText({ memoryBytes, memory }: StatusAnswer): string {
  if (memoryBytes === null || memory === null) return 'unknown';
  return `${mebibytes(memoryBytes)}, of which ${mebibytes(memory.used)} are in use`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function hostsOf({ hosts }: StatusAnswer): string {
  const rows = hosts.map((host) => [host.host, String(host.accounts), String(host.sessions)]);
  return table(['host', 'accounts', 'sessions'], rows);
}

function listenersOf({ listeners }: StatusAnswer): string {
  const rows = listeners.map((listener) => [formatEndpoint(listener), serviceName(listener.service)]);
  return table(['address', 'for'], rows);
}

function serviceName(service: string): string {
  return Object.entries(SERVICE_NAMES).find(([name]) => name === service)?.[1] ?? service;
}

function certificateTable({ certificates }: StatusAnswer): string {
  const rows = certificates.map((certificate) => [
    certificate.host,
    certificate.selfSigned ? 'self-signed' : certificate.source,
    `${certificate.daysLeft}`,
    certificate.fingerprint256,
  ]);
  const warnings = certificates.flatMap(({ host, warnings }) => warnings.map((text) => `Warning: ${host}: ${text}`));
  return [table(['certificate', 'from', 'days left', 'sha-256'], rows), ...warnings].join('\n');
}

function duration(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0 s';
  let left = seconds;
  const parts = units.slice(first, first + 2).map(([size, unit]) => {
    const count = Math.floor(left / size);
    left -= count * size;
    return `${count} ${unit}`;
  });
  return parts.join(' ');
}
