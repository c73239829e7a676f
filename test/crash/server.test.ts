import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chance } from '../../src/util/ids.ts';
import { eventually, PASSWORD } from '../support/live-server.ts';
import { HEADER, RawClient } from '../support/raw-client.ts';
import { ChildServer } from './child-server.ts';

const ROUNDS = 3;
const WRITERS = ['romeo', 'juliet', 'mercutio', 'tybalt', 'paris', 'benvolio'];
/** Who is away while the others write. */
const AWAY = 'friar';
/** How long the server works before it is killed, in milliseconds, at least and at most. */
const WORK_MS = [300, 900] as const;

const SETTINGS = {
  registration: { enabled: true, rateLimit: null },
  limits: {
    traffic: { stanzas: null, bytes: null },
    connections: { unauthenticatedPerAddress: null, attemptsPerAddress: null },
    account: { offlineMessages: 100_000, offlineBytes: 100_000_000, rosterItems: 100_000 },
  },
};

/** What the server has acknowledged, and so must keep whatever happens to it. */
class Acknowledged {
  readonly accounts: string[] = [];
  readonly contacts = new Map<string, string[]>();
  /** By user: the last number that was written. */
  readonly notes = new Map<string, number>();
  readonly cards = new Map<string, number>();
  /** Not yet handed over. */
  readonly messages: string[] = [];
}

test('a server that is killed amid its work loses nothing that it has acknowledged', async (t) => {
  const server = await ChildServer.start(t, SETTINGS);
  const acknowledged = new Acknowledged();
  let messages = 0;
  for (const user of [...WRITERS, AWAY]) await register(server, user);
  for (let round = 0; round < ROUNDS; round++) {
    const clients = await Promise.all(WRITERS.map((user) => RawClient.logIn(server, user, 'writer')));
    const work = clients.map((client, i) => write(server, client, WRITERS[i] ?? '', round, acknowledged));
    const [atLeast, atMost] = WORK_MS;
    await new Promise((resolve) => setTimeout(resolve, atLeast + chance() * (atMost - atLeast)));
    assert.deepEqual(await server.kill('SIGKILL'), [null, 'SIGKILL']);
    await Promise.all(work);
    await server.restart();
    await assertKept(server, acknowledged);
    server.assertNoErrors();
    messages += acknowledged.messages.splice(0).length;
  }
  const { accounts, contacts } = acknowledged;
  const contactCount = [...contacts.values()].flat().length;
  t.diagnostic(`kept ${accounts.length} accounts, ${contactCount} contacts and ${messages} messages`);
  assert.ok(accounts.length > 0 && contactCount > ROUNDS && messages > ROUNDS);
});

test('SIGTERM ends the process with exit code 0, whether clients answer or not', async (t) => {
  const timeouts = { closeMs: 60_000, shutdownMs: 1000 };
  const server = await ChildServer.start(t, {
    ...SETTINGS,
    limits: { ...SETTINGS.limits, timeouts, traffic: { stanzas: { perSecond: 1, burst: 1 }, bytes: null } },
  });
  await register(server, 'romeo');
  const silent = await RawClient.logIn(server, 'romeo', 'silent');
  silent.socket.pause();
  // The server does not read from a client that sends too fast.
  const hasty = await RawClient.logIn(server, 'romeo', 'hasty');
  hasty.write('<presence/>'.repeat(1000));
  const handshaking = await RawClient.connect(server, 'c2sTls');
  const negotiating = await RawClient.connect(server, 'c2s');
  negotiating.write(HEADER);
  await eventually('the presence arrives', () => hasty.received.includes('<presence'));

  const started = performance.now();
  assert.deepEqual(await server.kill('SIGTERM'), [0, null]);
  const took = performance.now() - started;
  assert.ok(took < 3000, `it took ${took} ms`);
  assert.equal(server.log.at(-1)?.event, 'server.stopped');
  server.assertNoErrors();
  for (const client of [hasty, negotiating]) assert.match(await client.closed(), /<system-shutdown /);
  await handshaking.closed();
});

test('a server that was killed without work starts again, and tells no password again', async (t) => {
  const server = await ChildServer.start(t, SETTINGS);
  assert.ok(server.log.some(({ event }) => event === 'server.first_administrator'));
  await server.kill('SIGKILL');
  await server.restart();
  assert.ok(!server.log.some(({ event }) => event === 'server.first_administrator'));
  assert.deepEqual(await server.kill('SIGTERM'), [0, null]);
});

