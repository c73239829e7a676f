import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { representationResponse } from '../../src/http/representation.ts';
import { openServer, request } from './fixtures.ts';

const TEXT = '0123456789';
const MODIFIED = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const DATE = 'Fri, 02 Jan 2026 03:04:05 GMT';

async function open(t: TestContext) {
  const { routes, port } = await openServer(t);
  routes.add('GET', '/file', (asked) =>
    representationResponse(
      asked,
      {
        size: TEXT.length,
        etag: '"tag"',
        modifiedAt: MODIFIED,
        open: ({ first, last }) => Readable.from([Buffer.from(TEXT.slice(first, last + 1))]),
      },
      { 'content-type': 'text/plain', 'cache-control': 'private' },
    ),
  );
  return async (headers: readonly string[] = [], method = 'GET') => {
    const { status, body, headers: answered } = await request(t, port, `${method} /file`, headers);
    return { status, body, headers: answered };
  };
}

test('a file is served whole, and says that parts of it are to be had', async (t) => {
  const get = await open(t);
  const { status, body, headers } = await get();
  assert.deepEqual([status, body], [200, TEXT]);
  assert.equal(headers['content-length'], '10');
  assert.equal(headers['accept-ranges'], 'bytes');
  assert.equal(headers['etag'], '"tag"');
  assert.equal(headers['last-modified'], DATE);
  assert.equal(headers['content-type'], 'text/plain');
});

test('HEAD is answered as GET without the body, whatever range it names', async (t) => {
  const get = await open(t);
  const { status, body, headers } = await get(['Range: bytes=0-1'], 'HEAD');
  assert.deepEqual([status, body, headers['content-length']], [200, '', '10']);
});

test('a range is served, from the beginning, the middle and the end', async (t) => {
  const get = await open(t);
  for (const [range, body, content] of [
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=7-99', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-99', TEXT, 'bytes 0-9/10'],
    ['Bytes = 2 - 4 ', '234', 'bytes 2-4/10'],
  ] as const) {
    const answer = await get([`Range: ${range}`]);
    assert.deepEqual([answer.status, answer.body, answer.headers['content-range']], [206, body, content], range);
    assert.equal(answer.headers['content-length'], String(body.length));
  }
});

test('a range that is not there is refused, and nonsense and several ranges are ignored', async (t) => {
  const get = await open(t);
  for (const range of ['bytes=10-', 'bytes=10-12', 'bytes=-0', `bytes=${'9'.repeat(400)}-`]) {
    const { status, headers } = await get([`Range: ${range}`]);
    assert.deepEqual([status, headers['content-range']], [416, 'bytes */10'], range);
  }
  for (const range of ['bytes=', 'bytes=-', 'bytes=4-2', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=a-b', 'bytes=-1-2']) {
    assert.deepEqual((await get([`Range: ${range}`])).status, 200, range);
  }
});

test('a range is served only of what the client has the rest of', async (t) => {
  const get = await open(t);
  const status = async (condition: string) => (await get(['Range: bytes=0-1', `If-Range: ${condition}`])).status;
  assert.equal(await status('"tag"'), 206);
  assert.equal(await status(DATE), 206);
  for (const other of ['"other"', 'W/"tag"', 'Fri, 02 Jan 2026 03:04:06 GMT', 'tomorrow']) {
    assert.equal(await status(other), 200, other);
  }
});

test('what the client has is not sent again', async (t) => {
  const get = await open(t);
  for (const condition of ['If-None-Match: "tag"', 'If-None-Match: W/"a,b", W/"tag"', 'If-None-Match: *']) {
    const { status, body, headers } = await get([condition]);
    assert.deepEqual(
      [status, body, headers['etag'], headers['cache-control']],
      [304, '', '"tag"', 'private'],
      condition,
    );
    assert.equal(headers['content-type'], undefined);
  }
  assert.equal((await get([`If-Modified-Since: ${DATE}`])).status, 304);
  assert.equal((await get(['If-Modified-Since: Fri, 02 Jan 2026 03:04:04 GMT'])).status, 200);
  assert.equal((await get(['If-None-Match: "other"', `If-Modified-Since: ${DATE}`])).status, 200);
  assert.equal((await get(['If-None-Match: nonsense'])).status, 200);
});

test('what the client does not want any more is refused', async (t) => {
  const get = await open(t);
  assert.equal((await get(['If-Match: "other"'])).status, 412);
  assert.equal((await get(['If-Match: W/"tag"'])).status, 412);
  assert.equal((await get(['If-Match: "other", "tag"'])).status, 200);
  assert.equal((await get(['If-Match: *'])).status, 200);
  assert.equal((await get(['If-Unmodified-Since: Fri, 02 Jan 2026 03:04:04 GMT'])).status, 412);
  assert.equal((await get([`If-Unmodified-Since: ${DATE}`])).status, 200);
});

test('a range that is nothing but spaces is cheap', async (t) => {
  const get = await open(t);
  const began = performance.now();
  for (let count = 0; count < 5; count++) {
    const { status } = await get([`Range: bytes=${' '.repeat(15_000)}x`]);
    assert.equal(status, 200);
  }
  assert.ok(performance.now() - began < 400);
});
