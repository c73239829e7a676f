import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { presence } from '../../../src/features/presence/index.ts';
import { push } from '../../../src/features/push/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { JID } from '../../../src/jid.ts';
import { message, Payload } from '../../../src/stanza.ts';
import { el } from '../../../src/xml/element.ts';
import { assertXml } from '../../support/compare.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import {
  APP,
  AppServer,
  appServer,
  breaks,
  chat,
  enable,
  MINUTE,
  NS,
  NS_PUBSUB,
  nodes,
  open,
  QUIET,
  ROMEO,
  type SceneOptions,
  SECOND,
  stored,
  summaryOf,
} from './scene.ts';

const HOUR = 60 * MINUTE;
const TIMEOUT = 30 * SECOND;
const FORM = `<x xmlns="jabber:x:data" type="submit"><field var="FORM_TYPE"><value>http://jabber.org/protocol/pubsub#publish-options</value></field><field var="secret"><value>eruio234vzxc2kla-91</value></field></x>`;

/** Romeo's phone sleeps. */
async function asleep(t: Parameters<typeof open>[0], options?: SceneOptions) {
  const scene = await open(t, options);
  await breaks(await scene.device('phone'));
  return scene;
}

/** How long it takes until the app server of the first registration is asked again. */
async function untilRetry(stage: Stage): Promise<number> {
  return ((await stored(stage))[0]?.retryAt ?? 0) - stage.clock.now() + SECOND;
}

describe('What an app server is sent', () => {
  test('is from the server itself, with the options as they were given and nothing else', async (t) => {
    const { stage, juliet, app } = await open(t);
    const { phone } = await stage.connected({ phone: 'romeo' });
    await phone.set(enable({ node: 'yxs32', content: FORM }));
    await breaks(phone);
    await juliet.sends(chat('Wherefore art thou?'));
    const [request, second] = app.requests();
    assert.ok(request);
    assert.equal(second, undefined);
    assertXml(
      request,
      `<iq type="set" from="${DOMAIN}" to="${APP}" id="*"><pubsub xmlns="${NS_PUBSUB}"><publish node="yxs32"><item><notification xmlns="${NS}"/></item></publish><publish-options>${FORM}</publish-options></pubsub></iq>`,
    );
  });

  test('tells numbers where that is configured', async (t) => {
    const { juliet, app, passes } = await asleep(t, { settings: { includeCounts: true } });
    await juliet.sends(chat('one'));
    await juliet.sends(chat('two'));
    await passes(QUIET);
    await juliet.sends(chat('three'));
    assert.deepEqual(app.requests().map(summaryOf), [{ 'message-count': '3' }]);
  });

  test('counts a message once that its session never had and that is kept elsewhere then', async (t) => {
    const features = { push: { includeCounts: true, quietMs: 2 * MINUTE }, sm: { resumeMs: MINUTE } };
    const { juliet, app, passes, device } = await open(t, { config: { features } });
    await breaks(await device('phone', { managed: true }));
    await juliet.sends(chat('one'));
    assert.deepEqual(app.requests().map(summaryOf), [{ 'message-count': '1' }]);
    // Meanwhile the session ends, and the message goes to offline storage.
    assert.deepEqual(await passes(2 * MINUTE + SECOND), []);
    await juliet.sends(chat('two'));
    assert.deepEqual(app.requests().map(summaryOf), [{ 'message-count': '2' }]);
  });

  test('tells how many subscription requests wait, with the numbers', async (t) => {
    const app = new AppServer();
    const stage = await Stage.open(t, {
      features: [roster, presence, push, appServer(app)],
      config: { features: { push: { includeCounts: true } } },
    });
    const { juliet, phone } = await stage.online({ juliet: 'juliet', phone: 'romeo' });
    await phone.set(enable());
    await breaks(phone);
    await juliet.sends(`<presence to="${ROMEO}" type="subscribe"/>`);
    await juliet.sends(chat('hi'));
    assert.deepEqual(app.requests().map(summaryOf), [{ 'message-count': '1', 'pending-subscription-count': '1' }]);
  });

  test('tells the sender, or the beginning of the text, only where that is configured', async (t) => {
    const cases: [settings: object, summary: Record<string, string>][] = [
      [{ includeSender: true }, { 'last-message-sender': `juliet@${DOMAIN}/juliet` }],
      [{ includeBody: true }, { 'last-message-body': 'o'.repeat(1024) }],
    ];
    for (const [settings, summary] of cases) {
      const { juliet, app } = await asleep(t, { settings });
      await juliet.sends(chat('o'.repeat(2000)));
      assert.deepEqual(app.requests().map(summaryOf), [summary]);
    }
  });
});

