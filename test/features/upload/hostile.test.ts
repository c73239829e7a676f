import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Disk } from '../../../src/features/upload/file-area.ts';
import { settle } from '../../support/manual-clock.ts';
import { DOMAIN } from '../../support/stage.ts';
import { idOf, open, type Scene, SERVICE, slot, slotRequest, until } from './scene.ts';

/** A raw connection to the HTTP server. */
function dial(t: TestContext, { port }: Scene) {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  let isClosed = false;
  socket.on('close', () => {
    isClosed = true;
  });
  return {
    socket,
    put: (url: string, headers: readonly string[], body = '') =>
      void socket.write(
        `PUT ${new URL(url).pathname} HTTP/1.1\r\nHost: ${DOMAIN}\r\n${headers.map((h) => `${h}\r\n`).join('')}\r\n${body}`,
      ),
    status: async (): Promise<number> => {
      await until('an answer comes', () => /\r\n\r\n/.test(received));
      return Number(received.split(' ')[1]);
    },
    closed: () => until('the connection ends', () => isClosed),
  };
}

async function scene(t: TestContext, size = '10') {
  const opened = await open(t);
  const { romeo } = await opened.stage.connected({ romeo: 'romeo' });
  const urls = await slot(romeo, { size });
  const path = join(opened.dataDir, 'uploads', DOMAIN, 'incoming', idOf(urls.put));
  /** Waits until so much has come in. */
  const arrived = (bytes: number) =>
    until(`${bytes} bytes have come in`, async () => {
      const size = await fs.stat(path).then(
        (found) => found.size,
        () => undefined,
      );
      // What was written a moment ago is accounted for when its promise has settled.
      if (size === bytes) for (let turn = 0; turn < 5; turn++) await settle();
      return size === bytes;
    });
  return { ...opened, romeo, ...urls, arrived };
}

test('a body of another length than was announced is refused before it is read', async (t) => {
  const opened = await scene(t);
  const { http, put, onDisk } = opened;
  assert.equal((await http('PUT', put, { body: '123456789' })).status, 400);
  assert.equal((await http('PUT', put, { body: '12345678901' })).status, 413);
  for (const headers of [['Transfer-Encoding: chunked'], []]) {
    const client = dial(t, opened);
    client.put(put, headers, headers.length === 0 ? '' : 'a\r\n1234567890\r\n0\r\n\r\n');
    assert.equal(await client.status(), 411);
  }
  const both = dial(t, opened);
  both.put(put, ['Content-Length: 10', 'Transfer-Encoding: chunked'], '0\r\n\r\n');
  assert.equal(await both.status(), 400);
  assert.deepEqual(await onDisk(), []);
  assert.equal((await http('PUT', put, { body: '1234567890' })).status, 201);
});

test('what comes behind the announced bytes is no part of the file', async (t) => {
  const opened = await scene(t);
  const client = dial(t, opened);
  client.put(opened.put, ['Content-Length: 10'], '1234567890and more');
  await client.closed();
  await until('it is there or not', async () => !(await opened.onDisk()).some((path) => path.startsWith('incoming')));
  const { status, body } = await opened.http('GET', opened.get);
  assert.ok(status === 404 || body === '1234567890', body);
});

test('an upload that breaks off leaves nothing, and can be tried again', async (t) => {
  const opened = await scene(t);
  const { http, put, get, onDisk, stage } = opened;
  const client = dial(t, opened);
  client.put(put, ['Content-Length: 10'], '12345');
  await opened.arrived(5);
  assert.equal((await http('GET', get)).status, 404, 'half a file is none');
  client.socket.destroy();
  await until('nothing is left', async () => (await onDisk()).length === 0);
  assert.equal((await http('PUT', put, { body: '1234567890' })).status, 201);
  assert.equal((await http('GET', get)).body, '1234567890');
  assert.deepEqual(
    stage.log.records.filter(({ level }) => level === 'error' || level === 'warn'),
    [],
  );
});

test('an upload that stops, or drips, is ended', async (t) => {
  const opened = await scene(t, '1000000');
  const { put, onDisk, stage, arrived } = opened;
  const silent = dial(t, opened);
  silent.put(put, ['Content-Length: 1000000'], '12345');
  await arrived(5);
  await stage.clock.advance(60_000);
  assert.equal(await silent.status(), 408);
  await until('nothing is left', async () => (await onDisk()).length === 0);

  const dripping = dial(t, opened);
  dripping.put(put, ['Content-Length: 1000000'], 'x');
  // A million bytes may take a quarter of an hour, and the time of one silence.
  for (let bytes = 1; bytes <= 20; bytes++) {
    await arrived(bytes);
    await stage.clock.advance(50_000);
    dripping.socket.write('x');
  }
  await arrived(21);
  await stage.clock.advance(50_000);
  assert.equal(await dripping.status(), 408);
  await until('nothing is left', async () => (await onDisk()).length === 0);
});

