import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Durations } from '../../src/metrics/durations.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

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
  assert.match(text, /^parley_fetch_seconds_bucket\{le="1.0"\} 2$/m);
  assert.match(text, /^parley_fetch_seconds_count 3$/m);
});

test('a label value with a quote, a backslash and a line break is escaped', async () => {
  const metrics = new Metrics();
  metrics.labelled({ host: 'a"b\\c\nd' }).gauge({ name: 'users', help: 'Users' }).set({}, 1);
  assert.match(await metrics.text(), /^parley_users\{host="a\\"b\\\\c\\nd"\} 1$/m);
});

test('the names of the reference are used where the operator asks for them', async () => {
  const metrics = new Metrics({ naming: 'prosody' });
  metrics.labelled({ host: 'example.org' }).gauge({ name: 'active_users_1d', help: 'Users' }).set({}, 118);
  metrics.counter({ name: 'fetches_total', help: 'Fetches' }).add({});
  const text = await metrics.text();
  assert.match(text, /^prosody_mod_measure_active_users__active_users_1d\{host="example.org"\} 118$/m);
  assert.match(text, /^prosody_fetches_total 1$/m);
});

test('the prefix of the operator takes the place of that of the naming', async () => {
  const metrics = new Metrics({ prefix: 'chat_' });
  metrics.gauge({ name: 'users', help: 'Users' }).set({}, 1);
  assert.match(await metrics.text(), /^chat_users 1$/m);
});

test('a counter tells since when it has counted, each value beside its own', async () => {
  const metrics = new Metrics({ clock: new ManualClock() });
  const counter = metrics.counter({ name: 'fetches_total', help: 'Fetches', labels: ['outcome'] });
  counter.add({ outcome: 'ok' });
  counter.add({ outcome: 'failed' });
  const created = new ManualClock().now() / 1000;
  assert.equal(
    await metrics.text(),
    `# TYPE parley_fetches counter\n# HELP parley_fetches Fetches\n` +
      `parley_fetches_total{outcome="ok"} 1\nparley_fetches_created{outcome="ok"} ${created}\n` +
      `parley_fetches_total{outcome="failed"} 1\nparley_fetches_created{outcome="failed"} ${created}\n# EOF\n`,
  );
});

test('the older format has no creation times and no end, and names the counter like its value', async () => {
  const metrics = new Metrics();
  metrics.counter({ name: 'fetches_total', help: 'Fetches of "all"' }).add({});
  const text = await metrics.text('plain');
  assert.equal(
    text,
    '# TYPE parley_fetches_total counter\n# HELP parley_fetches_total Fetches of "all"\nparley_fetches_total 1\n',
  );
});

test('what is counted elsewhere is read when somebody asks, from every host, until it is removed', async () => {
  const metrics = new Metrics();
  const counts = { 'example.org': 1, 'example.net': 2 };
  const removals = Object.entries(counts).map(([host, count]) =>
    metrics.labelled({ host }).counted({ name: 'stanzas_total', help: 'Stanzas', labels: ['kind'] }, (put) => {
      put({ kind: 'message' }, count);
    }),
  );
  assert.match(await metrics.text(), /^parley_stanzas_total\{host="example.net",kind="message"\} 2$/m);
  removals[1]?.();
  const text = await metrics.text();
  assert.match(text, /^parley_stanzas_total\{host="example.org",kind="message"\} 1$/m);
  assert.doesNotMatch(text, /example\.net/);
});

test('what fails while it is read is told, and the rest is exported', async () => {
  const failures: unknown[] = [];
  const metrics = new Metrics({ failed: (error) => failures.push(error) });
  metrics.onCollect(() => Promise.reject(new Error('first')));
  metrics.measured({ name: 'broken', help: 'Broken' }, () => {
    throw new Error('second');
  });
  metrics.measured({ name: 'whole', help: 'Whole' }, (put) => put({}, 3));
  assert.match(await metrics.text(), /^parley_whole 3$/m);
  assert.equal(failures.length, 2);
});

test('collectors run for each request, or once in the interval that the operator wants', async () => {
  const clock = new ManualClock();
  const metrics = new Metrics({ clock });
  let runs = 0;
  const stop = metrics.onCollect(() => void runs++);
  await metrics.text();
  await metrics.text();
  assert.equal(runs, 2);
  metrics.configure({ collectionMs: 60_000, memoryMs: 0 });
  await clock.advance(59_999);
  await metrics.text();
  assert.equal(runs, 2);
  await clock.advance(1);
  await metrics.text();
  assert.equal(runs, 3);
  stop();
  await clock.advance(60_000);
  await metrics.text();
  assert.equal(runs, 3);
});

test('whoever asks while collectors run waits for them', async () => {
  const metrics = new Metrics({ clock: new ManualClock() });
  metrics.configure({ collectionMs: 60_000, memoryMs: 0 });
  let counted = 0;
  let finish = (): void => {};
  const counting = new Promise<void>((resolve) => {
    finish = resolve;
  });
  metrics.onCollect(async () => {
    await counting;
    counted = 7;
  });
  metrics.measured({ name: 'users', help: 'Users' }, (put) => put({}, counted));
  const answers = Promise.all([metrics.text(), metrics.text()]);
  await settle();
  finish();
  for (const text of await answers) assert.match(text, /^parley_users 7$/m);
});

test('durations are exported as a histogram', async () => {
  const metrics = new Metrics();
  const durations = new Durations();
  for (const ms of [0.05, 0.7, 20_000]) durations.observe(ms);
  metrics.timed({ name: 'reads_seconds', help: 'Reads' }, durations);
  const text = await metrics.text();
  assert.match(text, /^parley_reads_seconds_bucket\{le="0.0001"\} 1$/m);
  assert.match(text, /^parley_reads_seconds_bucket\{le="0.001"\} 2$/m);
  assert.match(text, /^parley_reads_seconds_bucket\{le="10.0"\} 2$/m);
  assert.match(text, /^parley_reads_seconds_bucket\{le="\+Inf"\} 3$/m);
  assert.match(text, /^parley_reads_seconds_count 3$/m);
  assert.match(text, /^parley_reads_seconds_sum 20.00075$/m);
});

test('a value that is forgotten is not exported any more', async () => {
  const metrics = new Metrics();
  const visitors = metrics.labelled({ host: 'a' }).gauge({ name: 'visitors', help: 'Visitors', labels: ['month'] });
  visitors.set({ month: '2025-01' }, 5);
  visitors.set({ month: '2025-02' }, 6);
  visitors.remove({ month: '2025-01' });
  assert.deepEqual((await metrics.text()).match(/month="[^"]*"/g), ['month="2025-02"']);
});

test('some metrics are read by their own names, however they are exported, and the others are left alone', async () => {
  const metrics = new Metrics({ naming: 'prosody' });
  metrics.configure({ collectionMs: 60_000, memoryMs: 0 });
  let collections = 0;
  metrics.onCollect(() => void collections++);
  metrics.labelled({ host: 'example.org' }).counted({ name: 'stanzas_total', help: 'Stanzas' }, (put) => put({}, 7));
  metrics.measured({ name: 'costly', help: 'Nobody asks for it' }, () => assert.fail('it was read'));
  metrics.gauge({ name: 'sessions', help: 'Sessions' }).set({}, 3);
  await metrics.values('sessions');
  const values = await metrics.values('sessions', 'stanzas_total', 'unheard_of');
  assert.equal(collections, 2);
  assert.deepEqual(values.get('sessions'), [{ suffix: '', labels: {}, value: 3 }]);
  assert.deepEqual(values.get('stanzas_total'), [{ suffix: '_total', labels: { host: 'example.org' }, value: 7 }]);
  assert.deepEqual(values.get('unheard_of'), []);
});
