import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const LOG = new URL(`../../src/log/log${extname(import.meta.url)}`, import.meta.url).href;

/** Starts a process that runs `script` with `log`, a logger on standard output. */
function start(format: 'pretty' | 'json', script: string) {
  const code = `import { createLogger } from ${JSON.stringify(LOG)};
    const log = createLogger({ level: 'info', format: '${format}' });
    ${script}`;
  return spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

test('lines written just before the process exits are not lost', async () => {
  for (const format of ['json', 'pretty'] as const) {
    const child = start(format, `for (let n = 0; n < 2000; n++) log.info('line', { n }); process.exit(0);`);
    const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    assert.equal(output.trimEnd().split('\n').length, 2000);
  }
});

test('what is buffered is written when flush returns', async () => {
  const lines = `for (let n = 0; n < 100; n++) log.info('line', { n });`;
  const child = start('json', `${lines} log.flush(); process.kill(process.pid, 'SIGKILL');`);
  assert.match(await text(child.stdout), /"n":99/);
});

test('a closed pipe does not end the process', async () => {
  const child = start(
    'json',
    `log.info('ready');
    process.stdin.once('data', () => {
      for (let n = 0; n < 2000; n++) log.info('line', { n });
      setTimeout(() => { log.info('again'); log.flush(); process.exit(7); }, 100);
    });`,
  );
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.stdin.write('go');
  const [code] = await once(child, 'exit');
  assert.equal(code, 7);
});
