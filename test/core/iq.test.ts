import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FeatureHost } from '../../src/core/feature.ts';
import { IqRoutes } from '../../src/core/iq.ts';
import { StanzaError } from '../../src/errors.ts';
import { JID } from '../../src/jid.ts';
import { iq, Payload } from '../../src/stanza.ts';
import { el } from '../../src/xml/element.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { Stage } from '../support/stage.ts';
import { availability, errorXml, feature, gate } from './scene.ts';

const Q = '<q xmlns="urn:q"/>';
const REQUEST = { type: 'get', ns: 'urn:q', name: 'q' } as const;

async function open(t: TestContext, setup: (host: FeatureHost) => void) {
  const stage = await Stage.open(t, { features: [availability, feature('asked', setup)] });
  return { stage, ...(await stage.connected({ romeo: 'romeo', phone: 'romeo', juliet: 'juliet' })) };
}

test('a route is type, name, namespace and addressee; whatever differs is service-unavailable', async (t) => {
  const { romeo } = await open(t, (host) => host.handle({ ...REQUEST, to: 'host' }, () => el('a', { xmlns: 'urn:q' })));
  assert.equal((await romeo.get(Q, 'stage.example'))?.name, 'a');
  assert.equal(await romeo.refused('set', Q, 'stage.example'), 'service-unavailable');
  assert.equal(await romeo.refused('get', '<p xmlns="urn:q"/>', 'stage.example'), 'service-unavailable');
  assert.equal(await romeo.refused('get', '<q xmlns="urn:p"/>', 'stage.example'), 'service-unavailable');
  assert.equal(await romeo.refused('get', '<q/>', 'stage.example'), 'service-unavailable');
  assert.equal(await romeo.refused('get', Q, 'romeo@stage.example'), 'service-unavailable');
  assert.equal(await romeo.refused('get', Q), 'service-unavailable');
});

test('the own account is asked first as self, then as any account', async (t) => {
  const { romeo, juliet } = await open(t, (host) => {
    host.handle({ ...REQUEST, to: 'self' }, ({ account, session, from }) => {
      assert.ok(from.equals(session.jid));
      return el('self', {}, account.jid.local);
    });
    host.handle({ ...REQUEST, to: 'account', audience: 'anyone' }, ({ account, from }) =>
      el('account', {}, `${account.jid.local} by ${from.local}`),
    );
    host.handle({ ...REQUEST, name: 'p', to: 'account' }, () => el('p'));
  });
  for (const to of [undefined, 'romeo@stage.example']) {
    assert.equal((await romeo.get(Q, to))?.name, 'self');
    assert.equal((await romeo.get('<p xmlns="urn:q"/>', to))?.name, 'p');
  }
  assert.equal((await juliet.get(Q, 'romeo@stage.example'))?.children[0], 'romeo by juliet');
});

test('what is for those who see the presence is refused to others as if nothing were there', async (t) => {
  const friends = new Set<string>();
  const { romeo, juliet, phone } = await open(t, (host) => {
    host.audience((_account, from) => friends.has(from.local));
    host.handle({ ...REQUEST, to: 'account' }, () => el('q', { xmlns: 'urn:q' }));
  });
  assert.equal(await juliet.refused('get', Q, 'romeo@stage.example'), 'service-unavailable');
  assert.equal(await juliet.refused('get', Q, 'nobody@stage.example'), 'service-unavailable');
  assert.equal((await romeo.get(Q, 'romeo@stage.example'))?.name, 'q');
  assert.equal((await phone.get(Q))?.name, 'q');
  friends.add('juliet');
  assert.equal((await juliet.get(Q, 'romeo@stage.example'))?.name, 'q');
});

