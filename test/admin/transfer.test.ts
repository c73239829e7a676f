import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { beginTransfer, passagePath } from '../../src/admin/transfer.ts';
import type { CommandDescription } from '../../src/core/commands.ts';
import { FakeTerminal, fakeIo } from './fake-io.ts';

const WRITES: CommandDescription = {
  name: 'write',
  summary: 'Writes.',
  parameters: [{ name: 'output', kind: 'text', optional: true, file: 'written', doc: 'The file' }],
};
const READS: CommandDescription = {
  name: 'read',
  summary: 'Reads.',
  parameters: [{ name: 'file', kind: 'text', file: 'read', doc: 'The file' }],
};

async function folders(t: TestContext, typed = '') {
  const folder = await mkdtemp(join(tmpdir(), 'parley-transfer-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const dataDir = await mkdtemp(join(folder, 'data-'));
  const io = { ...fakeIo(typed), cwd: folder };
  return { folder, dataDir, io, options: { ...io, dataDir } };
}

test('a command without files gets its arguments as they are', async (t) => {
  const { options, dataDir } = await folders(t);
  const plain: CommandDescription = { name: 'x', summary: 'X.', parameters: [] };
  const transfer = await beginTransfer(plain, { a: 1 }, options);
  assert.deepEqual([transfer.args, transfer.takesStdout], [{ a: 1 }, false]);
  await transfer.deliver();
  await transfer.close();
  assert.deepEqual(await readdir(dataDir), []);
});

test('what is read passes through the data directory, for its owner only, and is gone afterwards', async (t) => {
  const { options, dataDir, folder } = await folders(t, 'typed ü');
  await writeFile(join(folder, 'in.xml'), 'written ü');
  for (const [file, content] of [
    ['in.xml', 'written ü'],
    ['-', 'typed ü'],
  ] as const) {
    const transfer = await beginTransfer(READS, { file }, options);
    const path = passagePath(dataDir, transfer.args['file']);
    assert.equal(await readFile(path, 'utf8'), content);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    await transfer.close();
    assert.deepEqual(await readdir(dataDir), []);
  }
});

test('nobody is asked to type a document', async (t) => {
  const { options, dataDir } = await folders(t);
  const terminal = { ...options, stdin: new FakeTerminal() };
  await assert.rejects(beginTransfer(READS, { file: '-' }, terminal), /a file is read, or standard input/);
  assert.deepEqual(await readdir(dataDir), []);
});

test('a file that appears while the command runs is not replaced', async (t) => {
  const { options, dataDir, folder } = await folders(t);
  const transfer = await beginTransfer(WRITES, { output: 'out.xml' }, options);
  await writeFile(passagePath(dataDir, transfer.args['output']), 'new');
  await writeFile(join(folder, 'out.xml'), 'old');
  await assert.rejects(transfer.deliver(), /is there already: it is left as it is/);
  await transfer.close();
  assert.equal(await readFile(join(folder, 'out.xml'), 'utf8'), 'old');
  assert.equal((await readdir(folder)).length, 2);
});

test('without a file, what was written goes to standard output, whatever is cut in the middle', async (t) => {
  const { options, dataDir, io } = await folders(t);
  const transfer = await beginTransfer(WRITES, {}, options);
  assert.equal(transfer.takesStdout, true);
  const text = 'ü'.repeat(100_001);
  await writeFile(passagePath(dataDir, transfer.args['output']), text);
  await transfer.deliver();
  assert.equal(io.out.join(''), text);
});

test('what a killed command left is removed after a day, and nothing else', async (t) => {
  const { options, dataDir } = await folders(t);
  const [stale, fresh] = ['a', 'b'].map((letter) => join(dataDir, `transfer-${letter.repeat(20)}.xml`));
  for (const path of [stale, fresh, join(dataDir, 'other.xml')]) {
    await writeFile(path ?? '', '');
    if (path !== fresh) await utimes(path ?? '', 0, 0);
  }
  await (await beginTransfer(WRITES, {}, options)).close();
  assert.deepEqual((await readdir(dataDir)).sort(), ['other.xml', `transfer-${'b'.repeat(20)}.xml`]);
});

test('the server takes nothing else for a file in passage', () => {
  const good = `transfer-${'a'.repeat(20)}.xml`;
  assert.equal(passagePath('/data', good), `/data/${good}`);
  for (const bad of [
    undefined,
    1,
    '',
    'store',
    `../${good}`,
    `/etc/${good}`,
    `${good}\0`,
    'transfer-../../../../etc/x.xml',
  ]) {
    assert.throws(() => passagePath('/data', bad), /files pass through the data directory/);
  }
});
