// What loads the server, in a process of its own. Work is counted while it runs; the other side reads the clock.

import { setTimeout as sleep } from 'node:timers/promises';
import { LoadClient, PatternCount, type Target } from './load-client.ts';
import { type Figures, serve } from './worker.ts';

const GROUP = 20;
const LOGINS_AT_ONCE = 16;
/** When nothing has come for so long, nothing is under way any more. */
const QUIET_MS = 150;
const CHAT_BODY = 'x'.repeat(200);
const NOTHING: Figures = {};
const NS_SM = 'urn:xmpp:sm:3';
const ASK = `<r xmlns='${NS_SM}'/>`;
/** After how many stanzas a client asks whether they were handled. */
const ASK_AFTER = 10;
/** As the server asks by default. */
const ACKNOWLEDGE_AFTER = 25;

let target: Target = { port: 0, isTls: false };
let clients: LoadClient[] = [];
let count = 0;
let isRunning = false;
let heardAt = 0;
let isManaged = false;
/** How many stanzas each client has received since stream management is on. */
const received = new Map<number, number>();
let ended: Promise<unknown> = Promise.resolve();

/** Brings users online, some at a time. */
async function connect({ first = 0, users = 0, port = 0, tls = 0 }: Figures): Promise<Figures> {
  target = { port, isTls: tls === 1 };
  const names = Array.from({ length: users }, (_, i) => `user${first + i}`);
  const connected = new Map<string, LoadClient>();
  const waiting = [...names];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      connected.set(name, await LoadClient.online(name, 'load', target));
    }
  };
  await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, work));
  clients = names.flatMap((name) => connected.get(name) ?? []);
  return NOTHING;
}

async function disconnect(): Promise<Figures> {
  await Promise.all(clients.map((client) => client.leave()));
  clients = [];
  return NOTHING;
}

/** Subscribes the users of each group to each other's presence. */
async function befriend(): Promise<Figures> {
  listen('</presence>', () => {});
  for (const type of ['subscribe', 'subscribed']) {
    for (const [client, other] of pairsOfContacts()) client.send(`<presence type='${type}' to='${bare(other)}'/>`);
    await quiet();
  }
  return NOTHING;
}

/** Turns stream management on; from then on the clients do nothing but chat. XEP-0198. */
async function manage(): Promise<Figures> {
  for (const client of clients) client.send(`<enable xmlns='${NS_SM}' resume='true'/>`);
  await quiet();
  isManaged = true;
  return NOTHING;
}

/** Neighbours chat in both directions, with so many messages of each under way. */
async function chat({ window = 1 }: Figures): Promise<Figures> {
  begin();
  const sends = clients.map((client, i): ((n: number) => void) => {
    const to = clients[i ^ 1]?.jid;
    const stanza = `<message to='${to}' type='chat' id='m${i}'><body>${CHAT_BODY}</body><request xmlns='urn:xmpp:receipts'/></message>`;
    if (!isManaged) return (n) => client.send(stanza.repeat(n));
    let sent = 0;
    return (n) => {
      const asks = Math.floor((sent + n) / ASK_AFTER) > Math.floor(sent / ASK_AFTER);
      sent += n;
      client.send(asks ? stanza.repeat(n) + ASK : stanza.repeat(n));
    };
  });
  listen('</message>', (n, i) => {
    count += n;
    if (isManaged) acknowledge(n, i);
    if (isRunning) sends[i ^ 1]?.(n);
  });
  for (const send of sends) send(window);
  return NOTHING;
}

/**
 * Has the clients say how many stanzas they have received, about as often as they are asked: looking for the question in what
 * they receive would cost them more than all of it costs the server.
 */
function acknowledge(n: number, i: number): void {
  const before = received.get(i) ?? 0;
  const handled = before + n;
  received.set(i, handled);
  if (Math.floor(handled / ACKNOWLEDGE_AFTER) === Math.floor(before / ACKNOWLEDGE_AFTER)) return;
  clients[i]?.send(`<a xmlns='${NS_SM}' h='${handled}'/>`);
}

/** In each group all say how they are, and again when everybody has heard it, themselves included. */
async function presence(): Promise<Figures> {
  begin();
  const missing = new Map<number, number>();
  const broadcast = (group: number): void => {
    missing.set(group, GROUP * GROUP);
    const stanza = `<presence><show>away</show><status>heard ${count} times</status></presence>`;
    for (const client of clients.slice(group * GROUP, (group + 1) * GROUP)) client.send(stanza);
  };
  listen('</presence>', (n, i) => {
    count += n;
    const group = Math.floor(i / GROUP);
    const left = (missing.get(group) ?? 0) - n;
    missing.set(group, left);
    if (left <= 0 && isRunning) broadcast(group);
  });
  for (let group = 0; group < clients.length / GROUP; group++) broadcast(group);
  return NOTHING;
}

/** Users who are not among those connected come and go. */
async function login({ first = 0, users = 1 }: Figures): Promise<Figures> {
  begin();
  let next = 0;
  const work = async (): Promise<void> => {
    while (isRunning) {
      const turn = next++;
      const client = await LoadClient.online(`user${first + (turn % users)}`, `r${turn}`, target);
      count++;
      await client.leave();
    }
  };
  ended = Promise.all(Array.from({ length: LOGINS_AT_ONCE }, work));
  return NOTHING;
}

/** Ends what runs; resolves when nothing is under way any more. */
async function stop(): Promise<Figures> {
  isRunning = false;
  await ended;
  await quiet();
  return NOTHING;
}

function begin(): void {
  isRunning = true;
  count = 0;
  ended = Promise.resolve();
}

/** Calls `heard` with how often a pattern came, and to which client. */
function listen(pattern: string, heard: (n: number, client: number) => void): void {
  for (const [i, client] of clients.entries()) {
    const counter = new PatternCount(pattern);
    client.received = (chunk) => {
      heardAt = performance.now();
      const n = counter.in(chunk);
      if (n > 0) heard(n, i);
    };
  }
}

async function quiet(): Promise<void> {
  heardAt = performance.now();
  while (performance.now() - heardAt < QUIET_MS) await sleep(QUIET_MS / 3);
}

function* pairsOfContacts(): Generator<readonly [LoadClient, LoadClient]> {
  for (const [i, client] of clients.entries()) {
    const first = i - (i % GROUP);
    for (const other of clients.slice(first, first + GROUP)) if (other !== client) yield [client, other];
  }
}

function bare({ jid }: LoadClient): string {
  return jid.slice(0, jid.indexOf('/'));
}

serve(
  { connect, disconnect, manage, befriend, chat, presence, login, stop, count: async () => ({ count }) },
  async () => undefined,
);
