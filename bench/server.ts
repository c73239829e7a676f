import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../src/config/config.ts';
import { loadConfig } from '../src/config/load.ts';
import { toStored, USERS } from '../src/core/user-record.ts';
import { featureSections } from '../src/features/registry.ts';
import { createLogger } from '../src/log/log.ts';
import { Passwords } from '../src/sasl/passwords.ts';
import { Server } from '../src/server.ts';
import { openLevelStore } from '../src/store/level.ts';
import { systemClock } from '../src/util/clock.ts';

export const DOMAIN = 'localhost';
export const PASSWORD = 'pencil';
const ITERATIONS = 4096;

/** The real server with users `user0`, `user1` and so on, and with a data directory that `stop` removes. */
export interface BenchServer {
  readonly server: Server;
  stop(): Promise<void>;
}

/**
 * Starts it as load.config.json says, but on free ports of the loopback address, or on none; and, if it is to be full, with all
 * features that are on by default. What `features` says goes before both.
 */
export async function startServer(
  users: number,
  isListening: boolean,
  isFull = false,
  features: Readonly<Record<string, unknown>> = {},
): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  try {
    await addUsers(dataDir, users);
    const config = configFor(dataDir, isListening, isFull, features);
    const destination = { write: (line: string) => process.stderr.write(line) };
    const log = createLogger({ level: 'warn', format: 'json', destination });
    const server = await Server.start({ config, log });
    const stop = async (): Promise<void> => {
      await server.stop();
      await rm(dataDir, { recursive: true });
    };
    return { server, stop };
  } catch (error) {
    await rm(dataDir, { recursive: true });
    throw error;
  }
}

/** Writes the users to the store before the server has it; all have the same keys, because new ones are dear. */
async function addUsers(dataDir: string, count: number): Promise<void> {
  const passwords = new Passwords({ clock: systemClock });
  const record = { createdAt: Date.now(), scram: toStored(await passwords.deriveKeys(PASSWORD, ITERATIONS)) };
  const store = await openLevelStore(join(dataDir, 'store'), { sync: 'none' });
  try {
    const table = store.table(USERS);
    await store.commit((batch) => {
      for (let i = 0; i < count; i++) batch.put(table, [DOMAIN, `user${i}`], record);
    });
  } finally {
    await store.close();
  }
}

function configFor(
  dataDir: string,
  isListening: boolean,
  isFull: boolean,
  features: Readonly<Record<string, unknown>>,
): Config {
  const base = JSON.parse(readFileSync(new URL('load.config.json', import.meta.url), 'utf8'));
  const endpoints = isListening ? [{ address: '127.0.0.1', port: 0 }] : [];
  const text = JSON.stringify({
    ...base,
    dataDir,
    listen: { c2s: endpoints, c2sTls: endpoints, http: endpoints, https: [] },
    auth: { ...base.auth, iterations: ITERATIONS },
    features: { ...(isFull ? {} : base.features), ...features },
  });
  const file = join(dataDir, 'config.json');
  const readFile = (path: string): string => (path === file ? text : readFileSync(path, 'utf8'));
  return loadConfig(file, { sections: featureSections, readFile }).config;
}
