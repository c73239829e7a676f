import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { makePlace, type Place, parley, ServerProcess } from './running.ts';

/** What a command leaves in the data directory, beside what a server has there. */
async function leftovers({ dataDir }: Place): Promise<string[]> {
  return (await readdir(dataDir)).filter((name) => name.startsWith('transfer'));
}

async function write(place: Place, name: string, content: string): Promise<string> {
  const path = join(place.folder, name);
  await writeFile(path, content);
  return path;
}

function hostOf(...users: string[]): string {
  return `<host xmlns='urn:xmpp:pie:0' jid='localhost'>${users.join('')}</host>`;
}

function documentOf(...inner: string[]): string {
  return `<?xml version='1.0'?><server-data xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'>${inner.join('')}</server-data>`;
}

test('an account is exported and imported, whether the server runs or not', async (t) => {
  const place = await makePlace(t);
  const server = await ServerProcess.start(t, place);
  await parley(place, ['user', 'add', 'alice@localhost'], 'correct horse\n');

  const written = await parley(place, ['user', 'export', 'alice@localhost', '--output', 'alice.xml']);
  assert.equal(written.stderr, '');
  assert.match(written.stdout, /^Exported 1 account: \d+ bytes\.\n$/);
  const file = join(place.folder, 'alice.xml');
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const document = await readFile(file, 'utf8');
  assert.match(document, /<user name='alice'>/);
  assert.deepEqual(await leftovers(place), []);

  const printed = await parley(place, ['user', 'export', 'alice@localhost']);
  assert.equal(printed.stdout, document);
  assert.match(printed.stderr, /^Exported 1 account: \d+ bytes\.\n$/);

  await parley(place, ['user', 'remove', 'alice@localhost']);
  const imported = await parley(place, ['user', 'import', 'alice.xml', '--json']);
  assert.equal(imported.code, 0, imported.stderr);
  assert.deepEqual([JSON.parse(imported.stdout).added, JSON.parse(imported.stdout).notes], [1, []]);
  assert.equal((await parley(place, ['user', 'export', 'alice@localhost'])).stdout, document);

  assert.equal(await server.end('SIGTERM'), 0);
  assert.equal((await parley(place, ['user', 'export', 'alice@localhost'])).stdout, document);
  const again = await parley(place, ['user', 'import', '-'], document);
  assert.match(again.stdout, /^Imported 1 account: 0 new, 1 here before\.\n/);
  assert.deepEqual(await leftovers(place), []);
});

test('no file is overwritten, and none is left when there is nothing to write', async (t) => {
  const place = await makePlace(t);
  await (await ServerProcess.start(t, place)).end('SIGTERM');
  const path = await write(place, 'there.xml', 'precious');
  const refused = await parley(place, ['user', 'export', 'admin@localhost', '--output', 'there.xml']);
  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, `parley: ${path} is there already: it is left as it is\n`);
  assert.equal(await readFile(path, 'utf8'), 'precious');
  await symlink('nowhere', join(place.folder, 'link.xml'));
  assert.equal((await parley(place, ['user', 'export', 'admin@localhost', '--output', 'link.xml'])).code, 1);
  const nobody = await parley(place, ['user', 'export', 'nobody@localhost', '--output', 'new.xml']);
  assert.equal(nobody.stderr, 'parley: there is no user nobody@localhost\n');
  const nowhere = await parley(place, ['user', 'export', 'admin@localhost', '--output', 'no/such/folder.xml']);
  assert.match(nowhere.stderr, /^parley: cannot write \S+folder\.xml: ENOENT/);
  assert.deepEqual((await readdir(place.folder)).sort(), ['data', 'link.xml', 'parley.json', 'there.xml']);
  assert.deepEqual(await leftovers(place), []);
});

