import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admission, type AdmissionLimits, type Admitted } from '../../src/net/admission.ts';
import { ManualClock } from '../support/manual-clock.ts';

const NO_LIMIT: AdmissionLimits = { unauthenticatedPerAddress: null, attemptsPerAddress: null };

function admitted(answer: ReturnType<Admission['admit']>): Admitted {
  if (typeof answer === 'string') throw new Error(answer);
  return answer;
}

test('of a thousand connections from one address only the first few are let in', () => {
  const admission = new Admission({ ...NO_LIMIT, unauthenticatedPerAddress: 20 }, new ManualClock());
  const answers = Array.from({ length: 1000 }, () => admission.admit('192.0.2.1'));
  assert.equal(answers.filter((answer) => answer === 'too-many-unauthenticated').length, 980);
  admitted(admission.admit('192.0.2.2'));
});

test('whoever authenticates or leaves makes room, once', () => {
  const admission = new Admission({ ...NO_LIMIT, unauthenticatedPerAddress: 2 }, new ManualClock());
  const first = admitted(admission.admit('192.0.2.1'));
  admitted(admission.admit('192.0.2.1'));
  first.release();
  first.release();
  admitted(admission.admit('192.0.2.1'));
  assert.equal(admission.admit('192.0.2.1'), 'too-many-unauthenticated');
});

test('nothing is remembered of addresses without open connections', () => {
  const admission = new Admission({ ...NO_LIMIT, unauthenticatedPerAddress: 2 }, new ManualClock());
  for (let n = 0; n < 1000; n++) admitted(admission.admit(`192.0.${n >> 8}.${n & 255}`)).release();
  assert.equal(admission.addresses, 0);
});

test('attempts are counted over time, refused ones too', async () => {
  const clock = new ManualClock();
  const limits = { ...NO_LIMIT, attemptsPerAddress: { count: 60, perMs: 60_000 } };
  const admission = new Admission(limits, clock);
  for (let n = 0; n < 60; n++) admitted(admission.admit('192.0.2.1')).release();
  assert.equal(admission.admit('192.0.2.1'), 'too-many-attempts');
  await clock.advance(1000);
  admitted(admission.admit('192.0.2.1')).release();
  assert.equal(admission.admit('192.0.2.1'), 'too-many-attempts');
});

test('an IPv6 subscriber cannot hide among the addresses of a /64', () => {
  const admission = new Admission({ ...NO_LIMIT, unauthenticatedPerAddress: 1 }, new ManualClock());
  admitted(admission.admit('2001:db8:1:2::1'));
  assert.equal(admission.admit('2001:db8:1:2::2'), 'too-many-unauthenticated');
  admitted(admission.admit('2001:db8:1:3::1'));
});

test('an IPv4 address is the same on a dual-stack socket', () => {
  const admission = new Admission({ ...NO_LIMIT, unauthenticatedPerAddress: 1 }, new ManualClock());
  admitted(admission.admit('192.0.2.1'));
  assert.equal(admission.admit('::ffff:192.0.2.1'), 'too-many-unauthenticated');
});

test('without limits everybody is let in', () => {
  const admission = new Admission(NO_LIMIT, new ManualClock());
  for (let n = 0; n < 1000; n++) admitted(admission.admit('192.0.2.1'));
});

test('changed limits hold for the connections to come', () => {
  const admission = new Admission(NO_LIMIT, new ManualClock());
  const first = admitted(admission.admit('192.0.2.1'));
  admission.change({ unauthenticatedPerAddress: 1, attemptsPerAddress: { count: 2, perMs: 1000 } });
  assert.equal(admission.admit('192.0.2.1'), 'too-many-unauthenticated');
  first.release();
  admitted(admission.admit('192.0.2.1'));
  assert.equal(admission.admit('192.0.2.1'), 'too-many-attempts');
});
