import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { installationSecret, SECRETS } from '../../src/core/secrets.ts';
import { USERS, type UserRecord } from '../../src/core/user-record.ts';
import { type User, Users } from '../../src/core/users.ts';
import { StanzaError, type StanzaErrorCondition } from '../../src/errors.ts';
import { Passwords } from '../../src/sasl/passwords.ts';
import { SCRAM_HASHES } from '../../src/sasl/scram-keys.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ITERATIONS = 4096;

function scene(t: TestContext) {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  t.after(() => store.close());
  const table = store.table(USERS);
  const passwords = new Passwords({ clock });
  const open = (domain: string): Users => new Users({ domain, table, clock, passwords, iterations: ITERATIONS });
  return { clock, store, table, passwords, open, users: open('capulet.example') };
}

async function failsWith(condition: StanzaErrorCondition, run: Promise<unknown>): Promise<void> {
  await assert.rejects(run, (error) => error instanceof StanzaError && error.condition === condition, condition);
}

async function namesOf(users: AsyncIterable<User>): Promise<string[]> {
  const names: string[] = [];
  for await (const user of users) names.push(user.jid.local);
  return names;
}

describe('A user', () => {
  test('is created once, under the prepared name', async (t) => {
    const { clock, users } = scene(t);
    const created = await users.create('Juliet', 'pw');
    assert.deepEqual(
      [String(created.jid), created.createdAt, created.disabled],
      ['juliet@capulet.example', clock.now(), false],
    );
    assert.ok((await users.get('JULIET'))?.jid.equals(created.jid));
    assert.equal(await users.exists('julieT'), true);
    await failsWith('conflict', users.create('juliet', 'other'));
    assert.equal(await users.verifyPassword('juliet', 'pw'), true);
  });

  test('is told of once it is there, however it comes, and not when there was one already', async (t) => {
    const { users } = scene(t);
    const told: string[] = [];
    users.onCreated(({ jid, createdAt }) => told.push(`${jid} ${createdAt}`));
    const { createdAt } = await users.create('Juliet', 'pw');
    await users.admit('romeo', { createdAt: 7 });
    await failsWith('conflict', users.create('juliet', 'other'));
    assert.deepEqual(told, [`juliet@capulet.example ${createdAt}`, 'romeo@capulet.example 7']);
  });

  test('is created by one of two who try at the same time', async (t) => {
    const { users } = scene(t);
    const results = await Promise.allSettled([users.create('juliet', 'one'), users.create('juliet', 'two')]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    const winner = results[0]?.status === 'fulfilled' ? 'one' : 'two';
    assert.equal(await users.verifyPassword('juliet', winner), true);
  });

  test('needs a name that can be a localpart', async (t) => {
    const { users } = scene(t);
    for (const name of ['', 'a b', 'juliet@capulet.example', 'x'.repeat(1024)]) {
      await failsWith('jid-malformed', users.create(name, 'pw'));
    }
  });

  test('needs a password that can be prepared', async (t) => {
    const { users } = scene(t);
    await users.create('juliet', 'pw');
    for (const password of ['', '\u00ad', 'a\u0007b', 'x'.repeat(1025)]) {
      await failsWith('not-acceptable', users.create('nurse', password));
      await failsWith('not-acceptable', users.setPassword('juliet', password));
    }
    assert.equal(await users.exists('nurse'), false);
  });

  test('is of one host', async (t) => {
    const { users, open } = scene(t);
    const montague = open('montague.example');
    await users.create('juliet', 'pw');
    assert.equal(await montague.exists('juliet'), false);
    assert.equal(await montague.status('juliet'), undefined);
    assert.equal(await montague.verifyPassword('juliet', 'pw'), false);
    assert.deepEqual(await namesOf(montague.list()), []);
  });

  test('has keys for every hash, at the iterations of the time', async (t) => {
    const { users } = scene(t);
    await users.create('juliet', 'pw');
    users.configure({ iterations: 5000 });
    await users.create('nurse', 'pw');
    for (const hash of SCRAM_HASHES) {
      assert.equal((await users.scramKeys('juliet', hash))?.iterations, ITERATIONS);
      assert.equal((await users.scramKeys('nurse', hash))?.iterations, 5000);
      assert.equal(await users.scramKeys('nobody', hash), undefined);
    }
  });

  test('logs in with the password as SASLprep writes it', async (t) => {
    const { users } = scene(t);
    await users.create('juliet', 'I\u00adX 🐎');
    assert.equal(await users.verifyPassword('juliet', '\u2168\u00a0🐎'), true);
    assert.equal(await users.verifyPassword('juliet', 'ix 🐎'), false);
    assert.equal(await users.verifyPassword('juliet', ''), false);
    assert.equal(await users.verifyPassword('nobody', 'pw'), false);
  });

  test('gets a new password, and the old one is of no use', async (t) => {
    const { clock, users } = scene(t);
    const { createdAt } = await users.create('juliet', 'old');
    assert.equal(await users.verifyPassword('juliet', 'old'), true);
    await clock.advance(1000);
    await users.setPassword('Juliet', 'new');
    assert.equal(await users.verifyPassword('juliet', 'old'), false);
    assert.equal(await users.verifyPassword('juliet', 'new'), true);
    assert.equal((await users.get('juliet'))?.createdAt, createdAt);
  });

  test('can be disabled and enabled', async (t) => {
    const { users } = scene(t);
    await users.create('juliet', 'pw');
    assert.equal(await users.status('juliet'), 'enabled');
    await users.setDisabled('juliet', true);
    assert.equal(await users.status('juliet'), 'disabled');
    assert.equal((await users.get('juliet'))?.disabled, true);
    await users.setPassword('juliet', 'other');
    assert.equal(await users.status('juliet'), 'disabled');
    await users.setDisabled('juliet', false);
    assert.equal(await users.status('juliet'), 'enabled');
  });

  test('is asked about in passing without being kept in the place of those who log in', async (t) => {
    const { table, users } = scene(t);
    for (const local of ['juliet', 'romeo', 'tybalt']) await users.create(local, 'pw');
    await users.setDisabled('romeo', true);
    await users.beginRemoval('tybalt');
    assert.equal(await users.status('juliet'), 'enabled');
    const reads = t.mock.method(table, 'get');
    const found = await Promise.all(
      ['juliet', 'romeo', 'tybalt', 'nobody'].map((local) => users.statusInPassing(local)),
    );
    assert.deepEqual(found, ['enabled', 'disabled', undefined, undefined]);
    for (let i = 0; i < 3000; i++) await users.statusInPassing('romeo');
    reads.mock.resetCalls();
    assert.deepEqual([await users.status('juliet'), reads.mock.callCount()], ['enabled', 0]);
    assert.deepEqual([await users.status('romeo'), reads.mock.callCount()], ['disabled', 1]);
  });

  test('is gone once removed', async (t) => {
    const { users } = scene(t);
    await users.create('juliet', 'pw');
    await users.beginRemoval('juliet');
    assert.equal(await users.get('juliet'), undefined);
    assert.equal(await users.exists('juliet'), false);
    await failsWith('conflict', users.create('juliet', 'heir'));
    await users.finishRemoval('juliet');
    assert.equal(await users.get('juliet'), undefined);
    assert.equal(await users.status('juliet'), undefined);
    assert.equal(await users.verifyPassword('juliet', 'pw'), false);
  });

  test('must exist to be changed', async (t) => {
    const { users } = scene(t);
    await failsWith('item-not-found', users.setPassword('juliet', 'pw'));
    await failsWith('item-not-found', users.setDisabled('juliet', true));
    await failsWith('item-not-found', users.beginRemoval('juliet'));
    assert.equal(await users.exists('juliet'), false);
  });

  test('is not created when the key derivation is overloaded', async (t) => {
    const { clock, table } = scene(t);
    const passwords = new Passwords({ clock, maxConcurrent: 1, maxQueued: 1 });
    const users = new Users({ domain: 'capulet.example', table, clock, passwords, iterations: ITERATIONS });
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => users.create(name, 'pw')));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    assert.deepEqual(
      refused.map(({ condition }) => condition),
      ['resource-constraint'],
    );
    assert.equal((await namesOf(users.list())).length, 2);
  });
});

