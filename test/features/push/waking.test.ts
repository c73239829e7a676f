import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { accountDelivers, accountReceives, CONSUMED } from '../../../src/core/points.ts';
import { attr } from '../../../src/xml/element.ts';
import { feature, gate } from '../../core/scene.ts';
import { PASSWORD } from '../../support/stage.ts';
import { acknowledgement, NS as NS_SM } from '../sm/names.ts';
import {
  ACTIVE,
  breaks,
  chat,
  enable,
  INACTIVE,
  MINUTE,
  nodes,
  open,
  QUIET,
  ROMEO,
  SECOND,
  UNACKNOWLEDGED,
} from './scene.ts';

const CALL = '<propose xmlns="urn:xmpp:jingle-message:0" id="c1"/>';

describe('A client is woken', () => {
  test('that has no session', async (t) => {
    const { device, writes } = await open(t);
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), ['phone']);
  });

  test('whose session hibernates', async (t) => {
    const { device, writes } = await open(t);
    await breaks(await device('phone', { managed: true }));
    assert.deepEqual(await writes(), ['phone']);
  });

  test('that says that nobody looks at it', async (t) => {
    const { device, writes } = await open(t);
    const phone = await device('phone', { managed: true });
    await phone.sends(INACTIVE);
    assert.deepEqual(await writes(), ['phone']);
  });

  test('that has not acknowledged a message in time', async (t) => {
    const { device, writes, passes } = await open(t);
    await device('phone', { managed: true });
    assert.deepEqual(await writes(), []);
    assert.deepEqual(await passes(UNACKNOWLEDGED - 2 * SECOND), []);
    assert.deepEqual(await passes(3 * SECOND), ['phone']);
    assert.deepEqual(await passes(UNACKNOWLEDGED), []);
  });

  test('whose connection breaks before it has acknowledged a message, when it does not come back', async (t) => {
    const { device, writes, passes } = await open(t);
    const phone = await device('phone', { managed: true });
    assert.deepEqual(await writes(), []);
    await breaks(phone);
    assert.deepEqual(await passes(UNACKNOWLEDGED + SECOND), ['phone']);
  });

  test('whose session is ended before it has acknowledged a message that another client has', async (t) => {
    const { stage, device, writes, passes } = await open(t);
    await device('phone', { managed: true });
    await device('laptop');
    assert.deepEqual(await writes(), []);
    const account = stage.host.account('romeo');
    const session = account?.sessions.get('phone');
    assert.ok(account && session);
    stage.host.sessions.end(account, session, { kind: 'lost' });
    assert.deepEqual(await passes(UNACKNOWLEDGED + SECOND), ['phone']);
    assert.deepEqual(await passes(UNACKNOWLEDGED), []);
  });
});

describe('A client is left in peace', () => {
  test('that is online and active', async (t) => {
    const { device, writes, passes } = await open(t);
    await device('phone');
    assert.deepEqual(await writes(), []);
    assert.deepEqual(await passes(UNACKNOWLEDGED + MINUTE), []);
  });

  test('that acknowledges what it is sent', async (t) => {
    const { device, writes, passes } = await open(t);
    const phone = await device('phone', { managed: true });
    for (let h = 1; h <= 3; h++) {
      assert.deepEqual(await writes(), []);
      assert.deepEqual(await passes(UNACKNOWLEDGED / 2), []);
      // The answer to <enable/> is the first stanza that counts.
      await phone.sends(acknowledgement(h + 1));
    }
    assert.deepEqual(await passes(2 * UNACKNOWLEDGED), []);
  });

  test('that has acknowledged one message, for the next has its own time', async (t) => {
    const { device, writes, passes } = await open(t);
    const phone = await device('phone', { managed: true });
    await writes('one');
    await passes(UNACKNOWLEDGED - 5 * SECOND);
    await writes('two');
    await phone.sends(acknowledgement(2));
    assert.deepEqual(await passes(10 * SECOND), []);
    assert.deepEqual(await passes(UNACKNOWLEDGED), ['phone']);
  });

  test('that has come back by another session', async (t) => {
    const { stage, device, writes, passes } = await open(t);
    await device('phone', { managed: true });
    assert.deepEqual(await writes(), []);
    // The resource is taken over, which ends the old session.
    await stage.online({ phone: 'romeo' });
    assert.deepEqual(await passes(2 * UNACKNOWLEDGED), []);
  });

  test('that has taken leave after the message', async (t) => {
    const { device, writes, passes } = await open(t);
    const phone = await device('phone', { managed: true });
    await device('laptop');
    assert.deepEqual(await writes(), []);
    await phone.sends('</stream:stream>');
    assert.deepEqual(await passes(2 * UNACKNOWLEDGED), []);
  });

  test('that has no registration, or whose account was told nothing', async (t) => {
    const { stage, writes, app } = await open(t);
    await breaks((await stage.online({ phone: 'romeo' })).phone);
    assert.deepEqual(await writes(), []);
    await writes('hi', `nobody@${ROMEO.split('@')[1]}`);
    assert.deepEqual(app.requests(), []);
  });

  test('whose account is disabled', async (t) => {
    const { stage, device, writes } = await open(t);
    await breaks(await device('phone'));
    await stage.host.users.setDisabled('romeo', true);
    assert.deepEqual(await writes(), []);
  });
});

