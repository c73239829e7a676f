import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attr, child, children, type Element, serialize, text } from '../../src/xml/element.ts';
import {
  authenticate,
  BIND,
  conditionOf,
  DOMAIN,
  identifierOf,
  LAPTOP,
  NS_FAST,
  NS_SASL2,
  namesIn,
  open,
  PASSWORD,
  PHONE,
  REQUEST_TOKEN,
} from './sasl2-scene.ts';

const RESPONSE = `<response xmlns='${NS_SASL2}'/>`;
const ABORT = `<abort xmlns='${NS_SASL2}'/>`;
/** Begins an exchange that waits for the client. */
const BEGIN = `<authenticate xmlns='${NS_SASL2}' mechanism='PLAIN'/>`;

function authenticationOf(features: Element | undefined): Element {
  const found = features && child(features, 'authentication', NS_SASL2);
  assert.ok(found);
  return found;
}

describe('The offer', () => {
  test('lists mechanisms, what is inline, and upgrades', async (t) => {
    const { connect } = await open(t);
    const { features } = await connect();
    assert.equal(
      serialize(authenticationOf(features)),
      `<authentication xmlns="${NS_SASL2}"><mechanism>SCRAM-SHA-512</mechanism><mechanism>SCRAM-SHA-256</mechanism>` +
        '<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism><inline><bind xmlns="urn:xmpp:bind:0"/>' +
        `<fast xmlns="${NS_FAST}"><mechanism>HT-SHA-256-NONE</mechanism></fast></inline>` +
        '<upgrade xmlns="urn:xmpp:sasl:upgrade:0">UPGR-SCRAM-SHA-256</upgrade>' +
        '<upgrade xmlns="urn:xmpp:sasl:upgrade:0">UPGR-SCRAM-SHA-512</upgrade></authentication>',
    );
  });

  test('features for an existing and a missing user are byte-identical for equal `from` shape', async (t) => {
    const { connect } = await open(t);
    const [there, missing] = await Promise.all(
      ['romeo', 'ghost'].map((name) => connect(`from='${name}@${DOMAIN}' to='${DOMAIN}' version='1.0'`)),
    );
    assert.ok(there?.features && missing?.features);
    assert.equal(serialize(there.features), serialize(missing.features));
  });

  test('is made on encrypted streams only, and who does not wait for it is told to encrypt', async (t) => {
    const { stage } = await open(t);
    const client = stage.connect('client', { secure: false });
    const features = await client.open();
    assert.equal(child(features, 'authentication', NS_SASL2), undefined);
    await client.sends(authenticate('PLAIN', `\0romeo\0${PASSWORD}`, {}));
    assert.equal(conditionOf(await client.next()), 'encryption-required');
  });

  test('is not made where the operator does not want it', async (t) => {
    const { connect } = await open(t, { config: { features: { sasl2: false } } });
    const client = await connect();
    assert.equal(client.features && child(client.features, 'authentication', NS_SASL2), undefined);
    assert.equal(conditionOf(await client.plain()), 'invalid-mechanism');
  });

  test('a stream whose `from` is of another domain ends with invalid-from', async (t) => {
    const { stage } = await open(t);
    const client = stage.connect('client');
    await client.sends(
      `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${DOMAIN}' from='romeo@other.example' version='1.0'>`,
    );
    await client.isClosedWith('invalid-from');
  });
});

