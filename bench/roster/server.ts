// The server whose users' contacts another process owns, and clients without a network in the same process.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../../src/core/host.ts';
import { rosters } from '../../src/features/roster/api.ts';
import { JID } from '../../src/jid.ts';
import { LinkedClient } from '../../test/support/linked-client.ts';
import { type Figures, serve } from '../end-to-end/worker.ts';
import { cpuUs, medianOf } from '../runner.ts';
import { type BenchServer, DOMAIN, startServer } from '../server.ts';
import { neighbours } from './contacts.ts';

const ROSTER = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>";
const NOTHING: Figures = {};
/** Logins that find the roster there, in one go. */
const WARM_ROUNDS = 5;

let running: BenchServer | undefined;
const clients: LinkedClient[] = [];

async function start({ users = 0, port = 0, batches = 0, builtIn = 0 }: Figures): Promise<Figures> {
  const origin = `http://127.0.0.1:${port}`;
  const delegatedRoster = {
    url: `${origin}/contacts/%s`,
    ...(batches === 0 ? {} : { batchUrl: `${origin}/contacts` }),
    refresh: { namesPerMinute: 1_000_000 },
  };
  const features = builtIn === 1 ? {} : { roster: false, delegatedRoster };
  running = await startServer(users, builtIn === 0, false, features);
  return NOTHING;
}

function host(): Host {
  return running?.server.hosts.get(DOMAIN) ?? assert.fail('the server has no host');
}

/** Everybody logs in at once, sends presence and asks for the roster. */
async function wave({ users = 0 }: Figures): Promise<Figures> {
  const before = await live();
  const waits: number[] = [];
  const [startMs, startUs] = [performance.now(), cpuUs()];
  const all = Array.from({ length: users }, async (_, i) => {
    const client = await LinkedClient.bind(host(), `user${i}`, 'phone');
    clients.push(client);
    await Promise.all([client.sends('<presence/>'), client.asks(ROSTER, 'id="roster"')]);
    waits.push(performance.now() - startMs);
  });
  // By then all are bound and hardly anybody has been served.
  await Promise.race([Promise.all(all), sleep(950)]);
  const beforeUs = cpuUs();
  const waitingKb = ((await live()) - before) / users / 1024;
  const collectingUs = cpuUs() - beforeUs;
  await Promise.all(all);
  const usedUs = cpuUs() - startUs - collectingUs;
  const servedKb = ((await live()) - before) / users / 1024;
  waits.sort((a, b) => a - b);
  return {
    lastMs: waits.at(-1) ?? Number.NaN,
    medianMs: medianOf(waits),
    p99Ms: waits[Math.floor(waits.length * 0.99)] ?? Number.NaN,
    cpuMs: usedUs / 1000,
    waitingKb,
    servedKb,
    rssMb: process.resourceUsage().maxRSS / 1024,
  };
}

/** Gives everybody as many contacts in the built-in roster as they have where another application owns them. */
async function befriend(): Promise<Figures> {
  const contacts = host().services.use(rosters);
  const both = { subscription: 'both', ask: false, approved: false } as const;
  for (const [i, { account }] of clients.entries()) {
    for (const other of neighbours(i, clients.length)) {
      const jid = JID.of(`user${other}`, DOMAIN);
      const item = { jid, name: `User ${other}`, groups: ['Friends', `Row ${other % 7}`], ...both };
      await contacts.change(account, jid, () => ({ item, request: undefined }));
    }
  }
  return NOTHING;
}

/** Each user logs in with another device, while the first is there. */
async function warm({ users = 0 }: Figures): Promise<Figures> {
  const samples: number[] = [];
  for (let round = 0; round < WARM_ROUNDS; round++) {
    const startUs = cpuUs();
    const devices: LinkedClient[] = [];
    for (let i = 0; i < users; i++) {
      const client = await LinkedClient.bind(host(), `user${i}`, 'laptop');
      devices.push(client);
      await client.sends('<presence/>');
      await client.asks(ROSTER, 'id="roster"');
    }
    samples.push((cpuUs() - startUs) / users);
    for (const client of devices) client.leave();
    await sleep(50);
  }
  return { warmUs: medianOf(samples) };
}

/** Tells the server by HTTP that the contacts of so many users have changed; all of them have to be told of that. */
async function refresh({ users = 0 }: Figures): Promise<Figures> {
  const port = running?.server.listeners.find(({ service }) => service === 'http')?.port;
  const body = JSON.stringify(Array.from({ length: users }, (_, i) => `user${i}`));
  const startMs = performance.now();
  const answer = await fetch(`http://${DOMAIN}:${port}/roster_admin/refresh`, { method: 'POST', body });
  const ms = performance.now() - startMs;
  assert.deepEqual([answer.status, Object(await answer.json()).updated], [200, users]);
  return { ms };
}

/** The memory in use when what is not needed has been collected, in bytes. */
async function live(): Promise<number> {
  globalThis.gc?.();
  await sleep(20);
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

serve({ start, wave, befriend, warm, refresh }, async () => running?.stop());
