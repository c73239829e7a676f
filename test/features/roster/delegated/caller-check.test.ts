import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { ReplayMemory } from '../../../../src/features/roster/delegated/replay-memory.ts';
import { DOMAIN } from '../../../support/stage.ts';
import { type Answer, open, signature } from './refresh-scene.ts';

const TOKEN = 'b7Qe0-sZ1x_4~';
const SECRET = 'correct horse battery staple';
const NAMES = '["john"]';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** The status, what the answer says, and what it asks for. */
function refusal({ status, headers, json }: Answer): unknown[] {
  assert.ok(typeof json === 'object' && json !== null && 'message' in json && 'status' in json);
  assert.equal(json.status, 'error');
  return [status, json.message, headers['www-authenticate']];
}

test('without any check only this machine may call, and only directly', async (t) => {
  const { post, get, rosters } = await open(t);
  assert.equal((await post(['john'])).status, 200);
  assert.equal((await post(['john'], { from: '127.0.0.2' })).status, 200);
  for (const header of ['X-Forwarded-For', 'Forwarded', 'X-Real-IP']) {
    const answer = refusal(await post(['john'], { headers: { [header]: '127.0.0.1' } }));
    assert.deepEqual(answer, [403, 'Not through a proxy, unless callers have to prove who they are.', undefined]);
  }
  assert.equal((await get('john', { headers: { 'x-forwarded-for': '::1' } })).status, 403);
  assert.equal(rosters.refreshes.length, 2);
});

test('whom a trusted proxy speaks for is the caller', async (t) => {
  const { post } = await open(t, { allowAddresses: ['203.0.113.0/24', '2001:db8::/32'] }, () => true);
  const from = async (address: string) => (await post(['john'], { headers: { 'x-forwarded-for': address } })).status;
  assert.deepEqual(
    await Promise.all(['203.0.113.9', '2001:db8::1', '198.51.100.1', '127.0.0.1'].map(from)),
    [200, 200, 403, 403],
  );
  const alone = await open(t, {}, () => true);
  assert.equal((await alone.post(['john'], { headers: { 'x-forwarded-for': '203.0.113.9' } })).status, 403);
});

test('what a proxy says that nobody trusts does not count', async (t) => {
  const { post } = await open(t, { allowAddresses: ['203.0.113.0/24'] });
  const answer = refusal(await post(['john'], { headers: { 'x-forwarded-for': '203.0.113.9' } }));
  assert.deepEqual(answer, [403, 'Not from this address.', undefined]);
});

test('with addresses configured this machine is one among others', async (t) => {
  const { post, get, rosters } = await open(t, { allowAddresses: ['127.0.0.2', '::ffff:127.0.0.3'] });
  assert.equal((await post(['john'])).status, 403);
  assert.equal((await get('john')).status, 403);
  assert.equal((await post(['john'], { from: '127.0.0.2' })).status, 200);
  assert.equal((await post(['john'], { from: '127.0.0.3' })).status, 200);
  assert.equal(rosters.refreshes.length, 2);
});

test('each of the tokens lets callers in, nothing else does', async (t) => {
  const { post, get, rosters } = await open(t, { bearerTokens: [TOKEN, 'second'] });
  for (const authorization of [`Bearer ${TOKEN}`, 'bearer  second', 'BEARER second']) {
    assert.equal((await post(['john'], { headers: { authorization } })).status, 200, authorization);
  }
  assert.equal((await get('john', { headers: bearer('second') })).status, 200);
  assert.equal(rosters.refreshes.length, 4);
  const needed = [401, 'A bearer token is needed.', 'Bearer'];
  for (const authorization of ['', 'Bearer', `Basic ${TOKEN}`, TOKEN, `Bearer ${TOKEN} second`, `Bearer${TOKEN}`]) {
    assert.deepEqual(refusal(await post(['john'], { headers: { authorization } })), needed, authorization);
  }
  assert.deepEqual(refusal(await post(['john'])), needed);
  assert.deepEqual(refusal(await get('john')), needed);
  for (const wrong of [`${TOKEN}x`, TOKEN.slice(1), 'Second', `${TOKEN},second`, 'undefined', '[secret]']) {
    const answer = refusal(await post(['john'], { headers: bearer(wrong) }));
    assert.deepEqual(answer, [401, 'This is not the bearer token.', 'Bearer'], wrong);
  }
  assert.equal(rosters.refreshes.length, 4);
});

