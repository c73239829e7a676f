import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { test } from 'node:test';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';

interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

interface Sent {
  readonly path?: string;
  readonly body?: string;
  readonly type?: string;
  readonly host?: string;
}

const FORM = 'application/x-www-form-urlencoded';

function ask(
  live: LiveServer,
  method: string,
  { path = '/account', body, type = FORM, host = DOMAIN }: Sent = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      host,
      ...(body !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
    };
    const request = httpRequest({ port: live.port('http'), host: '127.0.0.1', method, path, headers, agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      response.on('error', reject);
    });
    request.end(body);
  });
}

test('the account page is answered by pages, whatever is sent', async (t) => {
  const live = await LiveServer.start(t);
  await live.addUsers('romeo');
  const first = await ask(live, 'GET');
  assert.equal(first.status, 200);
  assert.match(first.body, /<h1>Your account<\/h1>/);
  const login = await ask(live, 'POST', {
    body: `action=login&username=romeo&password=${encodeURIComponent(PASSWORD)}`,
  });
  assert.match(login.body, /You are logged in as <strong>romeo@localhost/);
  const refused: [method: string, sent: Sent, status: number][] = [
    ['DELETE', {}, 405],
    ['PUT', { body: 'x' }, 405],
    ['POST', { body: 'x'.repeat(1024 * 1024) }, 413],
    ['POST', { body: '{}', type: 'application/json' }, 400],
    ['POST', { body: 'action=login&action=login' }, 400],
    ['POST', { body: 'action=%ff' }, 400],
  ];
  for (const [method, sent, status] of refused) {
    const answer = await ask(live, method, sent);
    assert.equal(answer.status, status, method);
    assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(answer.headers['x-frame-options'], 'DENY');
    assert.match(answer.body, /<h1>That did not work<\/h1>/);
  }
});

test('the account page is for its own host and its own site only', async (t) => {
  const live = await LiveServer.start(t);
  assert.equal((await ask(live, 'GET', { host: 'elsewhere.example' })).status, 404);
  for (const method of ['OPTIONS', 'GET']) {
    const { headers } = await ask(live, method);
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
  const { headers, body } = await ask(live, 'HEAD');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  assert.equal(body, '');
  assert.match((await ask(live, 'GET', { path: '/account/style.css' })).body, /prefers-color-scheme/);
});