describe('With several devices', () => {
  test('only those sleep that are woken: of three, the one offline, the one inactive, not the one in use', async (t) => {
    const { device, writes, passes } = await open(t);
    await breaks(await device('phone'));
    const tablet = await device('tablet');
    await device('laptop');
    await tablet.sends(INACTIVE);
    assert.deepEqual(await writes(), ['phone', 'tablet']);
    assert.deepEqual(await passes(2 * UNACKNOWLEDGED), []);
  });

  test('a message to one of them wakes the others, unless it is private or from a room', async (t) => {
    const { device, juliet, app, passes } = await open(t);
    await breaks(await device('phone'));
    await breaks(await device('tablet', { managed: true }));
    const laptop = `${ROMEO}/laptop`;
    const tablet = `${ROMEO}/tablet`;
    await device('laptop');
    await juliet.sends(chat('private', '<private xmlns="urn:xmpp:carbons:2"/>', laptop));
    await juliet.sends(chat('not to be copied', '<no-copy xmlns="urn:xmpp:hints"/>', laptop));
    await juliet.sends(chat('in a room', '', laptop, 'groupchat'));
    assert.deepEqual(app.nodes(), []);
    await juliet.sends(chat('in a room', '', tablet, 'groupchat'));
    assert.deepEqual(app.nodes(), ['tablet']);
    await passes(QUIET);
    await juliet.sends(chat('for all', '', laptop));
    assert.deepEqual(app.nodes(), ['phone', 'tablet']);
  });

  test('a client with several app servers or nodes is woken by each of them', async (t) => {
    const { device, writes } = await open(t);
    const phone = await device('phone');
    await phone.set(enable({ node: 'phone-2' }));
    await breaks(phone);
    assert.deepEqual(await writes(), ['phone', 'phone-2']);
  });

  test('a node belongs to the client that enabled it last', async (t) => {
    const { device, writes } = await open(t);
    const old = await device('phone');
    const again = await device('phone-2');
    await again.set(enable({ node: 'phone' }));
    await breaks(old);
    assert.deepEqual(await writes(), []);
    await breaks(again);
    assert.deepEqual(await writes(), ['phone-2', 'phone']);
  });

  test('what the account itself sends wakes none of its clients', async (t) => {
    const { device, app } = await open(t);
    await breaks(await device('phone'));
    const laptop = await device('laptop');
    await laptop.sends(chat('a note to myself'));
    await laptop.sends(chat('out', '', 'juliet@stage.example'));
    assert.deepEqual(app.requests(), []);
  });
});

