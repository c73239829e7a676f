import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type HostMetaOptions, serveHostMeta } from '../../src/http/host-meta.ts';
import { openServer, request } from './fixtures.ts';

const REL = 'urn:xmpp:alt-connections:websocket';

async function open(t: TestContext, more: Partial<HostMetaOptions> = {}) {
  const opened = await openServer(t);
  const remove = serveHostMeta(opened.routes, {
    hosts: () => ['example.org', 'bücher.example'],
    publicUrl: () => undefined,
    httpsPort: () => 5281,
    websocketPath: '/xmpp-websocket',
    ...more,
  });
  const json = async (host: string) => {
    const answer = await request(t, opened.port, 'GET /.well-known/host-meta.json', [`Host: ${host}`]);
    return answer.status === 200 ? JSON.parse(answer.body) : answer.status;
  };
  return { ...opened, remove, json };
}

test('host-meta names the WebSocket in XML', async (t) => {
  const { port } = await open(t);
  const answer = await request(t, port, 'GET /.well-known/host-meta');
  assert.equal(answer.status, 200);
  assert.equal(answer.headers['content-type'], 'application/xrd+xml; charset=utf-8');
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  assert.equal(answer.headers['cache-control'], 'public, max-age=3600');
  assert.equal(
    answer.body,
    '<?xml version="1.0" encoding="UTF-8"?>\n<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">' +
      `<Link rel="${REL}" href="wss://example.org:5281/xmpp-websocket"/></XRD>\n`,
  );
});

test('host-meta.json names it in JSON', async (t) => {
  const { port, json } = await open(t);
  const answer = await request(t, port, 'GET /.well-known/host-meta.json');
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['access-control-allow-origin'], '*');
  const links = [{ rel: REL, href: 'wss://example.org:5281/xmpp-websocket' }];
  assert.deepEqual(JSON.parse(answer.body), { links });
  assert.deepEqual(await json('EXAMPLE.org:443'), { links });
});

test('only our own hosts are vouched for', async (t) => {
  const { json } = await open(t);
  assert.equal(await json('evil.example'), 404);
  assert.equal(await json('sub.example.org'), 404);
  assert.equal(await json('127.0.0.1:5280'), 404);
  assert.deepEqual(await json('xn--bcher-kva.example'), {
    links: [{ rel: REL, href: 'wss://xn--bcher-kva.example:5281/xmpp-websocket' }],
  });
});

test('the usual port is not written', async (t) => {
  const { json } = await open(t, { httpsPort: () => 443 });
  assert.deepEqual(await json('example.org'), { links: [{ rel: REL, href: 'wss://example.org/xmpp-websocket' }] });
});

test("the operator's public URL comes first", async (t) => {
  const { json } = await open(t, { publicUrl: () => 'https://web.example.org/chat/' });
  assert.deepEqual(await json('example.org'), {
    links: [{ rel: REL, href: 'wss://web.example.org/chat/xmpp-websocket' }],
  });
});

test('without TLS there is no WebSocket to name', async (t) => {
  const { json } = await open(t, { httpsPort: () => undefined });
  assert.deepEqual(await json('example.org'), { links: [] });
});

test('what was removed is gone', async (t) => {
  const { json, remove } = await open(t);
  remove();
  assert.equal(await json('example.org'), 404);
});
