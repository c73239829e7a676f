import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DOMAIN } from '../../../support/stage.ts';
import { type Answer, open } from './refresh-scene.ts';

const OK = { status: 'ok', message: 'roster update complete' };

/** The status, and what the answer says of the cause. */
function refusal({ status, headers, json }: Answer): unknown[] {
  assert.equal(headers['content-type'], 'application/json');
  assert.ok(typeof json === 'object' && json !== null && 'message' in json && 'status' in json);
  assert.deepEqual(Object.keys(json), ['status', 'message']);
  assert.equal(json.status, 'error');
  return [status, json.message];
}

test('a list of users is refreshed, and the answer says of how many', async (t) => {
  const { post, rosters } = await open(t);
  const { status, headers, json } = await post(['john', 'aaron']);
  assert.deepEqual([status, json], [200, { ...OK, updated: 2, errors: 0 }]);
  assert.equal(headers['content-type'], 'application/json');
  assert.deepEqual(rosters.refreshes, [['john', 'aaron']]);
});

test('an empty list is answered at once', async (t) => {
  const { post, rosters } = await open(t);
  assert.deepEqual((await post([])).json, { ...OK, updated: 0, errors: 0 });
  assert.deepEqual(rosters.refreshes, []);
});

test('one user is refreshed by the path, which is percent-encoded', async (t) => {
  const { get, rosters } = await open(t);
  assert.deepEqual((await get('john')).json, { ...OK, updated: 1, errors: 0 });
  await get('J%C3%BCrgen%2E');
  assert.deepEqual(rosters.refreshes, [['john'], ['jürgen.']]);
});

test('names that are the same once prepared count once', async (t) => {
  const { post, rosters } = await open(t);
  const { json } = await post(['John', 'john', 'JÜRGEN', 'ju\u0308rgen', 'jürgen']);
  assert.deepEqual(json, { ...OK, updated: 2, errors: 0 });
  assert.deepEqual(rosters.refreshes, [['john', 'jürgen']]);
});

test('where some fail the call succeeds and counts them', async (t) => {
  const { post, rosters } = await open(t);
  rosters.failing.set('aaron', 'http_5xx');
  const { status, json } = await post(['john', 'aaron']);
  const message = 'roster update complete, except for 1 of 2';
  assert.deepEqual([status, json], [200, { status: 'ok', message, updated: 1, errors: 1 }]);
});

test('where everyone fails the call fails', async (t) => {
  const { post, get, rosters } = await open(t);
  rosters.failing.set('aaron', 'http_5xx').set('john', 'overloaded');
  const expected = { status: 'error', message: 'no roster could be fetched', updated: 0 };
  const list = await post(['john', 'aaron']);
  assert.deepEqual([list.status, list.json], [500, { ...expected, errors: 2 }]);
  const single = await get('aaron');
  assert.deepEqual([single.status, single.json], [500, { ...expected, errors: 1 }]);
});

test('where nobody failed but those that were too many, the caller is asked to come again', async (t) => {
  const { post, rosters } = await open(t);
  rosters.failing.set('aaron', 'overloaded');
  const { status, headers, json } = await post(['john', 'aaron']);
  const message = 'too many roster updates are waiting';
  assert.deepEqual([status, json], [503, { status: 'error', message, updated: 1, errors: 1 }]);
  assert.equal(headers['retry-after'], '10');
});

test('who failed and why is told to whoever asks for it', async (t) => {
  const { post, http, rosters } = await open(t);
  rosters.failing.set('aaron', 'timeout');
  const ask = (query: string, names: string[]) =>
    http('POST', `/roster_admin/refresh?${query}`, { body: JSON.stringify(names) });
  const failed = [{ user: 'aaron', reason: 'timeout' }];
  const message = 'roster update complete, except for 1 of 2';
  const some = { status: 'ok', message, updated: 1, errors: 1 };
  assert.deepEqual((await ask('verbose=1', ['Aaron', 'john'])).json, { ...some, failed });
  for (const query of ['verbose=0', 'verbose', 'x=verbose=1']) {
    assert.deepEqual((await ask(query, ['aaron', 'john'])).json, some, query);
  }
  const all = { status: 'error', message: 'no roster could be fetched', updated: 0, errors: 1, failed };
  assert.deepEqual((await ask('verbose=1', ['aaron'])).json, all);
  assert.deepEqual((await http('GET', '/roster_admin/refresh/aaron?verbose=1')).json, all);
  assert.deepEqual((await ask('verbose=1', ['john'])).json, { ...OK, updated: 1, errors: 0, failed: [] });
  assert.equal((await post([])).status, 200);
});

