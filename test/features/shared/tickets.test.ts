import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sealing } from '../../../src/core/sealing.ts';
import { originOf } from '../../../src/features/shared/request-origin.ts';
import { Tickets } from '../../../src/features/shared/tickets.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const clock = new ManualClock();
const sealing = new Sealing(Buffer.alloc(32, 1));
const tickets = new Tickets({ sealing, clock, place: 'here', ttlMs: 600_000 });

test('a ticket tells its facts until its time is over', async () => {
  const ticket = tickets.issue('login', { local: 'romeo', at: 5, isProved: false });
  const { until, ...facts } = tickets.read('login', ticket) ?? {};
  assert.deepEqual(facts, { local: 'romeo', at: 5, isProved: false });
  assert.equal(until, clock.now() + 600_000);
  await clock.advance(599_999);
  assert.ok(tickets.read('login', ticket));
  await clock.advance(1);
  assert.equal(tickets.read('login', ticket), undefined);
});

test('a ticket lasts no longer because the clock is set back', () => {
  const back = new ManualClock();
  const mine = new Tickets({ sealing, clock: back, place: 'here', ttlMs: 600_000 });
  const ticket = mine.issue('login', { local: 'romeo' });
  back.set(-1);
  assert.equal(mine.read('login', ticket), undefined);
});

test('a ticket is of no use for another purpose, at another place, under another secret, or changed', () => {
  const ticket = tickets.issue('login', { local: 'romeo' });
  assert.equal(tickets.read('consent', ticket), undefined);
  const elsewhere = new Tickets({ sealing, clock, place: 'elsewhere', ttlMs: 600_000 });
  assert.equal(elsewhere.read('login', ticket), undefined);
  const stranger = new Tickets({ sealing: new Sealing(Buffer.alloc(32, 2)), clock, place: 'here', ttlMs: 600_000 });
  assert.equal(stranger.read('login', ticket), undefined);
  for (const text of [undefined, '', 'x', `${ticket}A`, ticket.slice(4), ticket.replace(/^./, '_'), 'A'.repeat(1e6)]) {
    assert.equal(tickets.read('login', text), undefined, text?.slice(0, 20));
  }
});

test('a ticket shows nothing of its facts', () => {
  const ticket = tickets.issue('login', { local: 'romeo' });
  assert.ok(!Buffer.from(ticket, 'base64').includes('romeo'));
});

test('the origin of a request is that which its client names', () => {
  assert.equal(originOf({ headers: { host: 'Stage.Example:5281' }, secure: true }), 'https://stage.example:5281');
  assert.equal(originOf({ headers: { host: 'stage.example' }, secure: false }), 'http://stage.example');
  for (const host of [undefined, '', 'a b', '<']) {
    assert.equal(originOf({ headers: { host }, secure: true }), undefined, host);
  }
});
