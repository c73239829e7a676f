import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metrics } from '../../src/metrics/metrics.ts';

test('hosts share a metric, each with its own label', async () => {
  const metrics = new Metrics();
  for (const host of ['example.org', 'example.net']) {
    const fetches = metrics.labelled({ host }).counter({ name: 'fetches_total', help: 'Fetches', labels: ['outcome'] });
    fetches.add({ outcome: 'ok' }, host.length);
    fetches.add({ outcome: 'timeout' });
  }
  const text = await metrics.text();
  assert.match(text, /^# TYPE parley_fetches counter$/m);
  assert.match(text, /^parley_fetches_total\{host="example.org",outcome="ok"\} 11$/m);
  assert.match(text, /^parley_fetches_total\{host="example.net",outcome="timeout"\} 1$/m);
  assert.match(text, /# EOF\n$/);
});

test('a gauge has its last value and a histogram counts into its buckets', async () => {
  const metrics = new Metrics();
  const state = metrics.gauge({ name: 'breaker', help: 'State' });
  state.set({}, 2);
  state.set({}, 1);
  const seconds = metrics.histogram({ name: 'fetch_seconds', help: 'Duration', buckets: [0.1, 1] });
  for (const value of [0.05, 0.5, 5]) seconds.observe({}, value);
  const text = await metrics.text();
  assert.match(text, /^parley_breaker 1$/m);
  assert.match(text, /^parley_fetch_seconds_bucket\{le="0.1"\} 1$/m);
  assert.match(text, /^parley_fetch_seconds_bucket\{le="1"\} 2$/m);
  assert.match(text, /^parley_fetch_seconds_count 3$/m);
});

test('a label value with a quote, a backslash and a line break is escaped', async () => {
  const metrics = new Metrics();
  metrics.labelled({ host: 'a"b\\c\nd' }).gauge({ name: 'users', help: 'Users' }).set({}, 1);
  assert.match(await metrics.text(), /^parley_users\{host="a\\"b\\\\c\\nd"\} 1$/m);
});
