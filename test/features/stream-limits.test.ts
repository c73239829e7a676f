import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamLimits } from '../../src/features/stream-limits.ts';
import { child, type Element } from '../../src/xml/element.ts';
import { assertXml } from '../support/compare.ts';
import { PASSWORD, Stage } from '../support/stage.ts';

const NS = 'urn:xmpp:stream-limits:0';

function assertLimits(features: Element, maxBytes: number, idleSeconds: number): void {
  const limits = child(features, 'limits', NS);
  assert.ok(limits);
  assertXml(
    limits,
    `<limits xmlns="${NS}"><max-bytes>${maxBytes}</max-bytes><idle-seconds>${idleSeconds}</idle-seconds></limits>`,
  );
}

test('the limits in force are told before login and after', async (t) => {
  const stage = await Stage.open(t, {
    features: [streamLimits],
    config: {
      limits: {
        stanza: { bytesBeforeAuth: 20_000, bytes: 200_000 },
        timeouts: { authenticationMs: 45_500, silenceMs: 600_000 },
      },
    },
  });
  await stage.host.users.create('romeo', PASSWORD);
  assertLimits(await stage.connect('stranger').open(), 20_000, 45);
  assertLimits(await stage.connect('phone').logIn('romeo', PASSWORD), 200_000, 600);
});
