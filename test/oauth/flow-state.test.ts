import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type FlowPurpose, FlowStates } from '../../src/oauth/flow-state.ts';
import type { JsonObject } from '../../src/oauth/jws.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { metadata, openKeys } from './fixtures.ts';

const LOGIN: FlowPurpose<{ readonly jid: string }> = {
  name: 'login',
  parse: ({ jid }) => (typeof jid === 'string' ? { jid } : undefined),
};
const DEVICE: FlowPurpose<JsonObject> = { name: 'device', parse: (json) => json };
const BINDING = { clientId: 'id', query: 'client_id=id&scope=xmpp' };
const ALICE = { jid: 'alice@example.org' };

function open(clock = new ManualClock()): FlowStates {
  return new FlowStates({ clock });
}

describe('The state of a flow', () => {
  test('comes back as it was given, for ten minutes', async () => {
    const clock = new ManualClock();
    const states = open(clock);
    const text = await states.issue(LOGIN, BINDING, ALICE);
    assert.deepEqual(await states.read(LOGIN, BINDING, text), { status: 'valid', data: ALICE });
    clock.advance(599_999);
    assert.deepEqual(await states.read(LOGIN, BINDING, text), { status: 'valid', data: ALICE });
    clock.advance(1);
    assert.deepEqual(await states.read(LOGIN, BINDING, text), { status: 'expired' });
  });

  test('serves no other flow, client or purpose, also when it has expired', async () => {
    const clock = new ManualClock();
    const states = open(clock);
    const text = await states.issue(LOGIN, BINDING, ALICE);
    const check = async (): Promise<void> => {
      for (const other of [
        { ...BINDING, clientId: 'other' },
        { ...BINDING, query: 'client_id=id&scope=openid' },
      ]) {
        assert.deepEqual(await states.read(LOGIN, other, text), { status: 'invalid' });
      }
      assert.deepEqual(await states.read(DEVICE, BINDING, text), { status: 'invalid' });
      assert.deepEqual(await open(clock).read(LOGIN, BINDING, text), { status: 'invalid' });
    };
    await check();
    clock.advance(600_000);
    await check();
  });

  test('is not confused by where a client ends and a query begins', async () => {
    const states = open();
    const text = await states.issue(LOGIN, { clientId: 'a', query: 'b' }, ALICE);
    assert.deepEqual(await states.read(LOGIN, { clientId: 'ab', query: '' }, text), { status: 'invalid' });
  });

  test('is read elsewhere by who has the same secret', async () => {
    const [clock, secret] = [new ManualClock(), Buffer.alloc(32, 3)];
    const text = await new FlowStates({ clock, secret, ttlMs: 1000 }).issue(LOGIN, BINDING, ALICE);
    const other = new FlowStates({ clock, secret });
    assert.deepEqual(await other.read(LOGIN, BINDING, text), { status: 'valid', data: ALICE });
    clock.advance(1000);
    assert.deepEqual(await other.read(LOGIN, BINDING, text), { status: 'expired' });
  });

  test('must be what its purpose reads', async () => {
    const states = open();
    const anything: FlowPurpose<JsonObject> = { name: 'login', parse: (json) => json };
    const text = await states.issue(anything, BINDING, { jid: 7 });
    assert.deepEqual(await states.read(LOGIN, BINDING, text), { status: 'invalid' });
  });

  test('is no identifier of a client, no altered state and no other text', async () => {
    const states = open();
    const text = await states.issue(LOGIN, BINDING, ALICE);
    const { id } = await openKeys().sign(metadata());
    assert.deepEqual(await states.read(LOGIN, BINDING, id), { status: 'invalid' });
    const altered = fc
      .tuple(fc.nat(text.length - 1), fc.constantFrom('A', 'B', '_', '.', '='))
      .map(([at, char]) => text.slice(0, at) + char + text.slice(at + 1));
    await fc.assert(
      fc.asyncProperty(fc.oneof(altered, fc.string()), async (other) => {
        const { status } = await states.read(LOGIN, BINDING, other);
        assert.equal(status, other === text ? 'valid' : 'invalid');
      }),
      { numRuns: 300 },
    );
  });
});
