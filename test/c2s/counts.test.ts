import assert from 'node:assert/strict';
import { test } from 'node:test';
import { C2sCounts } from '../../src/c2s/counts.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { LoopbackTransport } from '../support/loopback.ts';
import { ManualClock } from '../support/manual-clock.ts';

const LIMITS = { maxBytes: 1000, maxDepth: 10, maxAttributes: 10, maxChildren: 10 };

test('logins are counted by the class of their mechanism and by their outcome', async (t) => {
  const metrics = new Metrics();
  const counts = new C2sCounts(new ManualClock());
  t.after(counts.export(metrics, new Set()));
  counts.login('a.example', 'SCRAM-SHA-256-PLUS', 'succeeded');
  counts.login('a.example', 'SCRAM-SHA-1', 'succeeded');
  counts.login('a.example', 'HT-SHA-256-NONE', 'not-authorized');
  counts.login('a.example', undefined, 'invalid-mechanism');
  const text = await metrics.text();
  assert.match(text, /^parley_logins_total\{host="a.example",method="scram",outcome="succeeded"\} 2$/m);
  assert.match(text, /^parley_logins_total\{host="a.example",method="token",outcome="not-authorized"\} 1$/m);
  assert.match(text, /^parley_logins_total\{host="a.example",method="none",outcome="invalid-mechanism"\} 1$/m);
});

test('connections are counted by how they are, and their bytes also when they are gone', async (t) => {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const counts = new C2sCounts(clock);
  const connect = (secure: boolean, session: unknown) => {
    const transport = new LoopbackTransport({ clock, limits: LIMITS, secure, remoteAddress: '192.0.2.1' });
    Object.assign(transport, { bytesRead: 100, bytesWritten: 10 });
    counts.accepted('tcp');
    return { secure, session, stream: { transport } };
  };
  const connections = new Set([connect(true, {}), connect(true, {}), connect(false, undefined)]);
  t.after(counts.export(metrics, connections));
  counts.ended({ bytesRead: 1000, bytesWritten: 500 });
  counts.refused();
  const text = await metrics.text();
  assert.match(text, /^parley_connections\{transport="tcp",encrypted="yes",stage="bound"\} 2$/m);
  assert.match(text, /^parley_connections\{transport="tcp",encrypted="no",stage="negotiating"\} 1$/m);
  assert.match(text, /^parley_connections\{transport="websocket",encrypted="yes",stage="bound"\} 0$/m);
  assert.match(text, /^parley_connections_accepted_total\{transport="tcp"\} 3$/m);
  assert.match(text, /^parley_connections_refused_total 1$/m);
  assert.match(text, /^parley_bytes_total\{direction="in"\} 1300$/m);
  assert.match(text, /^parley_bytes_total\{direction="out"\} 530$/m);
});

test('one stanza in thirty-two is timed, also where its handling takes a while', async () => {
  const clock = new ManualClock();
  const { handling } = new C2sCounts(clock);
  for (let i = 0; i < 31; i++) assert.equal(handling.begin(), undefined);
  const since = handling.begin();
  assert.equal(since, clock.monotonic());
  let finish = (): void => {};
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  assert.equal(handling.end(since, done), done);
  await clock.advance(250);
  finish();
  await done;
  assert.deepEqual({ count: handling.durations.count, sum: handling.durations.sum }, { count: 1, sum: 0.25 });
  handling.end(undefined, undefined);
  assert.equal(handling.durations.count, 1);
});
