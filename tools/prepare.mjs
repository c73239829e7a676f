// Makes a clone ready to run: installs the locked dependencies when they are missing or others, and builds when the build
// is not that of the sources. Plain JavaScript without dependencies, because it runs before there are any. What it says
// goes to standard error: standard output belongs to the program that runs next.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What TypeScript compiles, as in tsconfig.json, and what is bundled for browsers. */
const SOURCE_FOLDERS = ['src', 'test', 'bench', 'tools', 'web'];
const LOCK_WAIT_MS = 300_000;
const LOCK_POLL_MS = 200;
/** How much of the output of a program that failed is shown. */
const SHOWN_LINES = 20;

/** The clone cannot be made ready; the message says why, for people. */
export class PrepareError extends Error {
  name = 'PrepareError';
}

/**
 * Installs and builds what is missing in the clone at `root`; with `development` the packages that only tests need too. Does
 * nothing, and writes nothing, when all is there, and in an installed package, which has no sources. Safe when several start at
 * once. Throws PrepareError.
 */
export async function prepare({ root, development = false, log = toStandardError }) {
  if (!existsSync(join(root, 'src'))) {
    if (existsSync(join(root, 'dist', 'src', 'main.js'))) return;
    throw new PrepareError(`${root} has neither sources nor a build: install the package again`);
  }
  if (missingWork(root, development) === undefined) return;
  const release = await lock(root, log);
  try {
    // Another process may have done it meanwhile.
    const work = missingWork(root, development);
    if (work === undefined) return;
    if (work.packages !== undefined) await install(root, work.packages, log);
    if (work.isStale) await build(root, log);
  } finally {
    release();
  }
}

/** What is to be done; undefined for nothing. To build, the packages for development are needed as well. */
function missingWork(root, development) {
  const isStale = readOr(stampFile(root), '') !== fingerprint(root);
  const packages = missingPackages(root, development || isStale);
  return isStale || packages !== undefined ? { isStale, packages } : undefined;
}

/**
 * Says what is wrong with the installed packages; undefined when they are those of the lock file. npm writes down what it
 * has installed, at the end of its work, in a lock file inside of node_modules.
 */
function missingPackages(root, development) {
  const installed = JSON.parse(readOr(join(root, 'node_modules', '.package-lock.json'), 'null'))?.packages;
  if (installed === undefined) return 'there are none';
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  for (const [path, wanted] of Object.entries(locked)) {
    if (path === '' || wanted.optional || wanted.devOptional || (wanted.dev && !development)) continue;
    const found = installed[path];
    if (found === undefined) return `${path.replace('node_modules/', '')} is missing`;
    if (found.version !== wanted.version || found.integrity !== wanted.integrity) {
      return `${path.replace('node_modules/', '')} is not the locked ${wanted.version}`;
    }
  }
  return undefined;
}

async function install(root, reason, log) {
  log(`installing the locked dependencies (${reason}): npm ci …`);
  const started = performance.now();
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  // Under "npm start" the npm that was called; other package managers set the same variable.
  const caller = process.env.npm_execpath ?? '';
  const [program, ...before] = /\bnpm-cli\.c?js$/.test(caller) ? [process.execPath, caller] : ['npm'];
  const { code, output } = await run(program, [...before, ...args], root);
  if (code !== 0) throw new PrepareError(`"npm ci" failed:\n${firstLines(output)}`);
  log(`installed in ${seconds(started)} s`);
}

async function build(root, log) {
  log('building …');
  const started = performance.now();
  const before = fingerprint(root);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  await runStep([tsc, '-p', root], root);
  removeOrphans(root);
  if (existsSync(join(root, 'web'))) await runStep([join(root, 'tools', 'bundle.mjs')], root);
  // Of the sources as they were when the build began: what changed since is built next time.
  writeFileSync(stampFile(root), before);
  log(`built in ${seconds(started)} s`);
}

async function runStep(args, root) {
  const { code, output } = await run(process.execPath, args, root);
  if (code !== 0) throw new PrepareError(`the build failed:\n${firstLines(output)}`);
}

/** Removes compiled files whose source is gone, so that no test of yesterday runs. */
function removeOrphans(root) {
  const dist = join(root, 'dist');
  for (const path of filesBelow(dist)) {
    const source = join(root, relative(dist, path)).replace(/\.js(\.map)?$/, '.ts');
    if (/\.js(\.map)?$/.test(path) && !existsSync(source)) rmSync(path);
  }
}

/** A hash of the content of everything that the build is made of. Times do not count: copies and clones change them. */
function fingerprint(root) {
  const hash = createHash('sha256');
  const sources = SOURCE_FOLDERS.map((name) => join(root, name)).filter((folder) => existsSync(folder));
  const files = sources
    .flatMap((folder) => filesBelow(folder))
    .filter((path) => /\.(?:ts|css)$|bundle\.mjs$/.test(path));
  for (const path of [...files.sort(), join(root, 'tsconfig.json'), join(root, 'package-lock.json')]) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
}

function filesBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function stampFile(root) {
  return join(root, 'dist', '.built-from');
}

/** Waits until no other process prepares this clone; returns what ends our turn. */
async function lock(root, log) {
  const path = join(root, 'dist', '.preparing');
  try {
    mkdirSync(join(root, 'dist'), { recursive: true });
    for (let waited = 0; !take(path); waited += LOCK_POLL_MS) {
      if (waited === 0) log('waiting for another process that installs or builds …');
      if (waited > LOCK_WAIT_MS)
        throw new PrepareError(`another process does not finish; if there is none, remove ${path}`);
      await sleep(LOCK_POLL_MS);
      dropAbandoned(path);
    }
  } catch (error) {
    if (error.code === 'EROFS' || error.code === 'EACCES') {
      throw new PrepareError(
        `the build is not that of the sources, and ${root} cannot be written: build it as its owner`,
      );
    }
    throw error;
  }
  return () => rmSync(path, { force: true });
}

function take(path) {
  try {
    const file = openSync(path, 'wx');
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a process that is gone. */
function dropAbandoned(path) {
  const pid = Number(readOr(path, '0'));
  // One that was just made has no number in it yet.
  if (pid === 0 && ageMs(path) < 10 * LOCK_POLL_MS) return;
  try {
    process.kill(pid, 0);
    if (pid !== 0) return;
  } catch (error) {
    if (error.code !== 'ESRCH') return;
  }
  rmSync(path, { force: true });
}

function ageMs(path) {
  return Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
}

function run(program, args, cwd) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) => {
      const why = error.code === 'ENOENT' ? 'it is not installed' : error.message;
      reject(new PrepareError(`cannot run ${program}: ${why}`));
    });
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** The beginning says what is wrong; what follows is often a help text. */
function firstLines(output) {
  const lines = output.trimEnd().split('\n');
  const shown = lines.slice(0, SHOWN_LINES).map((line) => `  ${line}`);
  if (lines.length > SHOWN_LINES) shown.push(`  … and ${lines.length - SHOWN_LINES} more lines`);
  return shown.join('\n');
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return otherwise;
    throw error;
  }
}

function seconds(started) {
  return ((performance.now() - started) / 1000).toFixed(1);
}

function toStandardError(line) {
  process.stderr.write(`parley: ${line}\n`);
}
