import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Feature } from '../../src/core/feature.ts';
import { sm } from '../../src/features/sm/index.ts';
import { message, Payload } from '../../src/stanza.ts';
import { attr, child, type Element, el, serialize } from '../../src/xml/element.ts';
import { feature } from '../core/scene.ts';
import {
  BIND,
  DOMAIN,
  identifierOf,
  LAPTOP,
  NS_BIND2,
  NS_SASL2,
  NS_SM,
  namesIn,
  open,
  PASSWORD,
  PHONE,
  type Sasl2Client,
} from './sasl2-scene.ts';

const NS_STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const ENABLE = `<enable xmlns='${NS_SM}' resume='true'/>`;

function bindWith(content: string): string {
  return `<bind xmlns='${NS_BIND2}'>${content}</bind>`;
}

function resourceOf(success: Element): string {
  return identifierOf(success).slice(`romeo@${DOMAIN}/`.length);
}

/** A feature that can be had with binding, and that says what it was asked. */
function extra(bound: (request: Element) => Element | undefined): Feature {
  return feature('extra', (host) => host.inline({ name: 'urn:x:extra', bound: ({ request }) => bound(request) }));
}

describe('Binding a resource with the login', () => {
  test('what a session is sent before the login is answered counts as sent', async (t) => {
    const greeting = feature('greeting', (host) =>
      host.inline({
        name: undefined,
        async bound({ session }) {
          host.deliver(session, message({ type: 'headline', to: session.jid, payload: Payload.EMPTY }));
          return undefined;
        },
      }),
    );
    const { stage, connect } = await open(t, { features: [greeting, sm] });
    const client = await connect();
    const success = await client.plain({ clientId: PHONE, children: bindWith(ENABLE) });
    assert.match(serialize(success), /<enabled /);
    const session = stage.host.account('romeo')?.sessions.get(resourceOf(success));
    assert.equal(session?.outbox?.sent, 1);
    await client.stage.sends(`<a xmlns='${NS_SM}' h='1'/>`);
    assert.equal(client.stage.transport.isClosed, false);
    assert.equal(session.outbox?.length, 0);
  });

  test('the same user-agent id and tag twice gives the same resource; the id is not in it; the first session ends with `conflict`', async (t) => {
    const { stage, connect } = await open(t);
    const [first, second] = [await connect(), await connect()];
    const resource = resourceOf(await first.plain({ clientId: PHONE, children: BIND }));
    assert.equal(resourceOf(await second.plain({ clientId: PHONE, children: BIND })), resource);
    assert.match(resource, /^Pelican\/[\w-]{12}$/);
    for (const part of PHONE.split('-')) assert.ok(!resource.includes(part));
    await first.stage.isClosedWith('conflict');
    assert.deepEqual([...(stage.host.account('romeo')?.sessions.keys() ?? [])], [resource]);
  });

  test('another tag, another client or another user has another resource', async (t) => {
    const { stage, connect } = await open(t);
    await stage.host.users.create('juliet', PASSWORD);
    const options = [
      { clientId: PHONE, children: BIND },
      { clientId: PHONE, children: bindWith('<tag>Gannet</tag>') },
      { clientId: LAPTOP, children: BIND },
      { clientId: PHONE, children: BIND, user: 'juliet' },
      { clientId: PHONE, children: bindWith('') },
    ];
    const generated = new Set<string | undefined>();
    for (const option of options) {
      generated.add(
        identifierOf(await (await connect()).plain(option))
          .split('/')
          .at(-1),
      );
    }
    assert.equal(generated.size, options.length);
  });

  test('a session of the same client ends with `conflict` whatever its resource; those of others stay', async (t) => {
    const { stage, connect } = await open(t);
    const [phone, laptop, nameless, again] = [await connect(), await connect(), await connect(), await connect()];
    await phone.plain({ clientId: PHONE, children: BIND });
    await laptop.plain({ clientId: LAPTOP, children: BIND });
    await nameless.plain({ children: BIND });
    await again.plain({ clientId: PHONE, children: bindWith('<tag>Gannet</tag>') });
    await phone.stage.isClosedWith('conflict');
    assert.equal(stage.host.account('romeo')?.sessions.size, 3);
  });

  test('a client without an identifier has another resource each time', async (t) => {
    const { connect } = await open(t);
    const one = resourceOf(await (await connect()).plain({ children: BIND }));
    const other = resourceOf(await (await connect()).plain({ children: BIND }));
    assert.notEqual(one, other);
  });

  test('a tag that cannot be is left out', async (t) => {
    const { connect } = await open(t);
    const tags = ['', 'x'.repeat(65), 'ü'.repeat(33), 'tab&#x9;', 'x&#x7f;'];
    for (const tag of tags) {
      const success = await (await connect()).plain({ clientId: PHONE, children: bindWith(`<tag>${tag}</tag>`) });
      assert.match(resourceOf(success), /^[\w-]{12}$/, tag);
    }
    const success = await (await connect()).plain({ children: bindWith(`<tag>${'x'.repeat(64)}</tag>`) });
    assert.match(resourceOf(success), /^x{64}\//);
  });

  test('a resource that cannot be bound leaves the login good, and RFC 6120 may bind it', async (t) => {
    const { connect } = await open(t, { config: { limits: { account: { sessions: 1 } } } });
    const [first, second] = [await connect(), await connect()];
    await first.plain({ clientId: PHONE, children: BIND });
    const success = await second.plain({ clientId: LAPTOP, children: BIND });
    assert.equal(identifierOf(success), `romeo@${DOMAIN}`);
    const failed = child(success, 'failed', NS_BIND2);
    assert.ok(failed && child(failed, 'resource-constraint', NS_STANZAS), serialize(success));
    const features = await second.stage.nextNamed('features');
    assert.ok(child(features, 'bind', 'urn:ietf:params:xml:ns:xmpp-bind'));
  });

  test('what is sent to the resource meanwhile comes after success and features', async (t) => {
    const { stage, connect } = await open(t);
    const { juliet } = await stage.connected({ juliet: 'juliet' });
    const [first, second] = [await connect(), await connect()];
    const jid = identifierOf(await first.plain({ clientId: PHONE, children: BIND }));
    stage.store.hold();
    const request = `<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>`;
    const login = second.plain({ clientId: PHONE, children: BIND + request });
    await first.stage.isClosedWith('conflict');
    await juliet.sends(`<message to='${jid}' type='chat'><body>hi</body></message>`);
    stage.store.release();
    assert.equal((await login).name, 'success');
    await second.stage.nextNamed('features');
    await second.stage.nextNamed('message');
  });

  test('a connection that breaks meanwhile leaves no session', async (t) => {
    const { stage, connect } = await open(t);
    const client = await connect();
    stage.store.hold();
    const request = `<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-NONE'/>`;
    client.plain({ clientId: PHONE, children: BIND + request }).catch(() => undefined);
    while (stage.host.account('romeo')?.sessions.size !== 1) await new Promise((resolve) => setImmediate(resolve));
    client.stage.transport.break();
    stage.store.release();
    while (stage.connections > 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(stage.host.account('romeo')?.sessions.size, 0);
  });

  test('is not offered, and not done, where the operator does not want it', async (t) => {
    const { connect } = await open(t, { config: { features: { bind2: false } } });
    const client = await connect();
    assert.ok(!serialize(client.features ?? el('none')).includes(NS_BIND2));
    assert.equal(identifierOf(await client.plain({ children: BIND })), `romeo@${DOMAIN}`);
  });
});

describe('A feature that can be had with the binding', () => {
  test('is listed, asked, and answered for', async (t) => {
    const asked = extra((request) =>
      child(request, 'enable', 'urn:x:extra') ? el('on', { xmlns: 'urn:x' }) : undefined,
    );
    const { connect } = await open(t, { features: [asked] });
    const client = await connect();
    assert.ok(serialize(client.features ?? el('none')).includes('<inline><feature var="urn:x:extra"/></inline>'));
    const success = await client.plain({ children: bindWith("<enable xmlns='urn:x:extra'/>") });
    const bound = child(success, 'bound', NS_BIND2);
    assert.ok(bound && child(bound, 'on', 'urn:x'));
    const without = await (await connect()).plain({ children: bindWith('') });
    assert.deepEqual(namesIn(child(without, 'bound', NS_BIND2)), []);
  });

  test('that fails is reported and does without', async (t) => {
    const broken = extra(() => {
      throw new Error('broken');
    });
    const { stage, connect } = await open(t, { features: [broken] });
    const success = await (await connect()).plain({ children: BIND });
    assert.deepEqual(namesIn(child(success, 'bound', NS_BIND2)), []);
    assert.equal(stage.bugs().length, 1);
  });
});

describe('Stream management with the login', () => {
  async function enabled(client: Sasl2Client, clientId = PHONE): Promise<{ id: string; jid: string }> {
    const success = await client.plain({ clientId, children: bindWith(`<tag>Pelican</tag>${ENABLE}`) });
    const bound = child(success, 'bound', NS_BIND2);
    const answer = bound && child(bound, 'enabled', NS_SM);
    assert.ok(answer, serialize(success));
    await client.stage.nextNamed('features');
    return { id: attr(answer, 'id') ?? '', jid: identifierOf(success) };
  }

  function resume(id: string, h = 0): string {
    return `<resume xmlns='${NS_SM}' previd='${id}' h='${h}'/>`;
  }

  test('is listed where it can be had, for resuming and for binding', async (t) => {
    const { connect } = await open(t, { features: [sm] });
    const { features } = await connect();
    const authentication = features && child(features, 'authentication', NS_SASL2);
    const inline = authentication && child(authentication, 'inline');
    assert.deepEqual(namesIn(inline), ['bind', 'sm', 'fast']);
    assert.ok(serialize(inline ?? el('none')).includes(`<feature var="${NS_SM}"/>`));
  });

  test('resume plus bind: good resume ignores bind and sends no features', async (t) => {
    const { stage, connect } = await open(t, { features: [sm] });
    const [first, second] = [await connect(), await connect()];
    const { id, jid } = await enabled(first);
    first.stage.transport.break();
    const { juliet } = await stage.connected({ juliet: 'juliet' });
    await juliet.sends(`<message to='${jid}' type='chat'><body>hi</body></message>`);
    const success = await second.plain({ clientId: PHONE, children: resume(id) + BIND });
    assert.equal(identifierOf(success), jid);
    assert.deepEqual(namesIn(success), ['authorization-identifier', 'resumed']);
    await second.stage.nextNamed('message');
    assert.ok(!second.stage.transport.received.some(({ name }) => name === 'features'));
    assert.equal(stage.host.account('romeo')?.sessions.size, 1);
  });

  test('bad resume yields `<failed>` and `<bound>` together', async (t) => {
    const { connect } = await open(t, { features: [sm] });
    const client = await connect();
    const success = await client.plain({ clientId: PHONE, children: resume('unknown') + BIND });
    assert.deepEqual(namesIn(success), ['authorization-identifier', 'failed', 'bound']);
    const failed = child(success, 'failed', NS_SM);
    assert.ok(failed && child(failed, 'item-not-found', NS_STANZAS));
    assert.match(identifierOf(success), /\/Pelican\//);
    await client.stage.nextNamed('features');
  });

  test("resuming another user's session id fails with `item-not-found`", async (t) => {
    const { stage, connect } = await open(t, { features: [sm] });
    await stage.host.users.create('juliet', PASSWORD);
    const [first, second] = [await connect(), await connect()];
    const { id } = await enabled(first);
    const success = await second.plain({ user: 'juliet', clientId: PHONE, children: resume(id) });
    const failed = child(success, 'failed', NS_SM);
    assert.ok(failed && child(failed, 'item-not-found', NS_STANZAS), serialize(success));
    assert.equal(identifierOf(success), `juliet@${DOMAIN}`);
    assert.equal(first.stage.transport.isClosed, false);
  });

  test('another client of the same user cannot resume a session', async (t) => {
    const { connect } = await open(t, { features: [sm] });
    const [first, second] = [await connect(), await connect()];
    const { id } = await enabled(first);
    const success = await second.plain({ clientId: LAPTOP, children: resume(id) });
    assert.ok(child(child(success, 'failed', NS_SM) ?? success, 'item-not-found', NS_STANZAS));
    assert.equal(first.stage.transport.isClosed, false);
  });

  test('a hibernating session ends when its client binds anew', async (t) => {
    const { stage, connect } = await open(t, { features: [sm] });
    const [first, second] = [await connect(), await connect()];
    await enabled(first);
    first.stage.transport.break();
    assert.equal(stage.host.account('romeo')?.sessions.size, 1);
    await second.plain({ clientId: PHONE, children: bindWith('<tag>Gannet</tag>') });
    assert.equal(stage.host.account('romeo')?.sessions.size, 1);
  });

  test('a resumed session has the identity of the new login', async (t) => {
    const { stage, connect } = await open(t, { features: [sm] });
    const [first, second] = [await connect(), await connect()];
    const { id } = await enabled(first);
    first.stage.transport.break();
    await stage.clock.advance(1000);
    await second.plain({ clientId: PHONE, children: resume(id) });
    const [session] = stage.host.account('romeo')?.sessions.values() ?? [];
    assert.equal(session?.login?.at, stage.clock.now());
  });
});
