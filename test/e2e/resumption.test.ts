import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '../../src/config/load.ts';
import { featureSections } from '../../src/features/registry.ts';
import { memoryLogger } from '../../src/log/log.ts';
import { Server } from '../../src/server.ts';
import { chance } from '../../src/util/ids.ts';
import { DOMAIN, eventually, LiveServer, type Settings } from '../support/live-server.ts';
import { type Cuts, ResumingClient } from '../support/resuming-client.ts';

const CLEAR_TEXT: Settings = {
  c2s: { requireEncryption: false },
  auth: { allowPlaintext: true, mechanisms: ['PLAIN'] },
  log: { level: 'info' },
};

/** How many messages may be on their way before a client waits for what it has said to be acknowledged. */
const WINDOW = 100;
/** How much of the log a failure shows. */
const LOG_LINES = 60;

function chat(to: string, text: string): string {
  return `<message to='${to}' type='chat'><body>${text}</body></message>`;
}

function between(low: number, high: number): number {
  return low + Math.floor(chance() * (high - low));
}

function randomCuts(bytes: number): Cuts {
  const isIn = chance() < 0.5;
  const at = between(1, bytes);
  return { in: isIn ? at : undefined, out: isIn ? undefined : at, isReset: chance() < 0.5 };
}

for (const { messages, bytes, text } of [
  { messages: 1000, bytes: 40_000, text: 'x'.repeat(150) },
  { messages: 300, bytes: 500, text: '' },
]) {
  test(`connections cut after up to ${bytes} bytes lose none of ${messages} messages each way, and double none`, async (t) => {
    const server = await LiveServer.start(t, CLEAR_TEXT);
    await server.addUsers('romeo', 'juliet');
    const romeo = new ResumingClient(server, 'romeo', 'it');
    const juliet = new ResumingClient(server, 'juliet', 'it');
    let isOver = false;
    const talk = async (self: ResumingClient, other: ResumingClient): Promise<void> => {
      let said = 0;
      const isDone = () => said === messages && self.client.waiting === 0 && self.client.inbox.length >= messages;
      self.heard = () => {
        while (self.client.isReady && said < messages && self.client.waiting < WINDOW) {
          self.client.say(chat(`${other.user}@${DOMAIN}/it`, `${said++} ${text}`));
          if (said % 10 === 0) self.client.ask();
        }
      };
      while (!isDone() && !isOver) {
        const lost = new Promise<void>((resolve) => {
          self.lost = resolve;
        });
        // The connection may be cut before the session is there.
        const isConnected = await self.connect(randomCuts(bytes)).then(
          () => true,
          () => false,
        );
        if (!isConnected) continue;
        self.client.ask();
        await Promise.race([lost, eventually('all is said and heard', () => isDone() || isOver, 30_000)]);
      }
      self.break();
    };
    // Both have a session before the first message is sent.
    for (const client of [romeo, juliet]) {
      await client.connect();
      client.break();
    }
    await Promise.all([talk(romeo, juliet), talk(juliet, romeo)]).finally(() => {
      isOver = true;
    });
    const expected = Array.from({ length: messages }, (_, i) => `${i} ${text}`);
    for (const { user, client, refusals } of [romeo, juliet]) {
      const wrong = difference(client.inbox, expected);
      const refused = refusals.filter((condition) => condition !== 'conflict');
      const tale = `${user}: ${wrong.join(', ')}; refused: ${refused.join()}; the end of the log:\n${endOf(server)}`;
      assert.ok(wrong.length === 0 && refused.length === 0, tale);
    }
    t.diagnostic(`resumed ${romeo.client.resumptions} and ${juliet.client.resumptions} times`);
    assert.ok(romeo.client.resumptions + juliet.client.resumptions > 3);
  });
}

