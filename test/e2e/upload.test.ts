import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';

const MIB = 1_048_576;

/** How many files uploads have left on the disk. */
function filesOf({ dataDir }: LiveServer): number {
  const directory = join(dataDir, 'uploads', DOMAIN);
  if (!existsSync(directory)) return 0;
  return readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

test('a client made with stanza finds the service and uploads; another one, and a browser, read the file', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await connectStanza(server, 'romeo');
  const { jid, maxSize } = await romeo.getUploadService();
  assert.deepEqual([jid, Number(maxSize)], [`upload.${DOMAIN}`, 100 * MIB]);
  const content = Buffer.alloc(3 * MIB, 'Verona ');
  const file = { name: 'Il balcone è là.png', size: content.length, mediaType: 'image/png' };
  const { upload, download } = await romeo.getUploadSlot(jid, file);
  const put = await fetch(upload.url, { method: 'PUT', body: content, headers: { 'content-type': file.mediaType } });
  assert.deepEqual([put.status, await put.text()], [201, '']);

  const whole = await fetch(download, { headers: { origin: 'https://web.example' } });
  assert.equal(whole.headers.get('access-control-allow-origin'), '*');
  assert.ok(content.equals(Buffer.from(await whole.arrayBuffer())));
  const part = await fetch(download, { headers: { range: 'bytes=1048570-1048580' } });
  assert.equal(part.status, 206);
  assert.ok(content.subarray(1_048_570, 1_048_581).equals(Buffer.from(await part.arrayBuffer())));
  const head = await fetch(download, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(content.length)]);

  await server.restart();
  assert.ok(content.equals(Buffer.from(await (await fetch(download)).arrayBuffer())));
  await server.server.hosts.get(DOMAIN)?.removeUser('romeo');
  assert.equal((await fetch(download)).status, 404);
  assert.equal(filesOf(server), 0);
});

test('a client that sends too much reads why, and one that leaves leaves nothing', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const romeo = await connectStanza(server, 'romeo');
  const slot = (size: number) => romeo.getUploadSlot(`upload.${DOMAIN}`, { name: 'a.bin', size });
  const small = await slot(10);
  for (let attempt = 0; attempt < 5; attempt++) {
    const answer = await fetch(small.upload.url, { method: 'PUT', body: Buffer.alloc(8 * MIB) });
    assert.deepEqual([answer.status, await answer.text()], [413, 'The slot is for 10 bytes.\n']);
  }
  const large = await slot(50 * MIB);
  const headers = { 'content-length': 50 * MIB };
  const sending = request(large.upload.url, { method: 'PUT', headers, agent: false }).on('error', () => {});
  sending.write(Buffer.alloc(MIB));
  await eventually('the upload has begun', () => filesOf(server) === 1);
  sending.destroy();
  await eventually('nothing is left', () => filesOf(server) === 0);
});
