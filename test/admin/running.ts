import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL(`parley-process${extname(import.meta.url)}`, import.meta.url));
const LOCAL = [{ address: '127.0.0.1', port: 0 }];

/** A configuration in a folder of its own, with the data beside it. */
export interface Place {
  readonly folder: string;
  readonly dataDir: string;
  readonly file: string;
}

/** What a process that has ended left. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Writes a configuration for a server on free ports. */
export async function makePlace(t: TestContext, settings: Readonly<Record<string, unknown>> = {}): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-admin-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'parley.json');
  const listen = { c2s: LOCAL, c2sTls: [], http: LOCAL, https: [] };
  await writeFile(file, JSON.stringify({ listen, auth: { iterations: 4096 }, ...settings }));
  return { folder, dataDir: join(folder, 'data'), file };
}

/** Runs the program to its end. */
export async function parley(place: Place, args: readonly string[], input = ''): Promise<Ended> {
  const child = start(place, args);
  child.stdin?.end(input);
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  const [code] = await once(child, 'close');
  return { code, stdout: stdout.join(''), stderr: stderr.join('') };
}

/** A server in a process of its own; killed at the end of the test if it still runs. */
export class ServerProcess {
  readonly child: ChildProcess;
  /** What it has written up to now, line by line. */
  readonly output: string[] = [];
  readonly #ended: Promise<unknown[]>;
  #waiting: { readonly pattern: RegExp; readonly found: (line: string | undefined) => void } | undefined;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.#ended = once(child, 'close');
    assert.ok(child.stdout);
    const lines = createInterface(child.stdout);
    lines.on('line', (line) => {
      this.output.push(`${line}\n`);
      if (this.#waiting?.pattern.test(line) === true) this.#waiting.found(line);
    });
    lines.on('close', () => this.#waiting?.found(undefined));
  }

  /** Resolves when the server has written the line that `isReady` looks for. */
  static async start(
    t: TestContext,
    place: Place,
    isReady = /^(Look after:|.*server\.started)/,
  ): Promise<ServerProcess> {
    const server = new ServerProcess(start(place, ['serve']));
    t.after(() => server.child.kill('SIGKILL'));
    const errors = collect(server.child.stderr);
    if ((await server.next(isReady)) === undefined) assert.fail(`the server did not start: ${errors.join('')}`);
    return server;
  }

  /** Resolves with the next line of its output that matches. */
  async line(pattern: RegExp): Promise<string> {
    const line = await this.next(pattern);
    assert.ok(line !== undefined, 'the server ended');
    return line;
  }

  /** As `line`; undefined when the output ends before. */
  next(pattern: RegExp): Promise<string | undefined> {
    return new Promise((found) => {
      this.#waiting = { pattern, found };
    });
  }

  /** Sends a signal and resolves with the exit code. */
  async end(signal: NodeJS.Signals): Promise<unknown> {
    this.child.kill(signal);
    const [code] = await this.#ended;
    return code;
  }
}

function start(place: Place, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, PROGRAM, '--config', place.file, ...args], {
    cwd: place.folder,
  });
}

function collect(stream: ChildProcess['stdout']): string[] {
  const parts: string[] = [];
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => parts.push(text));
  return parts;
}
