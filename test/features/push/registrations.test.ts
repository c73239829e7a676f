import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disco } from '../../../src/features/disco/index.ts';
import { push } from '../../../src/features/push/index.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import { attr, children } from '../../../src/xml/element.ts';
import { BIND, identifierOf, LAPTOP, PHONE } from '../../c2s/sasl2-scene.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';
import {
  list,
  loginThrough,
  makeGrant,
  NEW_PASSWORD,
  open as openClients,
  revoke,
} from '../client-management/scene.ts';
import { APP, breaks, disable, enable, NS, nodes, open, ROMEO, stored } from './scene.ts';

const FORM = `<x xmlns="jabber:x:data" type="submit"><field var="FORM_TYPE"><value>http://jabber.org/protocol/pubsub#publish-options</value></field><field var="secret"><value>eruio234vzxc2kla-91</value></field></x>`;

test('an account says that its clients can be woken; the server does not', async (t) => {
  const { stage } = await open(t, { features: [disco] });
  const { phone } = await stage.connected({ phone: 'romeo' });
  const features = async (to: string): Promise<(string | undefined)[]> => {
    const info = await phone.get('<query xmlns="http://jabber.org/protocol/disco#info"/>', to);
    assert.ok(info);
    return children(info, 'feature').map((one) => attr(one, 'var'));
  };
  assert.ok((await features(ROMEO)).includes(NS));
  assert.ok(!(await features(DOMAIN)).includes(NS));
});

