import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { projectFile } from '../support/project.ts';

/** Debian's, for which the package python3-slixmpp is installed; elsewhere whatever is there. */
const PYTHON = process.platform === 'linux' ? '/usr/bin/python3' : 'python3';
const isMissing = spawnSync(PYTHON, ['-c', 'import slixmpp']).status !== 0;
// Whoever has not installed slixmpp can test the rest; where all must be tested, its absence is a failure.
const skip =
  isMissing && process.env['CI'] === undefined ? 'slixmpp is not installed (Debian: python3-slixmpp)' : false;

/** What slixmpp logs in with: where all our mechanisms are offered, and where none can be bound to the channel. */
const OFFERS = {
  'by default': ['SCRAM-SHA-512-PLUS', 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-1-PLUS', 'PLAIN'],
  'without channel binding': ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'],
};

for (const [what, mechanisms] of Object.entries(OFFERS)) {
  test(`a client made with slixmpp finds everything as it expects, ${what}`, { skip }, async (t) => {
    const auth = what === 'by default' ? {} : { mechanisms };
    const server = await LiveServer.start(t, { registration: { enabled: true, rateLimit: null }, auth });
    const ports = [server.port('c2s'), server.port('c2sTls')].map(String);
    const script = projectFile('test/interop/slixmpp_client.py');
    const client = spawn(PYTHON, [script, DOMAIN, ...ports, ...mechanisms], { stdio: ['ignore', 'pipe', 'inherit'] });
    server.beforeEnd(() => void client.kill());
    const closed = once(client, 'close');
    let checks = 0;
    for await (const line of createInterface(client.stdout)) {
      checks++;
      const [, outcome, name, reason] = /^(ok|not ok) ([^:]*)(?:: (.*))?$/.exec(line) ?? assert.fail(line);
      await t.test(String(name), () => assert.equal(outcome, 'ok', reason));
    }
    assert.deepEqual(await closed, [0, null]);
    assert.ok(checks > 20, `only ${checks} checks`);
  });
}
