import { domainToASCII } from 'node:url';
import { configFile, type Io, type Program, runCli } from './admin/cli.ts';
import { greetedBy } from './admin/client.ts';
import { commandsOn } from './admin/commands/all.ts';
import { ControlError, type ControlOptions, ControlSocket, runningText } from './admin/control-socket.ts';
import type { ReloadReport, RunningServer } from './admin/ground.ts';
import { requireOwner } from './admin/ownership.ts';
import { ProcessSignals } from './admin/process-signals.ts';
import { controlPath } from './admin/protocol.ts';
import type { OpenedStore } from './admin/reach.ts';
import { firstAdministratorText, logStart, type StartFacts, startText } from './admin/start-text.ts';
import type { Config } from './config/config.ts';
import { dataDirOf, type Loaded, loadConfig } from './config/load.ts';
import { ConfigError } from './config/problem.ts';
import { CommandError } from './core/commands.ts';
import { featureSections } from './features/registry.ts';
import { createLogger } from './log/log.ts';
import { Server } from './server.ts';
import { CertificateError } from './tls/certificate-files.ts';

/** What closing the store and the last sockets may take beyond the configured times, in milliseconds. */
const STOP_MARGIN_MS = 2000;

/** Runs the program with its arguments; resolves with the exit code: 0 ok, 1 failed, 2 wrong command line. */
export function main(argv: readonly string[], io: Io): Promise<number> {
  const program: Program = {
    load,
    dataDirOf: (file) => dataDirOf(file, { sections: featureSections }),
    serve: (loaded, file) => serve(loaded, file, io),
    open: (config) => openStore(config, io),
  };
  return runCli(argv, io, program);
}

function load(file: string | undefined): Loaded {
  return loadConfig(file, { sections: featureSections });
}

/** The server without a way in: what works on its store works as it does while it runs. */
function openStore(config: Config, io: Io): Promise<OpenedStore> {
  const destination = { write: (line: string) => io.stderr.write(line) };
  const log = createLogger({ level: 'warn', format: 'pretty', destination });
  return Server.start({ config, log, storeOnly: true });
}

async function serve({ config, warnings }: Loaded, file: string | undefined, io: Io): Promise<number> {
  const path = controlPath(config.dataDir);
  const other = await greetedBy(path);
  if (other !== undefined) throw new ControlError(runningText(other));
  await requireOwner(config.dataDir);
  const log = createLogger(config.log);
  for (const warning of warnings) log.warn('config.warning', { warning });
  const server = await Server.start({ config, log });
  let control: ControlSocket | undefined;
  const signals = new ProcessSignals({
    process,
    log,
    clock: server.clock,
    stopMs: () => {
      const { shutdownMs, closeMs } = server.settings.current.limits.timeouts;
      return shutdownMs + closeMs + STOP_MARGIN_MS;
    },
    stop: async () => {
      await control?.close();
      await server.stop();
    },
    reload: async () => void (await reload(server, file)),
  });
  const { hosts, settings, clock, startedAt, listeners } = server;
  const running: RunningServer = {
    startedAt,
    configFile: file,
    listeners,
    certificates: () => server.certificates.describe(),
    uncaughtErrors: () => signals.uncaughtErrors,
    memory: () => server.metrics.memory.figures(),
    reload: () => reload(server, file),
  };
  server.commands.unshift(...commandsOn({ version: io.version, hosts, settings, clock, running }, []));
  control = await openControl({ path, version: io.version, commands: server.commands, log, clock });
  announce(server, file, io);
  const code = await signals.ended;
  signals.release();
  log.info('server.stopped');
  log.flush();
  return code;
}

/** Opens the control socket. The server also does its work without: what is wrong is said in the log. */
async function openControl(options: ControlOptions): Promise<ControlSocket | undefined> {
  try {
    return await ControlSocket.open(options);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    options.log.warn('control.unavailable', { reason: error.message });
    return undefined;
  }
}

/** Reads the configuration and certificates again and says in the log what came of it. Throws CommandError. */
async function reload(server: Server, file: string | undefined): Promise<ReloadReport> {
  const { log } = server;
  try {
    const { config, warnings } = load(file);
    const { live, restart } = await server.reload(config);
    log.info('server.reloaded', { changed: live.join(' '), needRestart: restart.join(' ') });
    for (const warning of warnings) log.warn('config.warning', { warning });
    return { changed: live, needRestart: restart, warnings };
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof CertificateError)) throw error;
    log.error('server.reload_failed', { reason: error.message });
    throw new CommandError(`nothing was changed: ${error.message}`, { cause: error });
  }
}

/** Tells whoever started the server where it is, in the form that the log has. */
function announce(server: Server, file: string | undefined, io: Io): void {
  const { log, settings, firstAdministrator } = server;
  const isFound = file === configFile(undefined, io);
  const program = isFound || file === undefined ? io.program : `${io.program} --config ${file}`;
  const facts: StartFacts = {
    version: io.version,
    program,
    hosts: [...server.hosts.keys()],
    listeners: server.listeners,
    certificates: server.certificates.describe(),
    dataDir: settings.current.dataDir,
    configFile: file,
    firstAdministrator,
    urlOf: (path) => pageUrl(server, path),
  };
  if (settings.current.log.format === 'pretty') return void io.stdout.write(startText(facts));
  logStart(log, facts);
  if (firstAdministrator !== undefined) io.stdout.write(`${firstAdministratorText(firstAdministrator, program)}\n`);
}

/** Where people find a page of the first host; undefined where it is not served. */
function pageUrl(server: Server, path: string): string | undefined {
  const [domain = ''] = server.hosts.keys();
  const url = server.httpsUrl(domain);
  const isServed = server.routes.find(domainToASCII(domain), path) !== undefined;
  return url === undefined || !isServed ? undefined : `${url}${path}`;
}