test('a header that comes twice is taken for neither', async (t) => {
  const { post, timestamp } = await open(t, { bearerTokens: [TOKEN], hmacSecrets: [SECRET] });
  const signed = signature(SECRET, timestamp(), NAMES);
  assert.equal((await post(['john'], { headers: { ...bearer(TOKEN), ...signed } })).status, 200);
  for (const [name, value] of Object.entries({ ...bearer(TOKEN), ...signed })) {
    const headers = { ...bearer(TOKEN), ...signed, [name]: [value, value] };
    assert.equal((await post(['john'], { headers })).status, 401, name);
  }
});

test('a token that is no ASCII is compared as UTF-8', async (t) => {
  const { post } = await open(t, { bearerTokens: ['schlüssel-à'] });
  const asSent = Buffer.from('schlüssel-à').toString('latin1');
  assert.equal((await post(['john'], { headers: bearer(asSent) })).status, 200);
});

test('callers are turned away before the body is read', async (t) => {
  const { port, rosters } = await open(t, { bearerTokens: [TOKEN] });
  const socket = connect(port, '127.0.0.1');
  t.after(() => socket.destroy());
  const head = `POST /roster_admin/refresh HTTP/1.1\r\nHost: ${DOMAIN}\r\nContent-Length: 8\r\n\r\n`;
  socket.write(head);
  const [first] = await socket.take(1).toArray();
  assert.match(String(first), /^HTTP\/1\.1 401 /);
  assert.deepEqual(rosters.refreshes, []);
});

test('a signed list is taken once', async (t) => {
  const { post, timestamp, rosters } = await open(t, { hmacSecrets: ['another', SECRET] });
  const headers = signature(SECRET, timestamp(), NAMES);
  assert.equal((await post(['john'], { headers })).status, 200);
  const again = [401, 'This request has come before: sign it again, with another X-Timestamp.', 'HMAC-SHA256'];
  assert.deepEqual(refusal(await post(['john'], { headers })), again);
  const upper = { ...headers, 'x-signature': headers['x-signature']?.toUpperCase().replace('SHA', 'sha') ?? '' };
  assert.deepEqual(refusal(await post(['john'], { headers: upper })), again);
  assert.equal((await post(['john'], { headers: signature('another', timestamp(), NAMES) })).status, 200);
  assert.equal((await post(['john'], { headers: signature(SECRET, `${timestamp()}.001`, NAMES) })).status, 200);
  assert.equal(rosters.refreshes.length, 3);
});

test('a signature is over this content and this time, and by this secret', async (t) => {
  const { post, get, http, timestamp, rosters } = await open(t, { hmacSecrets: [SECRET] });
  const now = timestamp();
  const unfit = [401, 'X-Signature does not fit this request.', 'HMAC-SHA256'];
  const good = signature(SECRET, now, NAMES);
  assert.deepEqual(refusal(await post(['aaron'], { headers: good })), unfit);
  assert.deepEqual(refusal(await post(['john'], { headers: signature('other', now, NAMES) })), unfit);
  assert.deepEqual(refusal(await post(['john'], { headers: { ...good, 'x-timestamp': `${now}.0` } })), unfit);
  assert.deepEqual(refusal(await get('john', { headers: good })), unfit);
  const path = '/roster_admin/refresh/john';
  assert.deepEqual(
    refusal(await http('POST', '/roster_admin/refresh', { headers: signature(SECRET, now, path) })),
    unfit,
  );
  assert.deepEqual(refusal(await get('aaron', { headers: signature(SECRET, now, path) })), unfit);
  assert.deepEqual(refusal(await get('john?verbose=1', { headers: signature(SECRET, now, path) })), unfit);
  assert.deepEqual(rosters.refreshes, []);
  assert.equal((await get('john', { headers: signature(SECRET, now, path) })).status, 200);
  assert.equal((await get('john', { headers: signature(SECRET, now, path) })).status, 401);
  const verbose = signature(SECRET, now, `${path}?verbose=1`);
  assert.equal((await get('john?verbose=1', { headers: verbose })).status, 200);
});

