import type { Arguments, Command, CommandDescription, Json, Progress } from '../core/commands.ts';
import type { Host, Settings } from '../core/host.ts';
import type { MemoryFigures } from '../metrics/memory.ts';
import type { Endpoint } from '../net/listen.ts';
import type { CertificateDescription } from '../tls/certificates.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Clock } from '../util/clock.ts';

/** What the server's own commands work on: the hosts, and what only a running server has. */
export interface CommandGround {
  readonly version: string;
  readonly hosts: ReadonlyMap<string, Host>;
  readonly settings: Settings;
  readonly clock: Clock;
  /** Undefined where the command line works on the store alone. */
  readonly running: RunningServer | undefined;
}

/** What there is of a server only while it runs. */
export interface RunningServer {
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** The configuration file; undefined when there is none. */
  readonly configFile: string | undefined;
  readonly listeners: readonly ListenerDescription[];
  certificates(): readonly CertificateDescription[];
  /** How many errors nobody caught; see the log's `bug` lines. */
  uncaughtErrors(): number;
  /** As they were read lately; undefined while they cannot be read. */
  memory(): MemoryFigures | undefined;
  /** Reads the configuration again. Throws what is wrong with it, and changes nothing then. */
  reload(): Promise<ReloadReport>;
}

/** Where clients find the server, and what speaks there. */
export interface ListenerDescription extends Endpoint {
  readonly service: 'c2s' | 'c2sTls' | 'http' | 'https';
}

/** What a reload did; paths of options, such as `log.level`. */
export interface ReloadReport {
  readonly changed: readonly string[];
  /** Options whose change waits for a restart. */
  readonly needRestart: readonly string[];
  readonly warnings: readonly string[];
}

/** A command of the server itself. */
export interface BuiltIn<A extends Json = Json> extends CommandDescription {
  run(args: Arguments, ground: CommandGround, progress?: Progress): Awaitable<A>;
  show?(answer: A): string;
}

/** A command for the ground that it works on. */
export function bindCommand(builtIn: BuiltIn, ground: CommandGround): Command {
  return { ...builtIn, run: (args, progress) => builtIn.run(args, ground, progress) };
}
