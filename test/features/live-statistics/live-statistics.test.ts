import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { type TestContext, test } from 'node:test';
import { liveStatistics } from '../../../src/features/live-statistics/index.ts';
import { ListenError } from '../../../src/net/listen.ts';
import { settle } from '../../support/manual-clock.ts';
import { Stage } from '../../support/stage.ts';

async function open(t: TestContext, config: Record<string, unknown> = {}) {
  const stage = await Stage.open(t, {
    features: [liveStatistics],
    config: { features: { liveStatistics: { port: 0 } }, ...config },
  });
  const port = Number(stage.log.records.find(({ event }) => event === 'statistics.listening')?.fields?.['port']);
  return { stage, port };
}

/** Listens; `lines` waits until the text so far ends with what it is to end with. */
async function tuneIn(t: TestContext, port: number) {
  const socket = createConnection({ host: '127.0.0.1', port });
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  await once(socket, 'connect');
  return {
    socket,
    /** Resolves with what was heard up to what matches, which is then forgotten. */
    async hears(pattern: RegExp): Promise<string> {
      for (;;) {
        const found = pattern.exec(text);
        if (found !== null) {
          const end = found.index + found[0].length;
          const heard = text.slice(0, end);
          text = text.slice(end);
          return heard;
        }
        await once(socket, 'data');
      }
    },
  };
}

const TICK_MS = 1000;

test('whoever connects hears everything first, then an empty line', async (t) => {
  const { stage, port } = await open(t);
  await stage.online({ phone: 'alice', desk: 'alice', bob: 'bob' });
  const listener = await tuneIn(t, port);
  const first = await listener.hears(/\n\n/);
  const lines = first.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^STAT "version" \("[^"]+"\)$/);
  const values = Object.fromEntries(lines.map((line) => /^STAT "([^"]+)" \((.*)\)$/.exec(line)?.slice(1) ?? []));
  assert.equal(values['total_users'], '2');
  assert.equal(values['total_c2s'], '3');
  for (const name of ['total_s2sin', 'total_s2sout', 'total_s2s', 'total_component']) assert.equal(values[name], '0');
  assert.equal(values['up_since'], String(stage.clock.now() / 1000));
  for (const name of ['lua', 'js', 'allocated', 'used', 'unused', 'returnable']) {
    assert.match(values[`memory_${name}`] ?? '', /^\d+$/, name);
  }
});

