import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOMAIN } from '../../support/stage.ts';
import { idOf, NS_PURPOSE, open, slot } from './scene.ts';

const DAY_MS = 86_400_000;

test('what is put into a slot is had from its URL', async (t) => {
  const { stage, http, onDisk, dataDir } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const { put, get } = await slot(romeo, { filename: 'très cool.jpg', 'content-type': 'image/jpeg' });
  const stored = await http('PUT', put, { body: 'abcde', headers: { 'content-type': 'image/jpeg' } });
  assert.deepEqual([stored.status, stored.body], [201, '']);
  const { status, body, headers } = await http('GET', get);
  assert.deepEqual([status, body], [200, 'abcde']);
  assert.equal(headers['content-type'], 'image/jpeg');
  assert.equal(headers['content-length'], '5');
  assert.equal(
    headers['content-disposition'],
    `inline; filename="tr_s cool.jpg"; filename*=UTF-8''tr%C3%A8s%20cool.jpg`,
  );
  assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'; sandbox");
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
  assert.equal(headers['cache-control'], 'private, max-age=31536000, immutable');
  assert.equal(headers['access-control-allow-origin'], '*');
  const id = idOf(get);
  assert.deepEqual(await onDisk(), [join(id.slice(0, 2), id)]);
  const directory = join(dataDir, 'uploads', DOMAIN, id.slice(0, 2));
  assert.equal((await stat(join(directory, id))).mode & 0o777, 0o600);
  for (const path of [directory, join(dataDir, 'uploads')]) assert.equal((await stat(path)).mode & 0o777, 0o700);
});

test('HEAD, a part of a file, and what the client has already', async (t) => {
  const { stage, http, upload } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, '0123456789');
  const head = await http('HEAD', url);
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '10']);
  const part = await http('GET', url, { headers: { range: 'bytes=3-5' } });
  assert.deepEqual([part.status, part.body, part.headers['content-range']], [206, '345', 'bytes 3-5/10']);
  const beyond = await http('GET', url, { headers: { range: 'bytes=10-' } });
  assert.deepEqual([beyond.status, beyond.headers['content-range']], [416, 'bytes */10']);
  const etag = head.headers.etag ?? assert.fail();
  assert.equal((await http('GET', url, { headers: { 'if-none-match': etag } })).status, 304);
  assert.equal((await http('GET', url, { headers: { range: 'bytes=3-5', 'if-range': '"x"' } })).status, 200);
  assert.equal((await http('GET', url, { headers: { 'if-match': '"x"' } })).status, 412);
});

test('only pictures, sound and films are shown by browsers, everything else is saved', async (t) => {
  const { stage, http, upload } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const [type, disposition] of [
    ['image/png', 'inline'],
    ['Audio/MPEG', 'inline'],
    ['video/mp4; codecs=&quot;avc1&quot;', 'inline'],
    ['image/svg+xml', 'attachment'],
    ['text/html', 'attachment'],
    ['application/xhtml+xml', 'attachment'],
    ['application/pdf', 'attachment'],
    ['text/plain', 'attachment'],
    ['', 'attachment'],
  ] as const) {
    const url = await upload(romeo, '<script>alert(1)</script>', { 'content-type': type, filename: 'a&quot;b.x' });
    const { headers } = await http('GET', url);
    assert.equal(headers['content-disposition'], `${disposition}; filename="a_b.x"; filename*=UTF-8''a%22b.x`, type);
    assert.equal(headers['content-type'], type.replaceAll('&quot;', '"') || 'application/octet-stream');
  }
});

test('a file of no announced type has that which it comes with', async (t) => {
  const { stage, http } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const [sent, kept] of [
    ['image/webp', 'image/webp'],
    ['nonsense', 'application/octet-stream'],
  ] as const) {
    const { put, get } = await slot(romeo);
    await http('PUT', put, { body: 'abcde', headers: { 'content-type': sent } });
    assert.equal((await http('GET', get)).headers['content-type'], kept);
  }
});

test('a file of another type than was announced is refused; parameters do not matter', async (t) => {
  const { stage, http } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const { put } = await slot(romeo, { 'content-type': 'text/plain' });
  const send = (type: string) => http('PUT', put, { body: 'abcde', headers: { 'content-type': type } });
  assert.equal((await send('text/html')).status, 415);
  assert.equal((await send('Text/Plain;charset=UTF-8')).status, 201);
});

