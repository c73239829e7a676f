import { lstat, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Command } from '../core/commands.ts';
import { execute } from '../core/execute.ts';
import type { Logger } from '../log/log.ts';
import type { Clock, Timer } from '../util/clock.ts';
import { Lane } from '../util/lane.ts';
import { greetedBy } from './client.ts';
import { readLines } from './lines.ts';
import { type Greeting, MAX_REQUEST_BYTES, type Notice, parseRequest, type Reply, unusablePath } from './protocol.ts';

const OWNER_ONLY = 0o177;
const MAX_CONNECTIONS = 32;
/** How many requests of one connection may wait for the one in progress. */
const MAX_WAITING = 16;
const IDLE_MS = 60_000;

/** The control socket cannot be opened; the message says why and what to do, in one line. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

export interface ControlOptions {
  readonly path: string;
  readonly version: string;
  readonly commands: readonly Command[];
  readonly log: Logger;
  readonly clock: Clock;
}

/** The local socket over which the command line reaches the running server. Only its owner may. */
export class ControlSocket {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #options: ControlOptions;

  private constructor(options: ControlOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#connected(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * Listens at the path, in the place of what a server that was killed left there. Throws ControlError when another
   * server answers there, or the path cannot be a socket's.
   */
  static async open(options: ControlOptions): Promise<ControlSocket> {
    const unusable = unusablePath(options.path);
    if (unusable !== undefined) throw new ControlError(unusable);
    await clear(options.path);
    const control = new ControlSocket(options);
    await control.#listen();
    return control;
  }

  /** Takes no more requests and removes the socket. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }

  #listen(): Promise<void> {
    const { path } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void =>
        reject(new ControlError(`cannot open the control socket ${path}: ${cause.message}`, { cause }));
      this.#server.once('error', failed);
      // The socket is made within the call, so it never exists with another mode.
      const umask = process.umask(OWNER_ONLY);
      this.#server.listen(path, () => {
        this.#server.off('error', failed);
        this.#server.on('error', (error) => this.#options.log.error('control.failed', {}, error));
        resolve();
      });
      process.umask(umask);
    });
  }

  #connected(socket: Socket): void {
    this.#connections.add(socket);
    const { clock } = this.#options;
    const expect = (): Timer => clock.after(IDLE_MS, () => socket.destroy());
    let idle = expect();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      idle.cancel();
      this.#connections.delete(socket);
    });
    const { version, commands } = this.#options;
    const greeting: Greeting = {
      version,
      pid: process.pid,
      commands: commands.map(({ name, summary, parameters, needsServer = false }) => {
        return { name, summary, parameters, needsServer };
      }),
    };
    say(socket, greeting);
    const lane = new Lane<string>({
      run: async (line) => {
        // A command may take longer than a connection may be idle.
        idle.cancel();
        await this.#answer(socket, line);
        if (!socket.destroyed) idle = expect();
      },
      failed: (error) => this.#bug(error),
    });
    readLines(socket, MAX_REQUEST_BYTES, (line) => {
      if (lane.length >= MAX_WAITING) socket.destroy();
      else lane.push(line);
    });
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    const request = parseRequest(line);
    if (request === undefined) return void socket.destroy();
    const notify = (progress: string): void => say(socket, { id: request.id, progress });
    const outcome = await execute(this.#options.commands, request, (error) => this.#bug(error), notify);
    this.#options.log.debug('control.command', { command: request.command, ok: outcome.ok });
    const reply: Reply = { id: request.id, ...outcome };
    say(socket, reply);
  }

  #bug(error: unknown): void {
    this.#options.log.error('bug', { where: 'control' }, error);
  }
}

/** Removes the socket of a server that is gone. Throws ControlError when it lives, or when something else is there. */
async function clear(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new ControlError(`${path} is in the place of the control socket: remove it`);
  const greeting = await greetedBy(path);
  if (greeting !== undefined) throw new ControlError(runningText(greeting));
  await unlink(path).catch(() => undefined);
}

/** Says that a server runs already. */
export function runningText({ pid }: Pick<Greeting, 'pid'>): string {
  return `a server with this data directory runs already, as process ${pid}: stop it first, or choose another dataDir`;
}

function say(socket: Socket, value: Greeting | Reply | Notice): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(value)}\n`);
}
