import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { makeSelfSigned } from '../../../../src/tls/self-signed.ts';
import type { Fault } from '../../../support/roster-backend.ts';
import { RosterBackend } from '../../../support/roster-backend.ts';
import { failureOf, HttpScene, until } from './http-scene.ts';

const CONTACTS = { 'marie@example.org': { name: 'Marie', groups: ['Family'] }, 'bot@example.org': {} };

test('one request fetches a roster: GET with what is accepted, and the contacts are mutual', async (t) => {
  const { backend, source } = await HttpScene.open(t);
  backend.contacts.set('john', CONTACTS);
  const roster = await source.fetch('john', 'login');
  assert.deepEqual([...roster.items.keys()], ['bot@example.org', 'marie@example.org']);
  assert.equal(roster.items.get('marie@example.org')?.subscription, 'both');
  assert.equal(backend.requests.length, 1);
  const { method, target, headers } = backend.requests[0] ?? assert.fail();
  assert.equal(`${method} ${target}`, 'GET /contacts/john');
  assert.equal(headers['accept'], 'application/json, text/plain, */*');
  assert.equal(headers['authorization'], undefined);
});

test('whatever a localpart is made of, it is one percent-encoded part of the path', async (t) => {
  const { backend, source } = await HttpScene.open(t);
  const targets: Readonly<Record<string, string>> = {
    "o'neil/ü": "/contacts/o'neil%2F%C3%BC",
    'a?b#c%s d': '/contacts/a%3Fb%23c%25s%20d',
    '..': '/contacts/%2E%2E',
    'a.b': '/contacts/a.b',
    $$: '/contacts/%24%24',
  };
  for (const [local, target] of Object.entries(targets)) {
    backend.requests.length = 0;
    await failureOf(source.fetch(local, 'login'));
    assert.deepEqual(
      backend.requests.map((request) => request.target),
      [target],
    );
  }
});

test('every answer but 200 with an object is the failure that it is, and only load and outage are tried again', async (t) => {
  const scene = await HttpScene.open(t, { options: { maxBytes: 2048 } });
  const { backend, source } = scene;
  backend.contacts.set('john', CONTACTS);
  const cases: readonly (readonly [Fault, reason: string, requests: number])[] = [
    [{ status: 204 }, 'http_other', 1],
    [{ status: 201, body: '{}' }, 'http_other', 1],
    [{ status: 304 }, 'http_other', 1],
    ['redirect', 'http_other', 1],
    [{ status: 404, body: '{}' }, 'http_4xx', 1],
    [{ status: 401, headers: { 'retry-after': '1' } }, 'http_4xx', 1],
    [{ status: 429 }, 'http_4xx', 3],
    [{ status: 500 }, 'http_5xx', 3],
    [{ status: 503 }, 'http_5xx', 3],
    ['html', 'bad_json', 1],
    [{ body: '' }, 'bad_json', 1],
    [{ body: '[]' }, 'bad_json', 1],
    [{ body: '"john"' }, 'bad_json', 1],
    [{ body: 'null' }, 'bad_json', 1],
    [{ body: '{"marie@example.org": {' }, 'bad_json', 1],
    [{ body: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]) }, 'bad_json', 1],
    [{ body: '['.repeat(2000) }, 'bad_json', 1],
    [{ body: `{"x@example.org": {"name": "${'x'.repeat(2048)}"}}` }, 'too_large', 1],
    ['half', 'refused', 3],
    ['reset', 'refused', 3],
  ];
  for (const [fault, reason, requests] of cases) {
    backend.requests.length = 0;
    backend.faults.set('*', fault);
    const what = JSON.stringify(fault).slice(0, 80);
    assert.equal(await scene.patiently(failureOf(source.fetch('john', 'login'))), reason, what);
    backend.faults.clear();
    assert.equal(backend.requests.length >= requests && backend.requests.length <= requests + 1, true, what);
    await source.fetch('john', 'login');
  }
  assert.ok(
    !JSON.stringify(backend.requests.map(({ target }) => target)).includes('/contacts/marie'),
    'no redirect followed',
  );
});

test('an empty object is an empty roster', async (t) => {
  const { backend, source } = await HttpScene.open(t);
  backend.contacts.set('john', {});
  assert.equal((await source.fetch('john', 'login')).items.size, 0);
});