describe('An app server that refuses', () => {
  for (const condition of ['item-not-found', 'not-acceptable', 'forbidden', 'service-unavailable'] as const) {
    test(`with ${condition} is left alone until the client enables it again`, async (t) => {
      const { stage, app, writes, passes } = await asleep(t);
      app.reaction = { condition };
      assert.deepEqual(await writes(), ['phone']);
      const [registration] = await stored(stage);
      assert.deepEqual([registration?.isDisabled, registration?.error], [true, condition]);
      assert.deepEqual(await passes(QUIET + SECOND), []);
      assert.deepEqual(await writes(), []);
      app.reaction = 'result';
      const { phone } = await stage.online({ phone: 'romeo' });
      await phone.set(enable({ node: 'phone' }));
      await breaks(phone);
      assert.deepEqual(await writes(), ['phone']);
      assert.equal((await stored(stage))[0]?.error, undefined);
    });
  }

  test('one node refuses no other', async (t) => {
    const { stage, app, device, writes } = await open(t);
    const phone = await device('phone');
    await breaks(phone);
    app.reaction = { condition: 'item-not-found' };
    await writes();
    app.reaction = 'result';
    await breaks(await device('tablet'));
    assert.deepEqual(await writes(), ['tablet']);
    assert.deepEqual(
      (await stored(stage)).map(({ isDisabled }) => isDisabled),
      [true, false],
    );
  });

  test('by taking the right to publish from the account is left alone', async (t) => {
    const { stage, app, juliet, writes } = await asleep(t);
    const affiliation = el('affiliation', { jid: ROMEO, affiliation: 'none' });
    const payload = new Payload([el('pubsub', { xmlns: NS_PUBSUB, node: 'phone' }, affiliation)]);
    const xml = payload.text;
    await juliet.sends(`<message to="${ROMEO}">${xml}</message>`);
    app.requests();
    assert.deepEqual(await nodes(stage), ['phone']);
    app.send(message({ type: 'normal', from: JID.parse(APP), to: JID.parse(ROMEO), payload }));
    await juliet.sends('');
    assert.deepEqual(await nodes(stage), []);
    assert.deepEqual(await writes(), []);
  });
});

