import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { carbons } from '../../../src/features/carbons/index.ts';
import { archiveKeeping } from '../../../src/features/mam/api.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { JID } from '../../../src/jid.ts';
import { attr, child, firstElement, serialize } from '../../../src/xml/element.ts';
import type { Stage, StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { ENABLE } from '../sm/names.ts';
import { FEATURES, JULIET, NS_MAM, openStage, search } from './scene.ts';

const NO_MAILBOX = { limits: { account: { offlineMessages: 0 } } };
const WITHOUT_OFFLINE = FEATURES.filter((feature) => feature !== offline);
const RESUME_MS = 60_000;

/** What there is for those who have no session. */
const HOSTS: Readonly<Record<string, Partial<StageOptions>>> = {
  'a full mailbox': { config: NO_MAILBOX },
  'no offline storage': { features: WITHOUT_OFFLINE },
};

const hi = (body: string, more = '', to = JULIET): string =>
  `<message to="${to}" type="chat" id="${body}"><body>${body}</body>${more}</message>`;

/** Romeo is online, Juliet has an account and no session that could receive. */
async function open(t: TestContext, options: Partial<StageOptions>) {
  const stage = await openStage(t, options);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const { romeo } = await stage.online({ romeo: 'romeo' });
  return { stage, romeo, juliet };
}

async function isRefused(client: StageClient, id: string, condition = 'service-unavailable'): Promise<void> {
  const answer = await client.nextNamed('message');
  assert.equal(attr(answer, 'id'), id, serialize(answer));
  const error = child(answer, 'error');
  assert.equal(error && firstElement(error)?.name, condition);
  await client.receivesNothing();
}

for (const [what, options] of Object.entries(HOSTS)) {
  test(`with ${what}, a message that the archive has is not refused`, async (t) => {
    const { romeo, juliet } = await open(t, options);
    await romeo.sends(hi('one'));
    await romeo.sends(hi('two', '', `${JULIET}/gone`));
    await romeo.receivesNothing();
    assert.deepEqual((await search(juliet)).bodies, ['one', 'two']);
  });

  test(`with ${what}, a message that the archive does not have is refused`, async (t) => {
    const { romeo, juliet } = await open(t, options);
    await romeo.sends(hi('one', '<no-permanent-store xmlns="urn:xmpp:hints"/>'));
    await isRefused(romeo, 'one');
    await juliet.set(`<prefs xmlns="${NS_MAM}" default="never"><always/><never/></prefs>`);
    await romeo.sends(hi('two', `<stanza-id xmlns="urn:xmpp:sid:0" by="${JULIET}" id="000000000000000000"/>`));
    await isRefused(romeo, 'two');
    assert.deepEqual((await search(juliet)).bodies, []);
  });

  test(`with ${what}, a message that the archive cannot store is answered with an error, once`, async (t) => {
    const { stage, romeo, juliet } = await open(t, options);
    await romeo.sends(hi('first'));
    await romeo.receivesNothing();
    stage.store.failNextCommit(new Error('the disk is full'));
    await romeo.sends(hi('lost'));
    await isRefused(romeo, 'lost', 'internal-server-error');
    assert.deepEqual((await search(juliet)).bodies, ['first']);
  });

  for (const isPruned of [false, true]) {
    const outcome = isPruned ? 'is refused when it has gone from the archive meanwhile' : 'is in the archive, still';
    test(`with ${what}, a message that its session did not acknowledge ${outcome}`, async (t) => {
      const features = [...(options.features ?? FEATURES), sm];
      const config = { ...options.config, features: { sm: { resumeMs: RESUME_MS }, mam: { keepDays: 1 } } };
      const { stage, romeo, juliet } = await open(t, { features, config });
      await juliet.sends(ENABLE);
      await juliet.sends('<presence/>');
      juliet.transport.break();
      await romeo.sends(hi('one'));
      if (isPruned) await pruneAll(stage);
      await stage.clock.advance(RESUME_MS + 1000);
      if (isPruned) await isRefused(romeo, 'one');
      else await romeo.receivesNothing();
    });
  }
}

test('a message that is not to be copied is archived on both sides: only what pretends to be a copy is refused', async (t) => {
  const features = [...FEATURES.slice(0, 3), carbons, ...FEATURES.slice(3)];
  const { romeo, juliet } = await open(t, { features });
  const isPrivate = '<private xmlns="urn:xmpp:carbons:2"/><no-copy xmlns="urn:xmpp:hints"/>';
  await romeo.sends(hi('between us', isPrivate));
  await romeo.receivesNothing();
  assert.deepEqual((await search(romeo)).bodies, ['between us']);
  assert.deepEqual((await search(juliet)).bodies, ['between us']);
});

async function pruneAll({ host, clock }: Stage): Promise<void> {
  const keeping = host.services.find(archiveKeeping);
  assert.ok(keeping);
  assert.equal(await keeping.prune({ jid: JID.parse(JULIET), messages: 1, before: clock.now() + 1 }), 1);
}
