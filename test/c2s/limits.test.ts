import assert from 'node:assert/strict';
import { test } from 'node:test';
import { conditionOf, parseStanza } from '../../src/stanza.ts';
import { BOUND } from '../../src/stream/stream.ts';
import { availability, feature } from '../core/scene.ts';
import { Stage } from '../support/stage.ts';

test('whatever a session sends counts against its rate, nonzas too', async (t) => {
  let accepted = 0;
  const nonza = feature('nonza', (host) =>
    host.negotiate({ name: 'nonza', needs: BOUND, excludes: 0, accepts: 'urn:n', accept: () => void accepted++ }),
  );
  const traffic = { stanzas: { perSecond: 10, burst: 10 }, bytes: null };
  const stage = await Stage.open(t, { features: [availability, nonza], config: { limits: { traffic } } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.sends("<r xmlns='urn:n'/>".repeat(30));
  assert.equal(accepted, 11);
  await stage.clock.advance(2000);
  assert.equal(accepted, 30);
});

test('bytes count too: a large stanza makes the next one wait', async (t) => {
  const traffic = { stanzas: null, bytes: { perSecond: 1000, burst: 1000 } };
  const stage = await Stage.open(t, { features: [], config: { limits: { traffic } } });
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(
    `<message to="${juliet.jid}"><body>${'x'.repeat(3000)}</body></message><message to="${juliet.jid}"/>`,
  );
  await juliet.nextNamed('message');
  await stage.clock.advance(1500);
  await juliet.receivesNothing();
  await stage.clock.advance(1000);
  await juliet.nextNamed('message');
});

test('a session that ends while it has to wait takes nothing with it', async (t) => {
  const traffic = { stanzas: { perSecond: 1, burst: 1 }, bytes: null };
  const stage = await Stage.open(t, { features: [], config: { limits: { traffic } } });
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await romeo.sends(`<message to="${juliet.jid}" id="1"/>`.repeat(5));
  romeo.transport.break();
  await juliet.forget();
  await stage.clock.advance(10_000);
  await juliet.receivesNothing();
});

test('what a client does not take is bounded, and its session ends', async (t) => {
  const config = { limits: { queue: { outboxBytes: 65_536, outboxStanzas: 16 } } };
  const stage = await Stage.open(t, { features: [], config });
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  juliet.transport.bufferedBytes = 65_500;
  await romeo.sends(`<message to="${juliet.jid}" id="1"><body>${'x'.repeat(100)}</body></message>`);
  await juliet.isClosedWith('resource-constraint');
  assert.equal(stage.host.account('juliet')?.sessions.size, 0);
  // The one too many is not lost in silence: there is nobody else who could have it.
  assert.equal(conditionOf(parseStanza(await romeo.next(), undefined)), 'service-unavailable');
});