test('a body whose size is not announced is cut off at the same bound', async (t) => {
  const { backend, source } = await HttpScene.open(t, { options: { maxBytes: 1024 } });
  backend.faults.set('john', { status: 200, headers: { 'transfer-encoding': 'chunked' }, body: ' '.repeat(200_000) });
  assert.equal(await failureOf(source.fetch('john', 'login')), 'too_large');
});

test('more contacts than an account may have are too many', async (t) => {
  const { backend, source } = await HttpScene.open(t, { limits: { account: { rosterItems: 1 } } });
  backend.contacts.set('john', CONTACTS);
  assert.equal(await failureOf(source.fetch('john', 'login')), 'too_large');
});

test('a backend that hangs is a failure when the time is over, and not before', async (t) => {
  const { backend, source, clock } = await HttpScene.open(t, { options: { timeoutMs: 3000 } });
  backend.faults.set('john', 'hang');
  let outcome: string | undefined;
  const fetching = failureOf(source.fetch('john', 'login')).then((reason) => {
    outcome = reason;
  });
  await backend.requested(1);
  await clock.advance(2999);
  assert.equal(outcome, undefined);
  await clock.advance(1);
  await fetching;
  assert.equal(outcome, 'timeout');
  await until(() => backend.open === 0);
});

test('nobody there is a failure at once, once it has been tried again', async (t) => {
  const scene = await HttpScene.open(t);
  await scene.backend.stop();
  assert.equal(await scene.patiently(failureOf(scene.source.fetch('john', 'login'))), 'refused');
  assert.equal(scene.clock.waits.filter((ms) => ms < 5000).length, 2);
});

test('what fails for a moment is tried again, and succeeds', async (t) => {
  const scene = await HttpScene.open(t);
  scene.backend.contacts.set('john', CONTACTS);
  scene.backend.nextFaults.push({ status: 503 }, 'reset');
  assert.equal((await scene.patiently(scene.source.fetch('john', 'login'))).items.size, 2);
  assert.equal(scene.backend.requests.length, 3);
  assert.deepEqual(scene.logged('warn'), []);
});

test('the wish to be left alone for a while is granted within the time, and otherwise ends the fetch at once', async (t) => {
  const scene = await HttpScene.open(t, { options: { timeoutMs: 4000 } });
  scene.backend.contacts.set('john', CONTACTS);
  scene.backend.nextFaults.push({ status: 429, headers: { 'retry-after': '2' } });
  await scene.patiently(scene.source.fetch('john', 'login'));
  assert.ok(scene.clock.waits.includes(2000));
  scene.backend.nextFaults.push({ status: 503, headers: { 'retry-after': '4' } });
  assert.equal(await failureOf(scene.source.fetch('john', 'login')), 'http_5xx');
});

test('a connection that was kept and turns out to be closed costs no wait', async (t) => {
  const { backend, source, clock } = await HttpScene.open(t);
  backend.contacts.set('john', CONTACTS);
  await source.fetch('john', 'login');
  await new Promise((resolve) => setImmediate(resolve));
  backend.nextFaults.push('reset');
  await source.fetch('john', 'login');
  assert.equal(backend.requests.length, 3);
  assert.deepEqual(
    clock.waits.filter((ms) => ms < 5000),
    [],
  );
});

test('an answer that has not changed is the very roster of before, by tag and by date', async (t) => {
  for (const how of ['etag', 'date', 'neither'] as const) {
    const { backend, source, stage } = await HttpScene.open(t);
    backend.hasETags = how === 'etag';
    backend.lastModified = how === 'date' ? 'Thu, 01 Jan 2026 00:00:00 GMT' : undefined;
    backend.contacts.set('john', CONTACTS);
    const before = await source.fetch('john', 'login');
    assert.equal(await source.fetch('john', 'refresh'), before);
    const { headers } = backend.requests[1] ?? assert.fail();
    assert.equal(headers['if-none-match'] !== undefined, how === 'etag');
    assert.equal(headers['if-modified-since'] !== undefined, how === 'date');
    backend.contacts.set('john', {});
    backend.lastModified = undefined;
    assert.equal((await source.fetch('john', 'refresh')).items.size, 0);
    const outcome = how === 'neither' ? 'ok' : 'not_modified';
    assert.match(await stage.metrics.text(), new RegExp(`roster_fetches_total\\{[^}]*outcome="${outcome}"`));
  }
});

