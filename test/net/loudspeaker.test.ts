import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import { Loudspeaker } from '../../src/net/loudspeaker.ts';

test('whoever does not read is let go, and holds nobody else up', async (t) => {
  const dropped: string[] = [];
  const speaker = new Loudspeaker({
    maxListeners: 2,
    maxUnreadBytes: 100_000,
    joined: () => 'hello\n',
    alone: () => {},
    dropped: (_address, reason) => dropped.push(reason),
  });
  t.after(() => speaker.close());
  const { port } = await speaker.listen({ address: '127.0.0.1', port: 0 });
  const [deaf, listener] = [
    createConnection({ port, host: '127.0.0.1' }),
    createConnection({ port, host: '127.0.0.1' }),
  ];
  t.after(() => [deaf, listener].map((socket) => socket.destroy()));
  deaf.pause();
  deaf.on('error', () => {});
  let heard = 0;
  listener.on('data', (chunk) => {
    heard += chunk.length;
  });
  while (heard < 6 || speaker.listeners < 2) await once(listener, 'data').catch(() => {});
  const line = `${'x'.repeat(99_999)}\n`;
  let said = 0;
  // What the system keeps for a socket has no end that one could name.
  while (dropped.length === 0 && said < 1000) {
    speaker.say(line);
    said++;
    while (heard < 6 + said * line.length) await once(listener, 'data');
  }
  assert.deepEqual(dropped, ['does-not-read']);
  speaker.say('still here\n');
  while (heard < 6 + said * line.length + 11) await once(listener, 'data');
  assert.equal(speaker.listeners, 1);
});
