import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { jsonResponse } from '../../src/http/message.ts';
import { clientOf } from '../../src/http/proxy.ts';
import { AddressRanges } from '../../src/net/address-ranges.ts';
import { openServer, request } from './fixtures.ts';

const PROXY = { remoteAddress: '127.0.0.1', secure: false };
const PROXIES = new AddressRanges(['127.0.0.1', '::1', '10.0.0.0/8', 'fd00::/8']);
const isProxy = (address: string): boolean => PROXIES.has(address);

function addressBehind(header: string): string {
  return clientOf(PROXY, { 'x-forwarded-for': header }, isProxy).remoteAddress;
}

function secureBehind(header: string, secure = false): boolean {
  return clientOf({ ...PROXY, secure }, { 'x-forwarded-proto': header }, isProxy).secure;
}

test('the client is the last one that is no proxy, whatever stands before it', () => {
  const table: Readonly<Record<string, string>> = {
    '192.0.2.1': '192.0.2.1',
    '2001:db8::1': '2001:db8::1',
    '192.0.2.1, 10.0.0.1': '192.0.2.1',
    '192.0.2.1,10.0.0.1,fd00::1 , 127.0.0.1': '192.0.2.1',
    '198.51.100.1, 192.0.2.1': '192.0.2.1',
    '127.0.0.1, 192.0.2.1': '192.0.2.1',
    'unknown, 192.0.2.1, 10.0.0.1': '192.0.2.1',
    '<script>, 192.0.2.1': '192.0.2.1',
    '10.0.0.7': '10.0.0.7',
    '10.0.0.7, 10.0.0.1': '10.0.0.7',
  };
  for (const [header, client] of Object.entries(table)) assert.equal(addressBehind(header), client, header);
});

test('addresses are understood in the forms that proxies write', () => {
  const table: Readonly<Record<string, string>> = {
    '192.0.2.1:50123': '192.0.2.1',
    '[2001:db8::1]': '2001:db8::1',
    '[2001:db8::1]:50123': '2001:db8::1',
    '::ffff:192.0.2.1': '192.0.2.1',
    '[::ffff:192.0.2.1]:50123': '192.0.2.1',
    '192.0.2.1, ::ffff:10.0.0.1': '192.0.2.1',
  };
  for (const [header, client] of Object.entries(table)) assert.equal(addressBehind(header), client, header);
});

test('where the address is malformed or missing, it is the proxy', () => {
  const malformed = ['', ' ', ',', 'unknown', '_hidden', '192.0.2', '192.0.2.1:', '192.0.2.1:999999', '[2001:db8::1'];
  const more = [
    '192.0.2.1, unknown',
    '192.0.2.1,',
    '192.0.2.1, unknown, 10.0.0.1',
    'example.org',
    '[]',
    '192.0.2.1/32',
  ];
  for (const header of [...malformed, ...more])
    assert.equal(addressBehind(header), '127.0.0.1', JSON.stringify(header));
  assert.deepEqual(clientOf(PROXY, {}, isProxy), PROXY);
});

test('whatever a client makes up, what the proxy adds decides', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.equal(addressBehind(`${text}, 192.0.2.1`), '192.0.2.1');
      assert.equal(secureBehind(`${text}, http`), false);
    }),
  );
});

test('the connection is secure when the proxies say so, all of them', () => {
  for (const header of ['https', 'HTTPS', 'wss', 'https, https']) assert.equal(secureBehind(header), true, header);
  for (const header of ['http', 'ws', '', 'https,', 'https, http', 'http, https', 'httpss']) {
    assert.equal(secureBehind(header), false, header);
  }
  assert.equal(secureBehind('http', true), false);
  assert.equal(clientOf({ ...PROXY, secure: true }, {}, isProxy).secure, true);
});

const FORWARDED = ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https'];

async function askWith(t: TestContext, headers: readonly string[], trusted: (address: string) => boolean) {
  const { routes, port } = await openServer(t, { isTrustedProxy: trusted });
  routes.add('GET', '/', ({ secure, remoteAddress }) => jsonResponse(200, { secure, remoteAddress }));
  return JSON.parse((await request(t, port, 'GET /', headers)).body);
}

test('a request through a trusted proxy is its client’s', async (t) => {
  assert.deepEqual(await askWith(t, FORWARDED, isProxy), { secure: true, remoteAddress: '192.0.2.1' });
  assert.deepEqual(await askWith(t, [], isProxy), { secure: false, remoteAddress: '127.0.0.1' });
  const twice = ['X-Forwarded-For: 198.51.100.1', ...FORWARDED];
  assert.deepEqual(await askWith(t, twice, isProxy), { secure: true, remoteAddress: '192.0.2.1' });
});

test('from anybody else the headers mean nothing', async (t) => {
  const own = { secure: false, remoteAddress: '127.0.0.1' };
  assert.deepEqual(await askWith(t, FORWARDED, () => false), own);
  assert.deepEqual(await askWith(t, FORWARDED, (address) => address !== '127.0.0.1'), own);
});