describe('Enabling', () => {
  test('notes the client, the app server, the node and the options, durably', async (t) => {
    const { stage } = await open(t);
    const { phone } = await stage.connected({ phone: 'romeo' });
    assert.equal(await phone.set(enable({ node: 'yxs32', content: FORM }), ROMEO), undefined);
    assert.deepEqual(await stored(stage), [
      {
        service: APP,
        node: 'yxs32',
        options: FORM,
        client: 'resource/phone',
        enabledAt: stage.clock.now(),
        failures: 0,
        retryAt: 0,
        isDisabled: false,
        grantId: undefined,
        error: undefined,
      },
    ]);
  });

  test('is per node: the same one again replaces its options, another is added', async (t) => {
    const { stage } = await open(t);
    const { phone } = await stage.connected({ phone: 'romeo' });
    await phone.set(enable({ node: 'a', content: FORM }));
    await phone.set(enable({ node: 'b' }));
    await phone.set(enable({ jid: 'push.elsewhere.example', node: 'a' }));
    await phone.set(enable({ node: 'a' }));
    assert.deepEqual(
      (await stored(stage)).map(({ service, node, options }) => [service, node, options]),
      [
        [APP, 'b', undefined],
        ['push.elsewhere.example', 'a', undefined],
        [APP, 'a', undefined],
      ],
    );
  });

  test('works without a node', async (t) => {
    const { stage, app, juliet } = await open(t);
    const { phone } = await stage.connected({ phone: 'romeo' });
    await phone.set(`<enable xmlns="${NS}" jid="${APP}"/>`);
    await breaks(phone);
    await juliet.sends(`<message to="${ROMEO}" type="chat"><body>hi</body></message>`);
    assert.deepEqual(app.nodes(), ['']);
  });

  test('is refused when it is not understood, or asks for what must not be', async (t) => {
    const { stage, juliet } = await open(t);
    const { phone } = await stage.connected({ phone: 'romeo' });
    const form = (type: string, ns: string): string =>
      FORM.replace('submit', type).replace('pubsub#publish-options', ns);
    const cases: [request: string, condition: string][] = [
      [`<enable xmlns="${NS}" node="n"/>`, 'bad-request'],
      [enable({ jid: '' }), 'bad-request'],
      [enable({ jid: '@' }), 'jid-malformed'],
      [enable({ jid: DOMAIN }), 'not-acceptable'],
      [enable({ jid: `juliet@${DOMAIN}/juliet` }), 'not-acceptable'],
      [enable({ content: form('cancel', 'pubsub#publish-options') }), 'bad-request'],
      [enable({ content: form('submit', 'pubsub#node_config') }), 'bad-request'],
      [enable({ content: FORM + FORM }), 'bad-request'],
      [enable({ node: 'n'.repeat(1025) }), 'policy-violation'],
      [enable({ content: FORM.replace('-91', '9'.repeat(4096)) }), 'policy-violation'],
      [`<disable xmlns="${NS}"/>`, 'bad-request'],
      [disable('@'), 'jid-malformed'],
    ];
    for (const [request, condition] of cases) assert.equal(await phone.refused('set', request), condition, request);
    assert.equal(await phone.refused('get', enable()), 'service-unavailable');
    assert.equal(await juliet.refused('set', enable(), ROMEO), 'service-unavailable');
    assert.deepEqual(await stored(stage), []);
    await phone.set(enable({ node: 'n'.repeat(1024) }));
  });

  test('is not for guests', async (t) => {
    const config = { auth: { mechanisms: ['ANONYMOUS'] } };
    const stage = await Stage.open(t, { features: [push], config });
    const guest = stage.connect('guest');
    await guest.open();
    await guest.sends('<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="ANONYMOUS"/>');
    await guest.nextNamed('success');
    await guest.open();
    await guest.bind('phone');
    assert.equal(await guest.refused('set', enable()), 'not-allowed');
  });

  test('beyond the limit drops one that does not work, else the oldest', async (t) => {
    const { stage, app, juliet } = await open(t, { settings: { maxRegistrations: 3 } });
    const { phone } = await stage.connected({ phone: 'romeo' });
    for (const node of ['a', 'b', 'c', 'd']) await phone.set(enable({ node }));
    assert.deepEqual(await nodes(stage), ['b', 'c', 'd']);
    app.reaction = { condition: 'item-not-found' };
    await phone.set(enable({ node: 'c' }));
    await phone.set(disable(APP, 'd'));
    await phone.set(disable(APP, 'b'));
    await breaks(phone);
    await juliet.sends(`<message to="${ROMEO}" type="chat"><body>hi</body></message>`);
    const { phone: again } = await stage.connected({ phone: 'romeo' });
    for (const node of ['e', 'f', 'g']) await again.set(enable({ node }));
    assert.deepEqual(await nodes(stage), ['e', 'f', 'g']);
  });
});

describe('Disabling', () => {
  test('is of one node, or of all of an app server, whichever client asks', async (t) => {
    const { stage } = await open(t);
    const { phone, laptop } = await stage.connected({ phone: 'romeo', laptop: 'romeo' });
    for (const node of ['a', 'b', 'c']) await phone.set(enable({ node }));
    await laptop.set(enable({ jid: 'push.elsewhere.example', node: 'a' }));
    assert.equal(await phone.set(disable(APP, 'a')), undefined);
    assert.deepEqual(await nodes(stage), ['b', 'c', 'a']);
    assert.equal(await laptop.set(disable(APP)), undefined);
    assert.deepEqual(
      (await stored(stage)).map(({ service }) => service),
      ['push.elsewhere.example'],
    );
    assert.equal(await laptop.set(disable('push.elsewhere.example', 'a')), undefined);
    assert.equal(await laptop.set(disable('push.elsewhere.example', 'a')), undefined);
    assert.deepEqual(await stored(stage), []);
  });

  test('ends what would have been sent', async (t) => {
    const { device, writes } = await open(t);
    const laptop = await device('laptop');
    await breaks(await device('phone'));
    await laptop.set(disable(APP, 'phone'));
    assert.deepEqual(await writes(), []);
  });
});

