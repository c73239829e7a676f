import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { StanzaError } from '../../src/errors.ts';
import { featureSections } from '../../src/features/registry.ts';
import { createLogger } from '../../src/log/log.ts';
import { type BoundListener, Server } from '../../src/server.ts';
import { certificateFor, writePair } from '../tls/fixtures.ts';

export const DOMAIN = 'localhost';
export const PASSWORD = 'correct horse battery staple';

/** Part of a configuration, as in the file. */
export type Settings = { readonly [name: string]: unknown };

/** A line of the log. */
export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly [field: string]: unknown;
}

export type Service = BoundListener['service'];

/** A server that clients can connect to, wherever it runs. */
export interface Reachable {
  port(service: Service): number;
  /** Calls `leave` at the end of the test, before the server stops. */
  beforeEnd(leave: () => Promise<void> | void): void;
}

/** What makes a server quick to start and unhurried by the number of its test clients. */
const DEFAULTS: Settings = {
  hosts: { [DOMAIN]: {} },
  auth: { iterations: 4096 },
  limits: {
    connections: { unauthenticatedPerAddress: null, attemptsPerAddress: null },
    traffic: { stanzas: null, bytes: null },
    timeouts: { closeMs: 1000, shutdownMs: 2000 },
  },
  log: { level: 'trace', format: 'json' },
};

/**
 * The real server on free ports of the loopback address, with a LevelDB store in a folder of its own. Whatever it logs is
 * kept; a bug in the log fails the test.
 */
export class LiveServer implements Reachable {
  readonly dataDir: string;
  /** The log, as text. */
  readonly lines: string[] = [];
  #settings: Settings;
  #ports: Readonly<Partial<Record<Service, number>>> = {};
  #server: Server | undefined;
  readonly #guests: (() => Promise<void> | void)[] = [];

  private constructor(dataDir: string, settings: Settings) {
    this.dataDir = dataDir;
    this.#settings = merge(DEFAULTS, settings);
  }

  /** Starts a server that the end of the test stops. */
  static async start(t: TestContext, settings: Settings = {}): Promise<LiveServer> {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-e2e-'));
    const tls = await writePair(dataDir, 'certificate', await certificateFor(DOMAIN));
    const live = new LiveServer(dataDir, merge({ tls }, settings));
    t.after(async () => {
      for (const leave of live.#guests.reverse()) await leave();
      await live.stop();
      await rm(dataDir, { recursive: true, force: true });
      live.assertNoBugs();
    });
    await live.#open();
    return live;
  }

  get server(): Server {
    assert.ok(this.#server, 'the server is not running');
    return this.#server;
  }

  port(service: Service): number {
    const port = this.#ports[service];
    assert.ok(port, `no port for ${service}`);
    return port;
  }

  beforeEnd(leave: () => Promise<void> | void): void {
    this.#guests.push(leave);
  }

  /** The addresses as clients are given them. */
  get urls() {
    return {
      tcp: `xmpp://127.0.0.1:${this.port('c2s')}`,
      tls: `xmpps://127.0.0.1:${this.port('c2sTls')}`,
      ws: `ws://127.0.0.1:${this.port('http')}/xmpp-websocket`,
      wss: `wss://127.0.0.1:${this.port('https')}/xmpp-websocket`,
    };
  }

  /** The log, line by line. */
  get log(): LogLine[] {
    return this.lines.map((line) => JSON.parse(line));
  }

  /** Stops the server and starts it again, on the ports it had. */
  async restart(): Promise<void> {
    await this.stop();
    await this.#open();
  }

  async #open(): Promise<void> {
    const config = this.#config();
    // Copied, because the logger's string may be a view of all the strings that it was made of.
    const destination = { write: (line: string) => this.lines.push(Buffer.from(line).toString()) };
    const log = createLogger({ level: config.log.level, format: config.log.format, destination });
    this.#server = await Server.start({ config, log });
    this.#ports = Object.fromEntries(this.#server.listeners.map(({ service, port }) => [service, port]));
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** Makes the server use other settings while it runs; those not named stay. */
  async reload(settings: Settings): Promise<void> {
    this.#settings = merge(this.#settings, settings);
    await this.server.reload(this.#config());
  }

  /** Makes users; those that there are stay as they are. */
  async addUsers(...names: readonly string[]): Promise<void> {
    const users = this.server.hosts.get(DOMAIN)?.users;
    assert.ok(users);
    for (const name of names) {
      await users.create(name, PASSWORD).catch((error: unknown) => {
        if (!(error instanceof StanzaError && error.condition === 'conflict')) throw error;
      });
    }
  }

  /** Resolves with the first line about an event, from the beginning of the log, that a test wants. */
  async logged(event: string, wanted: (line: LogLine) => boolean = () => true): Promise<LogLine> {
    const name = `"event":"${event}"`;
    return eventually(`the log says ${event}`, () => {
      const candidates: LogLine[] = this.lines.filter((line) => line.includes(name)).map((line) => JSON.parse(line));
      return candidates.find((line) => line.event === event && wanted(line));
    });
  }

  assertNoBugs(): void {
    const bugs = this.log.filter(({ level, event }) => event.endsWith('bug') || level === 'error');
    assert.equal(bugs.length, 0, `errors in the log: ${JSON.stringify(bugs, undefined, 2)}`);
  }

  #config(): Config {
    const endpoint = (service: Service) => [{ address: '127.0.0.1', port: this.#ports[service] ?? 0 }];
    const listen = {
      c2s: endpoint('c2s'),
      c2sTls: endpoint('c2sTls'),
      http: endpoint('http'),
      https: endpoint('https'),
    };
    const file = join(this.dataDir, 'config.json');
    const text = JSON.stringify(merge({ dataDir: this.dataDir, listen }, this.#settings));
    const readFile = (path: string) => (path === file ? text : readFileSync(path, 'utf8'));
    return loadConfig(file, { sections: featureSections, readFile }).config;
  }
}

/** Lays settings over others, section by section. */
function merge(base: Settings, over: Settings): Settings {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const old = merged[name];
    merged[name] = isSettings(old) && isSettings(value) ? merge(old, value) : value;
  }
  return merged;
}

function isSettings(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Asks again and again until there is an answer, and returns it; fails after `withinMs`. */
export async function eventually<T>(what: string, ask: () => T | undefined | false, withinMs = 5000): Promise<T> {
  const until = performance.now() + withinMs;
  for (;;) {
    const answer = ask();
    if (answer !== undefined && answer !== false) return answer;
    assert.ok(performance.now() < until, `waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