test('an audience that has to be looked up, and one that cannot be', async (t) => {
  const { stage, juliet } = await open(t, (host) => {
    host.audience(async (_account, from) => {
      if (from.resource === 'broken') throw new Error('store');
      return from.local === 'juliet';
    });
    host.handle({ ...REQUEST, to: 'account' }, () => el('q', { xmlns: 'urn:q' }));
  });
  const { broken } = await stage.connected({ broken: 'juliet' });
  assert.equal((await juliet.get(Q, 'romeo@stage.example'))?.name, 'q');
  assert.equal(await broken.refused('get', Q, 'romeo@stage.example'), 'internal-server-error');
  assert.equal(stage.bugs().length, 1);
});

test('in the place of a session the server answers what it can; the rest reaches the session', async (t) => {
  const { romeo, juliet } = await open(t, (host) =>
    host.handle({ ...REQUEST, to: 'session' }, ({ target, account }) =>
      el('q', {}, `${account.jid} ${target.jid.resource}`),
    ),
  );
  assert.equal((await juliet.get(Q, romeo.jid))?.children[0], 'romeo@stage.example romeo');
  await juliet.sends(`<iq type="set" id="1" to="${romeo.jid}">${Q}</iq>`);
  await romeo.receives(`<iq type="set" id="1" from="${juliet.jid}" to="${romeo.jid}">${Q}</iq>`);
  await juliet.sends(`<iq type="result" id="1" to="${romeo.jid}">${Q}</iq>`);
  await romeo.receives(`<iq type="result" id="1" from="${juliet.jid}" to="${romeo.jid}">${Q}</iq>`);
});

test('what a handler throws is the answer: its error, or ours and a bug', async (t) => {
  const { stage, romeo } = await open(t, (host) => {
    host.handle({ ...REQUEST, to: 'host' }, () => {
      throw new StanzaError('forbidden');
    });
    host.handle({ ...REQUEST, name: 'async', to: 'host' }, () => Promise.reject(new StanzaError('forbidden')));
    host.handle({ ...REQUEST, name: 'bug', to: 'host' }, () => {
      throw new TypeError('secret');
    });
    host.handle({ ...REQUEST, name: 'async-bug', to: 'self' }, () => Promise.reject(new TypeError('secret')));
  });
  assert.equal(await romeo.refused('get', Q, 'stage.example'), 'forbidden');
  assert.equal(await romeo.refused('get', '<async xmlns="urn:q"/>', 'stage.example'), 'forbidden');
  assert.deepEqual(stage.bugs(), []);
  assert.equal(await romeo.refused('get', '<bug xmlns="urn:q"/>', 'stage.example'), 'internal-server-error');
  assert.equal(await romeo.refused('get', '<async-bug xmlns="urn:q"/>'), 'internal-server-error');
  assert.deepEqual(
    stage.bugs().map(({ fields }) => fields['where']),
    ['iq/bug', 'iq/async-bug'],
  );
});

test('a handler that never answers is given up after a time, and its late answer dropped', async (t) => {
  const late = gate();
  const { stage, romeo } = await open(t, (host) => host.handle({ ...REQUEST, to: 'host' }, () => late.promise));
  await romeo.sends(`<iq type="get" id="1" to="stage.example">${Q}</iq><message to="${romeo.jid}"/>`);
  await stage.clock.advance(29_999);
  await romeo.receivesNothing();
  await stage.clock.advance(1);
  await romeo.receives(
    `<iq type="error" id="1" from="stage.example" to="${romeo.jid}">${errorXml('internal-server-error')}</iq>`,
  );
  await romeo.nextNamed('message');
  late.open();
  await romeo.receivesNothing();
  stage.bugs();
});

test('a session that ends while its request is handled is not answered', async (t) => {
  const late = gate();
  const { romeo, phone } = await open(t, (host) => host.handle({ ...REQUEST, to: 'self' }, () => late.promise));
  await romeo.sends(`<iq type="get" id="1">${Q}</iq><message to="${phone.jid}"/>`);
  romeo.transport.break();
  late.open();
  await phone.receivesNothing();
  assert.deepEqual(romeo.transport.received, []);
});