test('web clients of other sites may put and get', async (t) => {
  const { stage, http } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const { put } = await slot(romeo);
  const { status, headers } = await http('OPTIONS', put, {
    headers: { origin: 'https://web.example', 'access-control-request-method': 'PUT' },
  });
  assert.equal(status, 204);
  assert.equal(headers['access-control-allow-origin'], '*');
  assert.equal(headers['access-control-allow-methods'], 'GET, PUT, HEAD, OPTIONS');
  assert.match(headers['access-control-allow-headers'] ?? '', /^content-type, authorization, range/);
  const answer = await http('PUT', put, { body: 'abcde', headers: { origin: 'https://web.example' } });
  assert.deepEqual([answer.status, answer.headers['access-control-allow-origin']], [201, '*']);
  assert.equal((await http('DELETE', put)).status, 405);
});

test('a slot is used once', async (t) => {
  const { stage, http, upload } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'abcde');
  assert.equal((await http('PUT', url, { body: 'vwxyz' })).status, 409);
  assert.equal((await http('GET', url)).body, 'abcde');
});

test('nothing is served before it is there, nor from a slot that nobody gave', async (t) => {
  const { stage, http, upload } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const { get } = await slot(romeo);
  assert.equal((await http('GET', get)).status, 404);
  const url = await upload(romeo, 'abcde');
  const unknown = url.replace(idOf(url), '0'.repeat(32));
  assert.equal((await http('GET', unknown)).status, 404);
  assert.equal((await http('PUT', unknown, { body: 'abcde' })).status, 404);
});

test('a slot that was not used in time is none, an upload that began in time is', async (t) => {
  const { stage, http } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const late = await slot(romeo);
  await stage.clock.advance(299_999);
  const { put } = await slot(romeo);
  await stage.clock.advance(1);
  assert.equal((await http('PUT', late.put, { body: 'abcde' })).status, 404);
  assert.equal((await http('PUT', put, { body: 'abcde' })).status, 201);
});

test('the name in a URL is for people, and everything else in it has to be right', async (t) => {
  const { stage, http, upload } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'abcde');
  const id = idOf(url);
  const base = `https://${DOMAIN}:5281/upload/${DOMAIN}`;
  const status = async (asked: string) => (await http('GET', asked)).status;
  assert.equal(await status(`${base}/${id}/other.html`), 200);
  assert.equal(await status(`${url}?a=../..&b=%00`), 200);
  for (const wrong of [
    `${base}/${id}`,
    `${base}/${id}/a/b`,
    `${base}/${id.toUpperCase()}x/a`,
    `${base}/../${DOMAIN}`,
    `${base}/..%2f..%2fetc%2fpasswd`,
    `${base}/%2e%2e%2f${id.slice(0, 2)}%2f${id}/a`,
    `${base}/${id.slice(0, 2)}/${id}`,
    `${base}/incoming/${id}`,
    `${base}/${id}%00/a`,
    url.replace(`://${DOMAIN}`, '://evil.example'),
    url.replace(`/upload/${DOMAIN}/`, '/upload/other.example/'),
  ]) {
    assert.equal(await status(wrong), 404, wrong);
  }
});

test('files are served under the name of the public URL, and of the host', async (t) => {
  const { stage, http, upload } = await open(t, { upload: { publicUrl: 'https://files.example:8443' } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'abcde');
  assert.equal((await http('GET', url)).status, 200);
  assert.equal((await http('GET', url.replace('files.example:8443', DOMAIN))).status, 200);
});

test('an ephemeral file is gone in time, whether or not it was removed yet', async (t) => {
  const { stage, http, upload, onDisk } = await open(t, { upload: { expireAfterDays: 2 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const at = (ms: number): string => new Date(stage.clock.now() + ms).toISOString();
  const ephemeral = (ms: number): string => `<ephemeral xmlns="${NS_PURPOSE}" expire-before="${at(ms)}"/>`;
  const url = await upload(romeo, 'abcde', {}, ephemeral(10_000));
  assert.equal((await http('GET', url)).headers['cache-control'], 'private, max-age=10, immutable');
  const longer = await upload(romeo, 'abcde', {}, ephemeral(3 * DAY_MS));
  const twoDays = `private, max-age=${(2 * DAY_MS) / 1000}, immutable`;
  assert.equal((await http('GET', longer)).headers['cache-control'], twoDays, 'our own rule may be stricter');
  await stage.clock.advance(10_000);
  assert.equal((await http('GET', url)).status, 404);
  assert.equal((await http('HEAD', url)).status, 404);
  assert.equal((await onDisk()).length, 2);
  const { put } = await slot(romeo, {}, ephemeral(1000));
  await stage.clock.advance(1000);
  assert.equal((await http('PUT', put, { body: 'abcde' })).status, 404);
});

test('links are dead when a file has been removed', async (t) => {
  const { stage, http, upload, files } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const url = await upload(romeo, 'abcde');
  assert.equal(await files.remove('romeo', idOf(url)), true);
  for (const method of ['GET', 'HEAD']) assert.equal((await http(method, url)).status, 404);
  assert.equal((await http('PUT', url, { body: 'abcde' })).status, 404);
});
