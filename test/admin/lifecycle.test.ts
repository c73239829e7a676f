import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { makePlace, type Place, parley, ServerProcess } from './running.ts';

const PASSWORD = /^ {2}Password\s+([a-z2-9]{5}(?:-[a-z2-9]{5}){3})$/m;

test('the first start prints where it listens, the fingerprint and an administrator, the second no password', async (t) => {
  const place = await makePlace(t);
  const first = await ServerProcess.start(t, place);
  const text = first.output.join('');
  assert.match(text, /^Parley 1\.2\.3 serves localhost\.$/m);
  assert.match(text, /127\.0\.0\.1:\d+ \(clients, STARTTLS\)/);
  assert.match(text, /^ +(?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
  assert.match(text, /User +admin@localhost/);
  assert.match(text, PASSWORD);
  assert.match(text, /user add alice@localhost/);
  assert.match(text, /certificate if its fingerprint is the one above \(Dino cannot: /);
  assert.equal(await first.end('SIGTERM'), 0);
  const second = await ServerProcess.start(t, place);
  assert.doesNotMatch(second.output.join(''), /assword/);
  assert.match(second.output.join(''), /(?:[0-9A-F]{2}:){31}/);
  assert.equal(await second.end('SIGINT'), 0);
});

test('a start tells where the pages for people are, if there are any', async (t) => {
  const none = await ServerProcess.start(t, await makePlace(t));
  assert.match(none.output.join(''), /^Look after: {2}.* status$/m);
  assert.doesNotMatch(none.output.join(''), /Your users/);
  const local = [{ address: '127.0.0.1', port: 0 }];
  const listen = { c2s: local, c2sTls: [], http: [], https: local };
  const all = await ServerProcess.start(t, await makePlace(t, { listen }));
  const text = all.output.join('');
  const [, port] = /127\.0\.0\.1:(\d+) \(HTTPS/.exec(text) ?? [];
  assert.match(text, new RegExp(`^Your users: .* https://localhost:${port}/account$`, 'm'));
  assert.match(text, new RegExp(`^Look after: .* status, or in a browser https://localhost:${port}/dashboard$`, 'm'));
});

test('with a log of JSON lines the same facts are lines, and the password is in none of them', async (t) => {
  const place = await makePlace(t, { log: { format: 'json' } });
  const server = await ServerProcess.start(t, place, /Change it with/);
  await server.end('SIGTERM');
  const output = server.output.join('');
  const [, password] = PASSWORD.exec(output) ?? [];
  assert.ok(password);
  for (const line of output.split('\n').filter((line) => line.startsWith('{'))) {
    assert.ok(!line.includes(password), line);
    assert.equal(typeof JSON.parse(line).event, 'string');
  }
});

test('the control socket is for its owner only, and goes with the server', async (t) => {
  const place = await makePlace(t);
  const server = await ServerProcess.start(t, place);
  const path = join(place.dataDir, 'control.sock');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await server.end('SIGTERM');
  await assert.rejects(stat(path), { code: 'ENOENT' });
});

test('a second server on the same data is told who runs, in one line', async (t) => {
  const place = await makePlace(t);
  const server = await ServerProcess.start(t, place);
  const second = await parley(place, ['serve']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`^parley: .*runs already, as process ${server.child.pid}: [^\\n]+\\n$`));
});

test('a server that was killed leaves nothing that prevents the next start', async (t) => {
  const place = await makePlace(t);
  const server = await ServerProcess.start(t, place);
  await server.end('SIGKILL');
  await stat(join(place.dataDir, 'control.sock'));
  const next = await ServerProcess.start(t, place);
  assert.equal((await parley(place, ['status'])).code, 0);
  assert.equal(await next.end('SIGTERM'), 0);
});

test('SIGHUP reloads the configuration, and a bad one changes nothing and says why', async (t) => {
  const place = await makePlace(t, { log: { format: 'json' } });
  const server = await ServerProcess.start(t, place);
  const settings = JSON.parse(await readFile(place.file, 'utf8'));
  await writeFile(place.file, JSON.stringify({ ...settings, admins: ['alice@localhost'] }));
  const reloaded = server.line(/server\.reloaded/);
  server.child.kill('SIGHUP');
  assert.equal(JSON.parse(await reloaded).changed, 'admins');
  await writeFile(place.file, JSON.stringify({ ...settings, admin: [] }));
  const refused = server.line(/server\.reload_failed/);
  server.child.kill('SIGHUP');
  assert.match(JSON.parse(await refused).reason, /did you mean "admins"/);
  assert.equal(await server.end('SIGTERM'), 0);
});

test('commands reach a running server whatever has become of its configuration', async (t) => {
  const place = await makePlace(t);
  const server = await ServerProcess.start(t, place);
  await writeFile(place.file, JSON.stringify({ admin: [], log: { level: 'loud' } }));
  const status = await parley(place, ['status', '--json']);
  assert.equal(JSON.parse(status.stdout).pid, server.child.pid);
  assert.match(status.stderr, /^parley: warning: \S+parley\.json is not valid:\n {2}log\.level: .*\n {2}admin: .*\n$/);
  const added = await parley(place, ['user', 'add', 'alice@localhost'], 'correct horse\n');
  assert.deepEqual([added.code, added.stdout], [0, 'Added alice@localhost.\n']);
  const reloaded = await parley(place, ['reload']);
  assert.deepEqual([reloaded.code, reloaded.stdout], [1, '']);
  assert.match(
    reloaded.stderr,
    /^parley: nothing was changed: \S+parley\.json is not valid:\n {2}log\.level: .*\n {2}admin: /,
  );
  assert.equal(await server.end('SIGTERM'), 0);
  const stopped = await parley(place, ['user', 'list']);
  assert.equal(stopped.code, 1);
  assert.match(stopped.stderr, /^parley: \S+parley\.json is not valid:\n/);
});

test('a server that listens nowhere starts with a warning, and is reached by commands', async (t) => {
  const place = await makePlace(t, { listen: { c2s: [], c2sTls: [], http: [], https: [] } });
  const server = await ServerProcess.start(t, place);
  assert.match(server.output.join(''), /config\.warning.*listens nowhere/);
  assert.deepEqual(JSON.parse((await parley(place, ['status', '--json'])).stdout).listeners, []);
  assert.equal(await server.end('SIGTERM'), 0);
});

test('what prevents a start is told in one line, with exit code 1', async (t) => {
  const cases: readonly (readonly [what: string, make: () => Promise<Place>, message: RegExp])[] = [
    [
      'a port in use',
      () => withPortInUse(),
      /^parley: cannot listen on 127\.0\.0\.1:\d+: the port is in use; [^\n]+\n$/,
    ],
    ['a file in the place of the data', () => withFileForData(), /^parley: [^\n]*is a file: choose a directory\n$/],
    ['a certificate that is not there', () => withoutCertificate(), /^parley: cannot read [^\n]+: no such file\n$/],
    [
      'a file that is not there',
      () => withoutFile(),
      /^parley: [^\n]+ is not valid:\n {2}expected a readable file, [^\n]+\n$/,
    ],
    [
      'contacts that are both kept here and delegated',
      () => makePlace(t, { features: { delegatedRoster: {} } }),
      /^parley: [^\n]+ is not valid:\n {2}features: expected one of roster and delegatedRoster to be false, since [^\n]+\n$/,
    ],
    [
      'presence without a roster',
      () => makePlace(t, { hosts: { localhost: { features: { roster: false, mam: false } } } }),
      /^parley: [^\n]+ is not valid:\n {2}hosts\.localhost\.features: expected roster or delegatedRoster to be on, [^\n]+\n$/,
    ],
  ];
  for (const [what, make, message] of cases) {
    const ended = await parley(await make(), ['serve']);
    assert.equal(ended.code, 1, what);
    assert.match(ended.stderr, message, what);
  }

  async function withPortInUse(): Promise<Place> {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return makePlace(t, { listen: { c2s: [{ address: '127.0.0.1', port }], c2sTls: [], http: [], https: [] } });
  }

  async function withFileForData(): Promise<Place> {
    const place = await makePlace(t);
    await writeFile(place.dataDir, '');
    return place;
  }

  async function withoutCertificate(): Promise<Place> {
    const place = await makePlace(t, { tls: { certificate: 'absent.pem', key: 'key.pem' } });
    await writeFile(join(place.folder, 'key.pem'), 'a key');
    return place;
  }

  async function withoutFile(): Promise<Place> {
    const place = await makePlace(t);
    return { ...place, file: join(place.folder, 'absent.json') };
  }
});

test('every problem of a configuration is told', async (t) => {
  const place = await makePlace(t, { log: { level: 'loud' }, hots: {} });
  for (const args of [['serve'], ['check-config']]) {
    const { code, stderr } = await parley(place, args);
    assert.equal(code, 1);
    assert.match(stderr, /log\.level: expected/);
    assert.match(stderr, /did you mean "hosts"/);
  }
});