describe('Success', () => {
  test('`authorization-identifier` is bare without bind and full with it', async (t) => {
    const { connect } = await open(t);
    const bare = await connect();
    assert.equal(identifierOf(await bare.plain()), `romeo@${DOMAIN}`);
    const full = await connect();
    assert.match(identifierOf(await full.plain({ children: BIND })), /^romeo@stage\.example\/Pelican\/[\w-]{12}$/);
  });

  test('is followed by features, without a restart; binding by RFC 6120 is offered where none was bound', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    await client.plain();
    const features = await client.stage.nextNamed('features');
    assert.ok(child(features, 'bind', 'urn:ietf:params:xml:ns:xmpp-bind'));
    assert.equal(child(features, 'authentication', NS_SASL2), undefined);
    await client.stage.bind('balcony');
    const bound = await connect();
    await bound.plain({ children: BIND });
    assert.deepEqual(namesIn(await bound.stage.nextNamed('features')), []);
  });

  test('carries no element for data that the mechanism does not have', async (t) => {
    const { connect } = await open(t);
    assert.deepEqual(namesIn(await (await connect()).plain()), ['authorization-identifier']);
  });

  test('goes with the account that the stream header names, and with no other', async (t) => {
    const { stage, connect } = await open(t);
    await stage.host.users.create('juliet', PASSWORD);
    const client = await connect(`from='juliet@${DOMAIN}' to='${DOMAIN}' version='1.0'`);
    assert.equal(conditionOf(await client.plain()), 'invalid-authzid');
    assert.equal(identifierOf(await client.plain({ user: 'juliet' })), `juliet@${DOMAIN}`);
  });

  test('an authorization identity must be the account', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    const as = (authzid: string) => client.authenticate('PLAIN', `${authzid}\0romeo\0${PASSWORD}`);
    assert.equal(conditionOf(await as(`juliet@${DOMAIN}`)), 'invalid-authzid');
    assert.equal(identifierOf(await as(`ROMEO@${DOMAIN}`)), `romeo@${DOMAIN}`);
  });

  test('gives the session its role, its client and its mechanism', async (t) => {
    const { stage, connect } = await open(t, { config: { admins: [`juliet@${DOMAIN}`] } });
    await stage.host.users.create('juliet', PASSWORD);
    for (const [user, role] of [
      ['romeo', 'member'],
      ['juliet', 'admin'],
    ] as const) {
      await (await connect()).plain({ user, clientId: PHONE.toUpperCase(), children: BIND });
      const [session] = stage.host.account(user)?.sessions.values() ?? [];
      const { at: _, ...login } = session?.login ?? { at: 0 };
      assert.deepEqual(login, {
        mechanism: 'PLAIN',
        role,
        clientId: PHONE,
        userAgent: { software: 'Pelican', device: 'Phone' },
        address: '192.0.2.1',
        grantId: undefined,
      });
    }
  });
});

describe('The failure', () => {
  test('conditions are always in the xmpp-sasl namespace; the sixth failed attempt closes the stream', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    for (let i = 0; i < 5; i++) assert.equal(conditionOf(await client.plain({ password: 'x' })), 'not-authorized');
    await client.stage.sends(authenticate('PLAIN', '\0romeo\0x', {}));
    await client.stage.isClosedWith('policy-violation');
  });

  test('incorrect-encoding: bad base64, white space in it included', async (t) => {
    const { connect } = await open(t);
    for (const data of ['AA', '=', ' AA==', 'A*==']) {
      const client = await connect();
      await client.stage.sends(
        `<authenticate xmlns='${NS_SASL2}' mechanism='PLAIN'><initial-response>${data}</initial-response></authenticate>`,
      );
      assert.equal(conditionOf(await client.stage.next()), 'incorrect-encoding');
    }
  });

  test('invalid-mechanism: not offered, HT without <fast/>, <fast/> without HT', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    const none = await client.authenticate('DIGEST-MD5', 'x');
    assert.equal(conditionOf(none), 'invalid-mechanism');
    assert.equal(conditionOf(await client.authenticate('HT-SHA-256-NONE', 'x')), 'invalid-mechanism');
    const children = `<fast xmlns='${NS_FAST}'/>`;
    assert.equal(conditionOf(await client.plain({ clientId: PHONE, children })), 'invalid-mechanism');
  });

  test('malformed-request: no mechanism, tokens without client id, an answer to nothing', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    const ask = async (xml: string): Promise<string> => {
      await client.stage.sends(xml);
      return conditionOf(await client.stage.next());
    };
    assert.equal(await ask(`<authenticate xmlns='${NS_SASL2}'/>`), 'malformed-request');
    assert.equal(conditionOf(await client.plain({ children: REQUEST_TOKEN })), 'malformed-request');
    assert.equal(
      conditionOf(await client.plain({ clientId: 'no-uuid', children: REQUEST_TOKEN })),
      'malformed-request',
    );
    assert.equal(await ask(RESPONSE), 'malformed-request');
    assert.equal(await ask(`<next xmlns='${NS_SASL2}' task='X'/>`), 'malformed-request');
  });

  test('account-disabled: for who knows the password', async (t) => {
    const { stage, connect } = await open(t);
    await stage.host.users.setDisabled('romeo', true);
    const client = await connect();
    assert.equal(conditionOf(await client.plain({ password: 'x' })), 'not-authorized');
    assert.equal(conditionOf(await client.plain()), 'account-disabled');
  });

  test('inline requests in a failed authentication have no effect at all', async (t) => {
    const { stage, connect } = await open(t);
    const first = await connect();
    await first.plain({ clientId: PHONE, children: BIND });
    const client = await connect();
    const wrong = { clientId: PHONE, password: 'x', children: BIND + REQUEST_TOKEN };
    assert.deepEqual(namesIn(await client.plain(wrong)), ['not-authorized']);
    assert.equal(stage.host.account('romeo')?.sessions.size, 1);
    assert.deepEqual(await stage.host.grants.list('romeo'), []);
    assert.equal(first.stage.transport.isClosed, false);
  });

  test('leaves the stream as it was: the next attempt may use another mechanism', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    assert.equal((await client.authenticate('SCRAM-SHA-256', 'n,,n=romeo,r=abc')).name, 'challenge');
    await client.stage.sends(`<response xmlns='${NS_SASL2}'>AA==</response>`);
    assert.equal(conditionOf(await client.stage.next()), 'malformed-request');
    assert.equal(identifierOf(await client.plain()), `romeo@${DOMAIN}`);
  });
});

