// Runs the tests: npm test. Words after "--" choose files by a part of their path: npm test -- test/store
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrepareError, prepare } from './prepare.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** No test, and no file of tests, takes so long unless it hangs. */
const TIMEOUT_MS = 180_000;

function testFiles(chosen) {
  const entries = readdirSync(join(ROOT, 'dist', 'test'), { withFileTypes: true, recursive: true });
  return entries
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => path.endsWith('.test.js'))
    .filter((path) => chosen.length === 0 || chosen.some((part) => path.includes(part.replace(/\.ts$/, '.js'))))
    .sort();
}

function run(files) {
  const args = [
    '--test',
    '--enable-source-maps',
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    `--test-timeout=${TIMEOUT_MS}`,
    `--test-reporter=${new URL('test-reporter.mjs', import.meta.url)}`,
    '--test-reporter-destination=stdout',
  ];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args, ...files], { cwd: ROOT, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

try {
  await prepare({ root: ROOT, development: true });
  const files = testFiles(process.argv.slice(2));
  if (files.length === 0) throw new PrepareError('no test file matches');
  process.exitCode = await run(files);
} catch (error) {
  if (!(error instanceof PrepareError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
