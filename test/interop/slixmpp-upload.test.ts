import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOMAIN, LiveServer, PASSWORD } from '../support/live-server.ts';
import { projectFile } from '../support/project.ts';

const PYTHON = process.platform === 'linux' ? '/usr/bin/python3' : 'python3';
// What slixmpp uploads with is a package of its own, which only some that have slixmpp have.
const isMissing = spawnSync(PYTHON, ['-c', 'import slixmpp, aiohttp']).status !== 0;
const skip = isMissing ? 'slixmpp or aiohttp is not installed (Debian: python3-slixmpp, python3-aiohttp)' : false;

test('a client made with slixmpp finds the service, uploads a file and reads it', { skip }, async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo');
  const file = join(server.dataDir, 'il balcone è là.jpg');
  await writeFile(file, Buffer.alloc(300_000, 'Verona '));
  const script = projectFile('test/interop/slixmpp_upload.py');
  const args = [script, DOMAIN, String(server.port('c2s')), 'romeo', PASSWORD, file];
  const env = { ...process.env, SSL_CERT_FILE: join(server.dataDir, 'certificate.pem') };
  const client = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  server.beforeEnd(() => void client.kill());
  let printed = '';
  client.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  assert.deepEqual(await once(client, 'close'), [0, null]);
  assert.match(printed, /\/upload\/localhost\/[0-9a-f]{32}\/il%20balcone%20%C3%A8%20l%C3%A0\.jpg\n$/);
});