describe('A sleeping client is woken once', () => {
  test('until it is seen again', async (t) => {
    const { stage, device, writes } = await open(t);
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), ['phone']);
    for (let i = 0; i < 20; i++) assert.deepEqual(await writes(), []);
    await breaks((await stage.online({ phone: 'romeo' })).phone);
    assert.deepEqual(await writes(), ['phone']);
  });

  test('until it has been left in peace for some time', async (t) => {
    const { device, writes, passes } = await open(t);
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), ['phone']);
    await passes(QUIET - SECOND);
    assert.deepEqual(await writes(), []);
    await passes(2 * SECOND);
    assert.deepEqual(await writes(), ['phone']);
    assert.deepEqual(await writes(), []);
  });

  test('until its session is resumed', async (t) => {
    const { stage, juliet, app } = await open(t);
    const { phone } = await stage.online({ phone: 'romeo' });
    await phone.set(enable({ node: 'phone' }));
    await phone.sends(`<enable xmlns='${NS_SM}' resume='true'/>`);
    const id = attr(await phone.nextNamed('enabled'), 'id');
    await breaks(phone);
    await juliet.sends(chat('one'));
    await juliet.sends(chat('two'));
    assert.deepEqual(app.nodes(), ['phone']);
    const again = stage.connect('phone');
    await again.logIn('romeo', PASSWORD);
    await again.sends(`<resume xmlns='${NS_SM}' previd='${id}' h='0'/>`);
    await again.nextNamed('resumed');
    await breaks(again);
    await juliet.sends(chat('three'));
    assert.deepEqual(app.nodes(), ['phone']);
  });

  test('until somebody looks at it again', async (t) => {
    const { device, writes, passes } = await open(t);
    const phone = await device('phone');
    await phone.sends(INACTIVE);
    assert.deepEqual(await writes(), ['phone']);
    assert.deepEqual(await writes(), []);
    await phone.sends(ACTIVE);
    await passes(2 * SECOND);
    await phone.sends(INACTIVE);
    assert.deepEqual(await writes(), ['phone']);
  });

  test('until it has acknowledged what it was woken for', async (t) => {
    const { device, writes, passes } = await open(t);
    const phone = await device('phone', { managed: true });
    await writes('one');
    assert.deepEqual(await passes(UNACKNOWLEDGED + SECOND), ['phone']);
    await writes('two');
    assert.deepEqual(await passes(UNACKNOWLEDGED + SECOND), []);
    await phone.sends(acknowledgement(3));
    await passes(2 * SECOND);
    await writes('three');
    assert.deepEqual(await passes(UNACKNOWLEDGED + SECOND), ['phone']);
  });

  test('but a call rings, though not more often than each ten seconds', async (t) => {
    const { device, juliet, app, writes, passes } = await open(t);
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), ['phone']);
    const calls = async (): Promise<string[]> => {
      await juliet.sends(`<message to="${ROMEO}" type="chat">${CALL}<store xmlns="urn:xmpp:hints"/></message>`);
      return app.nodes();
    };
    assert.deepEqual(await calls(), ['phone']);
    assert.deepEqual(await calls(), []);
    await passes(11 * SECOND);
    assert.deepEqual(await calls(), ['phone']);
    assert.deepEqual(await writes(), []);
  });
});

test('a call that is not acknowledged wakes after ten seconds', async (t) => {
  const { device, juliet, writes, passes } = await open(t);
  const phone = await device('phone', { managed: true });
  await writes('one');
  await juliet.sends(`<message to="${ROMEO}" type="chat">${CALL}<store xmlns="urn:xmpp:hints"/></message>`);
  assert.deepEqual(await passes(8 * SECOND), []);
  assert.deepEqual(await passes(3 * SECOND), ['phone']);
  await phone.sends(acknowledgement(3));
  assert.deepEqual(await passes(2 * UNACKNOWLEDGED), []);
});

describe('Nobody is woken for a message', () => {
  test('that a filter before has stopped, such as one of somebody who is blocked', async (t) => {
    const blocking = feature('blocking', (host) => host.filter(accountReceives, () => CONSUMED));
    const { device, writes } = await open(t, { features: [blocking] });
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), []);
  });

  test('before it is stored', async (t) => {
    const stored = gate();
    const slow = feature('archive', (host) =>
      host.filter(accountDelivers, (passage) => passage.waitUntil(stored.promise)),
    );
    const { device, writes, juliet, app } = await open(t, { features: [slow] });
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), []);
    stored.open();
    await juliet.sends('');
    assert.deepEqual(app.nodes(), ['phone']);
  });

  test('that cannot be stored, of which its sender is told', async (t) => {
    const { device, writes, juliet } = await open(t, { config: { limits: { account: { offlineBytes: 1 } } } });
    await breaks(await device('phone'));
    assert.deepEqual(await writes(), []);
    assert.equal(attr(await juliet.nextNamed('message'), 'type'), 'error');
  });
});

test('after a restart the clients that slept are woken as before', async (t) => {
  const first = await open(t);
  await breaks(await first.device('phone'));
  await first.device('laptop', { managed: true });
  const { store, clock } = first.stage;
  await first.stage.close();
  const second = await open(t, { store, clock });
  assert.deepEqual(await nodes(second.stage), ['phone', 'laptop']);
  // The session of the second was restored, and hibernates.
  assert.equal(second.stage.host.account('romeo')?.sessions.get('laptop')?.isHibernating, true);
  assert.deepEqual(await second.writes(), ['phone', 'laptop']);
  assert.deepEqual(await second.writes(), []);
});
