import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { accountReceives, accountSends } from '../../../src/core/points.ts';
import { carbons } from '../../../src/features/carbons/index.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { attr, child, el, elements, serialize } from '../../../src/xml/element.ts';
import { NS_BIND2, NS_SASL2, open } from '../../c2s/sasl2-scene.ts';
import { settle } from '../../support/manual-clock.ts';
import { ownPresence } from '../../support/presence.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { enable, resumed } from '../sm/scene.ts';
import {
  arrives,
  BODY,
  carbon,
  DISABLE,
  ENABLE,
  JULIET,
  message,
  NS,
  openStage,
  ROMEO,
  receiveNothing,
} from './scene.ts';

test('carbons and their rules are advertised by the server and by accounts', async (t) => {
  const { home } = await openStage(t, disco);
  for (const to of [DOMAIN, undefined]) {
    const info = await home.get("<query xmlns='http://jabber.org/protocol/disco#info'/>", to);
    const features = elements(info ?? el('none')).map((element) => attr(element, 'var'));
    assert.ok(features.includes(NS), to);
    assert.ok(features.includes('urn:xmpp:carbons:rules:0'), to);
  }
});

test('they can be enabled and disabled again and again, and the request is only for the own session', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  for (const request of [ENABLE, ENABLE, DISABLE, DISABLE, ENABLE]) {
    assert.equal(await street.set(request), undefined);
    assert.equal(await street.set(request, ROMEO), undefined);
  }
  assert.equal(await balcony.refused('set', ENABLE, ROMEO), 'service-unavailable');
  assert.equal(await balcony.refused('set', ENABLE, `nobody@${DOMAIN}`), 'service-unavailable');
  assert.equal(await street.refused('get', ENABLE), 'service-unavailable');
  await home.set(DISABLE);
  await balcony.sends(message(`to='${ROMEO}/garden' type='chat'`));
  await garden.nextNamed('message');
  await street.nextNamed('message');
  await receiveNothing(home, garden, street, balcony);
});

test('a message to one device is copied to the others with carbons, as it was', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  const attributes = `id='m1' type='chat' xml:lang='it' urgent='yes' to='${ROMEO}/garden'`;
  const content = `${BODY}<thread>0e31</thread><x xmlns='urn:example'>&amp;<y/></x>`;
  await balcony.sends(message(attributes, content));
  const original = message(`from='${JULIET}/balcony' ${attributes}`, content);
  await garden.receives(original);
  await home.receives(carbon('received', 'home', original));
  await receiveNothing(home, garden, street, balcony);
});

test('a message to the account is copied to the devices that do not get it', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  await home.sends('<presence><priority>-1</priority></presence>');
  await garden.sends('<presence type="unavailable"/>');
  await balcony.sends(message(`to='${ROMEO}' type='chat'`));
  const original = message(`from='${JULIET}/balcony' to='${ROMEO}' type='chat'`);
  await street.receives(original);
  await home.receives(carbon('received', 'home', original));
  await garden.receives(carbon('received', 'garden', original));
  await receiveNothing(home, garden, street, balcony);
});

test('a message to the account that all devices get is not copied', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  await balcony.sends(message(`to='${ROMEO}' type='chat'`));
  for (const client of [home, garden, street]) {
    await client.receives(message(`from='${JULIET}/balcony' to='${ROMEO}' type='chat'`));
  }
  await receiveNothing(home, garden, street);
});

test('a message that is sent is copied to the other devices, whether its sender has carbons or not', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  for (const [sender, resource, others] of [
    [home, 'home', { garden }],
    [street, 'street', { home, garden }],
  ] as const) {
    await sender.sends(message(`to='${JULIET}/balcony' type='chat'`));
    const original = message(`from='${ROMEO}/${resource}' to='${JULIET}/balcony' type='chat'`);
    await balcony.receives(original);
    for (const [to, client] of Object.entries<StageClient>(others)) await client.receives(carbon('sent', to, original));
    await receiveNothing(home, garden, street, balcony);
  }
});

test('a message among devices of an account reaches each of them once', async (t) => {
  const { home, garden, street } = await openStage(t);
  await home.sends(message(`to='${ROMEO}/street' type='chat'`));
  const original = message(`from='${ROMEO}/home' to='${ROMEO}/street' type='chat'`);
  await street.receives(original);
  await garden.receives(carbon('received', 'garden', original));
  await receiveNothing(home, garden, street);
  for (const address of ['', `to='${ROMEO}'`]) {
    await home.sends(message(`${address} type='chat'`));
    for (const client of [home, garden, street]) await client.receives(message(`from='*' to='${ROMEO}' type='chat'`));
    await receiveNothing(home, garden, street);
  }
});