test('all users of all hosts go into one document, and come back from it', async (t) => {
  const place = await makePlace(t, { hosts: { localhost: {}, 'b.example': {} } });
  await (await ServerProcess.start(t, place)).end('SIGTERM');
  for (const jid of ['alice@localhost', 'bob@b.example']) await parley(place, ['user', 'add', jid], 'secret\n');
  const { stdout, stderr } = await parley(place, ['user', 'export', '--all']);
  assert.match(stderr, /^Exported 3 accounts/);
  for (const jid of ['alice@localhost', 'bob@b.example', 'admin@localhost'])
    await parley(place, ['user', 'remove', jid]);
  const imported = await parley(place, ['user', 'import', '-', '--keep-admins'], stdout);
  assert.match(imported.stdout, /^Imported 3 accounts: 3 new/);
  assert.equal((await parley(place, ['user', 'export', '--all'])).stdout, stdout);
  assert.equal((await parley(place, ['user', 'export', 'bob@b.example', '--all'])).code, 2);
  assert.equal((await parley(place, ['user', 'export'])).code, 2);
});

test('a document may include others beside it, and none elsewhere', async (t) => {
  const place = await makePlace(t);
  await (await ServerProcess.start(t, place)).end('SIGTERM');
  await mkdir(join(place.folder, 'old', 'localhost'), { recursive: true });
  await write(place, 'outside.xml', `<user xmlns='urn:xmpp:pie:0' name='outside'/>`);
  await symlink('../../outside.xml', join(place.folder, 'old', 'localhost', 'link.xml'));
  await write(place, 'old/localhost/carol.xml', `<user xmlns='urn:xmpp:pie:0' name='carol' password='x'/>`);
  // Nobody writes into it: whoever opened it would wait for ever.
  await promisify(execFile)('mkfifo', [join(place.folder, 'old', 'pipe.xml')]);
  const include = (href: string): string => `<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='${href}'/>`;
  const outside = [
    '../outside.xml',
    'localhost/link.xml',
    'file:///etc/passwd',
    '/etc/passwd',
    'localhost',
    'pipe.xml',
    'missing.xml',
  ];
  await write(place, 'old/localhost.xml', hostOf(include('localhost/carol.xml'), ...outside.map(include)));
  await write(place, 'old/all.xml', documentOf(include('localhost.xml')));
  const { code, stderr } = await parley(place, ['user', 'import', 'old/all.xml']);
  assert.equal(code, 1);
  for (const href of outside) assert.match(stderr, new RegExp(`"${href}"`));
  assert.match(stderr, /Imported 1 account: 1 new/);
  const piped = await parley(place, ['user', 'import', '-'], documentOf(include('localhost.xml')));
  assert.match(piped.stderr, /what comes on standard input has no files beside it: use --folder/);
  const told = await parley(
    place,
    ['user', 'import', '-', '--folder', 'old'],
    documentOf(include('localhost/carol.xml')),
  );
  assert.equal(told.code, 1);
});

test('what was taken of a document that ends too early is said', async (t) => {
  const place = await makePlace(t);
  await (await ServerProcess.start(t, place)).end('SIGTERM');
  const whole = documentOf(
    hostOf(`<user name='dave' password='x'/>`, `<user name='erin' password='x'><a xmlns='b'/></user>`),
  );
  const cut = whole.slice(0, whole.indexOf('</user>'));
  const { code, stderr } = await parley(place, ['user', 'import', '-', '--json'], cut);
  assert.equal(code, 1);
  assert.match(stderr, /the document is damaged behind byte \d+: the document ends too early/);
  assert.match(stderr, /Not complete: erin@localhost/);
  assert.match(stderr, /2 new/);
  const again = await parley(place, ['user', 'import', '-'], whole);
  assert.match(again.stdout, /2 here before/);
});

test('what cannot be read is said in one line', async (t) => {
  const place = await makePlace(t);
  await (await ServerProcess.start(t, place)).end('SIGTERM');
  const missing = await parley(place, ['user', 'import', 'missing.xml']);
  assert.match(missing.stderr, /^parley: cannot read \S+missing\.xml: ENOENT[^\n]*\n$/);
  assert.match((await parley(place, ['user', 'import', '.'])).stderr, /it is a folder/);
  assert.match((await parley(place, ['user', 'import', '-', '--domain', 'x.example'], '')).stderr, /not served here/);
  assert.deepEqual(await leftovers(place), []);
});