describe('What is registered goes', () => {
  test('with the account, and the next of its name has none', async (t) => {
    const { stage, device, writes } = await open(t);
    await breaks(await device('phone'));
    await device('laptop');
    await stage.host.removeUser('romeo');
    assert.deepEqual(await stored(stage), []);
    await stage.host.users.create('romeo', PASSWORD);
    assert.deepEqual(await writes(), []);
  });

  test('with the account, even while a request for it fails', async (t) => {
    const { stage, app, device, writes } = await open(t);
    app.reaction = 'silence';
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), ['phone']);
    await stage.host.removeUser('romeo');
    await stage.clock.advance(60_000);
    assert.deepEqual(await stored(stage), []);
  });

  test('with the access of a client, be it known by its identifier or by its resource', async (t) => {
    const scene = await openClients(t, { features: [push] });
    const { client: phone } = await scene.phone();
    await phone.set(enable({ node: 'phone' }));
    const login = await scene.connect();
    await login.plain({ children: BIND });
    const tablet = login.stage;
    await tablet.next();
    await tablet.set(enable({ node: 'tablet' }));
    await breaks(phone);
    await scene.stage.clock.advance(1000);
    const { client: laptop } = await scene.phone(LAPTOP);
    await laptop.set(enable({ node: 'laptop' }));
    assert.deepEqual(
      (await stored(scene.stage)).map(({ client }) => client.split('/')[0]),
      ['client', 'resource', 'client'],
    );
    for (const { id } of (await list(laptop)).slice(0, 2)) {
      assert.equal(await laptop.refused('set', revoke(id)), 'service-unavailable');
    }
    assert.deepEqual(await nodes(scene.stage), ['laptop']);
  });

  test('with the grant through which it was registered', async (t) => {
    const scene = await openClients(t, { features: [push] });
    const grant = await makeGrant(scene.stage);
    const client = await loginThrough(scene, grant);
    await client.set(enable({ node: 'phone' }));
    const { client: laptop } = await scene.phone(LAPTOP);
    await laptop.set(enable({ node: 'laptop' }));
    const [registration] = await stored(scene.stage);
    assert.ok(registration?.grantId);
    await scene.stage.host.grants.revoke('romeo', registration.grantId);
    await laptop.sends('');
    assert.deepEqual(await nodes(scene.stage), ['laptop']);
  });

  test('with the password, but for that of the client that changes it', async (t) => {
    const scene = await openClients(t, { features: [push] });
    const { client: phone } = await scene.phone(PHONE);
    await phone.set(enable({ node: 'phone' }));
    const { client: laptop } = await scene.phone(LAPTOP);
    await laptop.set(enable({ node: 'laptop' }));
    await laptop.set(NEW_PASSWORD, DOMAIN);
    await laptop.sends('');
    assert.deepEqual(await nodes(scene.stage), ['laptop']);
    await scene.stage.host.users.setPassword('romeo', PASSWORD);
    await laptop.isClosedWith('reset');
    assert.deepEqual(await nodes(scene.stage), []);
  });
});

test('what is registered is known after the account was out of memory, and after a restart', async (t) => {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  const first = await open(t, { clock, store });
  await breaks(await first.device('phone'));
  await first.stage.close();
  const second = await open(t, { clock, store });
  assert.equal(second.stage.host.account('romeo'), undefined);
  assert.deepEqual(await second.writes(), ['phone']);
});

test('a client with an identifier is the same whatever resource it takes', async (t) => {
  const scene = await openClients(t, { features: [push] });
  const { client, jid } = await scene.phone(PHONE);
  await client.set(enable({ node: 'phone' }));
  const again = await scene.connect();
  const success = await again.plain({ clientId: PHONE, children: BIND.replace('Pelican', 'Other') });
  await again.stage.next();
  assert.notEqual(identifierOf(success), jid);
  await again.stage.set(enable({ node: 'phone-2' }));
  assert.deepEqual(
    (await stored(scene.stage)).map(({ client: name }) => name),
    [`client/${PHONE}`, `client/${PHONE}`],
  );
});