test('a message that nobody gets is not copied', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  await balcony.sends(message(`to='${ROMEO}/nowhere' type='normal'`));
  assert.equal(attr(await balcony.nextNamed('message'), 'type'), 'error');
  await receiveNothing(home, garden, street, balcony);
});

test('a copy has the type of the message', async (t) => {
  const { home, garden, balcony } = await openStage(t);
  await balcony.sends(message(`to='${ROMEO}/garden'`));
  const original = message(`from='${JULIET}/balcony' to='${ROMEO}/garden'`);
  await garden.receives(original);
  await home.receives(carbon('received', 'home', original, 'normal'));
});

test('copies show what the own devices may see, and wait for what the message waits for', async (t) => {
  const NOTE = "<stanza-id xmlns='urn:xmpp:sid:0' id='17'/>";
  let store = (): void => {};
  const archive: Feature = {
    name: 'archive',
    specs: [],
    setup(host) {
      for (const point of [accountSends, accountReceives]) {
        host.filter(point, (passage) => {
          if (passage.stanza.kind !== 'message' || passage.account.jid.local !== 'romeo') return;
          passage.annotate(el('stanza-id', { xmlns: 'urn:xmpp:sid:0', id: '17' }));
          passage.waitUntil(new Promise<void>((resolve) => (store = resolve)));
        });
      }
    },
  };
  const { home, garden, balcony } = await openStage(t, archive, disco);
  await home.sends(message(`to='${JULIET}' type='chat'`));
  await receiveNothing(garden, balcony);
  store();
  await balcony.receives(message(`from='${ROMEO}/home' to='${JULIET}' type='chat'`));
  await garden.receives(
    carbon('sent', 'garden', message(`from='${ROMEO}/home' to='${JULIET}' type='chat'`, BODY + NOTE)),
  );
  await balcony.sends(message(`to='${ROMEO}/home' type='chat'`));
  await receiveNothing(home, garden);
  store();
  const original = message(`from='${JULIET}/balcony' to='${ROMEO}/home' type='chat'`, BODY + NOTE);
  await home.receives(original);
  await garden.receives(carbon('received', 'garden', original));
});

test('a message that cannot be stored is copied to nobody', async (t) => {
  const broken: Feature = {
    name: 'broken',
    specs: [],
    setup: (host) =>
      host.filter(accountSends, (passage) => {
        if (passage.stanza.kind === 'message') passage.waitUntil(Promise.reject(new Error('disk full')));
      }),
  };
  const { home, garden, street, balcony } = await openStage(t, broken, disco);
  await home.sends(message(`to='${JULIET}' type='chat'`));
  assert.equal(attr(await home.nextNamed('message'), 'type'), 'error');
  await receiveNothing(home, garden, street, balcony);
});

test('who sends a carbon itself is refused, and its copies do not travel', async (t) => {
  const { stage, home, garden, street, balcony } = await openStage(t);
  for (const direction of ['sent', 'received'] as const) {
    const content = `<${direction} xmlns='${NS}'><forwarded xmlns='urn:xmpp:forward:0'>
      <message xmlns='jabber:client' from='${ROMEO}/home' to='${JULIET}' type='chat'>${BODY}</message></forwarded></${direction}>`;
    for (const to of [ROMEO, `${ROMEO}/garden`]) {
      for (const [client, extra] of [
        [balcony, ''],
        [street, BODY],
      ] as const) {
        await client.sends(message(`to='${to}' type='chat'`, content + extra));
        const answer = await client.nextNamed('message');
        assert.equal(serialize(answer).includes('not-acceptable'), true);
        await receiveNothing(home, garden, street, balcony);
      }
      arrives(stage, message(`from='${ROMEO}' to='${to}' type='error'`, content));
      await receiveNothing(home, garden, street, balcony);
    }
  }
});

test('a session that waits for its client has copies when it comes back', async (t) => {
  const { stage, home, garden, balcony } = await openStage(t, sm);
  const id = await enable(home);
  home.transport.break();
  await settle();
  await balcony.sends(message(`to='${ROMEO}/garden' type='chat'`));
  await garden.nextNamed('message');
  const back = await resumed(stage, 'romeo', id, 0);
  const original = message(`from='${JULIET}/balcony' to='${ROMEO}/garden' type='chat'`);
  await back.receives(carbon('received', 'home', original));
  await balcony.sends(message(`to='${ROMEO}/garden' type='chat'`));
  await back.receives(carbon('received', 'home', original));
});

