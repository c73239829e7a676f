import { createConnection, type Socket } from 'node:net';
import { type Arguments, CommandError, type Progress } from '../core/commands.ts';
import type { Outcome } from '../core/execute.ts';
import { systemClock } from '../util/clock.ts';
import { deadline } from '../util/deadline.ts';
import { readLines } from './lines.ts';
import { type Greeting, MAX_REPLY_BYTES, type Notice, type Reply, type Request, unusablePath } from './protocol.ts';

const GREETING_MS = 5000;
/** Removing an account with a large archive takes its time; longer ones say every now and then how far they have come. */
const REPLY_MS = 120_000;

/** A connection of the command line to the running server. */
export class ControlClient {
  readonly greeting: Greeting;
  readonly #socket: Socket;
  readonly #next: () => Promise<unknown>;
  #lastId = 0;

  private constructor(socket: Socket, next: () => Promise<unknown>, greeting: Greeting) {
    this.#socket = socket;
    this.#next = next;
    this.greeting = greeting;
  }

  /** Connects to a server; undefined when none listens there. Throws CommandError when what listens does not answer. */
  static async connect(path: string): Promise<ControlClient | undefined> {
    if (unusablePath(path) !== undefined) return undefined;
    const socket = await connect(path);
    if (socket === undefined) return undefined;
    const next = messages(socket);
    try {
      // What owns the socket owns the data directory: it is our own server.
      const greeting = (await deadline(next(), GREETING_MS, systemClock)) as Greeting;
      return new ControlClient(socket, next, greeting);
    } catch (cause) {
      socket.destroy();
      throw new CommandError(`the server at ${path} does not answer; it may be overloaded or stopping`, { cause });
    }
  }

  /** Has the server run a command. Throws CommandError when it does not answer. */
  async run(command: string, args: Arguments, progress?: Progress): Promise<Outcome> {
    const request: Request = { id: ++this.#lastId, command, args };
    this.#socket.write(`${JSON.stringify(request)}\n`);
    try {
      for (;;) {
        const said = (await deadline(this.#next(), REPLY_MS, systemClock)) as Reply | Notice;
        if (!('progress' in said)) return outcomeOf(said);
        progress?.(said.progress);
      }
    } catch (cause) {
      throw new CommandError(`the server did not answer "${command}"; it may have been stopped`, { cause });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

function outcomeOf({ id: _, ...outcome }: Reply): Outcome {
  return outcome;
}

/** Returns what the server at a path says first; undefined when there is none. */
export async function greetedBy(path: string): Promise<Greeting | undefined> {
  const client = await ControlClient.connect(path);
  client?.close();
  return client?.greeting;
}

/** Nobody listens there: no socket, or one that a killed server left. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR']);

function connect(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY.has(error.code ?? '')) return resolve(undefined);
      const why = error.code === 'EACCES' ? 'only the user that runs the server may' : error.message;
      reject(new CommandError(`cannot reach the server at ${path}: ${why}`, { cause: error }));
    });
  });
}

/** Returns how to wait for each next line, as JSON; rejects when the connection ends first. */
function messages(socket: Socket): () => Promise<unknown> {
  const arrived: string[] = [];
  let waiting: { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void } | undefined;
  let ended: Error | undefined;
  socket.on('error', (error) => {
    ended = error;
  });
  socket.on('close', () => {
    ended ??= new Error('the connection ended');
    waiting?.reject(ended);
  });
  readLines(socket, MAX_REPLY_BYTES, (line) => {
    if (waiting === undefined) arrived.push(line);
    else waiting.resolve(line);
    waiting = undefined;
  });
  return async () => {
    const line =
      arrived.shift() ??
      (await new Promise<string>((resolve, reject) => {
        if (ended === undefined) waiting = { resolve, reject };
        else reject(ended);
      }));
    return JSON.parse(line);
  };
}
