// Starts the program as a person does, sees that it serves and stops on SIGTERM, and that a second start tells no password.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../bin/parley.mjs', import.meta.url));
/** The line that only the very first start prints. */
const PASSWORD = /^ +Password +\S+$/m;
const folder = mkdtempSync(join(tmpdir(), 'parley-start-'));
const file = join(folder, 'config.json');
const endpoint = [{ address: '127.0.0.1', port: 0 }];
const listen = { c2s: endpoint, c2sTls: endpoint, http: endpoint, https: endpoint };
writeFileSync(file, JSON.stringify({ dataDir: './data', listen }));

/** Starts the server, asks for its health, stops it, and returns what it has said. */
async function run() {
  const server = spawn(process.execPath, [BIN, 'serve', '--config', file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(server, 'close');
  const giveUp = setTimeout(() => server.kill('SIGKILL'), 60_000);
  let said = '';
  let isAsked = false;
  for await (const line of createInterface(server.stdout)) {
    said += `${line}\n`;
    const port = /127\.0\.0\.1:(\d+) \(HTTP /.exec(said)?.[1];
    if (port === undefined || isAsked || !said.includes('Look after:')) continue;
    isAsked = true;
    const response = await fetch(`http://127.0.0.1:${port}/healthz`);
    assert.equal(response.status, 200);
    server.kill('SIGTERM');
  }
  assert.deepEqual(await closed, [0, null], said);
  clearTimeout(giveUp);
  return said;
}

try {
  const first = await run();
  process.stdout.write(first);
  assert.match(first, PASSWORD);
  assert.doesNotMatch(await run(), PASSWORD);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