test('carbons stay enabled over a restart of the server', async (t) => {
  const features = [ownPresence, carbons, sm];
  const first = await Stage.open(t, { features });
  const before = await first.online({ home: 'romeo', street: 'romeo' });
  await before.home.set(ENABLE);
  const ids = [await enable(before.home), await enable(before.street)] as const;
  await first.shutDown();
  await first.close();

  const second = await Stage.open(t, { features, store: first.store, clock: first.clock });
  const home = await resumed(second, 'romeo', ids[0], 0);
  const street = await resumed(second, 'romeo', ids[1], 0);
  await home.forget();
  await street.forget();
  await street.sends(message(`to='${JULIET}' type='chat'`));
  await home.receives(carbon('sent', 'home', message(`from='${ROMEO}/street' to='${JULIET}' type='chat'`)));
  // There is no such user.
  await street.nextNamed('message');
  await home.sends(message(`to='${JULIET}' type='chat'`));
  await street.receivesNothing();
});

/** Ends a session of Romeo's whose client does not come back. */
function lose(stage: Stage, resource: string): void {
  const account = stage.host.account('romeo');
  const session = account?.sessions.get(resource);
  assert.ok(account && session);
  stage.host.sessions.end(account, session, { kind: 'lost' });
}

test('whoever has a copy has the message: it does not come once more when its recipient is lost', async (t) => {
  const { stage, home, garden, street, balcony } = await openStage(t, sm);
  await enable(street);
  street.transport.break();
  await balcony.sends(message(`to='${ROMEO}/street' type='chat'`));
  await home.nextNamed('message');
  await garden.nextNamed('message');
  lose(stage, 'street');
  await receiveNothing(home, garden, balcony);
});

test('a message that no session has acknowledged, nor its copy, is kept once when the last of them is lost', async (t) => {
  for (const order of [
    ['street', 'home'],
    ['home', 'street'],
  ] as const) {
    const stage = await Stage.open(t, { features: [ownPresence, carbons, offline, sm] });
    const { home, street, balcony } = await stage.online({ home: 'romeo', street: 'romeo', balcony: 'juliet' });
    await home.set(ENABLE);
    for (const client of [home, street]) {
      await enable(client);
      client.transport.break();
      await settle();
    }
    await balcony.sends(message(`to='${ROMEO}/street' id='m1' type='chat'`));
    lose(stage, order[0]);
    lose(stage, order[1]);
    const { later } = await stage.connected({ later: 'romeo' });
    await later.sends('<presence/>');
    const kept = await later.nextNamed('message');
    assert.deepEqual(kept.attrs, { from: `${JULIET}/balcony`, to: `${ROMEO}/street`, id: 'm1', type: 'chat' });
    assert.deepEqual(
      elements(kept).map(({ name }) => name),
      ['body', 'delay'],
    );
    await receiveNothing(later, balcony);
    await stage.close();
  }
});

test('a copy is one of its message over a restart, too', async (t) => {
  const features = [ownPresence, carbons, offline, sm];
  const first = await Stage.open(t, { features });
  const before = await first.online({ home: 'romeo', street: 'romeo', balcony: 'juliet' });
  await before.home.set(ENABLE);
  for (const client of [before.home, before.street]) {
    await enable(client);
    client.transport.break();
    await settle();
  }
  await before.balcony.sends(message(`to='${ROMEO}/street' type='chat'`));
  await first.close();
  const second = await Stage.open(t, { features, store: first.store, clock: first.clock });
  lose(second, 'street');
  lose(second, 'home');
  const { later } = await second.connected({ later: 'romeo' });
  await later.sends('<presence/>');
  const kept = await later.nextNamed('message');
  assert.equal(attr(kept, 'from'), `${JULIET}/balcony`);
  assert.equal(elements(kept)[0]?.name, 'body');
  await later.receivesNothing();
});

test('they are enabled along with the login', async (t) => {
  const { stage, connect } = await open(t, { features: [ownPresence, carbons] });
  const client = await connect();
  const authentication = client.features && child(client.features, 'authentication', NS_SASL2);
  assert.ok(serialize(authentication ?? el('none')).includes(`<feature var="${NS}"/>`));
  const success = await client.plain({ children: `<bind xmlns='${NS_BIND2}'>${ENABLE}</bind>` });
  const bound = child(success, 'bound', NS_BIND2);
  assert.equal(serialize(bound ?? el('none')), `<bound xmlns="${NS_BIND2}"/>`);
  await client.stage.nextNamed('features');
  const without = await connect();
  await without.plain({ children: `<bind xmlns='${NS_BIND2}'/>` });
  await without.stage.nextNamed('features');
  const { street } = await stage.online({ street: 'romeo' });
  await street.sends(message(`to='nobody@${DOMAIN}' type='chat'`));
  const copy = await client.stage.nextNamed('message');
  assert.ok(child(copy, 'sent', NS), serialize(copy));
  await without.stage.receivesNothing();
});
