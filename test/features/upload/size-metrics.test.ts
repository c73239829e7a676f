import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '../../support/manual-clock.ts';
import { open } from './scene.ts';

test('what is uploaded is added up when somebody asks, and anew after ten minutes', async (t) => {
  const { stage, upload } = await open(t);
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await upload(romeo, 'abcde', { filename: 'a' });
  const told = async (): Promise<(number | undefined)[]> => {
    const values = await stage.metrics.values('uploads_bytes', 'uploads_files');
    for (let turn = 0; turn < 5; turn++) await settle();
    return [...values.values()].map((samples) => samples[0]?.value);
  };
  assert.deepEqual(await told(), [undefined, undefined], 'nobody waits for it');
  assert.deepEqual(await told(), [5, 1]);
  await upload(juliet, 'abc', { filename: 'b' });
  await stage.clock.advance(599_000);
  assert.deepEqual(await told(), [5, 1]);
  await stage.clock.advance(1000);
  await told();
  assert.deepEqual(await told(), [8, 2]);
});
