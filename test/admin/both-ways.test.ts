import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLevelStore } from '../../src/store/level.ts';
import { makePlace, parley, ServerProcess } from './running.ts';

test('commands say the same whether the server runs or not', async (t) => {
  const place = await makePlace(t, { admins: ['carol@localhost'] });
  const server = await ServerProcess.start(t, place);
  const added = await parley(place, ['user', 'add', 'alice@localhost'], 'correct horse\n');
  assert.deepEqual(added, { code: 0, stdout: 'Added alice@localhost.\n', stderr: '' });
  const commands = [
    ['user', 'list'],
    ['user', 'list', '--json'],
    ['user', 'show', 'alice@localhost'],
    ['user', 'show', 'alice@localhost', '--json'],
    ['user', 'add', 'alice@localhost', '--generate'],
    ['user', 'show', 'nobody@localhost'],
    ['user', 'remove', 'nobody@localhost'],
    ['user', 'show', 'alice@elsewhere.example'],
    ['user', 'show', 'alice@localhost/phone'],
    ['user', 'list', '--limit', '1'],
    ['user', 'clients', 'alice@localhost'],
    ['user', 'revoke', 'alice@localhost', 'client/unknown'],
    ['user', 'lastlog', 'alice@localhost', '--json'],
    ['order'],
  ];
  const running = await Promise.all(commands.map((args) => parley(place, args)));
  assert.equal(await server.end('SIGTERM'), 0);
  for (const [index, args] of commands.entries()) {
    const stopped = await parley(place, args);
    assert.deepEqual(stopped, running[index], args.join(' '));
  }
  assert.match(running[0]?.stdout ?? '', /^alice@localhost +\S+ +member +0$/m);
  assert.match(running[4]?.stderr ?? '', /there is a user alice@localhost already/);
});

test('users are changed while the server is stopped', async (t) => {
  const place = await makePlace(t);
  await (await ServerProcess.start(t, place)).end('SIGTERM');
  const added = await parley(place, ['user', 'add', 'bob@localhost', '--generate', '--admin', '--json']);
  assert.match(JSON.parse(added.stdout).password, /^[a-z2-9-]{23}$/);
  assert.equal(JSON.parse((await parley(place, ['user', 'show', 'bob@localhost', '--json'])).stdout).role, 'admin');
  const changed = await parley(place, ['user', 'passwd', 'bob@localhost'], 'another one\n');
  assert.equal(changed.stdout, 'Changed the password of bob@localhost.\n');
  const removed = await parley(place, ['user', 'remove', 'bob@localhost']);
  assert.equal(removed.code, 0);
  assert.equal((await parley(place, ['user', 'show', 'bob@localhost'])).code, 1);
});

test('what cannot be done without the server, or without a store, is said', async (t) => {
  const place = await makePlace(t);
  const unused = await parley(place, ['user', 'list']);
  assert.deepEqual([unused.code, unused.stdout], [1, '']);
  assert.match(unused.stderr, /^parley: there is no store in \S+: start the server once, [^\n]+\n$/);
  const stopped = await parley(place, ['session', 'list']);
  assert.equal(stopped.code, 1);
  assert.match(stopped.stderr, /^parley: the server is not running: nothing listens at \S+control\.sock\n$/);
});

test('a store that another process holds is left alone, in one line', async (t) => {
  const place = await makePlace(t);
  const store = await openLevelStore(join(place.dataDir, 'store'));
  t.after(() => store.close());
  const { code, stderr } = await parley(place, ['user', 'list']);
  assert.equal(code, 1);
  assert.match(stderr, /^parley: the store in \S+ is in use by another process, and nothing listens at [^\n]+\n$/);
  const server = await parley(place, ['serve']);
  assert.equal(server.code, 1);
  assert.match(server.stderr, /^parley: the store in \S+ is in use by another process: [^\n]+\n$/);
});

test('the status says what runs, and sessions can be listed and not ended where there are none', async (t) => {
  const place = await makePlace(t);
  const server = await ServerProcess.start(t, place);
  const status = JSON.parse((await parley(place, ['status', '--json'])).stdout);
  assert.equal(status.pid, server.child.pid);
  assert.equal(status.dataDir, place.dataDir);
  assert.deepEqual(status.hosts, [{ host: 'localhost', accounts: 1, sessions: 0 }]);
  assert.equal(status.listeners.length, 2);
  assert.equal(status.certificates[0].selfSigned, true);
  assert.match((await parley(place, ['status'])).stdout, /^Running +for \d+ s/m);
  assert.equal((await parley(place, ['session', 'list'])).stdout, 'No sessions.\n');
  assert.match((await parley(place, ['session', 'kick', 'admin@localhost'])).stderr, /has no session/);
  assert.equal((await parley(place, ['reload'])).stdout, 'Reloaded; no option changed.\n');
});
