import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { contactLists } from '../support/contact-edits.ts';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { projectFile } from '../support/project.ts';
import { RosterBackend } from '../support/roster-backend.ts';

/** Debian's, for which the package python3-slixmpp is installed; elsewhere whatever is there. */
const PYTHON = process.platform === 'linux' ? '/usr/bin/python3' : 'python3';
const isMissing = spawnSync(PYTHON, ['-c', 'import slixmpp']).status !== 0;
// Whoever has not installed slixmpp can test the rest; where all must be tested, its absence is a failure.
const skip =
  isMissing && process.env['CI'] === undefined ? 'slixmpp is not installed (Debian: python3-slixmpp)' : false;

/** Clients made with slixmpp, in a process of their own. */
class Slixmpp {
  readonly #ask: (request: string) => Promise<unknown>;

  private constructor(ask: (request: string) => Promise<unknown>) {
    this.#ask = ask;
  }

  /** Logs one in for each full address. */
  static async start(server: LiveServer, jids: readonly string[]): Promise<Slixmpp> {
    const script = projectFile('test/interop/slixmpp_roster.py');
    const child = spawn(PYTHON, [script, String(server.port('c2s')), ...jids], { stdio: ['pipe', 'pipe', 'inherit'] });
    server.beforeEnd(() => void child.kill());
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> => {
      const { value } = await lines.next();
      return JSON.parse(value ?? assert.fail('the clients have ended'));
    };
    assert.deepEqual(await next(), jids);
    return new Slixmpp((request) => {
      child.stdin.write(`${request}\n`);
      return next();
    });
  }

  rosters(): Promise<unknown> {
    return this.#ask('rosters');
  }

  again(): Promise<unknown> {
    return this.#ask('again');
  }

  online(): Promise<unknown> {
    return this.#ask('online');
  }
}

async function open(t: TestContext): Promise<{ server: LiveServer; backend: RosterBackend }> {
  const backend = await RosterBackend.start(t);
  for (const user of ['romeo', 'juliet']) backend.contacts.set(user, {});
  const delegatedRoster = { url: backend.url, refresh: { namesPerMinute: 100_000 } };
  const server = await LiveServer.start(t, { features: { roster: false, delegatedRoster } });
  await server.addUsers('romeo', 'juliet');
  return { server, backend };
}

async function refresh(server: LiveServer, ...users: readonly string[]): Promise<void> {
  const url = `http://${DOMAIN}:${server.port('http')}/roster_admin/refresh`;
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(users) });
  const { updated, errors } = Object(await answer.json());
  assert.deepEqual([answer.status, updated, errors], [200, users.length, 0]);
}

test('the rosters that slixmpp keeps are the application’s after each refresh, whatever it has changed', {
  skip,
}, async (t) => {
  const { server, backend } = await open(t);
  const jids = ['phone', 'laptop'].map((resource) => `romeo@${DOMAIN}/${resource}`);
  const clients = await Slixmpp.start(server, jids);
  const lists = fc.array(contactLists(DOMAIN, 'romeo'), { minLength: 1, maxLength: 8 });
  const property = fc.asyncProperty(lists, async (edits) => {
    for (const { json, seen } of edits) {
      backend.contacts.set('romeo', json);
      await refresh(server, 'romeo');
      const expected = Object.fromEntries(
        Array.from(seen, ([jid, contact]) => [jid, { ...contact, subscription: 'both' }]),
      );
      assert.deepEqual(await clients.rosters(), [expected, expected]);
    }
    assert.deepEqual(await clients.again(), [0, 0]);
  });
  await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 4000 });
});

test('clients made with slixmpp see each other while the application says that they are friends', {
  skip,
}, async (t) => {
  const { server, backend } = await open(t);
  const jids = [`romeo@${DOMAIN}/phone`, `juliet@${DOMAIN}/balcony`];
  const clients = await Slixmpp.start(server, jids);
  assert.deepEqual(await clients.online(), [[], []]);
  for (let round = 0; round < 2; round++) {
    backend.contacts.set('romeo', { [`juliet@${DOMAIN}`]: {} });
    backend.contacts.set('juliet', { [`romeo@${DOMAIN}`]: {} });
    await refresh(server, 'romeo', 'juliet');
    assert.deepEqual(await clients.online(), [[jids[1]], [jids[0]]]);
    for (const user of ['romeo', 'juliet']) backend.contacts.set(user, {});
    await refresh(server, 'romeo', 'juliet');
    assert.deepEqual(await clients.online(), [[], []]);
  }
});