test('afterwards only what has changed is told, each second, and who moved data in it', async (t) => {
  const { stage, port } = await open(t);
  const { alice } = await stage.online({ alice: 'alice' });
  const listener = await tuneIn(t, port);
  await listener.hears(/\n\n/);
  await stage.clock.advance(TICK_MS);
  const quiet = await listener.hears(/STAT "memory_js" \(\d+\)\n/);
  assert.doesNotMatch(quiet, /total_|up_since|version|memory_used|SESS/);

  await alice.sends('<message to="alice@stage.example/alice"><body>hi</body></message>');
  await alice.sends('<message to="nobody@stage.example"><body>hi</body></message>');
  await stage.clock.advance(TICK_MS);
  const busy = await listener.hears(/SESS .*\n/);
  assert.match(busy, /SESS "0" "alice@stage\.example\/alice" \{message_in=2,message_out=[12];presence_in=0,/);

  await stage.online({ bob: 'bob' });
  await stage.clock.advance(TICK_MS);
  const news = await listener.hears(/SESS .*\n/);
  assert.match(news, /STAT "total_c2s" \(2\)\n/);
  assert.match(news, /SESS "1" "bob@stage\.example\/bob" \{.*presence_in=1,/);
  assert.doesNotMatch(news, /alice/);
});

test('a second listener hears what is known, and both hear the news', async (t) => {
  const { stage, port } = await open(t);
  const first = await tuneIn(t, port);
  await first.hears(/\n\n/);
  const second = await tuneIn(t, port);
  assert.match(await second.hears(/\n\n/), /STAT "total_c2s" \(0\)/);
  await stage.online({ alice: 'alice' });
  await stage.clock.advance(TICK_MS);
  for (const listener of [first, second]) await listener.hears(/STAT "total_c2s" \(1\)\n/);
});

test('a resource that cannot be printed does not break a line', async (t) => {
  const { stage, port } = await open(t);
  await stage.host.users.create('eve', 'correct horse');
  const listener = await tuneIn(t, port);
  await listener.hears(/\n\n/);
  const client = stage.connect('eve');
  await client.logIn('eve', 'correct horse');
  await client.bind('a"b\\c }');
  await client.sends('<presence/>');
  await stage.clock.advance(TICK_MS);
  const heard = await listener.hears(/SESS .*\n/);
  assert.match(heard, /SESS "0" "eve@stage\.example\/a\\"b\\\\c }" \{message_in=0,/);
});

test('nobody listens: nothing is looked at, and no memory is read', async (t) => {
  const { stage, port } = await open(t);
  let reads = 0;
  t.mock.method(process, 'memoryUsage', () => {
    reads++;
    return { rss: 1, heapTotal: 1, heapUsed: 1, external: 1, arrayBuffers: 1 };
  });
  let looks = 0;
  t.mock.method(stage.host.accounts, 'values', () => {
    looks++;
    return new Map().values();
  });
  await stage.clock.advance(600_000);
  assert.deepEqual({ reads, looks }, { reads: 0, looks: 0 });

  const listener = await tuneIn(t, port);
  await listener.hears(/\n\n/);
  assert.equal(reads, 1);
  // The four figures stay for a minute, while the heap in use is told each second.
  await stage.clock.advance(60_000);
  assert.equal(reads, 1);
  await stage.clock.advance(TICK_MS);
  assert.equal(reads, 2);
  assert.ok(looks > 60);
  listener.socket.destroy();
  await untilQuiet(stage, () => looks);
  const left = looks;
  await stage.clock.advance(600_000);
  assert.deepEqual({ reads, looks }, { reads: 2, looks: left });
});

/** Time passes until nothing is looked at any more: that a listener has gone shows when it is talked to. */
async function untilQuiet(stage: Stage, looks: () => number): Promise<void> {
  for (let before = -1; before !== looks(); ) {
    before = looks();
    await stage.clock.advance(TICK_MS);
    for (let turn = 0; turn < 20; turn++) await settle();
  }
}

test('what a listener sends is not read, and ends nothing', async (t) => {
  const { stage, port } = await open(t);
  const listener = await tuneIn(t, port);
  await listener.hears(/\n\n/);
  listener.socket.end('GET / HTTP/1.1\r\n\r\n');
  await stage.online({ alice: 'alice' });
  await stage.clock.advance(TICK_MS);
  await listener.hears(/STAT "total_c2s" \(1\)\n/);
});

test('the seventeenth listener is let go, with a line in the log', async (t) => {
  const { stage, port } = await open(t);
  for (let i = 0; i < 16; i++) await (await tuneIn(t, port)).hears(/\n\n/);
  const { socket } = await tuneIn(t, port);
  if (!socket.closed) await once(socket, 'close');
  const dropped = stage.log.records.filter(({ event }) => event === 'statistics.dropped');
  assert.deepEqual(
    dropped.map(({ fields }) => fields?.['reason']),
    ['too-many'],
  );
});

test('a port that is taken stops the start, with a line that says which', async (t) => {
  const { port } = await open(t);
  await assert.rejects(
    Stage.open(t, { features: [liveStatistics], config: { features: { liveStatistics: { port } } } }),
    (error) => error instanceof ListenError && error.message.includes(`127.0.0.1:${port}`),
  );
});

test('no port is opened unless it is configured', async (t) => {
  const stage = await Stage.open(t, { features: [liveStatistics] });
  assert.deepEqual(
    stage.log.records.filter(({ event }) => event.startsWith('statistics.')),
    [],
  );
});