test('a signature that is missing or malformed is refused before the body is read', async (t) => {
  const { post, timestamp, rosters } = await open(t, { hmacSecrets: [SECRET] });
  const good = signature(SECRET, timestamp(), NAMES);
  const needed = [401, 'X-Signature is needed, as sha256= and 64 hex digits.', 'HMAC-SHA256'];
  const hex = good['x-signature'] ?? '';
  for (const wrong of [
    '',
    hex.slice(7),
    hex.slice(0, -1),
    `${hex}0`,
    hex.replace('256', '1'),
    `${hex.slice(0, -1)}g`,
  ]) {
    assert.deepEqual(refusal(await post(['john'], { headers: { ...good, 'x-signature': wrong } })), needed, wrong);
  }
  assert.deepEqual(refusal(await post(['john'])), needed);
  for (const wrong of [
    '',
    'now',
    '-1',
    '0x10',
    '1e9',
    ' ',
    '1.',
    '123456789012',
    `${timestamp()}.`,
    'NaN',
    'Infinity',
  ]) {
    const headers = { ...signature(SECRET, wrong, NAMES), 'x-timestamp': wrong };
    const expected = [401, 'X-Timestamp is needed, in seconds since 1970.', 'HMAC-SHA256'];
    assert.deepEqual(refusal(await post(['john'], { headers })), expected, wrong);
  }
  assert.deepEqual(rosters.refreshes, []);
});

test('clocks may be five minutes apart and no more', async (t) => {
  const { post, timestamp } = await open(t, { hmacSecrets: [SECRET] });
  const at = (offset: number) => signature(SECRET, String(Number(timestamp()) + offset), NAMES);
  for (const offset of [300, -300]) assert.equal((await post(['john'], { headers: at(offset) })).status, 200);
  const off = [401, 'X-Timestamp is more than 300 s off; compare the Date of this answer.', 'HMAC-SHA256'];
  for (const offset of [301, -301]) assert.deepEqual(refusal(await post(['john'], { headers: at(offset) })), off);
});

test('a request that is ahead of our clock cannot come again either for as long as it is good', async (t) => {
  const { post, timestamp, stage } = await open(t, { hmacSecrets: [SECRET] });
  const headers = signature(SECRET, String(Number(timestamp()) + 300), NAMES);
  assert.equal((await post(['john'], { headers })).status, 200);
  await stage.clock.advance(600_000);
  assert.match(String(refusal(await post(['john'], { headers }))[1]), /has come before/);
  await stage.clock.advance(1000);
  assert.match(String(refusal(await post(['john'], { headers }))[1]), /s off/);
});

test('what may come again is remembered within a bound, and what is too old is not', () => {
  const memory = new ReplayMemory(1000, 2);
  assert.deepEqual([memory.isNew('a', 0), memory.isNew('a', 1), memory.isNew('b', 2)], [true, false, true]);
  assert.throws(() => memory.isNew('c', 1000), { status: 503, headers: { 'retry-after': '60' } });
  assert.equal(memory.isNew('a', 1000), false);
  assert.deepEqual([memory.isNew('c', 1001), memory.isNew('b', 1001), memory.isNew('b', 1003)], [true, false, true]);
});

