import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Disk } from '../../../src/features/upload/file-area.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DOMAIN } from '../../support/stage.ts';
import { idOf, NS_PURPOSE, open, type Scene, slot, until } from './scene.ts';

const DAY_MS = 86_400_000;
/** In which the whole disk is compared with the ledger. */
const MEND_ALL_MS = 256 * 300_000;

function pathOf({ dataDir }: Scene, url: string): string {
  const id = idOf(url);
  return join(dataDir, 'uploads', DOMAIN, id.slice(0, 2), id);
}

async function namesOf({ files }: Scene, local: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of files.list(local)) names.push(name);
  return names;
}

test('files in messages expire, those of profiles and permanent ones do not', async (t) => {
  const options = { upload: { expireAfterDays: 30 } };
  const now = await open(t, options);
  const { stage, upload, dataDir } = now;
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const purposes = ['message', 'profile', 'permanent'];
  const urls: string[] = [];
  for (const purpose of purposes) {
    urls.push(await upload(romeo, 'abcde', { filename: purpose }, `<${purpose} xmlns="${NS_PURPOSE}"/>`));
    await stage.clock.advance(1000);
  }
  assert.deepEqual(await namesOf(now, 'romeo'), purposes.toReversed());
  await stage.close();
  const clock = new ManualClock(stage.clock.now() + 30 * DAY_MS - 3001);
  const later = await open(t, { ...options, store: stage.store, dataDir, clock });
  assert.equal((await later.http('GET', urls[0] ?? '')).headers['cache-control'], 'private, max-age=0, immutable');
  await clock.advance(120_000);
  await until('the file is removed', async () => (await later.onDisk()).length === 2);
  assert.deepEqual(await namesOf(later, 'romeo'), ['permanent', 'profile']);
  const statuses = await Promise.all(urls.map(async (url) => (await later.http('GET', url)).status));
  assert.deepEqual(statuses, [404, 200, 200]);
  const { bytes, files } = await later.files.usage('romeo');
  assert.deepEqual([bytes, files], [10, 2]);
});

test('unless it is configured nothing expires', async (t) => {
  const { stage, upload, http } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'abcde');
  await stage.clock.advance(1000);
  assert.equal((await http('GET', url)).headers['cache-control'], 'private, max-age=31536000, immutable');
  await stage.close();
});

test('many that expire at once are removed in bounded runs', async (t) => {
  const { stage, onDisk, files } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (let i = 0; i < 50; i++) await slot(romeo);
  await stage.clock.advance(600_000);
  const usage = await files.usage('romeo');
  assert.deepEqual([usage.files, usage.bytes, usage.todayBytes], [0, 0, 0]);
  assert.deepEqual(await onDisk(), []);
});

test('a file that cannot be removed keeps no other one', async (t) => {
  let stuck = '';
  const disk: Partial<Disk> = {
    unlink: async (path) => {
      if (stuck !== '' && String(path).endsWith(stuck)) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
      return unlink(path);
    },
  };
  const { stage, upload, onDisk, http } = await open(t, { disk });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const urls: string[] = [];
  for (let i = 0; i < 45; i++) {
    urls.push(await upload(romeo, 'abcde'));
    await stage.clock.advance(1000);
  }
  const newest = urls.at(-1) ?? '';
  stuck = idOf(newest);
  await assert.rejects(stage.host.removeUser('romeo'), /EACCES/);
  assert.equal((await onDisk()).length, 1);
  assert.equal((await http('GET', urls[0] ?? '')).status, 404);
  await assert.rejects(stage.host.users.create('romeo', 'new'), 'the name stays taken until all is gone');
});

test('files and slots survive a restart, and leftovers of a crash do not', async (t) => {
  const first = await open(t);
  const { stage, upload, dataDir } = first;
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'abcde');
  const { put } = await slot(romeo);
  await stage.close();
  const incoming = join(dataDir, 'uploads', DOMAIN, 'incoming');
  await writeFile(join(incoming, idOf(put)), 'ab');
  await writeFile(join(incoming, 'f'.repeat(32)), 'ab');
  const second = await open(t, { store: stage.store, clock: stage.clock, dataDir });
  assert.deepEqual(await readdir(incoming), []);
  assert.equal((await second.http('GET', url)).body, 'abcde');
  assert.equal((await second.http('PUT', put, { body: 'vwxyz' })).status, 201);
  assert.equal((await second.http('GET', put)).body, 'vwxyz');
});

