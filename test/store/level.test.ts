import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLevelStore } from '../../src/store/level.ts';
import { testStore } from './contract.ts';

const counts = { name: 'counts', parse: Number };

testStore('level', async (t) => {
  const directory = await temporary(t);
  return { open: ({ clock }) => openLevelStore(directory, { clock, sync: 'none' }), isLasting: true };
});

test('the directory is made for its owner only, with the directories above it', async (t) => {
  const directory = join(await temporary(t), 'data', 'store');
  const store = await openLevelStore(directory);
  await store.table(counts).put(['a'], 1);
  await store.close();
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.equal((await stat(join(directory, '..'))).mode & 0o777, 0o700);
});

test('a store in use is refused with a line that says so', async (t) => {
  const directory = await temporary(t);
  const store = await openLevelStore(directory);
  await refuses(directory, 'locked', /is in use by another process: stop the other server/);
  await store.close();
  await (await openLevelStore(directory)).close();
});

test('a directory of other files is refused and left alone', async (t) => {
  const directory = await temporary(t);
  await writeFile(join(directory, 'thesis.txt'), 'years of work');
  await refuses(directory, 'unwritable', /holds other files \(thesis\.txt\): choose an empty directory/);
  assert.deepEqual(await readdir(directory), ['thesis.txt']);
});

test('a file in place of the directory is refused', async (t) => {
  const file = join(await temporary(t), 'store');
  await writeFile(file, '');
  await refuses(file, 'unwritable', /is a file: choose a directory/);
  await refuses(join(file, 'below'), 'unwritable', /is a file: choose a directory/);
});

test('a directory that cannot be written is refused', { skip: process.getuid?.() === 0 }, async (t) => {
  const directory = await temporary(t);
  await chmod(directory, 0o500);
  await refuses(directory, 'unwritable', /cannot be written by this user/);
  await refuses(join(directory, 'store'), 'unwritable', /cannot be written by this user/);
  await chmod(directory, 0o700);
});

test('a store that has lost its CURRENT file is refused, not begun anew over its data', async (t) => {
  const directory = await filled(t);
  await unlink(join(directory, 'CURRENT'));
  const before = await readdir(directory);
  await refuses(directory, 'damaged', /has lost its file CURRENT: restore a backup/);
  assert.deepEqual(await readdir(directory), before);
});

test('a store with a damaged manifest is refused, not repaired', async (t) => {
  const directory = await filled(t);
  for (const name of await readdir(directory)) {
    if (name.startsWith('MANIFEST')) await truncate(join(directory, name), 3);
  }
  await refuses(directory, 'damaged', /is damaged .*: nothing was changed; restore a backup/);
});

test('a store that was stopped while it was made is begun again', async (t) => {
  const directory = await temporary(t);
  for (const name of ['LOCK', 'LOG', 'MANIFEST-000001', '000001.dbtmp']) await writeFile(join(directory, name), '');
  await (await openLevelStore(directory)).close();
});

test('a volume mounted for the store may have its lost+found', async (t) => {
  const directory = await temporary(t);
  await mkdir(join(directory, 'lost+found'));
  await (await openLevelStore(directory)).close();
});

async function filled(t: test.TestContext): Promise<string> {
  const directory = await temporary(t);
  const store = await openLevelStore(directory);
  await store.table(counts).put(['a'], 1);
  await store.close();
  return directory;
}

async function temporary(t: test.TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-store-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function refuses(directory: string, reason: string, message: RegExp): Promise<void> {
  await assert.rejects(openLevelStore(directory), (error: Error) => {
    assert.equal((error as { reason?: string }).reason, reason, error.message);
    assert.match(error.message, message);
    assert.equal(error.message.includes('\n'), false);
    return true;
  });
}
