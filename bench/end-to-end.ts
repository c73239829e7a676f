import { setTimeout as sleep } from 'node:timers/promises';
import { type Figures, Worker } from './end-to-end/worker.ts';
import type { Bench, Case } from './runner.ts';

const USERS = 100;
const STRANGERS = 64;
const WARM_UP_MS = 250;
const MEASURED_MS = 700;

/** Files of the two processes. */
export const SERVER = new URL('end-to-end/server.ts', import.meta.url);
export const LOADER = new URL('end-to-end/loader.ts', import.meta.url);

/** The real server over sockets of the loopback address: what it spends in all, by what the clients have received. */
export const endToEnd: Bench = {
  name: 'end-to-end',
  rounds: 5,
  warmUps: 2,
  async open(defer) {
    const [server, loader] = [startWorker(SERVER, defer), startWorker(LOADER, defer)];
    const { c2s = 0 } = await server.call('start', { users: USERS + STRANGERS });
    await loader.call('connect', { users: USERS, port: c2s });
    await loader.call('befriend');
    const load = (name: string, work: string, given: Figures = {}): Case =>
      underLoad(name, server, loader, work, given);
    return [
      load('chat, 10 under way', 'chat', { window: 10 }),
      load('chat, 1 under way', 'chat', { window: 1 }),
      load('presence in groups of 20, each delivery', 'presence'),
      load('login with SCRAM-SHA-256', 'login', { first: USERS, users: STRANGERS }),
    ];
  },
};

/** Starts another process of a bench, to be stopped with it. */
export function startWorker(file: URL, defer: (undo: () => Promise<void>) => void): Worker {
  const worker = new Worker(file);
  defer(() => worker.stop());
  return worker;
}

/** Measures what the server spends while a loader works. */
export function underLoad(name: string, server: Worker, loader: Worker, work: string, given: Figures): Case {
  return {
    name,
    unit: 'µs',
    async round() {
      await loader.call(work, given);
      await sleep(WARM_UP_MS);
      const before = await now(server, loader);
      await sleep(MEASURED_MS);
      const after = await now(server, loader);
      await loader.call('stop');
      return (after.us - before.us) / (after.count - before.count);
    },
  };
}

async function now(server: Worker, loader: Worker): Promise<{ us: number; count: number }> {
  const [{ cpuUs: us = 0 }, { count = 0 }] = await Promise.all([server.call('usage'), loader.call('count')]);
  return { us, count };
}