test('a file whose upload was not entered because of a crash goes with its slot, or is uploaded again', async (t) => {
  const scene = await open(t);
  const { stage, http, onDisk, upload } = scene;
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await upload(romeo, 'abcde');
  const again = await slot(romeo);
  const never = await slot(romeo);
  for (const { put } of [again, never]) {
    await mkdir(join(pathOf(scene, put), '..'), { recursive: true });
    await writeFile(pathOf(scene, put), 'crash');
  }
  assert.equal((await http('GET', again.get)).status, 404);
  assert.equal((await http('PUT', again.put, { body: 'again' })).status, 201);
  assert.equal((await http('GET', again.get)).body, 'again');
  await stage.clock.advance(600_000);
  await until('the slot is gone', async () => (await onDisk()).length === 2);
});

test('an upload whose entry fails leaves no file, and can be tried again', async (t) => {
  const { stage, http, onDisk } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const { put } = await slot(romeo);
  stage.store.failNextCommit(new Error('the disk is full'));
  assert.equal((await http('PUT', put, { body: 'abcde' })).status, 500);
  assert.deepEqual(await onDisk(), []);
  assert.equal((await http('PUT', put, { body: 'abcde' })).status, 201);
});

test('what only the disk or only the ledger knows is removed within a day or so', async (t) => {
  const scene = await open(t);
  const { stage, upload, onDisk, http, dataDir } = scene;
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const kept = await upload(romeo, 'abcde', { filename: 'kept' });
  const lost = await upload(romeo, 'abcde', { filename: 'lost' });
  await unlink(pathOf(scene, lost));
  const unknown = ['00', 'ff'].map((letters) => join(dataDir, 'uploads', DOMAIN, letters, letters.repeat(16)));
  for (const path of unknown) {
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, 'unknown');
  }
  assert.equal((await http('GET', lost)).status, 404);
  assert.ok(stage.log.records.some(({ event }) => event === 'upload.file-missing'));
  romeo.transport.break();
  await stage.clock.advance(MEND_ALL_MS);
  await until('the disk is mended', async () => (await onDisk()).length === 1);
  await until('the ledger is mended', async () => (await namesOf(scene, 'romeo')).length === 1);
  assert.equal((await http('GET', kept)).body, 'abcde');
  assert.ok(stage.log.records.some(({ event }) => event === 'upload.mended'));
});

test('a disk that is not there is not taken for files that are gone', async (t) => {
  const scene = await open(t);
  const { stage, upload, dataDir, http } = scene;
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'abcde');
  await rename(join(dataDir, 'uploads'), join(dataDir, 'elsewhere'));
  romeo.transport.break();
  await stage.clock.advance(MEND_ALL_MS);
  assert.equal((await http('GET', url)).status, 404);
  await rename(join(dataDir, 'elsewhere'), join(dataDir, 'uploads'));
  assert.equal((await http('GET', url)).body, 'abcde');
  await rm(pathOf(scene, url));
});

test('a file is read to its end although it is removed meanwhile', async (t) => {
  const { stage, upload, http, files } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'x'.repeat(3_000_000));
  const reading = http('GET', url);
  await until('it was removed', () => files.remove('romeo', idOf(url)));
  const { status, body } = await reading;
  assert.ok(status === 404 || body.length === 3_000_000, `${status} ${body.length}`);
});

test('a guest leaves nothing behind', async (t) => {
  const config = { auth: { mechanisms: ['ANONYMOUS', 'PLAIN'] } };
  const { stage, upload, onDisk } = await open(t, { config, upload: { guests: true } });
  const guest = stage.connect('guest');
  await guest.open();
  await guest.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
  await guest.nextNamed('success');
  await guest.open();
  await guest.bind('x');
  await upload(guest, 'abcde');
  assert.equal((await onDisk()).length, 1);
  guest.transport.break();
  await until('the file is gone', async () => {
    await stage.clock.advance(1000);
    return (await onDisk()).length === 0;
  });
});