describe('The list of users', () => {
  test('is in order of names, and can be read in pages', async (t) => {
    const { table, users, open } = scene(t);
    for (const name of ['nurse', 'juliet', 'tybalt', 'peter']) {
      await table.put(['capulet.example', name], { createdAt: 0, scram: {} });
    }
    await table.put(['capulet.example.org', 'x'], { createdAt: 0, scram: {} });
    assert.deepEqual(await namesOf(users.list()), ['juliet', 'nurse', 'peter', 'tybalt']);
    assert.deepEqual(await namesOf(users.list({ limit: 2 })), ['juliet', 'nurse']);
    assert.deepEqual(await namesOf(users.list({ after: 'nurse', limit: 1 })), ['peter']);
    assert.deepEqual(await namesOf(users.list({ after: 'tybalt' })), []);
    assert.deepEqual(await namesOf(open('montague.example').list()), []);
  });
});

describe('Whoever keeps sessions', () => {
  test('is told of a new password, of disabling and of removal, after they are durable', async (t) => {
    const { users } = scene(t);
    const told: string[] = [];
    users.onCredentialsChanged((user, change) => told.push(`${user} ${change}`));
    await users.create('juliet', 'pw');
    await users.setPassword('juliet', 'other');
    await users.setDisabled('juliet', true);
    await users.setDisabled('juliet', false);
    await users.beginRemoval('juliet');
    await users.beginRemoval('juliet');
    assert.deepEqual(
      told,
      ['password', 'disabled', 'removed'].map((change) => `juliet@capulet.example ${change}`),
    );
  });

  test('is not told of what could not be stored', async (t) => {
    const { store, users } = scene(t);
    await users.create('juliet', 'pw');
    users.onCredentialsChanged(() => assert.fail('told'));
    store.failNextCommit(new Error('disk full'));
    await assert.rejects(users.beginRemoval('juliet'), { name: 'StoreError' });
  });
});

