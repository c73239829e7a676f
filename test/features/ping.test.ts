import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ping } from '../../src/features/ping.ts';
import { subscribers } from '../support/presence.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const PING = '<ping xmlns="urn:xmpp:ping"/>';

test('the server and the own account answer a ping with an empty result', async (t) => {
  const stage = await Stage.open(t, { features: [ping] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.equal(await romeo.get(PING, DOMAIN), undefined);
  assert.equal(await romeo.get(PING, `romeo@${DOMAIN}`), undefined);
  assert.equal(await romeo.get(PING), undefined);
});

test("another's account answers subscribers, and strangers as if it did not exist", async (t) => {
  const stage = await Stage.open(t, { features: [ping, subscribers('juliet')] });
  const { juliet, tybalt } = await stage.connected({ romeo: 'romeo', juliet: 'juliet', tybalt: 'tybalt' });
  assert.equal(await juliet.get(PING, `romeo@${DOMAIN}`), undefined);
  assert.equal(await tybalt.refused('get', PING, `romeo@${DOMAIN}`), 'service-unavailable');
  assert.equal(await tybalt.refused('get', PING, `nobody@${DOMAIN}`), 'service-unavailable');
});

test('a ping is a get', async (t) => {
  const stage = await Stage.open(t, { features: [ping] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.equal(await romeo.refused('set', PING, DOMAIN), 'service-unavailable');
});