test('the server proves itself as configured: by token, by password, by signature', async (t) => {
  const ways = [
    { bearer: 'planted-token' },
    { user: 'parley', password: 'planted-pässword' },
    { hmacSecret: 'planted-for-signing' },
  ];
  for (const auth of ways) {
    const { backend, source, stage, clock } = await HttpScene.open(t, { options: { auth } });
    backend.contacts.set('jöhn', {});
    await source.fetch('jöhn', 'login');
    const { headers, target } = backend.requests[0] ?? assert.fail();
    if ('bearer' in auth) assert.equal(headers['authorization'], 'Bearer planted-token');
    if ('user' in auth) {
      const given = Buffer.from(headers['authorization']?.replace('Basic ', '') ?? '', 'base64').toString();
      assert.equal(given, 'parley:planted-pässword');
    }
    if ('hmacSecret' in auth) {
      const timestamp = String(Math.floor(clock.now() / 1000));
      const signature = createHmac('sha256', 'planted-for-signing').update(`${timestamp}.${target}`).digest('hex');
      assert.equal(headers['x-timestamp'], timestamp);
      assert.equal(headers['x-signature'], `sha256=${signature}`);
    }
    assert.ok(!JSON.stringify(stage.log.records).includes('planted'));
  }
});

test('where only the public internet is allowed, private addresses are refused, by number and by name', async (t) => {
  const backend = await RosterBackend.start(t);
  const byName = backend.url.replace('127.0.0.1', 'localhost');
  for (const url of [backend.url, byName, backend.url.replace('127.0.0.1', '[::1]'), 'http://[::ffff:10.0.0.1]/%s']) {
    const { source } = await HttpScene.open(t, { backend, options: { url, denyPrivateAddresses: true } });
    assert.equal(await failureOf(source.fetch('john', 'login')), 'refused', url);
  }
  assert.equal(backend.requests.length, 0);
  backend.contacts.set('john', {});
  const { source } = await HttpScene.open(t, { backend, options: { url: byName } });
  await source.fetch('john', 'login');
});

test('a certificate that nobody vouches for is refused', async (t) => {
  const { certificate, key } = await makeSelfSigned('localhost', Date.now());
  let requests = 0;
  const server = createServer({ cert: certificate, key }, (_, response) => {
    requests++;
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const port = portOf(server.address());
  const scene = await HttpScene.open(t, { options: { url: `https://localhost:${port}/%s` } });
  assert.equal(await scene.patiently(failureOf(scene.source.fetch('john', 'login'))), 'refused');
  assert.equal(requests, 0);
});

test('contacts are in no line of the log, whatever goes wrong with them', async (t) => {
  const scene = await HttpScene.open(t);
  const { backend, source, stage } = scene;
  const bodies = ['{"marie@example.org": {"name": "Marie"', '{"marie@example.org/x": {}}', 'marie', '["marie"]'];
  for (const body of bodies) {
    backend.faults.set('john', { body });
    await failureOf(source.fetch('john', 'login'));
  }
  backend.faults.set('john', 'half');
  await scene.patiently(failureOf(source.fetch('john', 'login')));
  assert.ok(stage.log.records.length > 0);
  const inLog = (value: unknown): string =>
    value instanceof Error ? `${value.stack}${value.message}${inLog(value.cause)}` : JSON.stringify(value);
  const text = stage.log.records.map((record) => inLog(record.fields) + inLog(record.error)).join();
  assert.ok(!/marie/i.test(text), text);
});

test('a flaw in the lists is told once for each kind, not for each user', async (t) => {
  const scene = await HttpScene.open(t);
  for (const local of ['john', 'mary']) {
    scene.backend.contacts.set(local, { '@': {}, [`${local}@stage.example`]: {}, 'ok@example.org': {} });
    assert.equal((await scene.source.fetch(local, 'login')).items.size, 1);
  }
  assert.deepEqual(scene.logged('warn'), ['roster.contact-skipped', 'roster.contact-skipped']);
  const reasons = scene.stage.log.records.map(({ fields }) => fields['reason']);
  assert.deepEqual(new Set(reasons.filter((reason) => reason !== undefined)), new Set(['invalid', 'own']));
});

test('what is under way ends when the server stops, and nothing begins any more', async (t) => {
  const { backend, source } = await HttpScene.open(t, { options: { maxConcurrent: 1 } });
  backend.faults.set('*', 'hang');
  const fetches = ['john', 'mary'].map((local) => failureOf(source.fetch(local, 'login')));
  await backend.requested(1);
  await source.close();
  assert.deepEqual(await Promise.all(fetches), ['refused', 'refused']);
  assert.equal(await failureOf(source.fetch('john', 'login')), 'refused');
  assert.equal(backend.requests.length, 1);
});

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