test('all that is configured has to be right', async (t) => {
  const options = { bearerTokens: [TOKEN], hmacSecrets: [SECRET], allowAddresses: ['127.0.0.1'] };
  const { post, timestamp, rosters } = await open(t, options);
  const signed = signature(SECRET, timestamp(), NAMES);
  const status = async (headers: Record<string, string>, from?: string) =>
    (await post(['john'], { headers, ...(from !== undefined && { from }) })).status;
  assert.equal(await status({ ...bearer(TOKEN), ...signed }, '127.0.0.2'), 403);
  assert.equal(await status(signed), 401);
  assert.equal(await status({ ...bearer('x'), ...signed }), 401);
  assert.equal(await status(bearer(TOKEN)), 401);
  assert.deepEqual(rosters.refreshes, []);
  assert.equal(await status({ ...bearer(TOKEN), ...signed }), 200);
});

test('another configuration holds from the next call on, and what came before is still known', async (t) => {
  const { post, timestamp, configure } = await open(t, { hmacSecrets: [SECRET] });
  const headers = signature(SECRET, timestamp(), NAMES);
  assert.equal((await post(['john'], { headers })).status, 200);
  configure({ hmacSecrets: ['new', SECRET] });
  assert.equal((await post(['john'], { headers })).status, 401);
  assert.equal((await post(['john'], { headers: signature('new', timestamp(), NAMES) })).status, 200);
  configure({ bearerTokens: [TOKEN], namesPerMinute: 1 });
  assert.equal((await post(['john'], { headers: bearer(TOKEN) })).status, 200);
  assert.equal((await post(['john'], { headers: bearer(TOKEN) })).status, 429);
});

test('a caller has so many names a minute', async (t) => {
  const { post, get, stage, rosters } = await open(t);
  const names = (count: number) => Array.from({ length: count }, (_, number) => `user${number}`);
  assert.equal((await post(names(599))).status, 200);
  assert.equal((await get('john')).status, 200);
  const refused = await post(['john']);
  assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1']);
  assert.deepEqual(refused.json, { status: 'error', message: 'Too many names; go on in 1 s.' });
  assert.equal((await get('john')).status, 429);
  assert.equal((await post(names(600))).headers['retry-after'], '60');
  assert.equal(rosters.refreshes.length, 2);
  await stage.clock.advance(1000);
  assert.equal((await post(names(10))).status, 200);
  assert.equal((await post(['john'])).status, 429);
});

test('a longer list is let through when the minute is unused, and paid off', async (t) => {
  const { post, stage } = await open(t);
  const names = Array.from({ length: 10_000 }, (_, number) => `user${number}`);
  assert.equal((await post(names)).status, 200);
  assert.equal((await post(['john'])).headers['retry-after'], '941');
  await stage.clock.advance(940_000);
  assert.equal((await post(['john'])).status, 429);
  await stage.clock.advance(1000);
  assert.equal((await post(['john'])).status, 200);
  assert.equal((await post(names)).status, 429);
  await stage.clock.advance(60_000);
  assert.equal((await post(names)).status, 200);
});

test('callers that prove who they are count by that, others by their address', async (t) => {
  const byAddress = await open(t, { namesPerMinute: 1 });
  const from = async (address: string) => (await byAddress.post(['john'], { from: address })).status;
  assert.deepEqual([await from('127.0.0.1'), await from('127.0.0.2'), await from('127.0.0.1')], [200, 200, 429]);
  const byToken = await open(t, { namesPerMinute: 1, bearerTokens: ['a', 'b'] });
  const as = async (token: string, address: string) =>
    (await byToken.post(['john'], { headers: bearer(token), from: address })).status;
  assert.deepEqual(
    [await as('a', '127.0.0.1'), await as('b', '127.0.0.1'), await as('a', '127.0.0.2')],
    [200, 200, 429],
  );
  const byKey = await open(t, { namesPerMinute: 1, hmacSecrets: ['a', 'b'] });
  const by = async (key: string, at: string) => {
    const headers = signature(key, `${byKey.timestamp()}.${at}`, NAMES);
    return (await byKey.post(['john'], { headers })).status;
  };
  assert.deepEqual([await by('a', '1'), await by('b', '1'), await by('a', '2')], [200, 200, 429]);
});

