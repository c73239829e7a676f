import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOMAIN, eventually, PASSWORD } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { ChildServer } from './child-server.ts';

const ENDPOINT = [{ address: '127.0.0.1', port: 0 }];

const SETTINGS = {
  listen: { c2s: ENDPOINT, c2sTls: ENDPOINT, http: [], https: ENDPOINT },
  registration: { enabled: true, rateLimit: null },
  c2s: { requireEncryption: false },
  auth: { iterations: 4096, allowPlaintext: true },
};

async function register(server: ChildServer, user: string): Promise<void> {
  const stranger = await RawClient.connect(server, 'c2s');
  await stranger.open();
  const query = `<username>${user}</username><password>${PASSWORD}</password>`;
  const answer = await stranger.ask(`<iq type='set' id='r'><query xmlns='jabber:iq:register'>${query}</query></iq>`);
  assert.match(answer, /type="result"/);
  stranger.socket.destroy();
}

async function slot(client: RawClient, id: string, size: number): Promise<string> {
  const attributes = `xmlns='urn:xmpp:http:upload:0' filename='a.bin' size='${size}'`;
  const answer = await client.ask(`<iq type='get' id='${id}' to='upload.${DOMAIN}'><request ${attributes}/></iq>`);
  return /<put url="([^"]*)"/.exec(answer)?.[1] ?? assert.fail(answer);
}

/** Sends the beginning of a request, or all of it, to the server wherever it listens now. */
function begin(server: ChildServer, method: string, url: string, headers: Record<string, number> = {}) {
  const { pathname, host } = new URL(url);
  const port = server.port('https');
  const options = { host: '127.0.0.1', port, path: pathname, method, headers: { host, ...headers } };
  return request({ ...options, rejectUnauthorized: false, agent: false }).on('error', () => {});
}

function answerTo(asked: ReturnType<typeof begin>): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve) => {
    asked.on('response', (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
  });
}

test('a server that is killed amid an upload keeps what is whole and nothing of the rest', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-crash-upload-'));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const incoming = join(dataDir, 'uploads', DOMAIN, 'incoming');
  const left = () => (existsSync(incoming) ? readdirSync(incoming).length : 0);
  const server = await ChildServer.start(t, { ...SETTINGS, dataDir });
  await register(server, 'romeo');
  const client = await RawClient.logIn(server, 'romeo', 'it');
  const whole = await slot(client, 'a', 5);
  const put = begin(server, 'PUT', whole, { 'content-length': 5 }).end('whole');
  assert.equal((await answerTo(put)).status, 201);
  const part = await slot(client, 'b', 1_000_000);
  begin(server, 'PUT', part, { 'content-length': 1_000_000 }).write(Buffer.alloc(500_000));
  await eventually('the upload has begun', () => left() === 1);

  await server.kill('SIGKILL');
  assert.equal(left(), 1);
  await server.restart();
  assert.equal(left(), 0);
  assert.deepEqual(await answerTo(begin(server, 'GET', whole).end()), { status: 200, body: 'whole' });
  assert.equal((await answerTo(begin(server, 'GET', part).end())).status, 404);
  const again = begin(server, 'PUT', part, { 'content-length': 1_000_000 }).end(Buffer.alloc(1_000_000));
  assert.equal((await answerTo(again)).status, 201);
  server.assertNoErrors();
});