describe('What is stored of a user', () => {
  const keys = { salt: 'AA==', iterations: 1, storedKey: 'AA==', serverKey: 'AA==' };
  const good = { createdAt: 1, scram: { 'SHA-1': keys } };

  test('keeps fields that a later version added', async (t) => {
    const { table, users, clock } = scene(t);
    const later = { createdAt: 5, scram: {}, theme: 'dark' };
    const record: UserRecord = later;
    await table.put(['capulet.example', 'juliet'], record);
    await users.setPassword('juliet', 'pw');
    const stored = await table.get('capulet.example', 'juliet');
    assert.ok(stored?.scram['SHA-256']);
    assert.deepEqual({ ...stored, scram: {} }, { ...later, passwordUpdatedAt: clock.now() });
  });

  test('is refused when it is damaged', () => {
    assert.deepEqual(USERS.parse(good), good);
    const damaged: readonly unknown[] = [
      null,
      [],
      'x',
      {},
      { ...good, createdAt: '1' },
      { ...good, scram: null },
      { ...good, disabled: 'no' },
      { ...good, scram: { 'SHA-1': { ...keys, salt: 1 } } },
      { ...good, scram: { 'SHA-1': { ...keys, iterations: 0 } } },
      { ...good, scram: { 'SHA-1': { ...keys, iterations: '1' } } },
      { ...good, scram: { 'SHA-1': null } },
    ];
    for (const json of damaged) assert.throws(() => USERS.parse(json), TypeError, JSON.stringify(json));
  });

  test('is refused when a key has the wrong length', async (t) => {
    const { table, users } = scene(t);
    await table.put(['capulet.example', 'juliet'], good);
    await assert.rejects(users.scramKeys('juliet', 'SHA-1'), /damaged/);
  });
});

describe('A secret of the installation', () => {
  test('is made once, and another for each name', async (t) => {
    const table = scene(t).store.table(SECRETS);
    const [one, two] = await Promise.all([installationSecret(table, 'a'), installationSecret(table, 'a')]);
    assert.equal(one.length, 32);
    assert.deepEqual(one, two);
    assert.deepEqual(await installationSecret(table, 'a'), one);
    assert.notDeepEqual(await installationSecret(table, 'b'), one);
  });

  test('is not replaced when it is damaged', async (t) => {
    const table = scene(t).store.table(SECRETS);
    await table.put(['a'], 'not base64!');
    await assert.rejects(installationSecret(table, 'a'), /damaged/);
    assert.throws(() => SECRETS.parse(5), TypeError);
  });
});
