import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Memory } from '../../src/metrics/memory.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { exportProcess } from '../../src/metrics/process-metrics.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('the process tells its version, start, processor time and memory', async (t) => {
  const clock = new ManualClock();
  const metrics = new Metrics({ clock });
  t.after(exportProcess(metrics, clock, clock.now()));
  const text = await metrics.text();
  assert.match(text, /^parley_build_info\{version="[^"]+",node="[^"]+"\} 1$/m);
  assert.match(text, /^parley_cpu_seconds_total\{mode="user"\} \d/m);
  assert.match(text, new RegExp(`^parley_start_time_seconds ${clock.now() / 1000}$`, 'm'));
  for (const name of ['allocated', 'used', 'unused', 'returnable', 'js']) {
    assert.match(text, new RegExp(`^parley_memory_${name}_bytes \\d+$`, 'm'));
  }
});

test('memory figures that could not be read are absent, and not 0', async (t) => {
  const clock = new ManualClock();
  const memory = new Memory(clock, 60_000, () => {
    throw new Error('no figures');
  });
  const metrics = new Metrics({ clock, memory });
  t.after(exportProcess(metrics, clock, 0));
  const text = await metrics.text();
  assert.doesNotMatch(text, /memory_(?:allocated|used|unused|returnable)/);
  assert.match(text, /memory_js_bytes/);
});

test('the event loop is watched from the first request on, in windows of five seconds or more', async (t) => {
  const clock = new ManualClock();
  const metrics = new Metrics({ clock });
  t.after(exportProcess(metrics, clock, 0));
  assert.doesNotMatch(await metrics.text(), /event_loop/);
  await clock.advance(4999);
  assert.doesNotMatch(await metrics.text(), /event_loop/);
  await clock.advance(1);
  assert.match(await metrics.text(), /^parley_event_loop_delay_seconds\{percentile="100"\} \d/m);
});
