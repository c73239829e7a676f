import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mam } from '../../../src/features/mam/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { child } from '../../../src/xml/element.ts';
import { BIND, NS_BIND2, open, PHONE } from '../../c2s/sasl2-scene.ts';
import { assertXml } from '../../support/compare.ts';
import { DOMAIN } from '../../support/stage.ts';
import { NS_MAM, stanzaId } from './scene.ts';

test('a client that binds with its login is told where the archive ends, and is sent nothing of it', async (t) => {
  const { stage, connect } = await open(t, { features: [roster, presence, mam, offline] });
  const first = await (await connect()).plain({ clientId: PHONE, children: BIND });
  const bound = child(first, 'bound', NS_BIND2);
  const nothing = bound && child(bound, 'metadata', NS_MAM);
  assert.ok(nothing);
  assertXml(nothing, `<metadata xmlns="${NS_MAM}"/>`);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const at = new Date(stage.clock.now()).toISOString();
  for (let i = 0; i < 3; i++) await juliet.sends(`<message to="romeo@${DOMAIN}"><body>${i}</body></message>`);
  const laptop = await connect();
  const success = await laptop.plain({ clientId: 'b3a2c1d0-0000-4000-8000-000000000002', children: BIND });
  const metadata = child(child(success, 'bound', NS_BIND2) ?? success, 'metadata', NS_MAM);
  assert.ok(metadata);
  assertXml(
    metadata,
    `<metadata xmlns="${NS_MAM}"><start id="*" timestamp="${at}"/><end id="*" timestamp="${at}"/></metadata>`,
  );
  await laptop.stage.sends('<presence/>');
  assert.deepEqual(
    laptop.stage.transport.received.filter(({ name }) => name === 'message'),
    [],
  );
  await juliet.sends(`<message to="romeo@${DOMAIN}"><body>live</body></message>`);
  const live = laptop.stage.transport.received.find(({ name }) => name === 'message');
  assert.ok(live && stanzaId(live, `romeo@${DOMAIN}`));
});
