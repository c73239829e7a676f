import assert from 'node:assert/strict';
import { test } from 'node:test';
import { availability } from '../core/scene.ts';
import { PASSWORD, Stage } from '../support/stage.ts';

const timeouts = {
  streamHeaderMs: 10_000,
  authenticationMs: 60_000,
  bindMs: 30_000,
  silenceMs: 300_000,
  pingTimeoutMs: 60_000,
  closeMs: 5000,
};
const config = { limits: { timeouts } };

test('the header must come in time', async (t) => {
  const stage = await Stage.open(t, { features: [], config });
  const client = stage.connect('client');
  await stage.clock.advance(9_900);
  assert.ok(!client.transport.isClosed);
  await stage.clock.advance(500);
  await client.nextNamed('header');
  await client.isClosedWith('connection-timeout');
});

test('the login must come in time, however lively the client is', async (t) => {
  const stage = await Stage.open(t, { features: [], config });
  const client = stage.connect('client');
  await client.open();
  for (let i = 0; i < 59; i++) {
    await client.sends(' ');
    await stage.clock.advance(1000);
  }
  assert.ok(!client.transport.isClosed);
  await stage.clock.advance(1500);
  await client.isClosedWith('connection-timeout');
});

test('the header after the login, and the binding, must come in time', async (t) => {
  const stage = await Stage.open(t, { features: [], config });
  await stage.host.users.create('romeo', PASSWORD);
  const romeo = stage.connect('romeo');
  await romeo.logIn('romeo', PASSWORD);
  await stage.clock.advance(29_000);
  assert.ok(!romeo.transport.isClosed);
  await stage.clock.advance(1500);
  await romeo.isClosedWith('connection-timeout');
});

test('a silent client is pinged; what it answers, even at once, keeps its stream', async (t) => {
  const stage = await Stage.open(t, { features: [availability], config });
  const { romeo } = await stage.online({ romeo: 'romeo' });
  for (let i = 0; i < 3; i++) {
    await stage.clock.advance(299_000);
    await romeo.receivesNothing();
    await stage.clock.advance(1250);
    const ping = await romeo.nextNamed('iq');
    assert.deepEqual(
      [ping.attrs['from'], ping.attrs['to'], ping.attrs['type']],
      ['stage.example', 'romeo@stage.example/romeo', 'get'],
    );
    await romeo.sends(`<iq type="result" id="${ping.attrs['id']}" to="stage.example"/>`);
    // The clock has not moved since the ping left.
    await stage.clock.advance(61_000);
    assert.ok(!romeo.transport.isClosed);
    // What was heard last counts from when it was heard.
    await romeo.sends(' ');
  }
});

test('a client that does not answer the ping is gone', async (t) => {
  const stage = await Stage.open(t, { features: [availability], config });
  const { romeo } = await stage.online({ romeo: 'romeo' });
  await stage.clock.advance(300_250);
  await romeo.nextNamed('iq');
  await stage.clock.advance(59_000);
  assert.ok(!romeo.transport.isClosed);
  await stage.clock.advance(1250);
  await romeo.isClosedWith('connection-timeout');
  assert.equal(stage.host.account('romeo')?.sessions.size, 0);
});

test('a client that is not silent is never pinged', async (t) => {
  const stage = await Stage.open(t, { features: [availability], config });
  const { romeo } = await stage.online({ romeo: 'romeo' });
  for (let i = 0; i < 10; i++) {
    await stage.clock.advance(200_000);
    await romeo.sends(' ');
  }
  await romeo.receivesNothing();
});
