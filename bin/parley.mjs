#!/usr/bin/env node
// Starts Parley. In a clone it first installs the dependencies and builds what is missing or stale. Written so that any
// version of Node that knows modules can read it, because its first task is to refuse the old ones.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The lowest versions that will do: engines.node of package.json. */
function isNodeTooOld(versions) {
  const [major, minor] = versions.node.split('.').map(Number);
  return major < 20 || (major === 20 && minor < 19);
}

async function start() {
  const { prepare, PrepareError } = await import('../tools/prepare.mjs');
  try {
    await prepare({ root: ROOT });
  } catch (error) {
    if (!(error instanceof PrepareError)) throw error;
    process.stderr.write(`parley: ${error.message}\n`);
    return 1;
  }
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const { main } = await import('../dist/src/main.js');
  return main(process.argv.slice(2), {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    version,
    program: existsSync(new URL('../src', import.meta.url)) ? 'npx parley' : 'parley',
  });
}

if (isNodeTooOld(process.versions)) {
  process.stderr.write(
    `parley: Node ${process.versions.node} is too old: install Node 20.19 or later, https://nodejs.org/\n`,
  );
  process.exitCode = 1;
} else {
  // A reader that is gone, as in "parley user list | head", is no fault.
  process.stdout.on('error', (error) => {
    if (error.code !== 'EPIPE') throw error;
  });
  start().then((code) => {
    process.exitCode = code;
    // Whatever is still open must not keep a program that has done its work.
    setTimeout(() => process.exit(code), 1000).unref();
  });
}