test('an empty list counts as one name, or it could be sent for ever', async (t) => {
  const { post } = await open(t, { namesPerMinute: 2 });
  assert.deepEqual([(await post([])).status, (await post([])).status, (await post([])).status], [200, 200, 429]);
});

test('no more than so many bodies are read at a time, few of one address, and none for long', async (t) => {
  const { port, post, stage, http } = await open(t);
  const head = `POST /roster_admin/refresh HTTP/1.1\r\nHost: ${DOMAIN}\r\nContent-Length: 8\r\n\r\n`;
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const hold = (localAddress: string): void => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => socket.write(head));
    sockets.push(socket.resume());
  };
  const statusFor = async (from: string) => (await post([], { from })).status;
  const becomes = async (status: number, from: string): Promise<void> => {
    const patience = performance.now() + 5000;
    while ((await statusFor(from)) !== status && performance.now() < patience);
    assert.equal(await statusFor(from), status);
  };
  for (let count = 0; count < 16; count++) hold('127.0.0.1');
  await becomes(503, '127.0.0.1');
  assert.equal((await post([])).headers['retry-after'], '5');
  assert.equal((await http('GET', '/roster_admin/refresh/john')).status, 200);
  assert.equal(await statusFor('127.0.0.5'), 200);
  for (let count = 0; count < 48; count++) hold(`127.0.0.${2 + (count % 3)}`);
  await becomes(503, '127.0.0.5');
  await stage.clock.advance(10_000);
  await becomes(200, '127.0.0.5');
  assert.equal(await statusFor('127.0.0.1'), 200);
  assert.equal(stage.bugs().length, 0);
});

test('an address that shows wrong secrets has to wait, whatever it shows then; others have not', async (t) => {
  const { post, stage, timestamp, rosters } = await open(t, { bearerTokens: [TOKEN], hmacSecrets: [SECRET] });
  const signed = (secret: string, at: number) => signature(secret, `${timestamp()}.${at}`, NAMES);
  // Who shows nothing guesses nothing.
  for (let count = 0; count < 30; count++) assert.equal((await post(['john'])).status, 401);
  for (let count = 0; count < 10; count++) {
    assert.equal((await post(['john'], { headers: bearer('wrong') })).status, 401);
    assert.equal((await post(['john'], { headers: { ...bearer(TOKEN), ...signed('wrong', count) } })).status, 401);
  }
  const right = (at: number) => ({ ...bearer(TOKEN), ...signed(SECRET, at) });
  const answer = await post(['john'], { headers: right(1) });
  assert.deepEqual([answer.status, answer.headers['retry-after']], [429, '6']);
  assert.equal(rosters.refreshes.length, 0);
  assert.equal((await post(['john'], { headers: right(2), from: '127.0.0.2' })).status, 200);
  await stage.clock.advance(6000);
  assert.equal((await post(['john'], { headers: right(3) })).status, 200);
  assert.equal((await post(['john'], { headers: bearer('wrong') })).status, 401);
  assert.equal((await post(['john'], { headers: right(4) })).status, 429);
});

test('callers that are turned away are told of in the log, but cannot fill it', async (t) => {
  const { post, stage } = await open(t, { bearerTokens: [TOKEN] });
  for (let count = 0; count < 20; count++) await post(['john'], { headers: bearer('wrong-one') });
  const lines = () => stage.log.records.filter(({ event }) => event === 'roster.refresh-refused');
  assert.equal(lines().length, 5);
  const { level, fields } = lines()[0] ?? assert.fail();
  assert.deepEqual([level, fields['address'], fields['reason'], fields['untold']], ['warn', '127.0.0.1', 'token', 0]);
  await stage.clock.advance(60_000);
  await post(['john'], { headers: bearer('wrong-one') });
  assert.equal(lines().length, 6);
  assert.equal(lines().at(-1)?.fields['untold'], 15);
  assert.doesNotMatch(JSON.stringify(stage.log.records), /wrong-one|john/);
});
