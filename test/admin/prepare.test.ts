import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Stands in for npm: notes the call, installs what the lock file says and a compiler that copies. */
const NPM = `
const fs = require('node:fs');
fs.appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
if (fs.existsSync('npm.fails')) { console.error('npm error the network is down'); process.exit(1); }
const { packages } = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
fs.mkdirSync('node_modules/typescript/bin', { recursive: true });
fs.copyFileSync('compiler.cjs', 'node_modules/typescript/bin/tsc');
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }));
`;

/** Stands in for the compiler: notes the call and copies the sources. */
const COMPILER = `
const fs = require('node:fs');
fs.appendFileSync('tsc.log', 'called\\n');
const source = fs.readFileSync('src/main.ts', 'utf8');
if (source.includes('wrong')) { console.log('src/main.ts(1,1): error TS1: wrong'); process.exit(2); }
fs.mkdirSync('dist/src', { recursive: true });
fs.writeFileSync('dist/src/main.js', source);
`;

const MAIN = `export async function main(argv, io) { io.stdout.write('main ' + argv.join(' ') + '\\n'); return 3; }\n`;

interface Clone {
  readonly root: string;
  run(...args: string[]): Promise<{ readonly code: unknown; readonly out: string; readonly err: string }>;
  /** How often npm and the compiler were called. */
  calls(): Promise<readonly [npm: number, tsc: number]>;
}

function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

async function makeClone(t: TestContext): Promise<Clone> {
  const root = await mkdtemp(join(tmpdir(), 'parley-clone-'));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const path of ['bin/parley.mjs', 'tools/prepare.mjs']) await cp(join(projectRoot(), path), join(root, path));
  await mkdir(join(root, 'src'));
  await mkdir(join(root, 'elsewhere'));
  const files = { 'npm-cli.cjs': NPM, 'compiler.cjs': COMPILER, 'src/main.ts': MAIN, 'tsconfig.json': '{}' };
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  await writeFile(join(root, 'package.json'), '{"version":"1.2.3","type":"module"}');
  await lockVersion(root, '1.0.0');
  const lines = async (name: string): Promise<number> =>
    existsSync(join(root, name)) ? (await readFile(join(root, name), 'utf8')).split('\n').length - 1 : 0;
  return {
    root,
    calls: async () => [await lines('npm.log'), await lines('tsc.log')],
    async run(...args) {
      const env = { ...process.env, npm_execpath: join(root, 'npm-cli.cjs') };
      const child = spawn(process.execPath, [join(root, 'bin/parley.mjs'), ...args], {
        cwd: join(root, 'elsewhere'),
        env,
      });
      let [out, err] = ['', ''];
      child.stdout.on('data', (text) => {
        out += text;
      });
      child.stderr.on('data', (text) => {
        err += text;
      });
      const [code] = await once(child, 'close');
      return { code, out, err };
    },
  };
}

function lockVersion(root: string, version: string): Promise<void> {
  const packages = {
    '': {},
    'node_modules/thing': { version, integrity: `sha512-${version}` },
    'node_modules/typescript': { version: '7.0.0', dev: true },
    'node_modules/other-platform': { version: '1.0.0', optional: true },
  };
  return writeFile(join(root, 'package-lock.json'), JSON.stringify({ packages }));
}

test('a fresh clone is installed and built, once, and then only runs', async (t) => {
  const { run, calls } = await makeClone(t);
  const first = await run('status', '--json');
  assert.deepEqual([first.code, first.out], [3, 'main status --json\n']);
  assert.match(
    first.err,
    /^parley: installing[^\n]*\nparley: installed in[^\n]*\nparley: building[^\n]*\nparley: built in[^\n]*\n$/,
  );
  assert.deepEqual(await run('again'), { code: 3, out: 'main again\n', err: '' });
  assert.deepEqual(await calls(), [1, 1]);
});

test('a changed source is built, a changed lock file installed, and what has gone is removed from the build', async (t) => {
  const { root, run, calls } = await makeClone(t);
  await run();
  await writeFile(join(root, 'dist/src/gone.js'), '');
  await writeFile(join(root, 'src/more.ts'), '');
  await run();
  assert.deepEqual(await calls(), [1, 2]);
  assert.ok(!existsSync(join(root, 'dist/src/gone.js')));
  await lockVersion(root, '1.0.1');
  const { err } = await run();
  assert.match(err, /thing is not the locked 1\.0\.1/);
  assert.deepEqual(await calls(), [2, 3]);
});

test('several that start at once prepare the clone once', async (t) => {
  const { run, calls } = await makeClone(t);
  const ended = await Promise.all([run('a'), run('b'), run('c')]);
  assert.deepEqual(
    ended.map(({ code }) => code),
    [3, 3, 3],
  );
  assert.deepEqual(await calls(), [1, 1]);
});

test('the lock of a process that was killed is no obstacle', async (t) => {
  const { root, run } = await makeClone(t);
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'close');
  await mkdir(join(root, 'dist'));
  await writeFile(join(root, 'dist/.preparing'), String(dead.pid));
  assert.equal((await run()).code, 3);
  assert.ok(!existsSync(join(root, 'dist/.preparing')));
});

test('what npm or the compiler say is passed on, and the next start tries again', async (t) => {
  const { root, run } = await makeClone(t);
  await writeFile(join(root, 'npm.fails'), '');
  const offline = await run();
  assert.deepEqual([offline.code, offline.out], [1, '']);
  assert.match(offline.err, /parley: "npm ci" failed:\n {2}npm error the network is down\n$/);
  await rm(join(root, 'npm.fails'));
  await writeFile(join(root, 'src/main.ts'), 'wrong');
  const broken = await run();
  assert.equal(broken.code, 1);
  assert.match(broken.err, /parley: the build failed:\n {2}src\/main\.ts\(1,1\): error TS1: wrong\n$/);
  await writeFile(join(root, 'src/main.ts'), MAIN);
  assert.equal((await run()).code, 3);
});

test('a fresh build needs neither npm nor a writable folder nor the packages for development', async (t) => {
  const { root, run, calls } = await makeClone(t);
  await run();
  const packages = { 'node_modules/thing': { version: '1.0.0', integrity: 'sha512-1.0.0' } };
  await writeFile(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages }));
  await chmod(join(root, 'dist'), 0o500);
  assert.equal((await run()).code, 3);
  await chmod(join(root, 'dist'), 0o700);
  assert.deepEqual(await calls(), [1, 1]);
});

test('an installed package has no sources and is left as it is', async (t) => {
  const { root, run, calls } = await makeClone(t);
  await mkdir(join(root, 'dist/src'), { recursive: true });
  await writeFile(join(root, 'dist/src/main.js'), MAIN);
  await rm(join(root, 'src'), { recursive: true });
  assert.deepEqual(await run('x'), { code: 3, out: 'main x\n', err: '' });
  assert.deepEqual(await calls(), [0, 0]);
});
