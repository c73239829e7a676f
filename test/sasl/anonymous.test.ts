import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { JID } from '../../src/jid.ts';
import { Accounts, contextOf, failsWith, mechanismOf, start } from './scene.ts';

const anonymous = mechanismOf('ANONYMOUS');

async function enter(trace: Buffer | undefined) {
  const exchange = start(anonymous, contextOf(new Accounts()));
  const step = await exchange.step(trace);
  assert.ok(step.kind === 'success');
  assert.deepEqual(exchange.claims, []);
  return step;
}

describe('ANONYMOUS', () => {
  test('gives an account of this host to whoever asks, another each time', async () => {
    const one = await enter(undefined);
    const other = await enter(Buffer.from('sirhc'));
    assert.equal(one.anonymous, true);
    assert.equal(one.jid.domain, 'capulet.example');
    assert.match(one.jid.local, /^[0-9a-f]{32}$/);
    assert.ok(JID.parse(one.jid.toString()).equals(one.jid));
    assert.notEqual(one.jid.local, other.jid.local);
  });

  test('refuses trace data that is too long or no text', async () => {
    for (const trace of [Buffer.alloc(1021, 'x'), Buffer.from('a\0b'), Buffer.from([0xff])]) {
      await failsWith('malformed-request', () => start(anonymous, contextOf(new Accounts())).step(trace));
    }
  });
});