describe('An app server that fails for now', () => {
  test('is asked again, later and later, while the client sleeps, until it works', async (t) => {
    const { stage, app, writes, passes } = await asleep(t);
    app.reaction = { condition: 'service-unavailable', type: 'wait' };
    assert.deepEqual(await writes(), ['phone']);
    for (let failures = 1; failures <= 8; failures++) {
      const [registration] = await stored(stage);
      assert.equal(registration?.failures, failures);
      assert.equal(registration?.isDisabled, false);
      const waitMs = (registration?.retryAt ?? 0) - stage.clock.now();
      const fullMs = Math.min(MINUTE * 2 ** (failures - 1), HOUR);
      assert.ok(waitMs >= fullMs / 2 && waitMs <= fullMs, `${waitMs} after ${failures}`);
      assert.deepEqual(await passes(waitMs - SECOND), []);
      assert.deepEqual(await passes(2 * SECOND), ['phone']);
    }
    app.reaction = 'result';
    assert.deepEqual(await passes(HOUR + SECOND), ['phone']);
    const [registration] = await stored(stage);
    assert.deepEqual([registration?.failures, registration?.retryAt, registration?.error], [0, 0, undefined]);
    assert.deepEqual(await passes(2 * HOUR), []);
  });

  test('is not asked again once the client is back', async (t) => {
    const { stage, app, writes, passes } = await asleep(t);
    app.reaction = { condition: 'resource-constraint' };
    assert.deepEqual(await writes(), ['phone']);
    await stage.online({ phone: 'romeo' });
    assert.deepEqual(await passes(2 * HOUR), []);
  });

  test('is not asked before its time because another message comes', async (t) => {
    const { app, writes, passes } = await asleep(t, { settings: { quietMs: 0 } });
    app.reaction = { condition: 'recipient-unavailable' };
    assert.deepEqual(await writes(), ['phone']);
    assert.deepEqual(await writes(), []);
    assert.deepEqual(await passes(29 * SECOND), []);
    assert.deepEqual(await passes(32 * SECOND), ['phone']);
  });

  test('is left alone after so many failures, and after a restart they are counted on', async (t) => {
    const settings = { maxFailures: 3 };
    const first = await asleep(t, { settings });
    first.app.reaction = { condition: 'remote-server-timeout' };
    await first.writes();
    await first.passes(await untilRetry(first.stage));
    assert.equal((await stored(first.stage))[0]?.failures, 2);
    const { store, clock } = first.stage;
    await first.stage.close();
    const second = await open(t, { settings, store, clock });
    second.app.reaction = { condition: 'remote-server-timeout' };
    assert.deepEqual(await second.writes(), []);
    assert.deepEqual(await second.passes(3 * MINUTE), ['phone']);
    const [registration] = await stored(second.stage);
    assert.deepEqual([registration?.failures, registration?.isDisabled], [3, true]);
    assert.deepEqual(await second.passes(2 * HOUR), []);
    assert.ok(second.stage.log.records.some(({ event }) => event === 'push.disabled'));
  });

  test('such as one that there is not, as long as no other server can be reached', async (t) => {
    const { stage, juliet, passes } = await open(t);
    const { phone } = await stage.connected({ phone: 'romeo' });
    await phone.set(enable({ jid: 'push.elsewhere.example' }));
    await breaks(phone);
    await juliet.sends(chat('hi'));
    const [registration] = await stored(stage);
    assert.deepEqual([registration?.failures, registration?.error], [1, 'remote-server-not-found']);
    await passes(await untilRetry(stage));
    assert.equal((await stored(stage))[0]?.failures, 2);
  });
});

describe('An app server that hangs', () => {
  test('delays no message, and is a failure when its time is up', async (t) => {
    const { stage, app, device, juliet, writes, passes } = await open(t);
    app.reaction = 'silence';
    await breaks(await device('phone'));
    const laptop = await device('laptop');
    assert.deepEqual(await writes('hi'), ['phone']);
    await laptop.receives(`<message from="${juliet.jid}" to="${ROMEO}" type="chat"><body>hi</body></message>`);
    await passes(TIMEOUT - SECOND);
    assert.equal((await stored(stage))[0]?.failures, 0);
    await passes(2 * SECOND);
    const [registration] = await stored(stage);
    assert.deepEqual([registration?.failures, registration?.error], [1, 'remote-server-timeout']);
  });

  test('is asked by so many at a time; the others have their turn, and other app servers work', async (t) => {
    const other = new AppServer();
    const { stage, app, juliet, passes } = await open(t, { features: [appServer(other, 'other')] });
    app.reaction = 'silence';
    const { host } = stage;
    const names = Array.from({ length: 4 }, (_, i) => `user-${i}`);
    for (const name of names) {
      const client = (await stage.online({ [name]: name }))[name];
      for (let i = 0; i < 15; i++) await client?.set(enable({ node: `${name}-${i}` }));
      await client?.set(enable({ jid: `other.${DOMAIN}`, node: name }));
      if (client !== undefined) await breaks(client);
    }
    for (const name of names) await juliet.sends(chat('hi', '', `${name}@${host.domain}`));
    assert.equal(app.requests().length, 50);
    assert.deepEqual(other.nodes(), names);
    const later = await passes(TIMEOUT + 2 * SECOND);
    assert.equal(later.length, 10);
  });

  test('and answers at last has not answered', async (t) => {
    const { stage, app, writes, passes } = await asleep(t);
    app.reaction = 'silence';
    await writes();
    await passes(TIMEOUT + SECOND);
    app.reaction = 'result';
    assert.deepEqual(await passes(MINUTE), ['phone']);
    assert.equal((await stored(stage))[0]?.failures, 0);
  });

  test('does not hold up a stop of the server, and is no failure then', async (t) => {
    const { stage, app, writes } = await asleep(t);
    app.reaction = 'silence';
    await writes();
    await stage.close();
    await stage.clock.advance(TIMEOUT);
    assert.equal((await stored(stage))[0]?.failures, 0);
  });
});
