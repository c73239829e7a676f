import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { openMetrics } from '../../../src/features/open-metrics/index.ts';
import { HttpServer } from '../../../src/http/server.ts';
import { AddressRanges } from '../../../src/net/address-ranges.ts';
import { listen } from '../../../src/net/listen.ts';
import { Stage } from '../../support/stage.ts';

/** A stage with an HTTP listener; `proxies` are the addresses of those that are trusted. */
async function open(t: TestContext, options: object | false = {}, proxies: readonly string[] = []) {
  const features = { openMetrics: options };
  const stage = await Stage.open(t, {
    features: [openMetrics],
    config: { features, http: { trustedProxies: proxies } },
  });
  const ranges = new AddressRanges(proxies);
  const server = new HttpServer({
    routes: stage.routes,
    log: stage.log,
    clock: stage.clock,
    isTrustedProxy: (address) => ranges.has(address),
  });
  const listener = createServer((socket) => server.accept(socket, false));
  const { port } = await listen(listener, { address: '127.0.0.1', port: 0 });
  t.after(async () => {
    listener.close();
    const closing = server.close(0);
    await stage.clock.advance(0);
    await closing;
  });
  const get = (headers: Record<string, string> = {}) => fetch(`http://127.0.0.1:${port}/metrics`, { headers });
  return { stage, get };
}

test('metrics are served to this machine in the format of OpenMetrics', async (t) => {
  const { stage, get } = await open(t);
  stage.metrics.labelled({ host: 'a"b\\c' }).gauge({ name: 'users', help: 'Users' }).set({}, 7);
  const answer = await get();
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const text = await answer.text();
  assert.match(text, /^parley_users\{host="a\\"b\\\\c"\} 7$/m);
  assert.ok(text.endsWith('# EOF\n'));
});

test('whoever asks for the older format, and not for OpenMetrics, gets it', async (t) => {
  const { stage, get } = await open(t);
  stage.metrics.gauge({ name: 'users', help: 'Users' }).set({}, 7);
  const plain = await get({ accept: 'text/plain;version=0.0.4;q=0.5' });
  assert.equal(plain.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.doesNotMatch(await plain.text(), /EOF/);
  const both = await get({
    accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
  });
  assert.equal(both.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  await both.text();
});

test('addresses that are not allowed get 403 and no value', async (t) => {
  const { get } = await open(t, { allowAddresses: ['192.0.2.0/24', '2001:db8::1'] });
  const answer = await get();
  assert.equal(answer.status, 403);
  assert.doesNotMatch(await answer.text(), /parley/);
});

test('behind a trusted proxy the address of the client counts', async (t) => {
  const { get } = await open(t, { allowAddresses: ['127.0.0.1', '192.0.2.7'] }, ['127.0.0.1']);
  assert.equal((await get({ 'x-forwarded-for': '192.0.2.7' })).status, 200);
  assert.equal((await get({ 'x-forwarded-for': '198.51.100.1' })).status, 403);
  assert.equal((await get({ 'x-forwarded-for': '127.0.0.1, 198.51.100.1' })).status, 403);
});

test('a proxy on this machine that is not trusted lets nobody in, whatever the client claims', async (t) => {
  const { get } = await open(t);
  assert.equal((await get({ 'x-forwarded-for': '198.51.100.1' })).status, 403);
  assert.equal((await get({ 'x-forwarded-for': '127.0.0.1, 198.51.100.1' })).status, 403);
});

test('a proxy is known by any of the headers of proxies, and one that names no client speaks for nobody', async (t) => {
  const headers = ['forwarded', 'x-real-ip', 'via'];
  const { get } = await open(t);
  for (const header of headers) assert.equal((await get({ [header]: 'for=127.0.0.1' })).status, 403, header);
  const behind = await open(t, {}, ['127.0.0.1']);
  for (const header of headers) assert.equal((await behind.get({ [header]: '127.0.0.1' })).status, 403, header);
  const named = await open(t, { allowAddresses: ['192.0.2.7'] }, ['127.0.0.1']);
  assert.equal((await named.get({ via: '1.1 edge', 'x-forwarded-for': '192.0.2.7' })).status, 200);
});

test('a reload changes who may read', async (t) => {
  const { stage, get } = await open(t, { allowAddresses: [] });
  assert.equal((await get()).status, 403);
  stage.reload({ features: { openMetrics: {} } });
  assert.equal((await get()).status, 200);
});

test('where it is off there is no such page', async (t) => {
  const { get } = await open(t, false);
  const answer = await get();
  assert.equal(answer.status, 404);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
});

test('nothing but reading is allowed', async (t) => {
  const { stage } = await open(t);
  assert.deepEqual([...(stage.routes.find('x', '/metrics')?.handlers.keys() ?? [])], ['GET']);
});
