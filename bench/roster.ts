import { type Figures, Worker } from './end-to-end/worker.ts';
import { startWorker } from './end-to-end.ts';
import { type Bench, type Case, medianOf } from './runner.ts';

/** Users who log in at once, where each roster is fetched on its own; more by the environment, for docs/performance.md. */
const USERS_ONE_BY_ONE = Number(process.env['BENCH_ROSTER'] ?? 160);
/** The same where the rosters of up to 200 are fetched together. */
const USERS_IN_BATCHES = 10_000;
const ONLINE = 1000;
const REFRESHES = 9;
/** What the application takes for an answer. */
const SLOW_MS = 1000;

const SERVER = new URL('roster/server.ts', import.meta.url);
const BACKEND = new URL('roster/backend.ts', import.meta.url);

/**
 * Rosters that another application owns, in a process of its own: everybody logs in at once while it is slow, it changes those
 * of a thousand users who are online, and a device logs in whose user's roster is there.
 */
export const roster: Bench = {
  name: 'roster',
  rounds: 1,
  warmUps: 0,
  open(defer) {
    const backend = startWorker(BACKEND, defer);
    return [
      ...wave('one by one', backend, USERS_ONE_BY_ONE, 0),
      ...wave('in batches', backend, USERS_IN_BATCHES, 1),
      ...refreshes(backend),
    ];
  },
};

function wave(how: string, backend: Worker, users: number, batches: number): Case[] {
  let figures: Figures = {};
  const of = (name: string) => () => figures[name] ?? Number.NaN;
  return [
    {
      name: `logins at once, ${how}, each`,
      unit: 'ms',
      async round() {
        figures = await withServer(backend, users, { batches, delayMs: SLOW_MS }, async (server) => {
          const measured = await server.call('wave', { users });
          return { ...measured, ...(await backend.call('seen')) };
        });
        print(how, users, figures);
        return of('lastMs')() / users;
      },
    },
    { name: `user who waits, ${how}, live`, unit: 'KB', round: of('waitingKb') },
    { name: `user with 20 contacts, ${how}, live`, unit: 'KB', round: of('servedKb') },
  ];
}

// Figures that depend on how many users there are, and that a table of costs has no place for.
function print(how: string, users: number, figures: Figures): void {
  const { lastMs = 0, medianMs = 0, p99Ms = 0, cpuMs = 0, rssMb = 0, mostOpen = 0, requests = 0 } = figures;
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  console.log(
    `\n${users} logins at once, ${how}: all in ${seconds(lastMs)}, the median after ${seconds(medianMs)}, ` +
      `99 % after ${seconds(p99Ms)}; ${requests} requests, at most ${mostOpen} at once; ` +
      `${seconds(cpuMs)} of processor time, ${rssMb.toFixed(0)} MB resident at most`,
  );
}

function refreshes(backend: Worker): Case[] {
  let figures: Figures = {};
  const of = (name: string) => () => figures[name] ?? Number.NaN;
  return [
    {
      name: `refresh of ${ONLINE} users online, all in`,
      unit: 'ms',
      async round() {
        figures = await withServer(backend, 2 * ONLINE, {}, async (server) => {
          await server.call('wave', { users: ONLINE });
          const warm = await server.call('warm', { users: ONLINE });
          const ms: number[] = [];
          for (let i = 0; i < REFRESHES; i++) {
            await backend.call('edit');
            const measured = await server.call('refresh', { users: ONLINE });
            ms.push(measured['ms'] ?? Number.NaN);
          }
          return { ...warm, ms: medianOf(ms), firstMs: ms[0] ?? Number.NaN };
        });
        return of('ms')();
      },
    },
    { name: 'the same right after the start', unit: 'ms', round: of('firstMs') },
    { name: 'login that finds the roster in memory', unit: 'µs', round: of('warmUs') },
    {
      name: 'the same with the built-in roster',
      unit: 'µs',
      async round() {
        const measured = await withServer(backend, ONLINE, { builtIn: 1 }, async (server) => {
          await server.call('wave', { users: ONLINE });
          await server.call('befriend');
          return server.call('warm', { users: ONLINE });
        });
        return measured['warmUs'] ?? Number.NaN;
      },
    },
  ];
}

/** Measures with a server of its own, whose memory nobody has used before. */
async function withServer(
  backend: Worker,
  users: number,
  given: Figures,
  measure: (server: Worker) => Promise<Figures>,
): Promise<Figures> {
  const { delayMs = 0 } = given;
  const { port = 0 } = await backend.call('serve', { users, delayMs });
  const server = new Worker(SERVER, ['--expose-gc']);
  try {
    await server.call('start', { users, port, ...given });
    return await measure(server);
  } finally {
    await server.stop();
  }
}