test('a restart under traffic is nothing but a pause for a thousand sessions', async (t) => {
  const [users, resources, messages] = [100, 10, 20];
  const server = await LiveServer.start(t, CLEAR_TEXT);
  const names = Array.from({ length: users }, (_, i) => `user${i}`);
  await server.addUsers(...names);
  const clients = names.flatMap((name) =>
    Array.from({ length: resources }, (_, i) => new ResumingClient(server, name, `r${i}`)),
  );
  await inParallel(clients, (client) => client.connect());

  const said = new Map<ResumingClient, number>();
  const say = (client: ResumingClient, i: number): void => {
    const count = said.get(client) ?? 0;
    const other = clients[(i + clients.length / 2) % clients.length];
    if (count === messages || other === undefined) return;
    client.client.say(chat(`${other.user}@${DOMAIN}/${other.resource}`, String(count)));
    said.set(client, count + 1);
  };
  let ticks = 0;
  const pulse = setInterval(() => {
    ticks++;
    for (const [i, client] of clients.entries()) if (i % 10 === ticks % 10) say(client, i);
  }, 20);
  t.after(() => clearInterval(pulse));

  await sleep(1000);
  const waiting = clients.map((client) => lost(client));
  const stoppedAt = performance.now();
  await server.restart();
  const downMs = performance.now() - stoppedAt;
  await Promise.all(waiting);
  const underWay = clients.reduce((sum, { client }) => sum + client.waiting, 0);
  await inParallel(clients, (client) => client.connect().catch(() => {}));
  const resumedMs = performance.now() - stoppedAt;

  const resumed = clients.filter(({ client }) => client.resumptions === 1).length;
  t.diagnostic(
    `${resumed} of ${clients.length} sessions resumed, all ${Math.round(resumedMs)} ms after the stop began`,
  );
  t.diagnostic(`the server was away for ${Math.round(downMs)} ms, ${underWay} messages were not acknowledged`);
  assert.ok(resumed >= clients.length * 0.999, `${resumed} sessions`);
  const isDone = () => clients.every(({ client }) => client.inbox.length >= messages);
  await eventually('all messages have arrived', isDone, 30_000);
  for (const { client } of clients) client.ask();
  await eventually('all is acknowledged', () => clients.every(({ client }) => client.waiting === 0));
  const expected = Array.from({ length: messages }, (_, i) => String(i));
  for (const { client } of clients) assert.deepEqual(client.inbox, expected);
});

test('commands on a stopped server and a start that fails leave the sessions as they are', async (t) => {
  const server = await LiveServer.start(t, CLEAR_TEXT);
  await server.addUsers('romeo', 'juliet');
  const clients = ['romeo', 'juliet'].map((user) => new ResumingClient(server, user, 'it'));
  const [romeo, juliet] = clients;
  assert.ok(romeo && juliet);
  for (const client of clients) await client.connect();
  const waiting = clients.map((client) => lost(client));
  romeo.client.say(chat(`juliet@${DOMAIN}/it`, 'before'));
  const port = server.port('c2s');
  await server.stop();
  await Promise.all(waiting);

  const settings = JSON.stringify({
    dataDir: server.dataDir,
    hosts: { [DOMAIN]: {} },
    listen: { c2s: [], c2sTls: [], http: [], https: [] },
  });
  const { config } = loadConfig('/commands.json', { sections: featureSections, readFile: () => settings });
  const commands = await Server.start({ config, log: memoryLogger() });
  await commands.hosts.get(DOMAIN)?.users.create('mercutio', 'correct horse');
  await commands.stop();

  const squatter = createServer();
  squatter.listen(port, '127.0.0.1');
  await once(squatter, 'listening');
  await assert.rejects(server.restart(), /in use/);
  squatter.close();
  await once(squatter, 'close');

  await server.restart();
  for (const client of clients) await client.connect();
  romeo.client.say(chat(`juliet@${DOMAIN}/it`, 'after'));
  await eventually('the messages arrive', () => juliet.client.inbox.length >= 2);
  assert.deepEqual(juliet.client.inbox, ['before', 'after']);
  assert.deepEqual(
    clients.map(({ client }) => client.resumptions),
    [1, 1],
  );
});

/** How a list differs from what it should be, by the numbers of the messages. */
function difference(inbox: readonly string[], expected: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of inbox) counts.set(text, (counts.get(text) ?? 0) + 1);
  const wrong = expected.flatMap((text, i) =>
    counts.get(text) === 1 ? [] : [`${i} came ${counts.get(text) ?? 0} times`],
  );
  const misplaced = inbox.findIndex((text, i) => text !== expected[i]);
  return misplaced < 0 && inbox.length === expected.length
    ? wrong
    : [...wrong, `${inbox.length} came, wrong from ${misplaced}`];
}

function endOf(server: LiveServer): string {
  return server.lines.slice(-LOG_LINES).join('');
}

/** Resolves when the client's connection is over. */
function lost(client: ResumingClient): Promise<void> {
  return new Promise((resolve) => {
    client.lost = resolve;
  });
}

async function inParallel<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const next = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: 16 }, next));
}
