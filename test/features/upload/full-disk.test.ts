import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { request } from 'node:http';
import { test } from 'node:test';
import type { Disk } from '../../../src/features/upload/file-area.ts';
import { open, SERVICE, slot, slotRequest, until } from './scene.ts';

/** A disk whose files fail to be written or made durable. */
function failing(method: 'writeFile' | 'sync', code: string): { disk: Partial<Disk>; mend: () => void } {
  let isBroken = true;
  const disk: Partial<Disk> = {
    open: async (...args) => {
      const handle = await fs.open(...args);
      const works = handle[method].bind(handle);
      Object.assign(handle, {
        [method]: async (data: Uint8Array) => {
          if (isBroken) throw Object.assign(new Error(code), { code });
          return works(data);
        },
      });
      return handle;
    },
  };
  return {
    disk,
    mend: () => {
      isBroken = false;
    },
  };
}

test('a disk that fills up during an upload is told to the client, and the server lives on', async (t) => {
  for (const [method, code, status] of [
    ['writeFile', 'ENOSPC', 507],
    ['writeFile', 'EDQUOT', 507],
    ['sync', 'ENOSPC', 507],
    ['sync', 'EIO', 500],
  ] as const) {
    const { disk, mend } = failing(method, code);
    const { stage, http, onDisk } = await open(t, { disk });
    // Directories are made durable too, the first time.
    const { romeo } = await stage.connected({ romeo: 'romeo' });
    const { put, get } = await slot(romeo);
    const answer = await http('PUT', put, { body: 'abcde' });
    assert.equal(answer.status, status, `${method} ${code}`);
    assert.deepEqual(await onDisk(), []);
    assert.ok(
      stage.log.records.some(({ event }) => event === (status === 507 ? 'upload.disk-full' : 'http.handler_failed')),
    );
    assert.equal((await http('GET', get)).status, 404);
    mend();
    assert.equal((await http('PUT', put, { body: 'abcde' })).status, 201);
    assert.equal((await http('GET', get)).body, 'abcde');
  }
});

test('a client that is still sending when the disk is full reads why', async (t) => {
  const { disk } = failing('writeFile', 'ENOSPC');
  const { stage, http } = await open(t, { disk });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const body = 'x'.repeat(8_000_000);
  const { put } = await slot(romeo, { size: String(body.length) });
  const answer = await http('PUT', put, { body });
  assert.deepEqual([answer.status, answer.body], [507, 'The disk of the server is full.\n']);
});

/** A disk with so many bytes left, in blocks of a thousand. */
function leaving(bytes: number): { disk: Partial<Disk>; set: (bytes: number) => void } {
  let left = bytes;
  const statfs = async () => Object.assign(await fs.statfs('/'), { bsize: 1000, bavail: left / 1000 });
  return {
    disk: { statfs: statfs as unknown as Disk['statfs'] },
    set: (bytes) => {
      left = bytes;
    },
  };
}

test('no slot is given for what would leave too little on the disk', async (t) => {
  const { disk } = leaving(1_000_000);
  const { stage } = await open(t, { disk, upload: { keepFreeBytes: 900_000 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.ok(await slot(romeo, { size: '100000' }));
  assert.equal(await romeo.refused('get', slotRequest({ size: '100001' }), SERVICE), 'resource-constraint');
  assert.ok(stage.log.records.some(({ event }) => event === 'upload.no-room'));
});

test('no upload begins that would leave too little, whatever its slot promised', async (t) => {
  const { disk, set } = leaving(1_000_000);
  const { stage, http, onDisk } = await open(t, { disk, upload: { keepFreeBytes: 900_000 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const { put } = await slot(romeo);
  set(900_000);
  assert.equal((await http('PUT', put, { body: 'abcde' })).status, 507);
  assert.deepEqual(await onDisk(), []);
  assert.ok(stage.log.records.some(({ event }) => event === 'upload.no-room'));
  set(901_000);
  assert.equal((await http('PUT', put, { body: 'abcde' })).status, 201);
});

test('uploads at the same time have room together, or not all of them begin', async (t) => {
  const { disk } = leaving(1_000_000);
  const { stage, http, onDisk, port } = await open(t, { disk, upload: { keepFreeBytes: 900_000 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const [first, second] = [await slot(romeo, { size: '60000' }), await slot(romeo, { size: '60000' })];
  const slow = request({
    host: '127.0.0.1',
    port,
    method: 'PUT',
    path: new URL(first.put).pathname,
    headers: { host: new URL(first.put).host, 'content-length': 60_000 },
  });
  const stored = once(slow, 'response');
  slow.write('x'.repeat(10_000));
  await until('it has begun', async () => (await onDisk()).length > 0);
  assert.equal((await http('PUT', second.put, { body: 'x'.repeat(60_000) })).status, 507);
  slow.end('x'.repeat(50_000));
  await stored;
  assert.equal((await http('PUT', second.put, { body: 'x'.repeat(60_000) })).status, 201);
});