describe('While it goes on', () => {
  test('whitespace or a stanza during SASL closes the stream', async (t) => {
    const { connect } = await open(t);
    const legacy = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'/>";
    for (const intruder of [' ', '\n', '<message/>', '<presence/>', legacy, '<x xmlns="urn:x"/>', BEGIN]) {
      const client = await connect();
      await client.stage.sends(BEGIN);
      await client.stage.nextNamed('challenge');
      await client.stage.sends(intruder);
      await client.stage.isClosedWith('policy-violation');
    }
  });

  test('white space is welcome again when it is over', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    await client.stage.sends(BEGIN);
    await client.stage.nextNamed('challenge');
    await client.stage.sends(ABORT);
    assert.equal(conditionOf(await client.stage.next()), 'aborted');
    await client.stage.sends(' \n');
    assert.equal((await client.plain()).name, 'success');
    await client.stage.sends(' \n');
    await client.stage.nextNamed('features');
    await client.stage.bind('x');
  });

  test('`<abort>` yields `aborted`, and another attempt may begin', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    await client.stage.sends(BEGIN);
    await client.stage.nextNamed('challenge');
    await client.stage.sends(`<abort xmlns='${NS_SASL2}'><text>never mind</text></abort>`);
    assert.equal(conditionOf(await client.stage.next()), 'aborted');
    assert.equal((await client.plain()).name, 'success');
  });

  test('`<authenticate>` after success is a stream error', async (t) => {
    const { connect } = await open(t);
    for (const children of ['', BIND]) {
      const client = await connect();
      await client.plain({ children });
      await client.stage.nextNamed('features');
      await client.stage.sends(BEGIN);
      await client.stage.isClosedWith('unsupported-stanza-type');
    }
  });
});

describe('A client that does not wait for the offer', () => {
  function versionOf(features: Element | undefined): string {
    const found = features && child(features, 'config-version', 'urn:xmpp:iap:0');
    assert.equal(found && attr(found, 'scheme'), 'opaque');
    return (found && attr(found, 'value')) ?? '';
  }

  test('logs in when the offer is the one that it knows', async (t) => {
    const { stage, connect } = await open(t);
    const value = versionOf((await connect()).features);
    const client = stage.connect('client');
    const version = `<config-version xmlns='urn:xmpp:iap:0' value='${value}'/>`;
    const login = authenticate('PLAIN', `\0romeo\0${PASSWORD}`, { children: version + BIND });
    await client.sends(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${DOMAIN}' version='1.0'>${login}`,
    );
    await client.nextNamed('header');
    assert.equal(versionOf(await client.nextNamed('features')), value);
    await client.nextNamed('success');
  });

  test('is told when the offer has changed, as often as it likes', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    const children = `<config-version xmlns='urn:xmpp:iap:0' scheme='opaque' value='old'/>`;
    for (let i = 0; i < 10; i++) {
      const failure = await client.plain({ children });
      assert.equal(conditionOf(failure), 'aborted');
      assert.ok(child(failure, 'config-version-mismatch', 'urn:xmpp:iap:0'));
    }
    assert.equal((await client.plain()).name, 'success');
  });

  test('is told no version where the operator does not want it, and what it says of one is ignored', async (t) => {
    const { connect } = await open(t, { config: { features: { sasl2: { pipelining: false } } } });
    const client = await connect();
    assert.ok(client.features);
    assert.equal(child(client.features, 'config-version', 'urn:xmpp:iap:0'), undefined);
    const children = `<config-version xmlns='urn:xmpp:iap:0' value='old'/>`;
    assert.equal((await client.plain({ children, clientId: LAPTOP })).name, 'success');
  });

  test('gets another version when something else is offered', async (t) => {
    const [one, other] = await Promise.all([true, false].map((fast) => open(t, { config: { features: { fast } } })));
    assert.ok(one && other);
    assert.notEqual(versionOf((await one.connect()).features), versionOf((await other.connect()).features));
    assert.equal(text(children(authenticationOf((await other.connect()).features), 'inline')[0]), '');
  });
});
