import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { attr, child, children, type Element, elements, serialize, text } from '../../src/xml/element.ts';
import { ScramClient } from '../support/scram-client.ts';
import {
  conditionOf,
  DOMAIN,
  identifierOf,
  NS_SASL2,
  namesIn,
  open as openStage,
  PASSWORD,
  PHONE,
  REQUEST_TOKEN,
  type Sasl2Client,
  tokenOf,
} from './sasl2-scene.ts';

const NS_UPGRADE = 'urn:xmpp:sasl:upgrade:0';
const NS_SCRAM_UPGRADE = 'urn:xmpp:scram-upgrade:0';
const SHA_256 = 'UPGR-SCRAM-SHA-256';
const SHA_512 = 'UPGR-SCRAM-SHA-512';

/** A stage where romeo's password is kept for SCRAM-SHA-1 only, as it was long ago. */
async function open(t: TestContext) {
  const scene = await openStage(t);
  const { stage } = scene;
  const record = await stage.usersTable.get(DOMAIN, 'romeo');
  assert.ok(record?.scram['SHA-1']);
  await stage.host.users.beginRemoval('romeo');
  await stage.usersTable.put([DOMAIN, 'romeo'], { ...record, scram: { 'SHA-1': record.scram['SHA-1'] } });
  return { ...scene, hashes: async () => (await stage.host.users.password('romeo'))?.hashes };
}

function wanting(...tasks: readonly string[]): string {
  return tasks.map((task) => `<upgrade xmlns='${NS_UPGRADE}'>${task}</upgrade>`).join('');
}

function taskOf(element: Element): string {
  assert.equal(element.name, 'continue', serialize(element));
  const tasks = child(element, 'tasks');
  assert.equal(tasks && elements(tasks).length, 1);
  return text(tasks && child(tasks, 'task'));
}

/** Begins a task; returns what the client must derive from. */
async function next(client: Sasl2Client, task: string): Promise<{ salt: Buffer; iterations: number }> {
  await client.stage.sends(`<next xmlns='${NS_SASL2}' task='${task}'/>`);
  const data = await client.stage.nextNamed('task-data');
  const salt = child(data, 'salt', NS_SCRAM_UPGRADE);
  assert.ok(salt);
  return { salt: Buffer.from(text(salt), 'base64'), iterations: Number(attr(salt, 'iterations')) };
}

async function finish(client: Sasl2Client, hash: Buffer): Promise<Element> {
  const data = hash.toString('base64');
  const content = `<hash xmlns='${NS_SCRAM_UPGRADE}'>${data}</hash>`;
  await client.stage.sends(`<task-data xmlns='${NS_SASL2}'>${content}</task-data>`);
  return client.stage.next();
}

async function upgrade(client: Sasl2Client, task: string, digest: string, bytes: number): Promise<Element> {
  const { salt, iterations } = await next(client, task);
  assert.ok(salt.length >= 16 && iterations >= 4096);
  return finish(client, pbkdf2Sync(PASSWORD, salt, iterations, bytes, digest));
}

async function scram(client: Sasl2Client, hash: 'SHA-1' | 'SHA-256' | 'SHA-512', extra = ''): Promise<Element> {
  const scramClient = new ScramClient({ hash, username: 'romeo', password: PASSWORD });
  const challenge = await client.authenticate(`SCRAM-${hash}`, scramClient.first(), {
    clientId: PHONE,
    children: extra,
  });
  const final = scramClient.final(Buffer.from(text(challenge), 'base64'));
  await client.stage.sends(`<response xmlns='${NS_SASL2}'>${final.toString('base64')}</response>`);
  const answer = await client.stage.next();
  const data = child(answer, 'additional-data');
  assert.ok(data === undefined || scramClient.verify(Buffer.from(text(data), 'base64')));
  return answer;
}