/** Registers an account in band; fails if there is one. */
async function register(server: ChildServer, user: string): Promise<void> {
  assert.match(await registration(server, user), /type="result"/);
}

async function registration(server: ChildServer, user: string): Promise<string> {
  const stranger = await RawClient.connectTls(server, 'c2sTls');
  await stranger.open();
  const query = `<username>${user}</username><password>${PASSWORD}</password>`;
  const answer = await stranger.ask(`<iq type='set' id='r'><query xmlns='jabber:iq:register'>${query}</query></iq>`);
  stranger.socket.destroy();
  return answer;
}

/** Writes as much as the server takes, one thing after another, and notes what is acknowledged; until the server is gone. */
async function write(
  server: ChildServer,
  client: RawClient,
  user: string,
  round: number,
  acknowledged: Acknowledged,
): Promise<void> {
  const contacts = acknowledged.contacts.get(user) ?? [];
  acknowledged.contacts.set(user, contacts);
  const isDone = async (iq: string): Promise<boolean> => /type="result"/.test(await client.ask(iq).catch(() => ''));
  for (let number = round * 1_000_000; !client.isClosed; number++) {
    const contact = `contact-${number}@example.org`;
    const item = `<query xmlns='jabber:iq:roster'><item jid='${contact}'/></query>`;
    if (!(await isDone(`<iq type='set' id='c${number}'>${item}</iq>`))) return;
    contacts.push(contact);

    // No message is acknowledged by itself. Once the recipient's account has answered a request that was sent after the
    // message, the message has been handed to the store, which writes in order: with the next acknowledged write it is kept.
    const body = `message ${number} of ${user}`;
    client.write(`<message to='${AWAY}@localhost' type='chat'><body>${body}</body></message>`);
    const question = `<iq type='get' id='q${number}' to='${AWAY}@localhost'><vCard xmlns='vcard-temp'/></iq>`;
    if (!/<iq /.test(await client.ask(question).catch(() => ''))) return;

    const note = `<query xmlns='jabber:iq:private'><n xmlns='urn:example:n'>${number}</n></query>`;
    if (!(await isDone(`<iq type='set' id='n${number}'>${note}</iq>`))) return;
    acknowledged.messages.push(body);
    acknowledged.notes.set(user, number);

    if (!(await isDone(`<iq type='set' id='v${number}'><vCard xmlns='vcard-temp'><FN>${number}</FN></vCard></iq>`)))
      return;
    acknowledged.cards.set(user, number);
    if (number % 10 !== 0) continue;
    const account = `${user}-${number}`;
    const answer = await registration(server, account).catch(() => '');
    if (!/type="result"/.test(answer)) return;
    acknowledged.accounts.push(account);
  }
}

async function assertKept(server: ChildServer, acknowledged: Acknowledged): Promise<void> {
  for (const account of acknowledged.accounts) assert.match(await registration(server, account), /<conflict /, account);
  for (const user of WRITERS) {
    const client = await RawClient.logIn(server, user, 'reader');
    const roster = await client.ask(`<iq type='get' id='c'><query xmlns='jabber:iq:roster'/></iq>`);
    const lost = acknowledged.contacts.get(user)?.filter((contact) => !roster.includes(`"${contact}"`));
    assert.deepEqual(lost, [], `contacts of ${user}`);
    const query = `<query xmlns='jabber:iq:private'><n xmlns='urn:example:n'/></query>`;
    const notes = await client.ask(`<iq type='get' id='n'>${query}</iq>`);
    assert.ok(numberIn(/urn:example:n"?>(\d+)</, notes) >= (acknowledged.notes.get(user) ?? 0), notes);
    const card = await client.ask(`<iq type='get' id='v'><vCard xmlns='vcard-temp'/></iq>`);
    assert.ok(numberIn(/<FN>(\d+)</, card) >= (acknowledged.cards.get(user) ?? 0), card);
    client.socket.destroy();
  }
  await assertMessagesKept(server, acknowledged.messages);
}

async function assertMessagesKept(server: ChildServer, bodies: readonly string[]): Promise<void> {
  const away = await RawClient.logIn(server, AWAY, 'cell');
  away.write('<presence/>');
  const missing = () => bodies.filter((body) => !away.received.includes(`>${body}<`));
  await eventually('the messages arrive', () => missing().length === 0).catch(() => assert.deepEqual(missing(), []));
  away.socket.destroy();
}

function numberIn(pattern: RegExp, text: string): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}
