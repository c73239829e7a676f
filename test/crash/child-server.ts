import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  DOMAIN,
  eventually,
  type LogLine,
  type Reachable,
  type Service,
  type Settings,
} from '../support/live-server.ts';

const PROGRAM = fileURLToPath(new URL(`server-process${extname(import.meta.url)}`, import.meta.url));
const STARTING_MS = 20_000;

/** The server in a process of its own, so that it can be killed. */
export class ChildServer implements Reachable {
  /** What the process has logged since its last start. */
  readonly log: LogLine[] = [];
  readonly #file: string;
  readonly #guests: (() => Promise<void> | void)[] = [];
  #child: ChildProcess | undefined;
  #closed: Promise<unknown[]> | undefined;

  private constructor(file: string) {
    this.#file = file;
  }

  static async start(t: TestContext, settings: Settings = {}): Promise<ChildServer> {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-crash-'));
    const file = join(dataDir, 'config.json');
    const endpoint = [{ address: '127.0.0.1', port: 0 }];
    const config = {
      dataDir,
      hosts: { [DOMAIN]: {} },
      listen: { c2s: endpoint, c2sTls: endpoint, http: [], https: [] },
      auth: { iterations: 4096 },
      log: { level: 'debug', format: 'json' },
      ...settings,
    };
    await writeFile(file, JSON.stringify(config));
    const server = new ChildServer(file);
    t.after(async () => {
      for (const leave of server.#guests.reverse()) await leave();
      await server.kill('SIGKILL');
      await rm(dataDir, { recursive: true, force: true });
    });
    await server.restart();
    return server;
  }

  port(service: Service): number {
    const line = this.log.find(({ event, service: of }) => event === 'server.listening' && of === service);
    return Number(line?.['port']);
  }

  beforeEnd(leave: () => Promise<void> | void): void {
    this.#guests.push(leave);
  }

  /** Starts a process that takes the data over. */
  async restart(): Promise<void> {
    this.log.length = 0;
    const child = spawn(process.execPath, [...process.execArgv, PROGRAM, 'serve', '--config', this.#file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#closed = once(child, 'close');
    createInterface(child.stdout).on('line', (line) => {
      // The first start also says, to people, what the administrator's password is.
      if (line.startsWith('{')) this.log.push(JSON.parse(line));
    });
    const started = () => this.log.some(({ event }) => event === 'server.started') || child.exitCode !== null;
    await eventually('the server starts', started, STARTING_MS);
    assert.equal(child.exitCode, null, 'the server has not started');
  }

  /** Sends a signal and resolves with the exit code and the signal that ended the process. */
  async kill(signal: NodeJS.Signals): Promise<unknown[]> {
    this.#child?.kill(signal);
    return (await this.#closed) ?? [];
  }

  assertNoErrors(): void {
    const errors = this.log.filter(({ level }) => level === 'error');
    assert.deepEqual(errors, [], 'errors in the log');
  }
}
