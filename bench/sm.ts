import type { Worker } from './end-to-end/worker.ts';
import { LOADER, SERVER, startWorker, underLoad } from './end-to-end.ts';
import type { Bench } from './runner.ts';

const USERS = 50;

/** The same chat with stream management and without, in turn: what numbering, keeping and acknowledging cost the server. */
export const sm: Bench = {
  name: 'sm',
  rounds: 9,
  warmUps: 2,
  async open(defer) {
    const worker = (file: URL): Worker => startWorker(file, defer);
    const server = worker(SERVER);
    const [plain, managed] = [worker(LOADER), worker(LOADER)];
    const { c2s = 0 } = await server.call('start', { users: 2 * USERS });
    await plain.call('connect', { users: USERS, port: c2s });
    await managed.call('connect', { first: USERS, users: USERS, port: c2s });
    await managed.call('manage');
    return [10, 1].flatMap((window) => [
      underLoad(`chat without stream management, ${window} under way`, server, plain, 'chat', { window }),
      underLoad(`chat with stream management, ${window} under way`, server, managed, 'chat', { window }),
    ]);
  },
};
