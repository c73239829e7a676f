import assert from 'node:assert/strict';
import { test } from 'node:test';
import { time } from '../../src/features/time.ts';
import { child, text } from '../../src/xml/element.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

test('the server tells the time in UTC and its offset from it', async (t) => {
  const stage = await Stage.open(t, { features: [time] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const answer = await romeo.get('<time xmlns="urn:xmpp:time"/>', DOMAIN);
  assert.ok(answer);
  assert.equal(text(child(answer, 'utc')), '2026-01-01T00:00:00.000Z');
  assert.match(text(child(answer, 'tzo')), /^[+-]\d\d:\d\d$/);
});