test('of two uploads to one slot the second is refused', async (t) => {
  const opened = await scene(t);
  const { http, put, get } = opened;
  const client = dial(t, opened);
  client.put(put, ['Content-Length: 10'], '12345');
  await opened.arrived(5);
  assert.equal((await http('PUT', put, { body: 'abcdefghij' })).status, 409);
  client.socket.write('67890');
  assert.equal(await client.status(), 201);
  assert.equal((await http('GET', get)).body, '1234567890');
  const { put: other } = await slot(opened.romeo, { size: '3' });
  const bodies = ['abc', 'def', 'ghi', 'jkl'];
  const statuses = await Promise.all(bodies.map(async (body) => (await http('PUT', other, { body })).status));
  assert.deepEqual(statuses.toSorted(), [201, 409, 409, 409]);
  assert.equal((await http('GET', other)).body, bodies[statuses.indexOf(201)]);
});

test('an upload that lasts longer than its slot is not disturbed', async (t) => {
  const size = 1_000_000;
  const opened = await scene(t, String(size));
  const { put, get, http, stage, files, arrived } = opened;
  const client = dial(t, opened);
  client.put(put, [`Content-Length: ${size}`], 'x');
  for (let bytes = 1; bytes <= 8; bytes++) {
    await arrived(bytes);
    await stage.clock.advance(50_000);
    client.socket.write('x');
  }
  await arrived(9);
  client.socket.write('x'.repeat(size - 9));
  assert.equal(await client.status(), 201);
  for (let minute = 0; minute < 10; minute++) await stage.clock.advance(60_000);
  assert.equal((await http('GET', get)).body.length, size);
  assert.equal((await files.usage('romeo')).bytes, size);
});

test('an account that is removed takes its files and its uploads with it', async (t) => {
  const opened = await scene(t);
  const { put, http, stage, onDisk, upload, romeo, files } = opened;
  const url = await upload(romeo, 'abcde');
  const client = dial(t, opened);
  client.put(put, ['Content-Length: 10'], '12345');
  await opened.arrived(5);
  await stage.host.removeUser('romeo');
  assert.equal(await client.status(), 503);
  assert.deepEqual(await onDisk(), []);
  assert.equal((await http('GET', url)).status, 404);
  await stage.host.users.create('romeo', 'new');
  for await (const file of files.list('romeo')) assert.fail(file.name);
  assert.deepEqual(await files.usage('romeo'), {
    files: 0,
    bytes: 0,
    todayBytes: 0,
    maxFiles: 10_000,
    maxBytes: 2_147_483_648,
    maxTodayBytes: 524_288_000,
  });
});

test('an account that is removed while it asks for a slot leaves none', async (t) => {
  let answer = (): void => {};
  const isAsked = new Promise<void>((asked) => {
    answer = asked;
  });
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const statfs = async () => {
    answer();
    await released;
    return fs.statfs('/');
  };
  const { stage, files } = await open(t, { disk: { statfs: statfs as unknown as Disk['statfs'] } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  void romeo.ask('get', slotRequest({}), SERVICE).catch(() => {});
  await isAsked;
  await stage.host.removeUser('romeo');
  await stage.host.users.create('romeo', 'new');
  release();
  for (let turn = 0; turn < 20; turn++) await settle();
  const { files: count, bytes } = await files.usage('romeo');
  assert.deepEqual([count, bytes], [0, 0]);
});

test('a stop breaks uploads off and leaves nothing of them', async (t) => {
  const opened = await scene(t);
  const client = dial(t, opened);
  client.put(opened.put, ['Content-Length: 10'], '12345');
  await opened.arrived(5);
  await opened.stage.close();
  assert.deepEqual(await opened.onDisk(), []);
});

test('nobody learns from the log what the links are made of', async (t) => {
  const { stage, http, put, get } = await scene(t);
  await http('PUT', put, { body: '1234567890' });
  await http('GET', get);
  await http('GET', `${get}/x`);
  const log = JSON.stringify(stage.log.records);
  assert.match(log, /upload\.stored/);
  assert.equal(log.includes(idOf(get)), false);
});
