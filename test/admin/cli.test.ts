import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Io, type Program, runCli } from '../../src/admin/cli.ts';
import { BUILT_IN } from '../../src/admin/commands/all.ts';
import { dataDirOf, type LoadOptions, loadConfig } from '../../src/config/load.ts';
import { StoreError } from '../../src/store/store.ts';
import { fakeIo } from './fake-io.ts';

const NOWHERE = join(tmpdir(), 'parley-nowhere');

interface Scene {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly loaded: readonly (string | undefined)[];
}

/** Runs the command line with a configuration that is this text, whatever the file. */
async function cli(
  argv: readonly string[],
  text = '{}',
  env: Io['env'] = {},
  parts: Partial<Program> = {},
): Promise<Scene> {
  const io = fakeIo('secret\n', env);
  const loaded: (string | undefined)[] = [];
  const path = join(NOWHERE, 'parley.json');
  const options: LoadOptions = { sections: {}, readFile: () => text };
  const program: Program = {
    load(file) {
      loaded.push(file);
      return loadConfig(path, options);
    },
    dataDirOf: () => dataDirOf(path, options),
    serve: async () => 0,
    open: () => assert.fail('nothing is opened'),
    ...parts,
  };
  const code = await runCli(argv, io, program);
  return { code, out: io.out.join(''), err: io.err.join(''), loaded };
}

test('without a command the help goes to standard error, with exit code 2', async () => {
  const { code, out, err } = await cli([]);
  assert.deepEqual([code, out], [2, '']);
  assert.match(err, /^Usage: parley COMMAND/);
});

test('help lists every command, and help of each explains its parameters', async () => {
  const { code, out } = await cli(['--help']);
  assert.equal(code, 0);
  for (const { name, parameters, summary } of BUILT_IN) {
    assert.ok(out.includes(`  ${name} `), name);
    const own = await cli([...name.split(' '), '--help']);
    assert.equal(own.code, 0);
    assert.ok(own.out.includes(summary));
    for (const parameter of parameters) assert.ok(own.out.includes(parameter.doc), `${name} ${parameter.name}`);
    assert.equal((await cli(['help', name])).out, own.out);
    assert.equal((await cli(['help', ...name.split(' ')])).out, own.out);
  }
  assert.match((await cli(['user', '--help'])).out, /user passwd/);
  assert.equal((await cli(['help', 'usr'])).code, 2);
});

test('the version is printed, for people and as JSON', async () => {
  assert.equal((await cli(['version'])).out, '1.2.3\n');
  assert.equal((await cli(['--version'])).out, '1.2.3\n');
  assert.equal(JSON.parse((await cli(['version', '--json'])).out).version, '1.2.3');
});

test('the configuration is the one named, that of the environment, or none', async () => {
  const env = { PARLEY_CONFIG: '/etc/env.json' };
  assert.deepEqual((await cli(['check-config', '/a.json', '-c', '/b.json'], '{}', env)).loaded, ['/a.json']);
  assert.deepEqual((await cli(['check-config', '--config', '/b.json'], '{}', env)).loaded, ['/b.json']);
  assert.deepEqual((await cli(['check-config', 'c.json'])).loaded, ['/nowhere/c.json']);
  assert.deepEqual((await cli(['check-config'], '{}', env)).loaded, ['/etc/env.json']);
  assert.deepEqual((await cli(['check-config'], '{}', { PARLEY_CONFIG: '' })).loaded, [undefined]);
});

test('check-config says what is wrong, all of it, for people and as JSON', async () => {
  assert.deepEqual(await cli(['check-config', '/a.json']).then(({ code, out }) => [code, out]), [
    0,
    '/a.json is valid.\n',
  ]);
  const warned = await cli(['check-config'], '{"c2s":{"requireEncryption":false}}');
  assert.match(warned.out, /^the default configuration is valid\.\nWarning: /);
  const text = '{"hots":{},"log":{"level":"loud"}}';
  const wrong = await cli(['check-config', '/a.json'], text);
  assert.deepEqual([wrong.code, wrong.out], [1, '']);
  assert.match(wrong.err, /^ {2}hots: .*did you mean "hosts"/m);
  assert.match(wrong.err, /^ {2}log\.level: expected one of/m);
  const json = await cli(['check-config', '/a.json', '--json'], text);
  assert.equal(json.code, 1);
  const { valid, problems } = JSON.parse(json.out);
  assert.equal(valid, false);
  assert.deepEqual(problems.map(({ path }: { path: string }) => path).sort(), ['hots', 'log.level']);
});

test('a command with a bad configuration and no server tells the problems, and a reload that nothing was changed', async () => {
  for (const text of ['{"hots":{}}', '{', '{"dataDir":5}']) {
    for (const command of ['status', 'reload']) {
      const { code, out, err } = await cli([command], text);
      assert.deepEqual([code, out], [1, ''], text);
      const start = command === 'reload' ? 'parley: nothing was changed: ' : 'parley: ';
      assert.ok(err.startsWith(`${start}${NOWHERE}/parley.json`), err);
    }
  }
});

test('serve is given the configuration and answers with the exit code', async () => {
  const serve: Program['serve'] = async (_loaded, file) => (file === '/x.json' ? 7 : 8);
  assert.equal((await cli(['serve', '--config', '/x.json'], '{}', {}, { serve })).code, 7);
});

test('an error for the operator is one line, and a bug shows its stack', async () => {
  const failing = (error: Error) => ({ serve: () => Promise.reject(error) });
  const refused = await cli(['serve'], '{}', {}, failing(new StoreError('locked', 'the store is in use')));
  assert.deepEqual([refused.code, refused.err], [1, 'parley: the store is in use\n']);
  const bug = await cli(['serve'], '{}', {}, failing(new TypeError('oops')));
  assert.equal(bug.code, 1);
  assert.match(bug.err, /^parley: a fault in the program: TypeError: oops\n +at /);
});

test('what is typed wrong is no way to the terminal', async () => {
  const { code, err } = await cli(['\u001b[2J']);
  assert.equal(code, 2);
  assert.ok(!err.includes('\u001b'));
});
