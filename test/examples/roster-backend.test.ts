import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type TestContext, test } from 'node:test';
import { ContactsExample } from '../support/contacts-example.ts';
import { eventually } from '../support/live-server.ts';

/** A call that tells of changed contact lists. */
interface Call {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** Stands for Parley: keeps the calls, and answers them with what the test says. */
class Listener {
  readonly calls: Call[] = [];
  readonly answers: { readonly status: number; readonly body: unknown }[] = [];
  url = '';

  static async start(t: TestContext): Promise<Listener> {
    const listener = new Listener();
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        listener.calls.push({ request, body: Buffer.concat(chunks).toString() });
        const usual = { status: 200, body: { status: 'ok', message: 'done', updated: 1, errors: 0, failed: [] } };
        const { status, body } = listener.answers.shift() ?? usual;
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    listener.url = `http://127.0.0.1:${address.port}`;
    return listener;
  }

  /** Takes the names of the calls so far. */
  take(): string[][] {
    return this.calls.splice(0).map(({ body }) => JSON.parse(body).sort());
  }
}

async function open(t: TestContext): Promise<{ example: ContactsExample; listener: Listener }> {
  const listener = await Listener.start(t);
  const example = await ContactsExample.start(t, { PARLEY_URL: listener.url, XMPP_DOMAIN: 'school.example' });
  return { example, listener };
}

async function listOf(example: ContactsExample, person: string): Promise<unknown> {
  const answer = await example.get(`/contacts/${encodeURIComponent(person)}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  return answer.json();
}

test('contact lists follow from friendships and groups, and each edit tells of those whose own list it changes', async (t) => {
  const { example, listener } = await open(t);
  for (const [person, name] of Object.entries({ Alice: '', bob: 'Bob', carol: 'Carol', dave: 'Dave' })) {
    await example.edit('add-person', { person, name });
  }
  assert.deepEqual(listener.take(), [], 'nobody has a contact yet');
  assert.deepEqual(await listOf(example, 'alice'), {});
  assert.deepEqual(await listOf(example, 'stranger/ü'), {});

  await example.edit('befriend', { person: 'alice', other: 'BOB@school.example' });
  assert.deepEqual(listener.take(), [['alice', 'bob']]);
  assert.deepEqual(await listOf(example, 'alice'), { 'bob@school.example': { name: 'Bob' } });
  assert.deepEqual(await listOf(example, 'bob'), { 'alice@school.example': { name: 'Alice' } });

  await example.edit('add-group', { group: 'Chess & Go' });
  await example.edit('join', { group: 'Chess & Go', person: 'bob' });
  assert.deepEqual(listener.take(), []);
  await example.edit('join', { group: 'Chess & Go', person: 'Carol' });
  assert.deepEqual(listener.take(), [['bob', 'carol']]);
  await example.edit('join', { group: 'Chess & Go', person: 'alice' });
  assert.deepEqual(listener.take(), [['alice', 'bob', 'carol']]);
  assert.deepEqual(await listOf(example, 'alice'), {
    'bob@school.example': { name: 'Bob', groups: { 'Chess & Go': true } },
    'carol@school.example': { name: 'Carol', groups: { 'Chess & Go': true } },
  });

  await example.edit('rename-person', { person: 'bob', name: 'Robert' });
  assert.deepEqual(listener.take(), [['alice', 'carol']], 'his own list is the same');
  await example.edit('rename-person', { person: 'dave', name: 'David' });
  assert.deepEqual(listener.take(), [], 'nobody has him');
  await example.edit('unfriend', { person: 'bob', other: 'alice' });
  assert.deepEqual(listener.take(), [], 'they are in the same group');
  await example.edit('leave', { group: 'Chess & Go', person: 'carol' });
  assert.deepEqual(listener.take(), [['alice', 'bob', 'carol']]);
  await example.edit('remove-person', { person: 'bob' });
  assert.deepEqual(listener.take(), [['alice', 'bob']]);
  assert.deepEqual(await listOf(example, 'bob'), {});
  await example.edit('remove-group', { group: 'Chess & Go' });
  assert.deepEqual(listener.take(), []);
});

test('a list has an entity tag, and one that is known is not sent again', async (t) => {
  const { example } = await open(t);
  for (const person of ['alice', 'bob']) await example.edit('add-person', { person, name: '' });
  const first = await example.get('/contacts/alice');
  const etag = first.headers.get('etag') ?? assert.fail('no tag');
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const again = await example.get('/contacts/alice', { 'if-none-match': known });
    assert.deepEqual([again.status, await again.text(), again.headers.get('etag')], [304, '', etag]);
  }
  await example.edit('befriend', { person: 'alice', other: 'bob' });
  const changed = await example.get('/contacts/alice', { 'if-none-match': etag });
  assert.equal(changed.status, 200);
  assert.notEqual(changed.headers.get('etag'), etag);
});

test('the lists of several people are asked for at once', async (t) => {
  const { example } = await open(t);
  for (const person of ['alice', 'bob']) await example.edit('add-person', { person, name: '' });
  await example.edit('befriend', { person: 'alice', other: 'bob' });
  const post = (body: string) => fetch(`${example.origin}/contacts`, { method: 'POST', body });
  const answer = await post('["alice","bob","__proto__"]');
  assert.equal(
    await answer.text(),
    '{"alice":{"bob@school.example":{"name":"bob"}},"bob":{"alice@school.example":{"name":"alice"}},"__proto__":{}}',
  );
  for (const wrong of ['', '{}', '[1]', '["alice"']) assert.equal((await post(wrong)).status, 400, wrong);
  assert.equal((await post(`["${'a'.repeat(70_000)}"]`)).status, 413);
});

test('a call is signed over its time and body, and no two are alike', async (t) => {
  const { example, listener } = await open(t);
  for (const person of ['alice', 'bob']) await example.edit('add-person', { person, name: '' });
  for (let i = 0; i < 3; i++) {
    await example.edit('befriend', { person: 'alice', other: 'bob' });
    await example.edit('unfriend', { person: 'alice', other: 'bob' });
  }
  const secret = await example.secret();
  const { calls } = listener;
  assert.equal(calls.length, 6);
  for (const { request, body } of calls) {
    const timestamp = String(request.headers['x-timestamp']);
    const signature = createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex');
    assert.equal(request.headers['x-signature'], `sha256=${signature}`);
    assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 60, timestamp);
    assert.deepEqual([request.method, request.url], ['POST', '/roster_admin/refresh?verbose=1']);
    assert.equal(request.headers.host, 'school.example');
    assert.equal(request.headers['content-type'], 'application/json');
  }
  assert.equal(new Set(calls.map(({ request }) => request.headers['x-signature'])).size, 6);
  const refresh = { hmacSecrets: [{ file: `${example.dataDir}/refresh-secret` }] };
  const features = { roster: false, delegatedRoster: { url: example.url, refresh } };
  assert.deepEqual(example.advice, { hosts: { 'school.example': { features } } });
});

test('what could not be told is told again, and only that', async (t) => {
  const { example, listener } = await open(t);
  for (const person of ['alice', 'bob']) await example.edit('add-person', { person, name: '' });
  const failed = [{ user: 'bob', reason: 'timeout' }];
  listener.answers.push({ status: 200, body: { status: 'ok', message: 'partly', updated: 1, errors: 1, failed } });
  listener.answers.push({ status: 503, body: { status: 'error', message: 'busy' } });
  await example.edit('befriend', { person: 'alice', other: 'bob' });
  assert.match(await (await example.get('/')).text(), /could not fetch: bob \(timeout\)/);
  await eventually('it is told', () => listener.calls.length === 3, 10_000);
  assert.deepEqual(listener.take(), [['alice', 'bob'], ['bob'], ['bob']]);
  await waitFor(async () => /Parley was told of bob/.test(await (await example.get('/')).text()));

  // What it does not understand it will not understand the next time, and must not keep the rest from being told.
  listener.answers.push({ status: 400, body: { status: 'error', message: 'no such name' } });
  await example.edit('unfriend', { person: 'alice', other: 'bob' });
  await example.edit('befriend', { person: 'alice', other: 'bob' });
  assert.deepEqual(listener.take(), [
    ['alice', 'bob'],
    ['alice', 'bob'],
  ]);
});

test('everything is there again after the program was killed, and is told of', async (t) => {
  const { example, listener } = await open(t);
  for (const person of ['alice', 'bob', 'carol']) await example.edit('add-person', { person, name: '' });
  await example.edit('befriend', { person: 'alice', other: 'bob' });
  await example.edit('add-group', { group: 'Chess' });
  for (const person of ['bob', 'carol']) await example.edit('join', { group: 'Chess', person });
  const before = await Promise.all(['alice', 'bob', 'carol'].map((person) => listOf(example, person)));
  const secret = await example.secret();
  await example.stop();
  listener.take();
  const environment = { PARLEY_URL: listener.url, XMPP_DOMAIN: 'school.example' };
  const again = await ContactsExample.start(t, environment, example.dataDir);
  assert.deepEqual(await Promise.all(['alice', 'bob', 'carol'].map((person) => listOf(again, person))), before);
  assert.equal(await again.secret(), secret);
  await eventually('it is told of', () => listener.calls.length === 1);
  assert.deepEqual(listener.take(), [['alice', 'bob', 'carol']]);
});

test('the page escapes what people wrote, needs no script, and loads nothing from elsewhere', async (t) => {
  const { example } = await open(t);
  const name = `<script>alert("1")</script>&'`;
  await example.edit('add-person', { person: 'mallory', name });
  await example.edit('add-group', { group: '"><img src=x>' });
  const page = await example.get('/');
  const text = await page.text();
  assert.ok(text.includes('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;'));
  assert.doesNotMatch(text, /<script|<img|(?:src|href)="(?:https?:)?\/\/|\son\w+=|style=/);
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; style-src 'self';/);
  const style = await example.get('/style.css');
  assert.deepEqual([style.status, style.headers.get('content-type')], [200, 'text/css; charset=utf-8']);
  assert.match(await style.text(), /prefers-color-scheme: dark/);
});

test('edits that cannot be made are refused, with the reason on the page', async (t) => {
  const { example, listener } = await open(t);
  await example.edit('add-person', { person: 'alice', name: 'Sam' });
  await example.edit('add-person', { person: 'bob', name: 'Sam' });
  await example.edit('add-group', { group: 'Chess' });
  const refused: [string, Record<string, string>, RegExp][] = [
    ['add-person', { person: 'alice' }, /There is a alice already/],
    ['add-person', { person: ' ' }, /cannot be the first part/],
    ['add-person', { person: 'a b' }, /cannot be the first part/],
    ['add-person', { person: 'a/b' }, /cannot be the first part/],
    ['add-person', { person: 'x'.repeat(65) }, /cannot be the first part/],
    ['rename-person', { person: 'alice', name: '' }, /name is missing/],
    ['rename-person', { person: 'nobody', name: 'N' }, /There is no nobody/],
    ['befriend', { person: 'alice', other: 'alice' }, /friend of themselves/],
    ['befriend', { person: 'alice', other: '__proto__' }, /There is no __proto__/],
    ['befriend', { person: 'alice', other: 'sam' }, /Several people are called sam/],
    ['add-group', { group: 'Chess' }, /There is a group Chess already/],
    ['join', { group: 'Go', person: 'alice' }, /There is no group Go/],
  ];
  for (const [edit, fields, reason] of refused) {
    const answer = await example.submit(edit, fields);
    assert.equal(answer.status, 422, edit);
    assert.match(await answer.text(), reason);
  }
  assert.equal((await example.submit('constructor', {})).status, 404);
  assert.equal((await example.get('/elsewhere')).status, 404);
  assert.equal((await example.get('/contacts/%zz')).status, 400);
  assert.deepEqual(listener.take(), []);
});

test('other sites can neither edit in the name of who looks at them nor read', async (t) => {
  const { example } = await open(t);
  const alice = { person: 'alice', name: '' };
  for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }]) {
    assert.equal((await example.submit('add-person', alice, headers)).status, 403);
  }
  assert.equal((await example.submit('add-person', alice, { 'sec-fetch-site': 'same-origin' })).status, 303);
  assert.equal(await statusFor(example.origin, 'evil.example'), 421);
  assert.equal(await statusFor(example.origin, 'localhost:8080'), 200);
  assert.equal(await statusFor(example.origin, '[::1]:8080'), 200);
});

test('with a token, contact lists are for who has it', async (t) => {
  const example = await ContactsExample.start(t, { CONTACTS_TOKEN: 'open sesame' });
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'open sesame' }]) {
    const answer = await example.get('/contacts/alice', headers);
    assert.deepEqual([answer.status, answer.headers.get('www-authenticate')], [401, 'Bearer']);
  }
  assert.equal((await example.get('/contacts/alice', { authorization: 'Bearer open sesame' })).status, 200);
});

/** What the server answers to who reaches it under a name, which `fetch` does not let one choose. */
function statusFor(origin: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpRequest(`${origin}/`, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

async function waitFor(ask: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) if (await ask()) return;
  assert.fail('waited in vain');
}
