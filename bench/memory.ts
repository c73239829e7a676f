import { Worker } from './end-to-end/worker.ts';
import { LOADER, SERVER } from './end-to-end.ts';
import { type Bench, type Case, medianOf } from './runner.ts';

const SESSIONS = 1000;
const BEFORE = 250;

/** What a session that is online and silent keeps in the real server's memory. */
export const memory: Bench = {
  name: 'memory',
  rounds: 1,
  warmUps: 0,
  open: () => [...cases('TCP', 'c2s', 0), ...cases('TLS', 'c2sTls', 1)],
};

interface Sample {
  readonly live: number;
  readonly rss: number;
}

function cases(name: string, service: 'c2s' | 'c2sTls', tls: number): Case[] {
  let samples: Sample[] = [];
  const figure = (of: keyof Sample): number => medianOf(samples.map((sample) => sample[of]));
  return [
    {
      name: `session over ${name}, live objects`,
      unit: 'KB',
      async round() {
        samples = [];
        for (let i = 0; i < 3; i++) samples.push(await measure(service, tls));
        return figure('live');
      },
    },
    { name: `session over ${name}, resident`, unit: 'KB', round: () => figure('rss') },
  ];
}

async function measure(service: string, tls: number): Promise<Sample> {
  const server = new Worker(SERVER, ['--expose-gc']);
  const loader = new Worker(LOADER);
  try {
    const ports = await server.call('start', { users: SESSIONS });
    const port = ports[service] ?? 0;
    // What the first sessions load and compile is no session's.
    await loader.call('connect', { users: BEFORE, port, tls });
    await loader.call('disconnect');
    const before = await server.call('memory');
    await loader.call('connect', { users: SESSIONS, port, tls });
    const after = await server.call('memory');
    const each = (of: keyof Sample): number => ((after[of] ?? 0) - (before[of] ?? 0)) / SESSIONS / 1024;
    return { live: each('live'), rss: each('rss') };
  } finally {
    await loader.stop();
    await server.stop();
  }
}