test('what is not a list of usernames is refused, and nobody is refreshed', async (t) => {
  const { http, rosters } = await open(t);
  const notAnArray = 'The body has to be a JSON array of usernames.';
  const notJson = 'The body is not JSON.';
  for (const [body, message] of [
    ['', 'There is no body: send a JSON array of usernames.'],
    ['{}', notAnArray],
    ['"john"', notAnArray],
    ['null', notAnArray],
    ['["john"', notJson],
    ['["john",]', notJson],
    ["['john']", notJson],
    ['john', notJson],
    ['["john"]["aaron"]', notJson],
    [Buffer.from('["j\xf6hn"]', 'latin1'), 'The body is not UTF-8.'],
    [Buffer.from('["john"]', 'utf16le'), notJson],
    ['[1]', 'Name 1 of the list is not a string.'],
    ['["john", ["aaron"]]', 'Name 2 of the list is not a string.'],
    ['["john", null]', 'Name 2 of the list is not a string.'],
    ['[""]', 'Name 1 of the list is empty.'],
    [`["john@${DOMAIN}"]`, `Name 1 of the list is an address: send usernames, without @${DOMAIN}.`],
    ['["a b"]', 'Name 1 of the list is not a username: the localpart has characters that a username may not have.'],
    ['["\\ud800"]', 'Name 1 of the list is not a username: the localpart has characters that a username may not have.'],
    ['["\\u0000"]', 'Name 1 of the list is not a username: the localpart has characters that a username may not have.'],
    [`["${'a'.repeat(1024)}"]`, 'Name 1 of the list is not a username: the localpart is longer than 1023 octets.'],
  ] as const) {
    assert.deepEqual(refusal(await http('POST', '/roster_admin/refresh', { body })), [400, message], String(body));
  }
  assert.deepEqual(refusal(await http('POST', '/roster_admin/refresh')), [
    400,
    'There is no body: send a JSON array of usernames.',
  ]);
  assert.deepEqual(rosters.refreshes, []);
});

test('what is not a username in the path is refused', async (t) => {
  const { get, rosters } = await open(t);
  const which = 'The name in the path';
  const forbidden = `${which} is not a username: the localpart has characters that a username may not have.`;
  for (const [name, message] of [
    ['', `${which} is empty.`],
    ['%', `${which} is not percent-encoded UTF-8.`],
    ['%ff', `${which} is not percent-encoded UTF-8.`],
    ['john%40elsewhere.example', `${which} is an address: send usernames, without @${DOMAIN}.`],
    ['john/x', forbidden],
    ['john%2Fx', forbidden],
    ['%00', forbidden],
  ] as const) {
    assert.deepEqual(refusal(await get(name)), [400, message], name);
  }
  assert.deepEqual(rosters.refreshes, []);
});

test('other methods are refused, HEAD included, and say which there are', async (t) => {
  const { http, rosters } = await open(t);
  const message = 'Method not allowed.';
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'TRACE']) {
    const answer = await http(method, '/roster_admin/refresh');
    assert.deepEqual(refusal(answer), [405, message], method);
    assert.equal(answer.headers['allow'], 'POST, OPTIONS');
  }
  assert.deepEqual(refusal(await http('POST', '/roster_admin/refresh/john', { body: '["john"]' })), [405, message]);
  const head = await http('HEAD', '/roster_admin/refresh/john');
  assert.deepEqual([head.status, head.headers['allow'], head.json], [405, 'GET', undefined]);
  assert.equal((await http('HEAD', '/roster_admin/refresh')).status, 405);
  assert.deepEqual(rosters.refreshes, []);
});

