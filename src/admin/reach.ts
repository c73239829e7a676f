import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Arguments, type Command, CommandError, type Progress } from '../core/commands.ts';
import { execute, type Outcome } from '../core/execute.ts';
import type { Host, Settings } from '../core/host.ts';
import { StoreError } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import { ControlClient } from './client.ts';
import { commandsOn } from './commands/all.ts';
import { requireOwner } from './ownership.ts';
import { controlPath, unusablePath } from './protocol.ts';

/** Where commands are carried out: by the running server, or here on its store. */
export interface Reach {
  run(command: string, args: Arguments, progress?: Progress): Promise<Outcome>;
  close(): Promise<void>;
}

/** The hosts on their store, without the server around them. */
export interface OpenedStore {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly settings: Settings;
  readonly clock: Clock;
  /** Those of the features. */
  readonly commands: readonly Command[];
  stop(): Promise<void>;
}

export interface ReachOptions {
  readonly dataDir: string;
  readonly version: string;
  /** Whether the store alone is of no use. */
  readonly needsServer: boolean;
  /** Opens the store when no server does. Throws StoreError. */
  readonly open: () => Promise<OpenedStore>;
  readonly bug: (error: unknown) => void;
}

/** Reaches the running server, or opens the store when none runs. Throws CommandError with what to do. */
export async function reach(options: ReachOptions): Promise<Reach> {
  const { dataDir, needsServer } = options;
  const running = await reachServer(dataDir);
  if (running !== undefined) return running;
  if (needsServer) throw new CommandError(notRunning(dataDir));
  if (!existsSync(join(dataDir, 'store'))) {
    throw new CommandError(
      `there is no store in ${dataDir}: start the server once, or name its configuration with --config`,
    );
  }
  await requireOwner(dataDir);
  try {
    return reachStore(await options.open(), options);
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== 'locked') throw error;
    // A server may have started since we looked for it.
    const started = await reachServer(dataDir);
    if (started !== undefined) return started;
    throw new CommandError(inUse(dataDir), { cause: error });
  }
}

async function reachServer(dataDir: string): Promise<Reach | undefined> {
  const client = await ControlClient.connect(controlPath(dataDir));
  if (client === undefined) return undefined;
  return { run: (command, args, progress) => client.run(command, args, progress), close: async () => client.close() };
}

function reachStore(opened: OpenedStore, { version, bug }: ReachOptions): Reach {
  const { hosts, settings, clock } = opened;
  const commands = commandsOn({ version, hosts, settings, clock, running: undefined }, opened.commands);
  return {
    async run(command, args, progress) {
      const needsServer = commands.some(({ name, needsServer }) => name === command && needsServer === true);
      if (needsServer) return { ok: false, error: notRunning(settings.current.dataDir) };
      return execute(commands, { command, args }, bug, progress);
    },
    close: () => opened.stop(),
  };
}

function notRunning(dataDir: string): string {
  const path = controlPath(dataDir);
  return unusablePath(path) ?? `the server is not running: nothing listens at ${path}`;
}

function inUse(dataDir: string): string {
  const path = controlPath(dataDir);
  const reason = unusablePath(path) ?? `nothing listens at ${path}, so a server is starting or stopping: try again`;
  return `the store in ${dataDir} is in use by another process, and ${reason}`;
}
