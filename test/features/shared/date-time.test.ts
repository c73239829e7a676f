import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dateTime, zoneOffset } from '../../../src/features/shared/date-time.ts';

test('times are written in UTC', () => {
  assert.equal(dateTime(0), '1970-01-01T00:00:00.000Z');
});

test('offsets have a sign, hours and minutes', () => {
  const expected = { '+00:00': 0, '-06:00': -360, '+05:30': 330, '-03:30': -210, '+13:45': 825 };
  for (const [text, minutes] of Object.entries(expected)) assert.equal(zoneOffset(minutes), text);
});
