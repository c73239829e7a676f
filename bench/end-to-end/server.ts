// The server under load, in a process of its own.

import { setTimeout as sleep } from 'node:timers/promises';
import { cpuUs } from '../runner.ts';
import { type BenchServer, startServer } from '../server.ts';
import { type Figures, serve } from './worker.ts';

const COLLECTIONS = 4;

let running: BenchServer | undefined;

/** With `full`, everything is on that is on by default. */
async function start({ users = 0, full = 0 }: Figures): Promise<Figures> {
  running = await startServer(users, true, full === 1);
  const ports = running.server.listeners.map(({ service, port }) => [service, port]);
  return Object.fromEntries(ports);
}

/** The memory in use when what is not needed has been collected, in bytes. */
async function memory(): Promise<Figures> {
  for (let i = 0; i < COLLECTIONS; i++) {
    globalThis.gc?.();
    await sleep(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, live: heapUsed + external };
}

serve({ start, memory, usage: async () => ({ cpuUs: cpuUs() }) }, async () => running?.stop());
