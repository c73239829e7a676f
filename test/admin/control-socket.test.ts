import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ControlClient } from '../../src/admin/client.ts';
import { ControlError, ControlSocket } from '../../src/admin/control-socket.ts';
import { MAX_REQUEST_BYTES } from '../../src/admin/protocol.ts';
import { type Command, CommandError } from '../../src/core/commands.ts';
import { StanzaError } from '../../src/errors.ts';
import { memoryLogger } from '../../src/log/log.ts';
import { ManualClock } from '../support/manual-clock.ts';

const ECHO: Command = {
  name: 'echo',
  summary: 'Says it again.',
  parameters: [
    { name: 'what', kind: 'text', doc: 'What' },
    { name: 'times', kind: 'count', optional: true, doc: 'How often' },
  ],
  run: ({ what, times = 1 }) => String(what).repeat(Number(times)),
  show: (answer) => `It says ${answer}.`,
};

function failing(name: string, error: unknown): Command {
  const run = (): never => {
    throw error;
  };
  return { name, summary: 'Fails.', parameters: [], run };
}

const COUNT: Command = {
  name: 'count',
  summary: 'Takes its time.',
  parameters: [],
  async run(_, progress) {
    for (const step of ['one', 'two']) progress?.(step);
    return 'three';
  },
};

const COMMANDS = [
  ECHO,
  COUNT,
  failing('refuse', new CommandError('not today')),
  failing('bounce', new StanzaError('not-allowed')),
  failing('break', new TypeError('a secret of the program')),
];

async function open(t: TestContext, path?: string) {
  const folder = await mkdtemp(join(tmpdir(), 'parley-control-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const log = memoryLogger();
  const clock = new ManualClock();
  const options = { path: path ?? join(folder, 'control.sock'), version: '1.2.3', commands: COMMANDS, log, clock };
  const control = await ControlSocket.open(options);
  t.after(() => control.close());
  return { ...options, control };
}

async function connect(t: TestContext, path: string): Promise<ControlClient> {
  const client = await ControlClient.connect(path);
  assert.ok(client);
  t.after(() => client.close());
  return client;
}

async function raw(t: TestContext, path: string): Promise<Socket> {
  const socket = createConnection(path);
  t.after(() => socket.destroy());
  await once(socket, 'data');
  socket.resume();
  return socket;
}

test('a command that takes its time says how far it has come, and then what came of it', async (t) => {
  const { path } = await open(t);
  const client = await connect(t, path);
  const steps: string[] = [];
  const outcome = await client.run('count', {}, (step) => steps.push(step));
  assert.deepEqual([steps, outcome.ok && outcome.answer], [['one', 'two'], 'three']);
  assert.equal((await client.run('count', {})).ok, true);
});

test('a client is greeted with the version, the process and the commands', async (t) => {
  const { path } = await open(t);
  const { greeting } = await connect(t, path);
  assert.equal(greeting.version, '1.2.3');
  assert.equal(greeting.pid, process.pid);
  assert.deepEqual(greeting.commands[0]?.parameters, ECHO.parameters);
});

test('commands are answered as data and as text, in their order', async (t) => {
  const { path } = await open(t);
  const client = await connect(t, path);
  assert.deepEqual(await client.run('echo', { what: 'é', times: 2 }), { ok: true, answer: 'éé', text: 'It says éé.' });
  const large = 'x'.repeat(60_000);
  const { ok } = await client.run('echo', { what: large, times: 100 });
  assert.ok(ok);
});

test('what goes wrong is said, and a bug only in the log', async (t) => {
  const { path, log } = await open(t);
  const client = await connect(t, path);
  const errorOf = async (command: string, args = {}): Promise<string> => {
    const outcome = await client.run(command, args);
    return outcome.ok ? 'none' : outcome.error;
  };
  assert.equal(await errorOf('refuse'), 'not today');
  assert.equal(await errorOf('bounce'), 'refused: not-allowed');
  assert.equal(await errorOf('unknown'), 'there is no command "unknown"');
  assert.equal(await errorOf('echo'), '"echo" needs what');
  assert.equal(await errorOf('echo', { what: true }), 'what is not a text');
  assert.equal(await errorOf('echo', { what: 'x', times: 1.5 }), 'times is not a whole number from 1');
  assert.equal(await errorOf('echo', { what: 'x', more: 'y' }), '"echo" takes no more');
  assert.doesNotMatch(await errorOf('break'), /secret/);
  assert.deepEqual(
    log.records.filter(({ level }) => level === 'error').map(({ event }) => event),
    ['bug'],
  );
});

test('whoever does not keep to the protocol is cut off', async (t) => {
  const { path } = await open(t);
  const lines = [
    'hello\n',
    'null\n',
    '{"id":1}\n',
    '{"id":"1","command":"echo","args":{}}\n',
    '{"id":1,"command":"echo","args":{"what":{}}}\n',
    '{"id":1,"command":"echo","args":[]}\n',
    Buffer.from([0xff, 0x0a]),
    'x'.repeat(MAX_REQUEST_BYTES + 1),
    `${'x'.repeat(MAX_REQUEST_BYTES + 1)}\n`,
  ];
  for (const line of lines) {
    const socket = await raw(t, path);
    socket.on('error', () => {});
    socket.write(line);
    await once(socket, 'close');
  }
});

test('a request may come in pieces', async (t) => {
  const { path } = await open(t);
  const socket = await raw(t, path);
  const request = Buffer.from('{"id":7,"command":"echo","args":{"what":"é"}}\n');
  const split = request.indexOf(0xc3) + 1;
  socket.write(request.subarray(0, split));
  await new Promise((resolve) => setImmediate(resolve));
  socket.write(request.subarray(split));
  const [answer] = await once(socket, 'data');
  assert.deepEqual(JSON.parse(String(answer)), { id: 7, ok: true, answer: 'é', text: 'It says é.' });
});

test('a connection that says nothing ends', async (t) => {
  const { path, clock } = await open(t);
  const socket = await raw(t, path);
  clock.advance(60_000);
  await once(socket, 'close');
});

test('only the owner may use the socket, and it goes when it is closed', async (t) => {
  const { path, control } = await open(t);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await connect(t, path);
  await control.close();
  await assert.rejects(stat(path), { code: 'ENOENT' });
  assert.equal(await ControlClient.connect(path), undefined);
});

test('a socket that answers is respected, and something else in its place is not removed', async (t) => {
  const { path, ...options } = await open(t);
  await assert.rejects(ControlSocket.open({ ...options, path }), (error) => {
    return error instanceof ControlError && error.message.includes(`process ${process.pid}`);
  });
  const file = `${path}.file`;
  await writeFile(file, 'precious');
  await assert.rejects(ControlSocket.open({ ...options, path: file }), /in the place of the control socket/);
});

test('a server that does not answer is no server that is gone', async (t) => {
  const { path, ...options } = await open(t);
  const silent = createServer((socket) => socket.end());
  const other = `${path}.silent`;
  await new Promise<void>((resolve) => silent.listen(other, resolve));
  t.after(() => silent.close());
  await assert.rejects(ControlSocket.open({ ...options, path: other }), /does not answer/);
});

test('a path that is too long for a socket is explained', async (t) => {
  await assert.rejects(open(t, `/tmp/${'x'.repeat(110)}/control.sock`), (error) => {
    return error instanceof ControlError && /has 128 bytes.*shorter path/.test(error.message);
  });
});
