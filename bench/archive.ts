import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fin, resultMessage } from '../src/features/mam/answers.ts';
import { Archive } from '../src/features/mam/archive.ts';
import type { Query } from '../src/features/mam/query.ts';
import { ARCHIVES, CONVERSATIONS, MESSAGES } from '../src/features/mam/records.ts';
import { search } from '../src/features/mam/search.ts';
import type { PageRequest } from '../src/features/shared/rsm.ts';
import { JID } from '../src/jid.ts';
import { openLevelStore } from '../src/store/level.ts';
import type { Worker } from './end-to-end/worker.ts';
import { LOADER, SERVER, startWorker, underLoad } from './end-to-end.ts';
import { type Bench, type Case, onCpu } from './runner.ts';

const USERS = 100;
/** Messages of the archive that is read; more by the environment, for the curve in docs/performance.md. */
const MESSAGES_KEPT = Number(process.env['BENCH_ARCHIVE'] ?? 100_000);
const AT_ONCE = 500;
const PEERS = 40;
/** So many messages follow each other in one conversation, as when people talk. */
const TALK = 20;
const LIMITS = { usual: 50, max: 250, maxSize: 256 * 1024 };
const ACCOUNT = JID.parse('juliet@localhost');

/** The archive: chat that is kept for both sides, over sockets, and pages of 50 from an archive on disk. */
export const archive: Bench = {
  name: 'archive',
  rounds: 9,
  warmUps: 2,
  async open(defer) {
    const worker = (file: URL): Worker => startWorker(file, defer);
    const [server, loader] = [worker(SERVER), worker(LOADER)];
    const { c2s = 0 } = await server.call('start', { users: USERS, full: 1 });
    await loader.call('connect', { users: USERS, port: c2s });
    return [
      underLoad('chat that is archived, 10 under way', server, loader, 'chat', { window: 10 }),
      ...(await pages(defer)),
    ];
  },
};

async function pages(defer: (undo: () => Promise<void>) => void): Promise<Case[]> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-bench-'));
  defer(() => rm(directory, { recursive: true }));
  const store = await openLevelStore(directory);
  defer(() => store.close());
  const filled = new Archive(
    {
      store,
      messages: store.journal(MESSAGES),
      archives: store.table(ARCHIVES),
      conversations: store.table(CONVERSATIONS),
    },
    ['localhost', 'juliet'],
  );
  await filled.load();
  await fill(filled);
  const page = (name: string, request: Partial<PageRequest>, peer?: string): Case =>
    onCpu(name, async () => {
      await readPage(filled, { max: 50, after: undefined, before: undefined, ...request }, peer);
      return 1;
    });
  return [
    page('page of 50, the newest', { before: '' }),
    page('page of 50, the oldest', {}),
    page('page of 50 of one conversation, the newest', { before: '' }, peerOf(7)),
    page('page of 50 of one conversation, the oldest', {}, peerOf(7)),
  ];
}

async function fill(filled: Archive): Promise<void> {
  for (let n = 0; n < MESSAGES_KEPT; n += AT_ONCE) {
    const stored = Array.from({ length: AT_ONCE }, (_, i) => {
      const peer = peerOf(Math.floor((n + i) / TALK) % PEERS);
      const xml = `<message from="${peer}/phone" to="${ACCOUNT}" id="${n + i}" type="chat"><body>${'x'.repeat(200)}</body></message>`;
      return filled.append(peer, xml).stored;
    });
    await Promise.all(stored);
  }
}

async function readPage(filled: Archive, page: PageRequest, peer: string | undefined): Promise<void> {
  const query: Query = {
    queryId: 'q',
    with: peer === undefined ? undefined : JID.parse(peer),
    start: undefined,
    end: undefined,
    afterId: undefined,
    beforeId: undefined,
    ids: undefined,
    page,
    isFlipped: false,
  };
  const found = await search(filled, query, LIMITS);
  if (found.messages.length !== 50) throw new Error(`a page of ${found.messages.length}`);
  for (const message of found.messages) resultMessage(ACCOUNT, ACCOUNT, query, message).toString();
  fin(found);
}

function peerOf(number: number): string {
  return `user${number}@localhost`;
}
