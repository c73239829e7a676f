import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Baseline } from '../../bench/baseline.ts';
import { headline, table } from '../../bench/report.ts';
import { type Figure, medianOf, runBench } from '../../bench/runner.ts';

const baseline: Baseline = {
  date: '2026-01-01',
  node: 'v20.19.0',
  machine: '1 × abacus',
  benches: { router: { calibrationUs: 2, figures: { chat: 10, size: 10 } } },
};

function lineOf(label: string, figure: Figure, calibrationUs: number): string {
  const text = table('router', { calibrationUs, figures: new Map([[label, figure]]) }, baseline);
  return text.split('\n').find((line) => line.trim().startsWith(label)) ?? '';
}

test('a time is compared as if both machines were equally fast', () => {
  assert.match(lineOf('chat', { unit: 'µs', value: 20 }, 4), /1\.00$/);
  assert.match(lineOf('chat', { unit: 'µs', value: 20 }, 2), /2\.00 {2}slower$/);
  assert.match(lineOf('chat', { unit: 'µs', value: 10 }, 4), /0\.50 {2}faster$/);
});

test('a size is compared as it is', () => {
  assert.match(lineOf('size', { unit: 'KB', value: 10 }, 4), /1\.00$/);
  assert.match(lineOf('size', { unit: 'KB', value: 13 }, 4), /1\.30 {2}slower$/);
});

test('a figure that the baseline does not have is new', () => {
  assert.match(lineOf('ping', { unit: 'µs', value: 1 }, 2), /new$/);
  assert.match(headline(undefined), /no baseline/);
});

test('the median of a case counts, and what was opened is undone, the last first', async () => {
  const undone: string[] = [];
  const samples = [99, 5, 1, 3];
  const { figures } = await runBench({
    name: 'samples',
    rounds: 3,
    warmUps: 1,
    open(defer) {
      defer(() => void undone.push('first'));
      defer(() => void undone.push('second'));
      return [{ name: 'sample', unit: 'KB', round: () => samples.shift() ?? 0 }];
    },
  });
  assert.deepEqual(figures.get('sample'), { unit: 'KB', value: 3 });
  assert.deepEqual(undone, ['second', 'first']);
  assert.ok(Number.isNaN(medianOf([])));
});
