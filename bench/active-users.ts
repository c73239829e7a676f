import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { USERS, type UserRecord } from '../src/core/user-record.ts';
import { Users } from '../src/core/users.ts';
import { countActive } from '../src/features/active-users/scan.ts';
import { storedNumber, storedObject } from '../src/features/shared/stored.ts';
import { Passwords } from '../src/sasl/passwords.ts';
import { openLevelStore } from '../src/store/level.ts';
import type { Store, TableSpec } from '../src/store/store.ts';
import { systemClock as clock } from '../src/util/clock.ts';
import { type Bench, type Case, cpuUs } from './runner.ts';

/** How many users there are; a million by the environment, for docs/performance.md. */
const COUNT = Number(process.env['BENCH_ACTIVE_USERS'] ?? 100_000);
const AT_ONCE = 5000;
const DOMAIN = 'localhost';
const DAY_MS = 86_400_000;

const KEYS = { salt: 's'.repeat(24), iterations: 10_000, storedKey: 'k'.repeat(88), serverKey: 'v'.repeat(88) };
const RECORD: UserRecord = { createdAt: 0, scram: { 'SHA-256': KEYS, 'SHA-512': KEYS } };

/** Last logins, written as the feature `lastlog` does. */
const LOGINS: TableSpec<{ readonly login: { readonly at: number } }> = {
  name: 'lastlog',
  parse: (json) => ({ login: { at: storedNumber(storedObject(storedObject(json)['login'])['at']) } }),
};

/** Counting active users on disk. All were active within a month, so that each is looked up among the accounts too. */
export const activeUsers: Bench = {
  name: 'active-users',
  rounds: 3,
  warmUps: 1,
  async open(defer) {
    const directory = await mkdtemp(join(tmpdir(), 'parley-bench-'));
    defer(() => rm(directory, { recursive: true }));
    const store = await openLevelStore(directory, { sync: 'none' });
    defer(() => store.close());
    return cases(await fill(store));
  },
};

type Scan = () => ReturnType<typeof countActive>;

async function fill(store: Store): Promise<Scan> {
  const [accounts, logins] = [store.table(USERS), store.table(LOGINS)];
  const now = clock.now();
  for (let first = 0; first < COUNT; first += AT_ONCE) {
    await store.commit((batch) => {
      for (let i = first; i < Math.min(COUNT, first + AT_ONCE); i++) {
        batch.put(accounts, [DOMAIN, `user${i}`], RECORD);
        batch.put(logins, [DOMAIN, `user${i}`], { login: { at: now - (i % 29) * DAY_MS } });
      }
    });
  }
  const passwords = new Passwords({ clock });
  const users = new Users({ domain: DOMAIN, table: accounts, clock, passwords, iterations: 10_000 });
  async function* all(): AsyncIterable<readonly [local: string, at: number]> {
    for await (const [key, { login }] of logins.list([DOMAIN])) yield [String(key.at(-1)), login.at];
  }
  return () =>
    countActive({
      clock,
      users: all(),
      isConnected: () => false,
      isLeftOut: async (local) => (await users.statusInPassing(local)) === 'disabled',
      isStopped: () => false,
    });
}

function cases(scan: Scan): Case[] {
  let [longestMs, totalMs] = [Number.NaN, Number.NaN];
  return [
    {
      name: `one of ${COUNT} users`,
      unit: 'µs',
      async round() {
        const [cpu, start] = [cpuUs(), performance.now()];
        longestMs = await longestTurn(scan());
        totalMs = performance.now() - start;
        return (cpuUs() - cpu) / COUNT;
      },
    },
    { name: 'all of them', unit: 'ms', round: () => totalMs },
    { name: 'the longest turn meanwhile', unit: 'ms', round: () => longestMs },
  ];
}

/**
 * The most processor time that the thread of the event loop took in one turn until something has ended, in milliseconds. What
 * other threads and other processes take does not count.
 */
async function longestTurn(work: Promise<unknown>): Promise<number> {
  let hasEnded = false;
  const ended = work.finally(() => {
    hasEnded = true;
  });
  let longestNs = 0;
  for (let before = threadNs(); !hasEnded; ) {
    await nextTurn();
    const now = threadNs();
    longestNs = Math.max(longestNs, now - before);
    before = now;
  }
  await ended;
  return longestNs / 1e6;
}

/** The processor time of this thread so far, in ns; where that cannot be read (it is Linux that tells), of the whole process. */
function threadNs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]);
  } catch {
    return cpuUs() * 1000;
  }
}