test('a patient handler is waited for however long it takes', async (t) => {
  const late = gate();
  const { stage, romeo } = await open(t, (host) => {
    host.handle({ ...REQUEST, to: 'self', isPatient: true }, () => late.promise);
  });
  await romeo.sends(`<iq type="get" id="1">${Q}</iq>`);
  await stage.clock.advance(120_000);
  await romeo.receivesNothing();
  late.open();
  await romeo.receives(`<iq type="result" id="1" to="${romeo.jid}"/>`);
});

test('two handlers of one route do not start; one that was removed does not answer', () => {
  const routes = new IqRoutes({ clock: new ManualClock(), timeoutMs: () => 1000, bug: () => assert.fail() });
  const remove = routes.add({ ...REQUEST, to: 'host' }, () => undefined);
  assert.throws(() => routes.add({ ...REQUEST, to: 'host' }, () => undefined), /two handlers for host get q urn:q/);
  const question = el('q', { xmlns: 'urn:q' });
  assert.ok(routes.has('get', question, 'host'));
  remove();
  assert.ok(!routes.has('get', question, 'host'));
  routes.add({ ...REQUEST, to: 'host' }, () => undefined)();
});

test('our own request is answered by its session: a result, an error, nobody, or too late', async (t) => {
  let ask: (to: string) => Promise<unknown> = () => Promise.resolve();
  const { stage, romeo, juliet } = await open(t, (host) => {
    ask = (to) => {
      const payload = new Payload([el('q', { xmlns: 'urn:q' })]);
      const request = iq({ type: 'get', from: host.jid, to: JID.parse(to), payload });
      return host.request(request).then(
        (answer) => answer?.name ?? 'nothing',
        (error: unknown) => (error instanceof StanzaError ? error.condition : 'no'),
      );
    };
  });
  const answered = ask(romeo.jid);
  await settle();
  const request = await romeo.nextNamed('iq');
  const id = request.attrs['id'];
  // Others do not know the number, and it would not help them.
  await juliet.sends(`<iq type="result" id="${id}" to="stage.example"><forged xmlns="urn:q"/></iq>`);
  await romeo.sends(`<iq type="result" id="other" to="stage.example"/>`);
  await romeo.sends(`<iq type="result" id="${id}" to="stage.example"><a xmlns="urn:q"/></iq>`);
  assert.equal(await answered, 'a');

  const refused = ask(romeo.jid);
  await settle();
  const second = (await romeo.nextNamed('iq')).attrs['id'];
  const inherited = '<constructor xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>';
  await romeo.sends(
    `<iq type="error" id="${second}" to="stage.example"><error type="cancel">${inherited}</error></iq>`,
  );
  assert.equal(await refused, 'undefined-condition');

  assert.equal(await ask('romeo@stage.example/nowhere'), 'service-unavailable');
  assert.equal(await ask('nobody@stage.example/x'), 'service-unavailable');
  assert.equal(await ask('far.example'), 'remote-server-not-found');

  const late = ask(romeo.jid);
  await settle();
  const third = (await romeo.nextNamed('iq')).attrs['id'];
  await stage.clock.advance(60_000);
  assert.equal(await late, 'remote-server-timeout');
  await romeo.sends(`<iq type="result" id="${third}"/>`);
  await romeo.receivesNothing();
});

test('our request reaches a client that answers without an address', async (t) => {
  let ask: () => Promise<unknown> = () => Promise.resolve();
  const { romeo } = await open(t, (host) => {
    ask = () => {
      const payload = new Payload([el('q', { xmlns: 'urn:q' })]);
      return host.request(iq({ type: 'get', from: host.jid, to: JID.parse('romeo@stage.example/romeo'), payload }));
    };
  });
  const answered = ask();
  await settle();
  await romeo.sends(`<iq type="result" id="${(await romeo.nextNamed('iq')).attrs['id']}"/>`);
  assert.equal(await answered, undefined);
});
