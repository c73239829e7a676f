import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sessionHead, sessionLine, statLine } from '../../../src/features/live-statistics/lines.ts';

const TRAFFIC = {
  messagesIn: 1,
  messagesOut: 0,
  presencesIn: 0,
  presencesOut: 0,
  iqsIn: 0,
  iqsOut: 1,
  bytesIn: 812,
  bytesOut: 240,
};

test('lines are written as the specification shows them', () => {
  assert.equal(statLine('total_c2s', 42), 'STAT "total_c2s" (42)\n');
  assert.equal(statLine('version', '1.2'), 'STAT "version" ("1.2")\n');
  assert.equal(
    sessionLine(sessionHead('a41f', 'alice@example.org/desk'), TRAFFIC),
    'SESS "a41f" "alice@example.org/desk" {message_in=1,message_out=0;presence_in=0,presence_out=0;iq_in=0,iq_out=1;bytes_in=812,bytes_out=240;}\n',
  );
});

test('no name, whatever is in it, breaks a line or moves a terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const line = sessionLine(sessionHead('0', name), TRAFFIC);
      assert.match(line, /^SESS "0" "(?:[^"\\\p{Cc}\u2028\u2029]|\\.)*" \{[^"\p{Cc}]*\}\n$/u);
      assert.equal(JSON.parse(line.slice(9, line.lastIndexOf(' {'))), name);
    }),
  );
});