describe('An upgrade', () => {
  test('stores a second hash usable by SCRAM-SHA-256', async (t) => {
    const { connect, hashes } = await open(t);
    const client = await connect();
    const proceed = await scram(client, 'SHA-1', wanting(SHA_256));
    assert.equal(taskOf(proceed), SHA_256);
    assert.ok(child(proceed, 'additional-data'));
    const success = await upgrade(client, SHA_256, 'sha256', 32);
    assert.deepEqual(namesIn(success), ['authorization-identifier']);
    assert.deepEqual(await hashes(), ['SHA-1', 'SHA-256']);
    for (const hash of ['SHA-256', 'SHA-1'] as const) {
      assert.equal(identifierOf(await scram(await connect(), hash)), `romeo@${DOMAIN}`);
    }
  });

  test('follows another, each in its own step, and what is inline comes at the end', async (t) => {
    const { connect, hashes } = await open(t);
    const client = await connect();
    assert.equal(taskOf(await scram(client, 'SHA-1', wanting(SHA_512, SHA_256) + REQUEST_TOKEN)), SHA_512);
    const second = await upgrade(client, SHA_512, 'sha512', 64);
    assert.equal(taskOf(second), SHA_256);
    assert.equal(child(second, 'additional-data'), undefined);
    assert.ok(tokenOf(await upgrade(client, SHA_256, 'sha256', 32)));
    assert.deepEqual(await hashes(), ['SHA-1', 'SHA-256', 'SHA-512']);
  });

  test('a short hash is rejected and leaves the account unchanged', async (t) => {
    for (const bytes of [0, 20, 31, 33, 64]) {
      const { connect, hashes } = await open(t);
      const client = await connect();
      await scram(client, 'SHA-1', wanting(SHA_256));
      await next(client, SHA_256);
      assert.equal(conditionOf(await finish(client, Buffer.alloc(bytes, 1))), 'malformed-request');
      assert.deepEqual(await hashes(), ['SHA-1']);
    }
  });

  test('of what is there already, of nothing known, and of SHA-1 is not made', async (t) => {
    const { connect } = await open(t);
    const unknown = wanting('UPGR-SCRAM-SHA-1', 'UPGR-BLOOP', '', 'UPGR-SCRAM-SHA-256-PLUS');
    assert.equal((await scram(await connect(), 'SHA-1', unknown)).name, 'success');
    const client = await connect();
    await scram(client, 'SHA-1', wanting(SHA_256));
    await upgrade(client, SHA_256, 'sha256', 32);
    assert.equal((await scram(await connect(), 'SHA-1', wanting(SHA_256))).name, 'success');
  });

  test('takes a login with the password: one with a token is simply let in', async (t) => {
    const { connect } = await open(t);
    const token = tokenOf(await scram(await connect(), 'SHA-1', REQUEST_TOKEN));
    const success = await (await connect()).token(token, { children: wanting(SHA_256) });
    assert.equal(success.name, 'success');
    assert.equal(taskOf(await (await connect()).plain({ children: wanting(SHA_256) })), SHA_256);
  });

  test('leaves tokens alone', async (t) => {
    const { connect } = await open(t);
    const token = tokenOf(await scram(await connect(), 'SHA-1', REQUEST_TOKEN));
    const client = await connect();
    await scram(client, 'SHA-1', wanting(SHA_256));
    await upgrade(client, SHA_256, 'sha256', 32);
    assert.equal((await (await connect()).token(token)).name, 'success');
  });

  test('of a password that was changed meanwhile fails', async (t) => {
    const { stage, connect } = await open(t);
    const client = await connect();
    await scram(client, 'SHA-1', wanting(SHA_256));
    await stage.clock.advance(1000);
    await stage.host.users.setPassword('romeo', 'other');
    assert.equal(conditionOf(await upgrade(client, SHA_256, 'sha256', 32)), 'not-authorized');
  });

  test('by another name than was offered, or without hash, is malformed, and nothing else may follow', async (t) => {
    const { connect, hashes } = await open(t);
    const wrong = [
      [`<next xmlns='${NS_SASL2}' task='${SHA_512}'/>`],
      [`<next xmlns='${NS_SASL2}'/>`],
      [`<task-data xmlns='${NS_SASL2}'/>`],
      [`<response xmlns='${NS_SASL2}'/>`],
      [`<next xmlns='${NS_SASL2}' task='${SHA_256}'/>`, `<task-data xmlns='${NS_SASL2}'/>`],
    ];
    for (const messages of wrong) {
      const client = await connect();
      await scram(client, 'SHA-1', wanting(SHA_256));
      for (const message of messages) await client.stage.sends(message);
      const answers = [await client.stage.next()];
      if (messages.length > 1) answers.push(await client.stage.next());
      assert.equal(conditionOf(answers.at(-1) as Element), 'malformed-request');
      await client.stage.sends(`<authenticate xmlns='${NS_SASL2}' mechanism='PLAIN'/>`);
      await client.stage.isClosedWith('policy-violation');
    }
    assert.deepEqual(await hashes(), ['SHA-1']);
  });

  test('can be given up, and what would have been inline is not done', async (t) => {
    const { stage, connect } = await open(t);
    const client = await connect();
    await scram(client, 'SHA-1', wanting(SHA_256) + REQUEST_TOKEN);
    await client.stage.sends(`<abort xmlns='${NS_SASL2}'/>`);
    assert.equal(conditionOf(await client.stage.next()), 'aborted');
    assert.deepEqual(await stage.host.grants.list('romeo'), []);
  });

  test('that cannot be stored is not said to be', async (t) => {
    const { stage, connect } = await open(t);
    const client = await connect();
    await scram(client, 'SHA-1', wanting(SHA_256));
    const { salt, iterations } = await next(client, SHA_256);
    stage.store.failNextCommit(new Error('disk full'));
    const hash = pbkdf2Sync(PASSWORD, salt, iterations, 32, 'sha256');
    assert.equal(conditionOf(await finish(client, hash)), 'temporary-auth-failure');
  });

  test('is not offered where the operator does not want it', async (t) => {
    const { connect } = await openStage(t, { config: { features: { sasl2: { upgrades: false } } } });
    const { features } = await connect();
    const authentication = features && child(features, 'authentication', NS_SASL2);
    assert.ok(authentication);
    assert.deepEqual(children(authentication, 'upgrade', NS_UPGRADE), []);
  });
});