test('a body of a mebibyte and a list of 10,000 names are the most', async (t) => {
  const { http, post, rosters } = await open(t, { namesPerMinute: 100_000 });
  const padded = (bytes: number) => `["john"${' '.repeat(bytes - 8)}]`;
  const send = (body: string) => http('POST', '/roster_admin/refresh', { body });
  assert.equal((await send(padded(1_048_576))).status, 200);
  assert.deepEqual(refusal(await send(padded(1_048_577))), [413, 'The body is larger than 1048576 bytes.']);
  const names = (count: number) => Array.from({ length: count }, (_, number) => `user${number}`);
  assert.deepEqual((await post(names(10_000))).json, { ...OK, updated: 10_000, errors: 0 });
  assert.deepEqual(refusal(await post(names(10_001))), [413, 'The list has more than 10000 names.']);
  const chunked = await http('POST', '/roster_admin/refresh', {
    headers: { 'transfer-encoding': 'chunked' },
    body: padded(1_048_577),
  });
  assert.deepEqual(refusal(chunked), [413, 'The body is larger than 1048576 bytes.']);
  assert.equal(rosters.refreshes.length, 2);
});

test('JSON that is nothing but depth or names is refused like any other', async (t) => {
  const { http } = await open(t);
  const send = async (body: string) => (await http('POST', '/roster_admin/refresh', { body })).status;
  assert.equal(await send('['.repeat(1_000_000)), 400);
  assert.equal(await send('['.repeat(500_000) + ']'.repeat(500_000)), 400);
  assert.equal(await send(`[${'0,'.repeat(500_000)}0]`), 413);
  assert.equal(await send(`{"__proto__":["john"]}`), 400);
});

test('whatever is sent, the answer is JSON with a status, and none is the fault of the server', async (t) => {
  const { http } = await open(t, { namesPerMinute: 1_000_000 });
  const body = fc.oneof(
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 64 }),
    fc.array(fc.string({ unit: 'binary' })).map((names) => JSON.stringify(names)),
  );
  await fc.assert(
    fc.asyncProperty(body, async (sent) => {
      const { status, json } = await http('POST', '/roster_admin/refresh', { body: sent });
      assert.ok(typeof json === 'object' && json !== null && 'status' in json);
      assert.deepEqual([status === 200 || status === 400, json.status], [true, status === 200 ? 'ok' : 'error']);
    }),
    { numRuns: 300, interruptAfterTimeLimit: 3000 },
  );
});

test('another host of the server knows nothing of it', async (t) => {
  const { http, rosters } = await open(t);
  const call = { headers: { host: 'elsewhere.example' }, body: '["john"]' };
  assert.equal((await http('POST', '/roster_admin/refresh', call)).status, 404);
  assert.deepEqual(rosters.refreshes, []);
});

test('a fault of ours is answered in JSON, too', async (t) => {
  const { post, rosters, stage } = await open(t);
  rosters.until = Promise.reject(new Error('a fault'));
  rosters.until.catch(() => {});
  assert.deepEqual(refusal(await post(['john'])), [500, 'Internal server error.']);
  assert.equal(stage.log.records.at(-1)?.event, 'http.handler_failed');
});

test('the log tells of a refresh with counts, and of no names', async (t) => {
  const { post, rosters, stage } = await open(t);
  rosters.failing.set('aaron', 'timeout');
  await post(['john', 'aaron']);
  const records = stage.log.records.filter(({ event }) => event === 'roster.refreshed');
  assert.deepEqual(
    records.map(({ level, fields: { address, updated, errors } }) => ({ level, address, updated, errors })),
    [{ level: 'debug', address: '127.0.0.1', updated: 1, errors: 1 }],
  );
  assert.doesNotMatch(JSON.stringify(stage.log.records), /john|aaron/);
});
